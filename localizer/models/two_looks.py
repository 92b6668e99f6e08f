"""A localizer that looks twice: at the whole image, and then closely at what it found.

The same network, with the same weights, sees first the whole image and then the part around the box
it found, enlarged to the same number of pixels: a cascade (Y. Sun et al., "Deep Convolutional
Network Cascade for Facial Point Detection", CVPR 2013) of one network, which must not be larger for
it. A small object is as large as any other in the second look. The part is sampled bilinearly (M.
Jaderberg et al., "Spatial Transformer Networks", NeurIPS 2015, equation 5) inside the graph, so
whoever uses the model sees one input and one box.

Only Keras' own operations, so that the file opens wherever Keras does.
"""

import keras
import numpy as np
from keras import ops

from localizer.models.second_view import MARGIN, SMALLEST


def look_twice(network, image_size):
    """The model that looks twice with a network.

    Args:
        network: keras.Model from [n, S, S, 3], RGB 0 to 255, to a dict of `box` [n, 4] `rel_xyxy`,
            and `score` [n] and `class` [n, classes] where it has them. The second look goes by its
            `mean_box` [n, 4] where it has one.
        image_size: side of the model's input in pixels, from which both looks are sampled.

    Returns:
        keras.Model from `image`, float [n, image_size, image_size, 3] RGB 0 to 255, to such a dict:
        the box and the score of the second look, and the mean of both looks' classes.
    """
    image = keras.Input((image_size, image_size, 3), name="image")
    size = network.input.shape[1]
    whole = image
    if image_size != size:
        whole = ops.image.resize(
            image, (size, size), interpolation="bilinear", data_format="channels_last"
        )
    first = network(whole)
    start, side = second_view(first.get("mean_box", first["box"]))
    outputs = dict(network(sample(image, start, side, size)))
    outputs.pop("mean_box", None)
    # Clipped to the view as the first box is to the image.
    corners = ops.concatenate([start, start], axis=-1)
    outputs["box"] = corners + _within(outputs["box"], 1.0) * ops.concatenate([side, side], axis=-1)
    if "class" in outputs:
        outputs["class"] = (first["class"] + outputs["class"]) / 2
    return keras.Model(image, outputs, name="two_looks")


def second_view(box_rel_xyxy):
    """The part of the image that the second look sees: around the box, inside the image.

    Args:
        box_rel_xyxy: [n, 4].

    Returns:
        Its upper left corner [n, 2] and its width and height [n, 2], in `rel` units.
    """
    low, high = ops.split(box_rel_xyxy, 2, axis=-1)
    side = ops.maximum(_within((high - low) * MARGIN, 1.0), SMALLEST)
    return _within((low + high - side) / 2, 1.0 - side), side


def sample(image, start, side, size):
    """Parts of images, resized bilinearly to one size.

    Args:
        image: [n, S, S, 3].
        start, side: [n, 2], `rel` units, as of `second_view`.
        size: side of the result in pixels.

    Returns:
        [n, size, size, 3].
    """
    # Both axes one after the other: whole lines are gathered, which is what a CPU does best.
    for axis in (1, 0):
        x_or_y = [ops.split(values, 2, axis=-1)[axis] for values in (start, side)]
        image = _sample_rows(image, *x_or_y, size)
    return image


def _sample_rows(image, start, side, size):
    """`size` rows of images [n, rows, columns, 3], interpolated; transposed, [n, columns, size, 3].

    Args:
        start, side: of the part, [n, 1].
    """
    _, rows, columns, channels = image.shape
    centres = ((np.arange(size) + 0.5) / size).astype(np.float32).reshape(1, size)
    # From pixel edges to pixel centres, half a pixel on; what lies outside repeats the last row.
    places = _within((start + side * centres) * rows - 0.5, rows - 1.0)
    above = ops.minimum(ops.floor(places), rows - 2.0)
    # There is no gathering batch by batch in Keras: all rows of all images are one list.
    image_numbers = ops.cumsum(ops.ones_like(start), axis=0) - 1.0
    indices = ops.cast(above + image_numbers * rows, "int32")
    lines = ops.reshape(image, (-1, columns * channels))
    upper, lower = (ops.take(lines, at, axis=0) for at in (indices, indices + 1))
    between = upper + (lower - upper) * ops.expand_dims(places - above, -1)
    return ops.transpose(ops.reshape(between, (-1, size, columns, channels)), (0, 2, 1, 3))


def _within(values, most):
    """Values limited to 0 and `most`; Keras cannot save ops.clip in a graph."""
    return ops.minimum(ops.maximum(values, 0.0), most)
