"""The colours of truth and models, the same in pictures, figures and tables."""

TRUTH = "#46e16e"
# The first model is red, as in every picture of the project; green is kept for the truth. The
# others are of Okabe and Ito's palette for all kinds of colour vision, or near it.
_MODELS = (
    "#eb1e2d",
    "#2b8cc4",
    "#e69f00",
    "#b56ad6",
    "#35c5d9",
    "#8a8a8a",
    "#a0652d",
    "#e07bb0",
)


def model_colour(number):
    """Colour of the model of that number, from 0, as #rrggbb; they come again after eight."""
    return _MODELS[number % len(_MODELS)]


def model_dash(number):
    """Line style, as Matplotlib's, that tells models of one colour apart."""
    return ("-", "--", ":", "-.")[number // len(_MODELS) % 4]


def rgb(colour):
    """#rrggbb as (red, green, blue) from 0 to 255."""
    return tuple(bytes.fromhex(colour[1:]))
