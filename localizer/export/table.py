"""What export_model.py prints."""

import sys


def print_heading(images, calibrates):
    """Say what the exports are checked on, and head the table.

    Args:
        images: ExportImages.
        calibrates: whether an 8-bit file is to be written.
    """
    if images.foreign and calibrates:
        print(
            f"warning: the 8-bit file is calibrated on other images ({images.origin}) than the "
            "model was trained on; --data names its dataset",
            file=sys.stderr,
        )
    print(f"Against the Keras model on {len(images.check)} images ({images.origin}):")
    print(f"{'format':12} {'MB':>6} {'IoU mean':>9} {'min':>7} {'largest':>8}  drop of mean IoU")
    print(f"{'':12} {'':>6} {'of the two boxes':>17} {'differ.':>8}  with the truth (95 %)")


def print_export(export):
    """Print the row of one Export, where it is, and its warning."""
    check = export.check
    low, high = check.drop_ci95
    print(
        f"{export.file_format:12} {check.file_bytes / 1e6:6.2f} {check.mean_iou:9.4f} "
        f"{check.min_iou:7.4f} {check.difference:8.1e}  {check.drop:+.4f} "
        f"({low:+.4f} to {high:+.4f})  {export.path}, {export.arithmetic}",
        flush=True,
    )
    if export.warning:
        print(f"warning: {export.path}: {export.warning}", file=sys.stderr)
