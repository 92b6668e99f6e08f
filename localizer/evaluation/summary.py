"""The result of an evaluation, as text for a screen."""

from localizer.evaluation.iou_statistics import interval


def summarize_evaluation(evaluation):
    """Warnings, and a line for each model: mean IoU, its interval, success at 0.5, latency."""
    metrics = evaluation.metrics
    lines = [f"warning: {warning}" for warning in metrics["warnings"]]
    if metrics["unreadable"]:
        lines.append(
            f"warning: {len(metrics['unreadable'])} photos could not be read and are left out for "
            "all models; metrics.json lists them"
        )
    lines.append(
        f"IoU on {metrics['n']} {metrics['split']} photos of {metrics['dataset']} "
        f"(target: {metrics['target']}):"
    )
    longest = max(len(model["name"]) for model in metrics["models"])
    for model in metrics["models"]:
        lines.append(
            f"  {model['name']:{longest}}  mean {model['mean_iou']:.3f} {interval(model['ci95'])}  "
            f"IoU of 0.5 or more: {model['success']['0.5']:.1%}{_latency(model)}"
        )
    lines += _presence(metrics, longest)
    return "\n".join(lines)


def _presence(metrics, longest):
    """A line for each model on whether it tells photos without an object."""
    if not metrics["n_empty"]:
        return
    yield f"Is something there? {metrics['n_empty']} photos without an object:"
    for model in metrics["models"]:
        said, name = model["presence"], f"  {model['name']:{longest}}"
        if said is None:
            yield f"{name}  gives no score"
            continue
        yield f"{name}  AUROC {said['auroc']:.3f} {interval(said['auroc_ci95'])}  {_alarms(said)}"


def _alarms(said):
    if said["false_alarms_at_95"] is None:
        return "finds less than 95 % of the objects at any score"
    return f"false alarms: {said['false_alarms_at_95']:.1%} where 95 % of the objects are found"


def _latency(model):
    return "" if model["latency_ms"] is None else f"  {model['latency_ms']:.1f} ms a photo"
