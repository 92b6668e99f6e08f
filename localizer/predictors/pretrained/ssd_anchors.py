"""Anchors and box code of SSD, for detectors whose outputs are not decoded.

W. Liu et al., "SSD: Single Shot MultiBox Detector", ECCV 2016. The very numbers are the defaults
of `ssd_anchor_generator` in the TF Object Detection API (create_ssd_anchors in
anchor_generators/multiple_grid_anchor_generator.py; box_coders/faster_rcnn_box_coder.py).
"""

import numpy as np

# Side of each feature map of MobileNet v1 or v2 at 300 pixels.
GRIDS_300 = (19, 10, 5, 3, 2, 1)
_MIN_SCALE, _MAX_SCALE = 0.2, 0.95
_ASPECT_RATIOS = (1.0, 2.0, 0.5, 3.0, 0.3333)
_LOWEST_LAYER = ((0.1, 1.0), (_MIN_SCALE, 2.0), (_MIN_SCALE, 0.5))
# y, x, height, width.
_CODE_SCALES = np.array([10.0, 10.0, 5.0, 5.0])


def ssd_anchors(grids=GRIDS_300):
    """All anchors, lowest layer first, then by row, column and shape.

    Args:
        grids: side of each feature map.

    Returns:
        float64 [n, 4]: y and x of the centre, height, width, in units of the image.
    """
    scales = [*np.linspace(_MIN_SCALE, _MAX_SCALE, len(grids)), 1.0]
    layers = []
    for layer, grid in enumerate(grids):
        shapes = _LOWEST_LAYER if layer == 0 else _shapes(scales[layer], scales[layer + 1])
        scale, ratio = np.array(shapes).T
        sizes = np.stack([scale / np.sqrt(ratio), scale * np.sqrt(ratio)], axis=-1)
        centers = (np.arange(grid) + 0.5) / grid
        yx = np.stack(np.meshgrid(centers, centers, indexing="ij"), axis=-1).reshape(-1, 1, 2)
        anchors = np.broadcast_arrays(yx, sizes[None])
        layers.append(np.concatenate(anchors, axis=-1).reshape(-1, 4))
    return np.concatenate(layers)


def _shapes(scale, next_scale):
    """(scale, aspect ratio) of a cell's anchors; the last is a square between the two layers."""
    return [*((scale, ratio) for ratio in _ASPECT_RATIOS), (np.sqrt(scale * next_scale), 1.0)]


def decode_rel_yxyx(encodings, anchors):
    """Boxes from their encodings relative to anchors.

    Args:
        encodings: [..., 4], (y, x, height, width) as the network gives them.
        anchors: [..., 4], from `ssd_anchors`.

    Returns:
        float32 [..., 4], `rel_yxyx`, not clipped to the image.
    """
    code = np.asarray(encodings, np.float64) / _CODE_SCALES
    sizes = anchors[..., 2:]
    center = code[..., :2] * sizes + anchors[..., :2]
    half = np.exp(code[..., 2:]) * sizes / 2
    return np.concatenate([center - half, center + half], axis=-1).astype(np.float32)
