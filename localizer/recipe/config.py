"""The settings of a training run: one flat recipe file, every field an option of train_model.py."""

from dataclasses import asdict, dataclass, field, fields
from typing import Annotated, Literal

from localizer.errors import InputError
from localizer.plugins import BACKBONES, BOX_LOSSES, HEADS
from localizer.recipe.values import (
    Count,
    Factor,
    ImageSize,
    Momentum,
    NonNegative,
    OneOf,
    Positive,
    Seed,
    Share,
    WholeNumber,
    checked_field,
)

# Widths of the built-in backbones for which Keras has ImageNet weights.
IMAGENET_ALPHAS = {
    "mobilenet_v1": (0.25, 0.5, 0.75, 1.0),
    "mobilenet_v2": (0.35, 0.5, 0.75, 1.0, 1.3, 1.4),
    "mobilenet_v3_small": (0.75, 1.0),
}


class _Checked:
    """A dataclass whose fields are checked by their types when it is made."""

    def __post_init__(self):
        for one in fields(self):  # type: ignore[arg-type]  # Each subclass is a dataclass.
            value = getattr(self, one.name)
            if not isinstance(value, _Checked):
                object.__setattr__(self, one.name, checked_field(one.name, value, one.type))


@dataclass(frozen=True)
class AugmentationConfig(_Checked):
    """How training images are varied; every part can be switched off alone.

    Attributes:
        flip: probability of a horizontal flip.
        zoom_in: largest enlargement, a factor; 1 = off. Drawn log-uniformly with zoom_out.
        zoom_out: largest reduction, a factor; 1 = off.
        translation: largest shift as a share of the image's side; 0 = off.
        aspect: largest change of the aspect ratio, a factor; 1 = off.
        rotation: largest rotation in degrees; 0 = off.
        min_visible: least share of the box that a geometric change leaves inside the image.
        brightness: largest change of brightness as a share of white; 0 = off.
        contrast: largest change of contrast, a factor; 1 = off.
        saturation: largest change of saturation, a factor; 1 = off.
        hue: largest rotation of the hue in degrees; 0 = off.
        grey: probability of a grey image.
        blur: probability of a Gaussian blur with a sigma of 0.3 to 1.5 pixels.
        erasing: probability that a rectangle of 2 to 20 % of the image is erased.
    """

    flip: Share = 0.5
    zoom_in: Factor = 1.25
    zoom_out: Factor = 1.12
    translation: NonNegative = 0.08
    aspect: Factor = 1.1
    rotation: NonNegative = 4.0
    min_visible: Share = 0.7
    brightness: NonNegative = 0.08
    contrast: Factor = 1.15
    saturation: Factor = 1.2
    hue: NonNegative = 5.0
    grey: Share = 0.025
    blur: Share = 0.025
    erasing: Share = 0.05


NO_AUGMENTATION = AugmentationConfig(
    flip=0.0,
    zoom_in=1.0,
    zoom_out=1.0,
    translation=0.0,
    aspect=1.0,
    rotation=0.0,
    brightness=0.0,
    contrast=1.0,
    saturation=1.0,
    hue=0.0,
    grey=0.0,
    blur=0.0,
    erasing=0.0,
)


