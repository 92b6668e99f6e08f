"""Loss and IoU against the epoch, as a picture."""

from matplotlib.figure import Figure

from localizer.files.atomic_files import replacing


def write_curves(history, path):
    """Draw the curves of a run.

    Args:
        history: list of dicts with `epoch`, `loss`, `iou`, and, where something was validated on,
            `val_loss` and `val_iou`.
        path: the PNG to write.
    """
    epochs = [row["epoch"] for row in history]
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    for axes, name, label in zip(figure.subplots(1, 2), ("loss", "iou"), ("Loss", "Mean IoU")):
        axes.plot(epochs, [row[name] for row in history], label="training (augmented)")
        if f"val_{name}" in history[0]:
            axes.plot(epochs, [row[f"val_{name}"] for row in history], label="validation")
        axes.set(xlabel="Epoch", ylabel=label)
        axes.grid(alpha=0.3)
        axes.legend()
    with replacing(path) as partial:
        figure.savefig(partial, dpi=110)
