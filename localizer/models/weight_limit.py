"""Building a network from a file that may ask for far more memory than it has content.

A layer's weights depend on its own settings and on all layers before it, so only Keras knows their
number. It asks the initializers that the settings name, at the last moment before it takes the
memory: they are exchanged for some that count, and put back afterwards.
"""

import math
from pathlib import Path

import keras

from localizer.errors import InputError

# Values of one tensor for one photo: four times those of alpha 4 at 1024 pixels.
_MAX_VALUES = 2**28

# Layers that have no weights, or that make each of them by an initializer of their settings.
_LAYERS = {
    *("Functional", "Sequential", "InputLayer", "Identity"),
    *("Conv1D", "Conv2D", "Conv1DTranspose", "Conv2DTranspose", "DepthwiseConv1D"),
    *("DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D", "Dense", "EinsumDense"),
    *("BatchNormalization", "LayerNormalization", "GroupNormalization", "MultiHeadAttention"),
    *("Activation", "ReLU", "LeakyReLU", "PReLU", "ELU", "Softmax", "Rescaling", "Resizing"),
    *("Add", "Average", "Concatenate", "Dot", "Maximum", "Minimum", "Multiply", "Subtract"),
    *("Flatten", "Permute", "RepeatVector", "Reshape", "Dropout", "SpatialDropout2D"),
    *("AveragePooling1D", "AveragePooling2D", "MaxPooling1D", "MaxPooling2D"),
    *("GlobalAveragePooling1D", "GlobalAveragePooling2D"),
    *("GlobalMaxPooling1D", "GlobalMaxPooling2D"),
    *("Cropping1D", "Cropping2D", "UpSampling1D", "UpSampling2D", "ZeroPadding1D"),
    *("ZeroPadding2D", "UnitNormalization"),
}
# Keras' functions, each of which is an operation of a network; none has weights.
_OPERATIONS = ("keras.src.ops.", "keras.ops.")
_TYPES = {"float16", "bfloat16", "float32", "mixed_float16", "mixed_bfloat16"}
# Modules of Keras that hold no layers.
_NO_LAYERS = {"keras.initializers", "keras.regularizers", "keras.constraints", "builtins"}
_COUNTED = "localizer>CountedInitializer"
# Settings by which a layer makes other weights than its initializers do.
_OTHER_WEIGHTS = ("lora_rank", "lora_alpha", "quantization_config", "gptq_unpacked_column_size")


def build_within(path: Path, config: dict, most: int) -> keras.Model:
    """The network of a configuration, which may have at most `most` weights.

    Args:
        path: of its file, for the messages.
        config: what a .keras file's config.json holds; code in it is refused by Keras' safe mode.
        most: number of weights.

    Returns:
        keras.Model, its weights zeros.

    Raises:
        InputError: it has more, or a layer that is not known to make them countably.
        Exception: whatever Keras raises for a configuration that is damaged.
    """
    counted = _counted_initializer(path, most)
    settings = _with_counted(path, config | {"compile_config": None}, counted)
    model = keras.saving.deserialize_keras_object(
        settings, custom_objects={_COUNTED: counted}, safe_mode=True
    )
    _put_back(model, counted)
    return model


def _counted_initializer(path, most):
    """A class of initializers that together make at most `most` weights, which are zeros."""
    left = most

    class Counted(keras.initializers.Initializer):
        """Zeros in place of what another initializer makes.

        Args:
            layer: name of the layer.
            initializer: that other one, as the settings have it.
        """

        def __init__(self, layer, initializer):
            self._settings = {"layer": layer, "initializer": initializer}
            self.initializer = keras.initializers.get(initializer)

        def __call__(self, shape, dtype=None):
            nonlocal left
            left -= math.prod(shape)
            if left < 0:
                raise InputError(
                    f"{path}: layer {self._settings['layer']} asks for weights of shape "
                    f"{list(shape)}, more than the file can hold: not a model of train_model.py"
                )
            return keras.ops.zeros(shape, dtype)

        def get_config(self):
            return dict(self._settings)

    return Counted


def _with_counted(path, config, counted):
    """A configuration with counted initializers; refuses layers whose weights are not countable."""
    if isinstance(config, list):
        return [_with_counted(path, part, counted) for part in config]
    if not isinstance(config, dict):
        return config
    own = config.get("config")
    if "class_name" in config and isinstance(own, dict) and not _is_no_layer(config):
        _refuse_uncountable(path, config, own)
        own = {
            name: _counted_settings(own, value, counted) if name.endswith("_initializer") else value
            for name, value in own.items()
        }
        config = config | {"config": own}
    return {name: _with_counted(path, part, counted) for name, part in config.items()}


def _is_no_layer(part):
    """Whether what a configuration describes makes no weights: Keras takes it for no layer."""
    module, kind = str(part.get("module")), str(part.get("class_name"))
    is_policy = (module, kind) == ("keras", "DTypePolicy")
    is_initializer = part.get("registered_name") == _COUNTED
    return is_policy or is_initializer or kind.startswith("__") or module in _NO_LAYERS


def _counted_settings(layer, initializer, counted):
    if initializer is None:
        return None
    return {
        "module": None,
        "class_name": _COUNTED,
        "config": {"layer": layer.get("name"), "initializer": initializer},
        "registered_name": _COUNTED,
    }


def _refuse_uncountable(path, layer, own):
    name, kind, module = own.get("name"), layer.get("class_name"), str(layer.get("module"))
    if keras.saving.get_registered_object(str(layer.get("registered_name"))) is not None:
        return  # The user's own class, whose code was loaded on purpose.
    if not module.startswith(_OPERATIONS) and kind not in _LAYERS:
        raise InputError(
            f"{path}: layer {name} is a {kind}: not a model of train_model.py, or of parts that "
            "are not loaded here"
        )
    dtype = own.get("dtype", "float32")
    dtype = dtype.get("config", {}).get("name") if isinstance(dtype, dict) else dtype
    if not module.startswith(_OPERATIONS) and (
        dtype not in _TYPES or any(own.get(setting) for setting in _OTHER_WEIGHTS)
    ):
        raise InputError(
            f"{path}: layer {name} has weights of another kind ({dtype}): not a model of "
            "train_model.py"
        )


def _put_back(model, counted):
    """Give all layers the initializers that their settings name."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            _put_back(layer, counted)
        for name, value in list(vars(layer).items()):
            if isinstance(value, counted):
                setattr(layer, name, value.initializer)


def refuse_huge_tensors(path, model):
    """See that no layer gives more values for one photo than memory has room for.

    Raises:
        InputError: one does.
    """
    parts = model.layers if isinstance(model, keras.Sequential) else model.operations
    for operation in parts:
        if isinstance(operation, keras.Model):
            refuse_huge_tensors(path, operation)
        for tensor in keras.tree.flatten(operation.output):
            if math.prod(side for side in tensor.shape if side) > _MAX_VALUES:
                raise InputError(
                    f"{path}: layer {operation.name} makes a tensor of {list(tensor.shape)}, more "
                    "than any model of train_model.py"
                )
