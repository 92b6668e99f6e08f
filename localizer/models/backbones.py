"""MobileNets without their dense layers, fed with plain RGB in 0..255."""

import warnings
from pathlib import Path

import keras

from localizer.errors import InputError

# Keras takes the 224-pixel weights for sizes that have none of their own, and says so. Set once,
# because the context manager of `warnings` is not safe in threads.
warnings.filterwarnings("ignore", "`input_shape` is undefined or non-square", UserWarning)

_WEIGHT_FILES = (".h5", ".hdf5")

_KINDS = (
    f"a Keras weights file ({', '.join(_WEIGHT_FILES)}), a .keras file of a trained localizer, "
    "the name of a shipped one (pet_head), imagenet or none"
)


def mobilenet_v1(image_size: int, alpha: float, weights: str) -> keras.Model:
    """MobileNet v1 (A. Howard et al., 2017, arXiv:1704.04861) without its pooling and dense layer.

    Args:
        image_size: side of the input in pixels.
        alpha: width multiplier.
        weights: "imagenet" (downloaded once to KERAS_HOME by Keras), "none", or a weights file.

    Returns:
        keras.Model from `image`, float [n, image_size, image_size, 3] RGB in 0..255, to a dict of
        features by stride: 8, 16 and 32, each [n, image_size / stride, image_size / stride,
        channels], with 256, 512 and 1024 alpha channels.

    Raises:
        InputError: the weights are not to be had, or do not fit.
    """
    pads = {8: "conv_pad_6", 16: "conv_pad_12"}
    return _backbone("MobileNet", pads, image_size, alpha, weights, "mobilenet_v1")


def mobilenet_v2(image_size: int, alpha: float, weights: str) -> keras.Model:
    """MobileNet v2 (M. Sandler et al., CVPR 2018) without its pooling and dense layer.

    Args and Raises: as of `mobilenet_v1`.

    Returns:
        As `mobilenet_v1`, with 192 and 576 alpha channels, and 1280, or 1280 alpha where that is
        more. Those of stride 8 and 16 are the widened ones that a block begins with, as SSDLite
        takes them (section 6.2).
    """
    pads = {8: "block_6_pad", 16: "block_13_pad"}
    return _backbone("MobileNetV2", pads, image_size, alpha, weights, "mobilenet_v2")


def mobilenet_v3_small(image_size: int, alpha: float, weights: str) -> keras.Model:
    """MobileNet v3 small (A. Howard et al., ICCV 2019) without its pooling and dense layer.

    Args and Raises: as of `mobilenet_v1`.

    Returns:
        As `mobilenet_v1`, with 96, 288 and 576 alpha channels; those of stride 8 and 16 are the
        widened ones that a block begins with (section 6.3).
    """
    pads = {8: "expanded_conv_3_depthwise_pad", 16: "expanded_conv_8_depthwise_pad"}
    own = {"include_preprocessing": False}
    return _backbone(
        "MobileNetV3Small", pads, image_size, alpha, weights, "mobilenet_v3_small", own
    )


def _backbone(kind, pads, image_size, alpha, weights, name, options=()):
    """A network of `keras.applications`.

    Args:
        kind: its name there. It wants values from -1 to 1.
        pads: for strides 8 and 16, the name of the layer that takes their features to halve them.
        options: of its own, by name.
    """
    image = keras.Input((image_size, image_size, 3), name="image")
    scaled = keras.layers.Rescaling(1 / 127.5, offset=-1.0, name="to_minus_one_to_one")(image)
    from_file = weights not in ("imagenet", "none")
    if from_file:
        _refuse_other_files(Path(weights))
    try:
        network = getattr(keras.applications, kind)(
            input_shape=(image_size, image_size, 3),
            input_tensor=scaled,
            alpha=alpha,
            include_top=False,
            weights=None if weights == "none" else weights,
            **dict(options),
        )
    except (ValueError, OSError) as error:
        raise InputError(f"{kind} with alpha {alpha} and weights {weights!r}: {error}") from None
    except Exception as error:  # keras.utils.get_file raises a bare Exception for a failed URL.
        raise InputError(
            f"the ImageNet weights of {kind} (alpha {alpha}) could not be downloaded ({error}). "
            "Set KERAS_HOME to a folder that has them in models/, name a weights file with "
            "--weights FILE, or train from scratch with --weights none"
        ) from None
    features = {stride: network.get_layer(layer).input for stride, layer in pads.items()}
    return keras.Model(image, {**features, 32: network.output}, name=name)


def _refuse_other_files(path):
    if path.is_dir():
        best = path / "best.keras"
        raise InputError(
            f"--weights {path}: is a folder; give {best if best.is_file() else _KINDS}"
        )
    if not path.is_file():
        raise InputError(f"--weights {path}: no such file; give {_KINDS}")
    if path.suffix not in _WEIGHT_FILES:
        raise InputError(f"--weights {path}: no file of weights; give {_KINDS}")
