"""localizer.json, which every model file carries: what it must say to be used."""

from localizer.errors import InputError

DESCRIPTION = "localizer.json"
# The side of any photo that a network is fed with; more would only fill the memory.
_MAX_SIZE = 4096
_REMEDY = "Take another copy of the file, or train the model again"


def check_dataset(path, description):
    """See that what a model file says of its dataset is usable: None, or target and checksums.

    Raises:
        InputError: it is not.
    """
    dataset = description.get("dataset") if isinstance(description, dict) else ""
    if dataset is None:
        return
    texts = isinstance(dataset, dict) and [dataset.get("target"), dataset.get("source")]
    if not texts or not all(isinstance(text, str) for text in texts):
        raise InputError(f"{path}: {DESCRIPTION} in it is damaged (no usable `dataset`)")
    if not _are_folds(dataset.get("folds")):
        raise InputError(f"{path}: {DESCRIPTION} in it is damaged (no usable `folds`). {_REMEDY}")
    sums = dataset.get("sha256")
    texts = isinstance(sums, dict) and [sums.get("samples.csv"), sums.get("rows", "")]
    if not texts or not all(isinstance(text, str) for text in texts):
        raise InputError(f"{path}: {DESCRIPTION} in it is damaged (no checksums of its dataset)")


def _are_folds(folds):
    """Whether this is what a model says of the folds of its training, or None."""
    if folds is None:
        return True
    of, fold = (folds.get("of"), folds.get("fold")) if isinstance(folds, dict) else (0, 0)
    return type(of) is int and 2 <= of <= 100 and (fold is None or type(fold) is int)


def has_sizes(description):
    """Whether the sizes that photos are brought to are whole numbers from 1 to 4096."""
    sizes = [description.get(name) for name in ("image_size", "stored_size")]
    return all(type(size) is int and 1 <= size <= _MAX_SIZE for size in sizes)


def check_description(path, description):
    """See that what a .keras file says of itself is usable.

    Raises:
        InputError: it is not.
    """
    check_dataset(path, description)
    if not has_sizes(description):
        raise InputError(
            f"{path}: {DESCRIPTION} in it is damaged (image_size and stored_size are whole numbers "
            f"from 1 to {_MAX_SIZE}). {_REMEDY}"
        )
    if not isinstance(description.get("target"), str):
        raise InputError(f"{path}: {DESCRIPTION} in it is damaged (no usable `target`). {_REMEDY}")
    classes = description.get("classes")
    if classes is not None and not (
        isinstance(classes, list) and all(isinstance(name, str) for name in classes)
    ):
        raise InputError(
            f"{path}: {DESCRIPTION} in it is damaged (`classes` is no list of names). {_REMEDY}"
        )
