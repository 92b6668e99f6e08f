"""What the figures say, in sentences: differences between models, and notes of caution."""

from localizer.reporting.formatting import plain


def difference_sentence(model):
    """What the paired difference from the first model says: (better model, the rest).

    Args:
        model: an entry of metrics["models"] with `versus_first`.
    """
    versus = model["versus_first"]
    mean, (low, high) = versus["mean_difference"], versus["ci95"]
    wins, losses = versus["wins"], versus["losses"]
    better, worse = model["name"], versus["model"]
    if mean is None:
        return better, f"cannot be compared with {worse}: they share no photo."
    if mean < 0:
        better, worse = worse, better
        wins, losses = losses, wins
        mean, low, high = -mean, None if high is None else -high, None if low is None else -low
    ties, n = versus["ties"], versus["n"]
    counts = f"better on {wins}, equal on {ties} and worse on {losses} of {n} photos."
    if low is None:
        return better, f"compared with {worse}: {counts} Too few photos for an interval."
    interval = f"{mean:.3f} (95 % interval {low:.3f} to {high:.3f})"
    if low <= 0:
        return better, f"is not clearly ahead of {worse}: mean IoU differs by {interval}; {counts}"
    return better, f"beats {worse} by {interval} in mean IoU: {counts}"


def notes(metrics):
    """What a reader must know before trusting a figure, a list of sentences."""
    models = metrics["models"]
    found = [*metrics["warnings"], *_unreadable(metrics["unreadable"])]
    for model in models:
        if model["left_out"]:
            found.append(
                f"{model['name']} was trained on photos of {', '.join(model['seen_categories'])}: "
                f"the {model['left_out']} photos of these categories are left out of its row, "
                f"which is over {model['n']} of {metrics['n']} photos. Compare it by the paired "
                "differences, which use common photos only."
            )
        found += [f"{model['name']}: {note}" for note in model["notes"]]
        if model["no_box"]:
            found.append(
                f"{model['name']} gave no box for {model['no_box']} of {model['n']} photos; each "
                "counts as IoU 0."
            )
    unscored = [model["name"] for model in models if not model["has_scores"]]
    if unscored:
        found.append(
            f"No confidence scores from {', '.join(unscored)}: their AP ranks all boxes alike and "
            "says no more than their success rates."
        )
    missing = [
        word
        for key, word in (("per_supercategory", "supercategory"), ("per_category", "category"))
        if not models[0][key]
    ]
    if missing:
        found.append(f"The dataset names no {' and no '.join(missing)}, so there is no such table.")
    if metrics["n"] < 30:
        found.append(f"{metrics['n']} photos are few: the intervals are narrower than the truth.")
    if len(models) > 3:
        found.append(
            "Each interval of a difference is for its pair alone: among "
            f"{len(metrics['pairs'])} pairs of equal models, about one in twenty would exclude 0."
        )
    return found


def _unreadable(unreadable):
    if not unreadable:
        return []
    photos = "photo" if len(unreadable) == 1 else "photos"
    return [
        f"{len(unreadable)} {photos} could not be read, left out for all models; for "
        f"example {unreadable[0]['image']} ({unreadable[0]['reason']}). metrics.json lists all."
    ]


def dataset_facts(dataset, metrics):
    """(term, text) pairs of a dataset and of the models scored on it, with their checksums."""
    described = {"dataset": f"{dataset.name} ({dataset.path})", **dataset.description}
    facts = [(term.replace("_", " "), plain(value)) for term, value in described.items()]
    facts.append(("scored", f"{metrics['n']} photos of the {metrics['split']} split"))
    for model in metrics["models"]:
        runtime = f"; {model['runtime']}" if model["runtime"] else ""
        timed = f"; timed on {model['latency_photos']} photos" if model["latency_photos"] else ""
        what = f"sha256 {model['sha256']}" if model["sha256"] else "no checksum"
        facts.append((model["name"], f"{what}{runtime}{timed}"))
    return facts
