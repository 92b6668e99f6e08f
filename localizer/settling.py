"""What a recipe means on a dataset."""

from dataclasses import replace

from localizer.close_ups import fill_the_photos


def settle(config, dataset):
    """The recipe as a dataset makes it: what "auto" means, and looks no larger than the input."""
    if config.class_output == "auto":
        config = replace(config, class_output=dataset.finest_class_column())
    if config.looks == "auto":
        filled = fill_the_photos(dataset.boxes_rel_xyxy[dataset.indices("train")])
        config = replace(config, looks=1 if filled else 2)
    return replace(config, look_size=min(config.look_size, config.image_size))
