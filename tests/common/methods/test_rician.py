import functools

import numpy as np
import pytest
from scipy.stats import rice

from gen_ai_examples.common.methods import rician as module
from gen_ai_examples.common.methods.rician import (
    best_setting,
    classical,
    corrected,
    estimated_sigma,
    rician,
    rician_mean,
    rician_variance,
    sliding_dct,
    stabilised,
)

LEVELS = np.array([0.0, 0.3, 1.0, 2.0, 5.0, 20.0])


def test_mean_and_variance_are_those_of_the_rice_distribution():
    np.testing.assert_allclose(rician_mean(LEVELS), rice.mean(LEVELS), rtol=1e-6)
    np.testing.assert_allclose(rician_variance(LEVELS), rice.var(LEVELS), rtol=1e-5)
    assert rician_mean(0.0) == pytest.approx(np.sqrt(np.pi / 2))


def test_noise_in_air_is_not_zero_on_average():
    noisy = rician(np.zeros((200, 200)), 0.1, np.random.default_rng(0))
    assert noisy.dtype == np.float32 and noisy.min() >= 0
    assert noisy.mean() == pytest.approx(0.1253, rel=0.02)


def test_after_stabilising_the_noise_is_near_1_everywhere():
    rng = np.random.default_rng(0)
    for level in LEVELS:
        noisy = rician(np.full(50_000, level), 1.0, rng)
        assert 0.85 < stabilised(noisy).std() < 1.15
    assert rician(np.zeros(50_000), 1.0, rng).std() < 0.7  # without it


@pytest.mark.parametrize("stabilise", [False, True])
@pytest.mark.parametrize("level", LEVELS[1:])
def test_an_averaging_filter_is_unbiased_after_correction(level, stabilise):
    noisy = rician(np.full((300, 300), 0.1 * level), 0.1, np.random.default_rng(0))
    result = corrected(lambda x: np.full_like(x, x.mean()), noisy, 0.1, stabilise)
    # At 0.3 sigma the mean hardly depends on the level, so that its inverse is uncertain.
    assert result.mean() == pytest.approx(0.1 * level, rel=0.1 if level < 1 else 0.01)


def test_correction_gives_air_back_as_zero():
    noisy = rician(np.zeros((300, 300)), 0.1, np.random.default_rng(0))
    result = corrected(lambda x: np.full_like(x, x.mean() - 0.01), noisy, 0.1, stabilise=True)
    assert result.max() == 0


def test_sliding_dct_without_shrinking_changes_nothing():
    image = np.random.default_rng(0).normal(size=(20, 31))
    np.testing.assert_allclose(sliding_dct(image, 0, wiener=False), image, atol=1e-5)
    np.testing.assert_allclose(sliding_dct(np.full((20, 31), 7.0), 3), 7, atol=1e-5)


def test_sliding_dct_removes_noise_and_keeps_edges():
    clean = np.zeros((48, 48))
    clean[:, 24:] = 20
    noisy = clean + np.random.default_rng(0).normal(size=clean.shape)
    errors = [np.square(sliding_dct(noisy, 2.6, wiener=w) - clean).mean() for w in (False, True)]
    assert errors[1] < errors[0] < 0.25


def test_the_second_pass_is_near_the_first_where_the_signal_is_strong():
    clean = 100 * np.random.default_rng(1).normal(size=(24, 24))
    # Wiener gains of such signals are 1 to a few in ten thousand.
    np.testing.assert_allclose(sliding_dct(clean, 0), clean, atol=0.1)
    weak = np.random.default_rng(1).normal(size=(64, 64))
    # Of unit signals they are a half on average or less: power / (power + 1).
    assert 0.3 < sliding_dct(weak, 0).std() < 0.75


def test_best_setting_chooses_what_comes_closest():
    clean = np.ones((1, 32, 32))
    noisy = rician(clean, 0.1, np.random.default_rng(0))

    def smooth(x, share):
        return share * x.mean() + (1 - share) * x

    filters = [functools.partial(smooth, share=share) for share in (0.0, 1.0, 0.5)]
    chosen = best_setting(filters, clean, noisy, 0.1)
    assert np.ptp(chosen(noisy[0])) < 1e-5
    with pytest.raises(ValueError):
        best_setting([], clean, noisy, 0.1)


def test_best_setting_looks_at_nothing_but_the_pixels_that_count():
    clean = np.ones((1, 32, 32))
    noisy = rician(clean, 0.1, np.random.default_rng(0))
    right = np.arange(32) >= 16

    def perfect_on_the_left(x):
        return np.where(right, x + 100, x[:, ~right].mean())

    filters = [lambda x: x, perfect_on_the_left]
    for where, flat in ((~right, True), (right, False)):
        counts = np.broadcast_to(where, clean.shape)
        chosen = best_setting(filters, clean, noisy, 0.1, counts)(noisy[0])
        assert (np.ptp(chosen[:, ~right]) < 1e-5) == flat
    assert np.ptp(best_setting(filters, clean, noisy, 0.1)(noisy[0])[:, ~right]) > 0.1


def test_every_classical_filter_beats_doing_nothing():
    clean = np.ones((1, 40, 40))
    clean[:, 10:30, 10:30] = 0.5
    noisy = rician(clean, 0.1, np.random.default_rng(0))
    before = np.square(noisy - clean).mean()
    for name, filters in classical().items():
        assert len(filters) >= 4, name
        chosen = best_setting(filters[:2], clean, noisy, 0.1)
        assert np.square(chosen(noisy[0]) - clean[0]).mean() < before, name


def test_estimated_sigma_finds_the_noise_of_a_bright_even_image():
    clean = np.zeros((128, 128))
    clean[20:100, 20:100] = 1
    noisy = rician(clean, 0.1, np.random.default_rng(0))
    assert estimated_sigma(noisy) == pytest.approx(0.1, rel=0.06)


def test_tables_rise_and_reach_far():
    clean, mean, magnitude, stable = module._tables()
    for values in (clean, mean, magnitude, stable, module._stabilised_mean()):
        assert np.isfinite(values).all() and (np.diff(values) >= 0).all()
    assert clean[-1] >= 1000
