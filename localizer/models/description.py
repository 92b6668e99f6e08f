"""localizer.json, which every model file carries: what it must say to be used."""

from localizer.errors import InputError

DESCRIPTION = "localizer.json"


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
    sums = dataset.get("sha256")
    if not isinstance(sums, dict) or not isinstance(sums.get("samples.csv"), str):
        raise InputError(f"{path}: {DESCRIPTION} in it is damaged (no checksums of its dataset)")
