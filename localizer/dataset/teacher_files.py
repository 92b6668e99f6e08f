"""Files with a teacher's labels, so that others can use them without the teacher.

A CSV file `image, xmin, ymin, xmax, ymax, score` (boxes in `rel_xyxy`) and beside it a JSON file of
the same name, which says whose labels these are, and with which split the teacher was trained:

    {"target": ..., "source": ..., "seed": ..., "fractions": {"train": ...}, "split_by": "name",
     "teacher": {"name": ..., "sha256": ..., "command": ...}}

A teacher has seen the training photos of its own split. With another split these would be photos
to evaluate on, so labels are used only with the same one; where `source` is null, the teacher was
not trained on such data, and they fit every split.
"""

import csv
import json
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from localizer.dataset.dataset import BOX_COLUMNS
from localizer.errors import InputError
from localizer.files.atomic_files import replacing, write_text
from localizer.files.special_files import refuse_special_file
from localizer.images.boxes import usable_rel_xyxy
from localizer.shipped import shipped_folder
from localizer.sources.annotated_image import AnnotatedImage, Skipped
from localizer.sources.oxford.oxford_pet import classes_of

COLUMNS = ["image", *BOX_COLUMNS, "score"]


@dataclass(frozen=True)
class LabelFile:
    """An opened file of labels.

    Attributes:
        path: the CSV file.
        labels: AnnotatedImage with box and score, as the file names the photos.
        description: the content of the JSON file.
    """

    path: Path
    labels: list[AnnotatedImage]
    description: dict

    def misfit(self, settings):
        """Why the labels do not suit a dataset that is made with these GenerationSettings.

        Returns:
            The reason, or "" when they do.
        """
        description = self.description
        if description["target"] != settings.target:
            return f"its boxes are around the {description['target']}, not the {settings.target}"
        if description["source"] is None:
            return ""
        split = {
            "source": settings.source,
            "split_by": settings.split_by,
            "seed": settings.seed,
            "fractions": settings.shares,
        }
        defaults = {"split_by": "name"}  # Models from before there were official splits.
        for fact, value in split.items():
            taught = description[fact] if description.get(fact) is not None else defaults.get(fact)
            if taught != value:
                here = settings.split_file.path if settings.split_file else value
                return (
                    f"its teacher was trained with {fact} {taught}, not {here}, so it may know "
                    "photos of this validation or test split"
                )
        return ""

    def companion_records(self, made):
        """The labels that may go into the `unlabelled/` folder of a dataset.

        Photos are matched by file name, without folders. The name also says the class, as always
        in the Oxford-IIIT Pet data, the only ones that have such labels.

        Args:
            made: the MadeDataset.

        Returns:
            A list of AnnotatedImage, and of Skipped for those that the dataset uses itself or that
            are too near to what it is evaluated on.
        """
        places = {PurePosixPath(image).name: image for image in made.decoded}
        reasons = made.reasons_against()
        records = []
        for label in self.labels:
            image = places.get(PurePosixPath(label.image).name)
            if image is None:
                records.append(Skipped(label.image, "no such photo below the root"))
            elif image in reasons:
                records.append(Skipped(image, reasons[image]))
            else:
                supercategory, category = classes_of(PurePosixPath(image).stem)
                records.append(
                    AnnotatedImage(
                        image,
                        label.box_rel_xyxy,
                        supercategory=supercategory,
                        category=category,
                        score=label.score,
                    )
                )
        return records


