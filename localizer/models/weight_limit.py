"""Building a network from a file that may ask for far more memory than it has content."""

import contextlib
import math
import threading

import keras

from localizer.errors import InputError
from localizer.runtimes.process_wide import fork_safe_lock

# Values of one tensor for one photo: four times those of alpha 4 at 1024 pixels.
_MAX_VALUES = 2**28
_one_at_a_time = fork_safe_lock()


@contextlib.contextmanager
def weights_limited(path, most):
    """Within it, networks of this thread may have `most` weights; more raise an InputError.

    A layer's weights depend on its own settings and on all layers before it, so only Keras knows
    their number; it is asked at the last moment before it takes the memory.
    """
    left = most
    thread = threading.get_ident()

    # All of it under the lock: what is put back is then always Keras' own method.
    with _one_at_a_time:
        add_weight = keras.layers.Layer.add_weight

        def add_weight_within_limit(layer, *args, **options):
            nonlocal left
            # Other threads may be building networks of their own.
            if threading.get_ident() == thread:
                shape = options.get("shape") or (args[0] if args else ())
                left -= math.prod(shape)
                if left < 0:
                    raise InputError(
                        f"{path}: layer {layer.name} asks for weights of shape {list(shape)}, more "
                        "than the file can hold: not a model of train_model.py"
                    )
            return add_weight(layer, *args, **options)

        keras.layers.Layer.add_weight = add_weight_within_limit
        try:
            yield
        finally:
            keras.layers.Layer.add_weight = add_weight


def refuse_huge_tensors(path, model):
    """See that no layer gives more values for one photo than memory has room for.

    Raises:
        InputError: one does.
    """
    for operation in model.operations:
        if isinstance(operation, keras.Model):
            refuse_huge_tensors(path, operation)
        for tensor in keras.tree.flatten(operation.output):
            if math.prod(side for side in tensor.shape if side) > _MAX_VALUES:
                raise InputError(
                    f"{path}: layer {operation.name} makes a tensor of {list(tensor.shape)}, more "
                    "than any model of train_model.py"
                )
