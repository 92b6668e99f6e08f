"""How often a model names an object right."""

import pandas as pd


def label_accuracies(all_samples, samples, labels):
    """Share of photos with the right label, by the vocabulary that the model's labels are from.

    A label of neither vocabulary counts as wrong; a category also says its supercategory.
    """
    labels = pd.Series(labels, dtype=str).map(normalized)
    named = set(labels) - {""}
    supercategories = {normalized(name) for name in all_samples["supercategory"]} - {""}
    supercategory_of = dict(
        zip(all_samples["category"].map(normalized), all_samples["supercategory"].map(normalized))
    )
    categories = set(supercategory_of) - {""}
    accuracies = {"supercategory_accuracy": None, "category_accuracy": None}
    if len(named & categories) > len(named & supercategories):
        accuracies["category_accuracy"] = _accuracy(samples["category"].map(normalized), labels)
        labels = labels.map(lambda label: supercategory_of.get(label, label))
    if named & (categories | supercategories):
        accuracies["supercategory_accuracy"] = _accuracy(
            samples["supercategory"].map(normalized), labels
        )
    return accuracies


def _accuracy(true, predicted):
    known = true != ""
    return float((true == predicted)[known].mean()) if known.any() else None


def normalized(name):
    """A name without the differences between the ways in which people write it."""
    return str(name).strip().replace("_", " ").casefold()
