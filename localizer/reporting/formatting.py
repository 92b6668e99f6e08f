"""Figures as text for the page: a dash where one does not apply."""

MISSING = "–"


def number(value, pattern):
    """`pattern` filled with the value."""
    return MISSING if value is None else pattern.format(value)


def milliseconds(value):
    """A latency with three digits or so.

    >>> milliseconds(0.1834), milliseconds(31.2)
    ('0.18', '31')
    """
    return number(value, "{:.2f}" if value is not None and value < 10 else "{:.0f}")


def compact(value, unit=""):
    """1234567 as "1.23 M"; bytes count in powers of 1000."""
    if value is None:
        return MISSING
    for factor, prefix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= factor:
            return f"{value / factor:.3g} {prefix}{unit}"
    return f"{value:.3g} {unit}".strip()


def plain(value):
    """Nested dicts and lists as one line of text."""
    if isinstance(value, dict):
        return ", ".join(f"{key}: {plain(part)}" for key, part in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(plain(part) for part in value)
    return MISSING if value is None or value == "" else str(value)


FILTERS = {
    "iou": lambda value: number(value, "{:z.3f}"),
    "signed": lambda value: number(value, "{:+z.3f}").replace("-", "\u2212"),
    "percent": lambda value: number(value, "{:.1%}"),
    "compact": compact,
    "bytes": lambda value: compact(value, unit="B"),
    "ms": milliseconds,
}


def duration(seconds):
    """A time with two digits or so.

    >>> duration(34.2), duration(614.6), duration(9000)
    ('34 s', '10 min', '2.5 h')
    """
    if seconds is None:
        return MISSING
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= 1.5 * size:
            value = seconds / size
            return f"{value:.1f} {unit}" if value < 10 else f"{value:.0f} {unit}"
    return f"{seconds:.0f} s"
