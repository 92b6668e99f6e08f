"""A trainable single-object localization lab; `Localizer` is the way in from Python."""

__all__ = ["Localization", "Localizer"]


def __getattr__(name):
    # On first use: `import localizer` alone shall not load NumPy and OpenCV.
    if name in __all__:
        from localizer.inference import localizer as localizing

        return getattr(localizing, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
