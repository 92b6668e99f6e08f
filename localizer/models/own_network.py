"""Whether the parts of a network are what docs/own_parts.md says, as people may add their own."""

from typing import Any

import keras

from localizer.errors import InputError
from localizer.plugins import BACKBONES, HEADS

STRIDES = (8, 16, 32)


def check_features(backbone: Any, config: Any) -> None:
    """See that a backbone takes the view and gives features of all strides.

    Raises:
        InputError: it does not.
    """
    name, size = f"backbone {config.backbone}", config.view_size
    if not isinstance(backbone, keras.Model):
        raise InputError(f"{name}: gives {_kind(backbone)}, and a keras.Model is needed")
    taken = getattr(backbone.input, "shape", None)
    if taken != (None, size, size, 3):
        raise InputError(f"{name}: takes {taken}, and images of (None, {size}, {size}, 3) come in")
    given = backbone.output
    ranks = [len(given[s].shape) if s in given else 0 for s in STRIDES if isinstance(given, dict)]
    if ranks != [4, 4, 4]:
        raise InputError(
            f"{name}: its output is {_kind(given)}, and a dict of features by stride is needed: "
            "{8: ..., 16: ..., 32: ...}, each [n, height, width, channels]"
        )
    if any(isinstance(layer, keras.Model) for layer in backbone.layers):
        raise InputError(
            f"{name}: has a model inside, which the commands do not look into; build its layers "
            "onto the input (input_tensor=... of keras.applications)"
        )


def check_outputs(outputs: Any, config: Any, class_count: int) -> None:
    """See that a head gives what the commands use, in the right shapes.

    Raises:
        InputError: it does not.
    """
    name = f"head {config.head}"
    if not isinstance(outputs, dict):
        raise InputError(f"{name}: gives {_kind(outputs)}, and a dict of outputs is needed")
    shapes = {"box": (4,), "mean_box": (4,), "coordinates": (4,), "score": ()}
    needed = ["box"]
    if class_count:
        shapes["class"] = (class_count,)
        needed.append("class")
    elif "class" in outputs:
        raise InputError(f"{name}: gives a class where class_count is 0; leave it out then")
    for output in needed:
        if output not in outputs:
            raise InputError(
                f"{name}: gives no {output!r}; it gives {', '.join(map(str, outputs))}"
            )
    for output, shape in shapes.items():
        found = tuple(getattr(outputs.get(output), "shape", (None,)))[1:]
        if output in outputs and found != shape:
            wanted = ", ".join(["n", *map(str, shape)])
            found = ", ".join(["n", *map(str, found)])
            raise InputError(f"{name}: its {output!r} is [{found}], and [{wanted}] is needed")


def refuse_unsaveable(model: keras.Model, config: Any) -> None:
    """See that a network with one's own parts can be read again from the file it is kept in.

    Raises:
        InputError: it cannot.
    """
    try:
        keras.models.model_from_json(model.to_json())
    except Exception as error:  # What Keras cannot read again surfaces as many kinds of exception.
        parts = [
            f"{registry.kind} {name}"
            for registry, name in ((BACKBONES, config.backbone), (HEADS, config.head))
            if registry.is_own(name)
        ]
        reason = " ".join(str(error).split())
        raise InputError(
            f"{' and '.join(parts)}: the network could not be read again from its file. Use layers "
            "and operations of Keras, none of them a Lambda, and mark your own layers with "
            f"@keras.saving.register_keras_serializable() ({reason:.300})"
        ) from None


def _kind(value):
    if isinstance(value, dict):
        return f"a dict of {', '.join(map(str, value)) or 'nothing'}"
    return f"a {type(value).__name__}"
