"""The whole network: backbone and head, as it is trained and as it is used."""

import sys

import keras

from localizer.errors import InputError
from localizer.models.initial_weights import weights_file
from localizer.models.model_file import load_model_file
from localizer.models.own_network import check_features, check_outputs, refuse_unsaveable
from localizer.models.two_looks import look_twice
from localizer.plugins import BACKBONES, HEADS
from localizer.runtimes.keras_settings import refuse_other_settings

# What a model that is used puts out; the other outputs exist for the loss alone.
PUBLIC_OUTPUTS = ("box", "score", "class")


def build_localizer(config, class_count=0):
    """The network that a recipe trains.

    Args:
        config: TrainingConfig.
        class_count: number of classes of the class output; 0 = none.

    Returns:
        keras.Model from `image`, float [n, view_size, view_size, 3] RGB in 0..255, to a dict:
        what the loss needs, and `box`, float [n, 4] `rel_xyxy`, the answer. Where that is not what
        the loss of the box trains, there is `mean_box`, too.

    Raises:
        InputError: the backbone's weights are not to be had, or do not fit; Keras has other
            settings than it needs; or one's own backbone or head is not what it has to be.
    """
    refuse_other_settings()
    config.refuse_missing_weights()
    file = weights_file(config.weights)
    from_model = file is not None and file.suffix.lower() == ".keras"
    weights = "none" if from_model else config.weights
    backbone = BACKBONES.call(config.backbone, config.view_size, config.alpha, weights)
    check_features(backbone, config)
    outputs = HEADS.call(config.head, backbone.output, config, class_count)
    check_outputs(outputs, config, class_count)
    model = keras.Model(backbone.input, outputs, name="localizer")
    if BACKBONES.is_own(config.backbone) or HEADS.is_own(config.head):
        refuse_unsaveable(model, config)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = config.bn_momentum
    if from_model:
        _take_weights(model, file)
    return model


def _take_weights(model, path):
    """Set the weights of every layer that has its like, by name and shapes, in a model file."""
    source, _ = load_model_file(path)
    known = {layer.name: layer.get_weights() for layer in inner_network(source).layers}
    left = []
    layers = [layer for layer in model.layers if layer.weights]
    for layer in layers:
        weights = known.get(layer.name, [])
        if [w.shape for w in layer.get_weights()] == [w.shape for w in weights]:
            layer.set_weights(weights)
        else:
            left.append(layer.name)
    if len(left) == len(layers):
        raise InputError(f"--weights {path}: no layer of it fits this network (other alpha?)")
    if left:
        some = ", ".join(left[:5]) + (", ..." if len(left) > 5 else "")
        print(
            f"note: {path} has no fitting weights for {len(left)} of {len(layers)} layers, which "
            f"begin anew: {some}",
            file=sys.stderr,
        )


def inner_network(model):
    """The network that a model looks twice with; itself where it looks once."""
    inner = [layer for layer in model.layers if isinstance(layer, keras.Model)]
    return inner[0] if inner else model


def as_used(model, config):
    """The model that a trained network becomes: its public outputs, of as many looks as asked for.

    Args:
        model: what `build_localizer` returned; the weights are shared.
        config: its TrainingConfig.

    Returns:
        keras.Model from `image`, float [n, image_size, image_size, 3] RGB in 0..255.
    """
    if config.looks == 1:
        return for_inference(model)
    return look_twice(_with_outputs(model, (*PUBLIC_OUTPUTS, "mean_box")), config.image_size)


def for_inference(model):
    """The same layers with only the outputs that a user needs."""
    return _with_outputs(model, PUBLIC_OUTPUTS)


def _with_outputs(model, names):
    outputs = {name: model.output[name] for name in names if name in model.output}
    return keras.Model(model.input, outputs, name="localizer")
