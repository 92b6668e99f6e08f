"""The images that an export is calibrated on and checked with."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from localizer.dataset.dataset import BOX_COLUMNS, open_dataset
from localizer.dataset.finding import find_dataset
from localizer.dataset.identity import identity
from localizer.images.photos import read_photo
from localizer.images.resizing import resample, stretch
from localizer.sources.drawn import generate as synthetic

CALIBRATION_COUNT = 256
CHECK_COUNT = 200
# Any seed but 0, of which the scenes were that somebody may have trained on.
_SCENE_SEED = 2**32 + 1


@dataclass(frozen=True)
class ExportImages:
    """Images as the network takes them, uint8 RGB [n, S, S, 3].

    Attributes:
        calibration: of the training split alone.
        check: of the validation split.
        truth_rel_xyxy: float32 [n, 4], the boxes of `check`.
        dataset: name of the dataset that they are of; "" for drawn scenes.
        foreign: whether the model was trained on something else.
    """

    calibration: np.ndarray
    check: np.ndarray
    truth_rel_xyxy: np.ndarray
    dataset: str
    foreign: bool

    @property
    def origin(self):
        """Where the images of `check` are from, for people."""
        return f"validation split of {self.dataset}" if self.dataset else "drawn scenes"


def find_images(source, data=None):
    """The images of a dataset folder; without one, of the model's own dataset, or drawn scenes.

    Args:
        source: SourceModel.
        data: dataset folder, or None.

    Raises:
        InputError: `data` is no dataset folder, or a split of it is empty.
    """
    trained = source.description.get("dataset") or {}
    dataset = open_dataset(data) if data else find_dataset(trained.get("sha256"))
    if dataset is None:
        return _scenes(source)
    calibration = _spread(dataset.indices("train"), CALIBRATION_COUNT)
    check = _spread(dataset.indices("validation"), CHECK_COUNT)
    return ExportImages(
        calibration=np.stack([resample(dataset.images[i], source.size) for i in calibration]),
        check=np.stack([resample(dataset.images[i], source.size) for i in check]),
        truth_rel_xyxy=dataset.samples[BOX_COLUMNS].to_numpy(np.float32)[check],
        dataset=dataset.name,
        foreign=identity(dataset.description["sha256"]) != identity(trained.get("sha256")),
    )


def _spread(rows, count):
    """At most `count` rows, evenly spread over all."""
    return rows[np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(int)]


def _scenes(source):
    target = source.description["target"]
    with tempfile.TemporaryDirectory() as folder:
        scenes = list(
            synthetic.generate(
                folder,
                target if target in ("head", "body") else "head",
                count=CALIBRATION_COUNT + CHECK_COUNT,
                seed=_SCENE_SEED,
                workers=1,
            )
        )
        stored = source.description["stored_size"]
        photos = (stretch(read_photo(Path(folder) / scene.image), stored) for scene in scenes)
        images = np.stack([resample(photo, source.size) for photo in photos])
    return ExportImages(
        calibration=images[:CALIBRATION_COUNT],
        check=images[CALIBRATION_COUNT:],
        truth_rel_xyxy=np.array([s.box_rel_xyxy for s in scenes[CALIBRATION_COUNT:]], np.float32),
        dataset="",
        foreign=(source.description.get("dataset") or {}).get("source") != "synthetic",
    )
