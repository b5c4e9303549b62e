import numpy as np
import pytest
from skimage.color import deltaE_cie76

from gen_ai_examples.common.metrics.colour import measure_colour


def clip(seed, frames=5):
    return np.random.default_rng(seed).uniform(-40, 40, (frames, 6, 8, 2)).astype(np.float32)


def test_the_mean_error_is_the_colour_difference_of_1976():
    ab, truth = clip(0), clip(1)
    lab, true_lab = (np.concatenate([np.full_like(x[..., :1], 50), x], -1) for x in (ab, truth))
    expected = deltaE_cie76(lab, true_lab)[1:]
    scores = measure_colour(ab, truth)
    assert scores["mean error"] == pytest.approx(expected.mean())
    assert scores["error"] == pytest.approx(np.sqrt((expected**2).mean()))
    assert scores["error at the end"] == pytest.approx(np.sqrt((expected[-1] ** 2).mean()))


def test_the_first_frame_was_given_and_does_not_count():
    ab, truth = clip(0), clip(1)
    ab[1:] = truth[1:]
    scores = measure_colour(ab, truth)
    assert scores["error"] == scores["error at the end"] == scores["mean error"] == 0
    assert scores["flicker"] > 0


def test_colours_that_are_off_by_as_much_throughout_do_not_flicker():
    truth = clip(1)
    scores = measure_colour(truth + np.float32([3, 4]), truth)
    assert scores["error"] == pytest.approx(5, rel=1e-5)
    assert scores["flicker"] == pytest.approx(0, abs=1e-5)