def write_labels(dataset, path, command):
    """Write the labels of a teacher-labelled dataset as a CSV file and a JSON file beside it.

    Args:
        dataset: Dataset made with a teacher.
        path: the CSV file; its folder is made.
        command: the command that made the dataset, for the JSON file.

    Raises:
        InputError: the dataset's boxes are not a teacher's.
    """
    if dataset.has_true_labels:
        raise InputError(f"{dataset.path}: people drew its boxes; only a teacher's are written")
    path = Path(path)
    labels = dataset.description["labels"]
    trained_on = labels["trained_on"] or {}
    description = {
        "target": dataset.target,
        **{fact: trained_on.get(fact) for fact in ("source", "seed", "fractions", "split_by")},
        "teacher": {"name": labels["teacher"], "sha256": labels["sha256"], "command": command},
        "min_score": labels["min_score"],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as partial:
        # Five digits are a hundredth of a pixel of a 1,000 pixel photo.
        labelled = dataset.samples.loc[dataset.has_object, COLUMNS]
        labelled.to_csv(partial, index=False, float_format="%.5f")
    write_text(path.with_suffix(".json"), json.dumps(description, indent=2) + "\n")


def check_labels_place(path, overwrite):
    """See that labels can be written to a file, before the work that makes them.

    Raises:
        InputError: another name than *.csv, or something is there already.
    """
    path = Path(path)
    if path.suffix != ".csv":
        raise InputError(f"--write-labels {path}: name a .csv file (a .json file goes beside it)")
    there = [one for one in (path, path.with_suffix(".json")) if one.exists()]
    if there and not (overwrite and all(one.is_file() for one in there)):
        raise InputError(f"--write-labels: {there[0]} exists already; --overwrite replaces it")


def read_labels(path):
    """Open a file of labels, and the JSON file beside it.

    Raises:
        InputError: missing or damaged; the message names the file and the line.
    """
    path = Path(path)
    sidecar = path.with_suffix(".json")
    try:
        refuse_special_file(sidecar)
        refuse_special_file(path)
        description = json.loads(sidecar.read_text(encoding="utf-8"))
        with open(path, encoding="utf-8", newline="") as file:
            labels = [*_rows(path, csv.DictReader(file))]
    except FileNotFoundError as error:
        raise InputError(
            f"{error.filename}: no such file; labels are a CSV file and a JSON file of the same "
            "name. generate_dataset.py --write-labels FILE makes both"
        ) from None
    except (ValueError, csv.Error) as error:
        raise InputError(f"{path} or {sidecar.name}: damaged ({error}); write it again") from None
    facts = {"target", "source", "seed", "fractions", "teacher"}
    if not isinstance(description, dict) or not facts <= set(description):
        raise InputError(f"{sidecar}: does not say all of {', '.join(sorted(facts))}")
    if not isinstance(description["teacher"], dict) or "name" not in description["teacher"]:
        raise InputError(f"{sidecar}: teacher has no name")
    return LabelFile(path, labels, description)


def _rows(path, reader):
    missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
    if missing:
        raise InputError(f"{path} line 1: no column {missing[0]!r}; needed: {', '.join(COLUMNS)}")
    for row in reader:
        try:
            box = tuple(float(row[column]) for column in BOX_COLUMNS)
            usable_rel_xyxy(box)
            yield AnnotatedImage(row["image"], box, score=float(row["score"] or "nan"))
        except (ValueError, TypeError, InputError) as error:
            raise InputError(f"{path} line {reader.line_num}: {error}") from None


def choose_labels(option, settings):
    """The labels that a dataset gets, and a line for the screen if it gets none.

    Args:
        option: a file, "auto" for the shipped file where it fits, or "none".
        settings: GenerationSettings of the dataset.

    Returns:
        (LabelFile or None, text).

    Raises:
        InputError: the file is damaged or, when it is named by the user, does not fit.
    """
    if option == "none":
        return None, ""
    if option != "auto" and settings.source != "oxford-pet":
        raise InputError(f"--teacher-labels is for oxford-pet, not for {settings.source}")
    shipped = (
        shipped_folder("labels") / f"{settings.source.replace('-', '_')}_{settings.target}.csv"
    )
    if option == "auto" and not shipped.is_file():
        return None, ""
    labels = read_labels(shipped if option == "auto" else option)
    misfit = labels.misfit(settings)
    if not misfit:
        return labels, ""
    if option != "auto":
        raise InputError(f"{option}: {misfit}. Leave --teacher-labels away, or say none")
    return None, f"no teacher labels for other photos: {shipped.name} does not fit, {misfit}"
