"""MobileNet v1 without its dense layer, fed with plain RGB in 0..255."""

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


def mobilenet_v1(image_size, alpha, weights):
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
    image = keras.Input((image_size, image_size, 3), name="image")
    scaled = keras.layers.Rescaling(1 / 127.5, offset=-1.0, name="to_minus_one_to_one")(image)
    from_file = weights not in ("imagenet", "none")
    if from_file:
        _refuse_other_files(Path(weights))
    try:
        network = keras.applications.MobileNet(
            input_shape=(image_size, image_size, 3),
            input_tensor=scaled,
            alpha=alpha,
            include_top=False,
            weights=None if weights == "none" else weights,
        )
    except (ValueError, OSError) as error:
        raise InputError(f"MobileNet with alpha {alpha} and weights {weights!r}: {error}") from None
    except Exception as error:  # keras.utils.get_file raises a bare Exception for a failed URL.
        raise InputError(
            f"the ImageNet weights of MobileNet (alpha {alpha}) could not be downloaded ({error}). "
            "Set KERAS_HOME to a folder that has them in models/, name a weights file with "
            "--weights FILE, or train from scratch with --weights none"
        ) from None
    layers = {8: "conv_pw_5_relu", 16: "conv_pw_11_relu", 32: "conv_pw_13_relu"}
    features = {stride: network.get_layer(name).output for stride, name in layers.items()}
    return keras.Model(image, features, name="mobilenet_v1")


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
