"""How a network's four numbers stand for a box, in both directions."""

from keras import ops


def encode(boxes_rel_xyxy, coordinates, unit):
    """What the network is to put out for a box.

    Args:
        boxes_rel_xyxy: float tensor [..., 4].
        coordinates: "corners", (xmin, ymin, xmax, ymax); or "sqrt_size", (centre x, centre y,
            square roots of width and height), which makes an error of a pixel weigh more on a
            small box (J. Redmon et al., "You Only Look Once", CVPR 2016, section 2.2).
        unit: the value that stands for 1.0, e.g. the input's side for coordinates in pixels.

    Returns:
        Float tensor [..., 4].
    """
    if coordinates == "corners":
        return boxes_rel_xyxy * unit
    # The bound keeps the root's gradient finite for boxes that a network has turned inside out.
    low, high = ops.split(boxes_rel_xyxy, 2, axis=-1)
    sizes = ops.sqrt(ops.maximum(high - low, 1e-8))
    return ops.concatenate([(low + high) / 2, sizes], axis=-1) * unit


def decode(values, coordinates, unit):
    """The box that the network's output [..., 4] stands for: the inverse of `encode`."""
    values = values / unit
    if coordinates == "corners":
        return values
    centre, root = ops.split(values, 2, axis=-1)
    half = ops.square(ops.maximum(root, 0.0)) / 2
    return ops.concatenate([centre - half, centre + half], axis=-1)
