"""What near-duplicates mean for a dataset's splits and figures, in sentences."""

import pandas as pd

from localizer.dataset.splits.splitting import SPLITS, split_of

_DIVIDES = (
    "--near-duplicates exact (or keep) divides them, and the figures then tell how the model does "
    "on this camera, not elsewhere"
)


def mode_of(description):
    """How near-duplicates were treated, "group", "exact" or "keep"; from dataset.json."""
    # Older datasets do not say, and drawn scenes have none.
    return (description.get("near_duplicates") or {}).get("mode") or "group"


def why_empty(samples, description, split):
    """Why near-duplicates leave a split empty, with the remedy; "" where they do not.

    Args:
        samples: DataFrame of the dataset's samples.
        description: the content of dataset.json.
        split: one of SPLITS, without a sample.
    """
    left_out = _left_out_by_list(description)
    count = left_out.get(split, 0) + (left_out.get("trainval", 0) if split != "test" else 0)
    if count:
        return f"{_left_out(count)}; {_DIVIDES}"
    fractions = description.get("fractions")
    if fractions is None or description.get("split_by", "name") != "name":
        return ""
    shares, seed = tuple(fractions.values()), description["seed"]
    grouped = samples.loc[samples["group"].duplicated(keep=False), "image"]
    if split not in {split_of(image, seed, shares) for image in grouped}:
        return ""
    return f"{_share_one_split(samples)}; {_DIVIDES}"


def grouping_notes(dataset):
    """What a person wants to know of the near-duplicates of a dataset that was just made."""
    description, samples = dataset.description, dataset.samples
    counts, mode = description["counts"], mode_of(description)
    if not counts["near_duplicate_groups"]:
        return
    found = (
        f"{counts['near_duplicates']} photos in {counts['near_duplicate_groups']} groups of "
        "near-duplicates"
    )
    if mode != "group":
        yield f"{found}: divided, as --near-duplicates {mode} says"
        for split in ("validation", "test"):
            if counts[split]:
                yield f"note: {divided_note(dataset, split)}"
        return
    yield f"{found}, each group in one split"
    left_out = sum(_left_out_by_list(description).values())
    largest = samples["group"].value_counts().iloc[0]
    if left_out:
        yield f"note: {_left_out(left_out)}; --near-duplicates exact (or keep) keeps them"
    elif len(samples) / 4 < largest > 1 and sum(counts[split] > 0 for split in SPLITS) > 1:
        yield f"note: {_share_one_split(samples)}; {_DIVIDES}"


def divided_note(dataset, split):
    """What a split's figures are worth where near-duplicates are on both sides of it.

    Returns:
        A sentence; "" where near-duplicates share one split, or for the split "train".
    """
    mode = mode_of(dataset.description)
    if mode == "group" or split == "train":
        return ""
    table = pd.read_csv(dataset.path / "near_duplicates.csv", keep_default_na=False, dtype=str)
    splits = dict(zip(dataset.samples["image"], dataset.samples["split"], strict=True))
    table["split"] = table["image"].map(splits)
    trained = set(table.loc[table["split"] == "train", "group"])
    held_out = table.loc[table["split"] == split, "group"]
    total = sum(one == split for one in splits.values())
    return (
        f"made with --near-duplicates {mode}: {int(held_out.isin(trained).sum())} of the {total} "
        f"photos of the {split} split are near-duplicates of training photos, so its figures tell "
        "how a model does on pictures such as those (this camera), not elsewhere"
    )


def _left_out_by_list(description):
    return (description.get("near_duplicates") or {}).get("left_out") or {}


def _left_out(count):
    return f"{count} photos are left out because they are near-duplicates of photos held out"


def _share_one_split(samples):
    largest, total = samples["group"].value_counts().iloc[0], len(samples)
    who = f"all {total}" if largest == total else f"{largest} of {total}"
    return f"{who} photos are near-duplicates of each other, so they share one split"
