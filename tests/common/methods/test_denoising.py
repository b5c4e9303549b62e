import noisereduce
import numpy as np
import pytest
from scipy.special import exp1

from gen_ai_examples.common.methods.denoising import (
    classical,
    decision_directed,
    log_mmse_gain,
    noise_power,
    spectral_gate,
    tuned,
    wiener_gain,
)
from gen_ai_examples.common.metrics.audio import si_sdr
from gen_ai_examples.common.sources.audio import bundled_speech, excerpts, mixture

RATE = 8000
METHODS = {
    "Wiener": decision_directed,
    "log-MMSE": lambda x: decision_directed(x, log_mmse_gain),
    "stationary gate": lambda x: spectral_gate(x, RATE, stationary=True, reduction=0.8),
    "gate": lambda x: spectral_gate(x, RATE, threshold=1.0, reduction=0.8),
}


@pytest.fixture(scope="module")
def clean():
    return excerpts(bundled_speech()["nsh_ru"], 32000)[2]


def noise(n, seed=0):
    return np.random.default_rng(seed).normal(size=n)


def complex_noise(*shape, seed=0):
    real, imaginary = np.random.default_rng(seed).normal(size=(2, *shape)) / np.sqrt(2)
    return real + 1j * imaginary


def test_gains_are_means_over_what_the_speech_may_have_been():
    """Of Gaussian speech in Gaussian noise of power 1, given one noisy value."""
    for xi, gamma in [(0.1, 0.5), (1.0, 2.0), (10.0, 3.0)]:
        noisy = np.sqrt(gamma)
        posterior = xi / (1 + xi) * noisy + np.sqrt(xi / (1 + xi)) * complex_noise(400_000)
        assert wiener_gain(xi, gamma) == pytest.approx(posterior.mean().real / noisy, rel=0.02)
        log_mean = np.exp(np.log(np.abs(posterior)).mean())
        assert log_mmse_gain(np.array(xi), np.array(gamma)) == pytest.approx(
            log_mean / noisy, rel=0.01
        )


def test_far_above_the_noise_both_gains_agree():
    xi = np.array([1e2, 1e4])
    np.testing.assert_allclose(log_mmse_gain(xi, xi), wiener_gain(xi, xi), rtol=1e-6)
    assert log_mmse_gain(np.array(1.0), np.array(2.0)) == pytest.approx(0.5 * np.exp(exp1(1.0) / 2))


def test_steady_noise_is_tracked_and_speech_bursts_are_not():
    powers = np.abs(complex_noise(129, 400)) ** 2
    assert noise_power(powers)[:, 100:].mean() == pytest.approx(0.76, rel=0.05)
    burst = powers.copy()
    burst[:, 200:210] *= 1000
    assert noise_power(burst)[:, 210:215].mean() < 3


@pytest.mark.parametrize("louder", [30, 1000])
def test_a_new_level_of_noise_is_found_in_time(louder):
    powers = np.abs(complex_noise(129, 600)) ** 2
    powers[:, 200:] *= louder
    assert noise_power(powers)[:, 500:].mean() > louder / 2


@pytest.mark.parametrize("name", METHODS)
def test_every_method_keeps_length_and_scale_and_stands_silence(name, clean):
    method = METHODS[name]
    noisy = mixture(clean, noise(len(clean)), 5)[:7001]
    result = method(noisy)
    assert result.shape == noisy.shape
    np.testing.assert_allclose(method(noisy * 0.1), result * 0.1, atol=2e-4)
    assert np.isfinite(method(np.zeros(4000))).all()


@pytest.mark.parametrize("name", METHODS)
def test_each_waveform_is_alone(name, clean):
    noisy = np.stack([mixture(clean, noise(len(clean), i), 5 * i) for i in range(3)])[:, :9000]
    each = [METHODS[name](x) for x in noisy]
    np.testing.assert_allclose(METHODS[name](noisy), each, atol=1e-6)


@pytest.mark.parametrize("name", METHODS)
def test_every_method_takes_steady_noise_away(name, clean):
    noisy = mixture(clean, noise(len(clean)), 0)
    least = 0.3 if "gate" in name else 4
    assert si_sdr(METHODS[name](noisy), clean) > least


def test_the_floor_bounds_what_is_taken_away():
    steady = noise(16000)
    for floor_db in (-6, -20):
        left = decision_directed(steady, floor_db=floor_db)[2000:-2000].std()
        assert left == pytest.approx(10 ** (floor_db / 20), rel=0.35)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (dict(stationary=True, threshold=1.5), dict(n_std_thresh_stationary=1.5)),
        (dict(stationary=True, threshold=0.5), dict(n_std_thresh_stationary=0.5)),
        (dict(threshold=2.0), dict(thresh_n_mult_nonstationary=2.0)),
        (dict(threshold=1.0), dict(thresh_n_mult_nonstationary=1.0)),
    ],
)
@pytest.mark.parametrize("reduction", [1.0, 0.6])
def test_spectral_gating_is_that_of_noisereduce(clean, ours, theirs, reduction):
    noisy = mixture(clean, noise(len(clean)), 0)
    # Its frames begin in a padding, here a whole number of hops, that its moving floor sees too.
    padding = 64 * 300
    stationary = ours.get("stationary", False)
    expected = noisereduce.reduce_noise(
        noisy, RATE, stationary=stationary, n_fft=256, prop_decrease=reduction,
        padding=padding, chunk_size=len(noisy), **theirs,
    )  # fmt: skip
    around = 0 if stationary else padding
    result = spectral_gate(np.pad(noisy, around), RATE, reduction=reduction, **ours)
    result = result[around : around + len(noisy)]
    inside = slice(1000, -1000)
    np.testing.assert_allclose(result[inside], expected[inside], atol=0.01 * expected.std())


def test_every_setting_in_the_grids_is_one_of_the_method(clean):
    noisy = mixture(clean, noise(len(clean)), 0)[:6000]
    for method, grid in classical(RATE).values():
        for place in (0, -1):
            result = method(noisy, **{name: values[place] for name, values in grid.items()})
            assert result.shape == noisy.shape and np.isfinite(result).all()


def test_tuning_takes_what_is_best_by_each_measure():
    noisy = np.array([[10.0] * 3, [20.0] * 3])

    def method(noisy, gain, offset):
        return noisy * gain + offset

    chosen = tuned(
        method,
        dict(gain=(0.2, 0.4, 1.0), offset=(0.0, 1.0)),
        noisy,
        0.4 * noisy,
        {
            "distance": lambda estimate, clean: np.abs(estimate - clean).mean(1),
            "loud": lambda estimate, clean: estimate.mean(1),
        },
        lower=("distance",),
    )
    assert chosen == {
        "distance": dict(gain=0.4, offset=0.0),
        "loud": dict(gain=1.0, offset=1.0),
    }
