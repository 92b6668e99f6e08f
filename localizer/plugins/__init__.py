"""The parts that a recipe or a command can name: those that are built in, and one's own.

    from localizer.plugins import HEADS

    @HEADS.register("mine")
    def mine(features, config, class_count): ...

docs/own_parts.md says what each part takes and gives. The built-in ones are imported when they are
used, so that this imports no Keras.
"""

from localizer.plugins.registry import Registry

BACKBONES = Registry(
    "backbone",
    {
        "mobilenet_v1": "localizer.models.backbones:mobilenet_v1",
        "mobilenet_v2": "localizer.models.backbones:mobilenet_v2",
        "mobilenet_v3_small": "localizer.models.backbones:mobilenet_v3_small",
    },
)
HEADS = Registry(
    "head",
    {
        "recipe": "localizer.models.heads.recipe:recipe_head",
        "simcc": "localizer.models.heads.simcc:simcc_head",
    },
)
BOX_LOSSES = Registry(
    "box loss",
    {
        "mse": "localizer.training.losses:CoordinateLoss",
        "smooth_l1": "localizer.training.losses:CoordinateLoss",
        "iou": "localizer.training.losses:IoULoss",
        "giou": "localizer.training.losses:IoULoss",
        "diou": "localizer.training.losses:IoULoss",
        "ciou": "localizer.training.losses:IoULoss",
    },
)
# `sources/opening.py` opens the built-in ones, which have options of their own.
SOURCES = Registry(
    "source",
    {
        "auto": "localizer.sources.recognizing:recognize",
        "oxford-pet": "localizer.sources.oxford.oxford_pet:read",
        "synthetic": "localizer.sources.drawn.generate:generate",
        "voc": "localizer.sources.formats.pascal_voc:read",
        "coco": "localizer.sources.formats.coco:read",
        "yolo": "localizer.sources.formats.yolo.label_files:read",
        "label-studio": "localizer.sources.formats.label_studio:read",
        "cvat": "localizer.sources.formats.cvat:read",
        "labelme": "localizer.sources.formats.labelme:read",
        "via": "localizer.sources.formats.via:read",
        "hf": "localizer.sources.formats.hugging_face:read",
        "csv": "localizer.sources.formats.csv.table:read",
        "folder": "localizer.sources.folder:read",
    },
)
# By what stands before the colon. `predictors/loading.py` opens the built-in ones.
PREDICTORS = Registry(
    "predictor",
    {
        "baseline": "localizer.predictors.constant:constant_predictor",
        "detector": "localizer.predictors.pretrained.opening:open_pretrained",
        "flip": "localizer.predictors.flip_average:FlipAverage",
        "hub": "localizer.predictors.pretrained.opening:open_pretrained",
    },
)