@dataclass(frozen=True)
class TrainingConfig(_Checked):
    """A recipe: network, target coding, losses, optimisation and augmentation.

    Attributes:
        image_size: side of the model's input in pixels, from 96 to 1024.
        looks: 1 = the network sees the whole input; 2 = it sees the whole input, then the part
            around the box that it found there, enlarged; "auto" = 1 where the median box covers
            more than 40 % of its photo, so that a second look would see what the first did, else 2.
        look_size: side in pixels of what the network sees in each of two looks, from 96 to
            image_size, which bounds it. It, not image_size, decides what two looks cost; one look
            sees image_size pixels.
        backbone: what makes features of the pixels. There are ImageNet weights for alpha 0.25, 0.5,
            0.75 and 1 of mobilenet_v1; for 0.35, 0.5, 0.75, 1, 1.3 and 1.4 of mobilenet_v2; and for
            0.75 and 1 of mobilenet_v3_small.
        alpha: width of the backbone, as a multiple of the published one.
        weights: initial weights: "imagenet" (of the backbone), "none", a Keras weights file of the
            backbone, or a .keras file of a trained localizer, whose fitting layers are taken; also
            by the name of a shipped model, such as "pet_head".
        head: what makes a box of the backbone's features: "recipe" (max pooling and a convolution),
            or "simcc" (each edge is the mean of a sharpened distribution over one axis of the
            image).
        feature_stride: pixels of the input between two cells of the finest features that "simcc"
            uses: 8 or 16.
        head_width: channels of those features.
        coordinates: what four numbers mse and smooth_l1 compare: "corners" (xmin, ymin, xmax,
            ymax), or "sqrt_size" (centre x, centre y, square roots of width and height).
        coordinate_unit: the scale on which they are compared: "pixel" of what the network
            sees, or "image", its side.
        box_loss: "mse" or "smooth_l1", on the coordinates in their unit; or "iou", "giou", "diou"
            or "ciou", on the boxes.
        distribution_loss_weight: of the cross-entropy of "simcc"'s distributions beside the box
            loss; 0 = the box loss alone.
        class_output: an additional class output: "none", the object's "category", its
            "supercategory", or "auto": the category where all annotated photos have one, else the
            supercategory, else none. Photos of a teacher that have no class train the box alone.
        class_loss: of the class output: "categorical_crossentropy" or "binary_crossentropy".
        class_loss_weight: its weight beside the box loss.
        epochs: passes over the training split.
        batch_size: images per step.
        optimizer: "adam", or "adamw" (with weight_decay).
        learning_rate: its largest value.
        schedule: "constant" or "cosine" (down to 0), after the warm-up.
        warmup_epochs: epochs of linear warm-up from 0.
        weight_decay: decoupled weight decay, for adamw.
        clip_norm: largest global norm of the gradient; 0 = no limit.
        bn_momentum: momentum per step of batch normalisation's moving statistics. Keras' 0.99 lags
            far behind when an epoch has few steps.
        ema_momentum: momentum per step of the averaged weights, which are the ones that are
            validated and kept; it is smaller in the first steps. 0 = no averaging.
        early_stopping: epochs without a better validation mean IoU after which training stops;
            0 = never.
        unlabelled: whether the photos of the dataset's unlabelled/ folder, which carry a teacher's
            boxes, are trained on, too; nothing is ever scored on them.
        augment: whether training images are augmented; the close-ups of two looks are taken anyway.
        augmentation: how; each of its fields is an option, too, as --augmentation.rotation 0, and
            --augmentation.help names them.
        workers: threads that prepare batches.
        seed: of the initial weights, the order of the images and the augmentation.
    """

    image_size: ImageSize = 128
    looks: Literal["auto", 1, 2] = "auto"
    look_size: ImageSize = 112
    backbone: Annotated[str, OneOf(BACKBONES)] = "mobilenet_v1"
    alpha: Positive = 0.25
    weights: str = "imagenet"
    head: Annotated[str, OneOf(HEADS)] = "simcc"
    feature_stride: Literal[8, 16] = 8
    head_width: Count = 48
    coordinates: Literal["corners", "sqrt_size"] = "corners"
    coordinate_unit: Literal["pixel", "image"] = "pixel"
    box_loss: Annotated[str, OneOf(BOX_LOSSES)] = "diou"
    distribution_loss_weight: NonNegative = 1.0
    class_output: Literal["auto", "none", "category", "supercategory"] = "auto"
    class_loss: Literal["categorical_crossentropy", "binary_crossentropy"] = (
        "categorical_crossentropy"
    )
    class_loss_weight: NonNegative = 0.1
    epochs: Count = 60
    batch_size: Count = 32
    optimizer: Literal["adam", "adamw"] = "adamw"
    learning_rate: Positive = 0.002
    schedule: Literal["constant", "cosine"] = "cosine"
    warmup_epochs: NonNegative = 1.0
    weight_decay: NonNegative = 0.02
    clip_norm: NonNegative = 0.0
    bn_momentum: Momentum = 0.97
    ema_momentum: Momentum = 0.995
    early_stopping: WholeNumber = 0
    unlabelled: bool = True
    augment: bool = True
    augmentation: AugmentationConfig = field(default_factory=AugmentationConfig)
    workers: Count = 2
    seed: Seed = 0

    @property
    def view_size(self):
        """Side in pixels of what the network sees at a time; `looks` is no longer "auto"."""
        return self.image_size if self.looks == 1 else self.look_size

    @property
    def unit(self):
        """What a view's side is in the unit of the coordinates: `view_size` pixels, or 1."""
        return float(self.view_size) if self.coordinate_unit == "pixel" else 1.0

    def refuse_missing_weights(self):
        """Raise InputError if there are no ImageNet weights for this width of the backbone."""
        # One's own backbone sees to that itself.
        alphas = IMAGENET_ALPHAS.get(self.backbone)
        if self.weights == "imagenet" and alphas and self.alpha not in alphas:
            widths = ", ".join(map(str, alphas))
            raise InputError(
                f"alpha {self.alpha:g}: there are ImageNet weights of {self.backbone} for "
                f"{widths}. Any other width wants weights: none, or a weights file"
            )

    def to_dict(self):
        """Every field, ready for YAML and JSON."""
        return asdict(self)
