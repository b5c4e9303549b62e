import numpy as np
import pytest

from gen_ai_examples.common.metrics.video import flicker, measure


def clip(*shape, seed=0):
    return np.random.default_rng(seed).uniform(-0.5, 0.5, shape).astype(np.float32)


def test_an_error_that_stands_still_does_not_flicker():
    truth = clip(6, 12, 16)
    assert flicker(truth + clip(12, 16, seed=1), truth) == pytest.approx(0, abs=1e-6)


def test_an_error_that_comes_and_goes_flickers_by_its_size():
    truth = clip(6, 12, 16)
    blinking = truth + 0.1 * (-1.0) ** np.arange(6)[:, None, None]
    assert flicker(blinking, truth) == pytest.approx(0.2, rel=1e-4)


def test_a_frozen_clip_flickers_by_the_motion_it_lacks():
    truth = clip(6, 12, 16)
    frozen = np.broadcast_to(truth[:1], truth.shape)
    assert flicker(frozen, truth) == pytest.approx(np.abs(np.diff(truth, axis=0)).mean())


def test_measure_leaves_the_border_out_and_counts_in_levels():
    truth = clip(4, 20, 24)
    wrong = truth.copy()
    wrong[:, :4] = 1
    scores = measure(wrong + 0.02 * (-1.0) ** np.arange(4)[:, None, None], truth, border=4)
    assert scores["PSNR"] == pytest.approx(10 * np.log10(4 / 0.02**2), abs=0.01)
    assert scores["flicker"] == pytest.approx(0.04 * 127.5, rel=1e-3)
    assert 0.9 < scores["SSIM"] < 1
