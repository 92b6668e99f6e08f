"""The variables of a compiled network's losses and metrics, made before Keras would make them."""

from keras import ops


def create_variables(model, batches):
    """Create the variables of a compiled model's losses and metrics.

    Without them Keras reads batches when it begins to train or to evaluate on JAX and PyTorch, and
    what its threads have read ahead by then stands in the first epoch in front of that epoch's own
    batches: some are seen twice, others never. TensorFlow would trace a step twice, which takes
    seconds.

    Args:
        model: a compiled keras.Model with a dict of outputs.
        batches: Batches with targets like those it is going to be given.
    """
    images, targets = batches[0]
    answers = {
        name: ops.zeros((len(images), *output.shape[1:]), output.dtype)
        for name, output in model.output.items()
    }
    model.compute_loss(images, targets, answers)
    model.compute_metrics(images, targets, answers)
    model.reset_metrics()
