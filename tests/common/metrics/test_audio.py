import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pystoi import stoi as published_stoi

from gen_ai_examples.common.metrics.audio import log_mel_distance, si_sdr, stoi
from gen_ai_examples.common.sources.audio import bundled_speech, excerpts, mixture


@pytest.fixture(scope="module")
def clean():
    return excerpts(bundled_speech()["june_fr"], 16000)[3]


def noise(n, seed=0):
    return np.random.default_rng(seed).normal(size=n)


def orthogonal_pair(n=4000):
    """Two waves of equal power, without means, orthogonal to each other."""
    t = 2 * np.pi * np.arange(n) / n
    return np.sin(5 * t), np.cos(9 * t)


@given(snr=st.floats(-30, 60))
def test_of_orthogonal_noise_si_sdr_is_the_signal_to_noise_ratio(snr):
    clean, other = orthogonal_pair()
    assert si_sdr(clean + other * 10 ** (-snr / 20), clean) == pytest.approx(snr, abs=1e-3)


@given(scale=st.floats(1e-2, 100), offset=st.floats(-3, 3))
def test_si_sdr_ignores_scale_sign_and_offset(scale, offset):
    clean, estimate = noise(500), noise(500) + noise(500, 1)
    expected = si_sdr(estimate, clean)
    for other in (scale * estimate + offset, -scale * estimate):
        assert si_sdr(other, clean) == pytest.approx(expected, abs=1e-4)
    assert si_sdr(estimate, scale * clean + offset) == pytest.approx(expected, abs=1e-4)


def test_si_sdr_at_its_ends_is_finite():
    clean = noise(500)
    assert si_sdr(clean, clean) == pytest.approx(100, abs=0.1)
    assert si_sdr(np.zeros(500), clean) <= 0
    assert np.isfinite(si_sdr(clean, np.zeros(500)))


def test_si_sdr_is_taken_of_each_wave():
    clean, estimate = noise((3, 400)), noise((3, 400), 1)
    each = [si_sdr(e, c) for e, c in zip(estimate, clean, strict=True)]
    np.testing.assert_allclose(si_sdr(estimate, clean), each)


def test_stoi_is_the_published_one_with_the_clean_recording_first(clean):
    noisy = mixture(clean, noise(len(clean)), 0)
    ours = stoi(np.stack([noisy, clean]), np.stack([clean, clean]), 8000)
    assert ours[0] == published_stoi(clean, noisy, 8000)
    assert ours[0] != published_stoi(noisy, clean, 8000)
    assert ours[1] == pytest.approx(1, abs=1e-6)


def test_more_noise_is_worse_by_every_measure(clean):
    mixtures = np.stack([mixture(clean, noise(len(clean)), snr) for snr in (20, 10, 0, -10)])
    pair = mixtures, np.stack([clean] * 4)
    for values in (-si_sdr(*pair), -stoi(*pair, 8000), log_mel_distance(*pair, 8000)):
        assert values.shape == (4,) and np.all(np.diff(values) > 0)


def test_log_mel_distance_is_the_change_of_level_in_decibels(clean):
    loud = noise(8000)
    pair = np.stack([2 * loud, loud]), np.stack([loud, loud])
    np.testing.assert_allclose(log_mel_distance(*pair, 8000), [20 * np.log10(2), 0], atol=1e-3)
