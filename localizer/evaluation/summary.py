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
    return "\n".join(lines)


def _latency(model):
    return "" if model["latency_ms"] is None else f"  {model['latency_ms']:.1f} ms a photo"
