import numpy as np

from gen_ai_examples.common.collapse_pictures import recall_over_training, shares_of_collapse
from gen_ai_examples.common.metrics.collapse import Ending

GOOD, FELL, FAR = Ending(0.6, 20), Ending(0.0, 300), Ending(0.0, 900)
RED, BLUE, ORANGE = (214, 39, 40), (31, 119, 180), (255, 127, 14)


def of_colour(picture, colour):
    """How many pixels are of it, or between it and white, as a line that shines through is."""
    ink = 255 - picture.pixels.astype(float)
    wanted = 255 - np.array(colour)
    strength = ink @ wanted / (wanted @ wanted)
    return ((np.abs(ink - strength[..., None] * wanted).sum(-1) < 30) & (strength > 0.5)).sum()


def test_seeds_that_collapsed_are_red():
    recall = [0.5, 0.6, 0.4, 0.5]
    good = recall_over_training({"a": [(recall, GOOD)] * 2, "b": [(recall, GOOD)]}, 10)
    fell = recall_over_training({"a": [(recall, GOOD)] * 2, "b": [(recall, FELL)]}, 10)
    assert good.pixels.shape == fell.pixels.shape
    assert of_colour(fell, RED) > of_colour(good, RED)
    assert of_colour(fell, BLUE) < of_colour(good, BLUE)


def test_a_run_that_ended_before_it_was_looked_at_is_counted():
    recall_over_training({"a": [([], Ending(0.0, 900, finite=False))]}, 10)


def test_bars_grow_with_the_share_and_are_red_where_training_diverged():
    half, all_fell = (
        shares_of_collapse({"a": its, "b": [GOOD]}, untrained=500)
        for its in ([GOOD, FELL], [FELL, FELL])
    )
    far = shares_of_collapse({"a": [FAR, FAR], "b": [GOOD]}, untrained=500)
    assert of_colour(all_fell, ORANGE) > 1.5 * of_colour(half, ORANGE) > 0
    assert of_colour(far, RED) > 4 * of_colour(all_fell, RED)
