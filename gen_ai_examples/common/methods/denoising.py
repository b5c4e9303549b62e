"""Removing noise from speech without a network: Wiener filters and spectral gating.

Each takes noisy waveforms (..., T) and returns as many; nothing but each waveform itself tells them
what its noise is. All are scale-equivariant.
"""

import functools
import itertools
from collections.abc import Callable, Iterable

import librosa
import numpy as np
from scipy.signal import fftconvolve, filtfilt, get_window
from scipy.special import exp1

WINDOW = 256  # samples: 32 ms at 8 kHz, as in the papers
# For frames half a window apart: before and after the filter, its square sums to one.
ROOT_HANN = np.sqrt(get_window("hann", WINDOW))


def noise_power(powers: np.ndarray) -> np.ndarray:
    """Track the power of the noise under speech, by the probability that speech is present.

    Args:
        powers: of the noisy spectrum (..., bins, frames), frames 16 ms apart.

    Returns:
        (..., bins, frames), each frame from itself and those before, the first one from the
        quietest tenth.

    Of noise alone it finds about three quarters, since its peaks pass for speech.

    Source: Gerkmann & Hendriks 2012, https://doi.org/10.1109/TASL.2011.2180896, with its constants.
    """
    xi = 10**1.5  # signal-to-noise ratio where there is speech
    loudness = powers.sum(-2)
    quiet = loudness <= np.quantile(loudness, 0.1, axis=-1, keepdims=True)  # (..., frames)
    noise = (powers * quiet[..., None, :]).sum(-1) / quiet.sum(-1)[..., None] + 1e-12
    presence = np.full_like(noise, 0.5)
    tracked = np.empty_like(powers)
    for t in range(powers.shape[-1]):
        power = powers[..., t]
        p = 1 / (1 + (1 + xi) * np.exp(-np.minimum(power / noise, 500) * xi / (1 + xi)))
        presence = 0.9 * presence + 0.1 * p
        p = np.where(presence > 0.99, np.minimum(p, 0.99), p)  # or it never rises to a new level
        noise = 0.8 * noise + 0.2 * (p * noise + (1 - p) * power)
        tracked[..., t] = noise
    return tracked


def wiener_gain(xi: np.ndarray, gamma: np.ndarray) -> np.ndarray:
    """Least squared error of the spectrum, at the SNRs `xi` (a priori), `gamma` (a posteriori)."""
    return xi / (1 + xi)


def log_mmse_gain(xi: np.ndarray, gamma: np.ndarray) -> np.ndarray:
    """Least squared error of the log magnitude.

    Source: Ephraim & Malah 1985, https://doi.org/10.1109/TASSP.1985.1164550, equation 20.
    """
    v = np.maximum(xi / (1 + xi) * gamma, 1e-8)
    return xi / (1 + xi) * np.exp(exp1(v) / 2)


def decision_directed(
    noisy: np.ndarray,
    gain: Callable = wiener_gain,
    alpha: float = 0.98,
    floor_db: float = -15,
    excess: float = 1.0,
) -> np.ndarray:
    """Filter each frame by the a-priori SNR that the frame before suggests.

    Args:
        noisy: (..., T).
        gain: `wiener_gain` or `log_mmse_gain`.
        alpha: weight of the frame before.
        floor_db: the least gain; where it is high, more of the noise is left, and less of it rings.
        excess: by which the tracked power of the noise is multiplied; it comes out a quarter low.

    Returns:
        (..., T).

    Source: Ephraim & Malah 1984, https://doi.org/10.1109/TASSP.1984.1164453, equation 51.
    """
    spectrum = librosa.stft(noisy, n_fft=WINDOW, hop_length=WINDOW // 2, window=ROOT_HANN)
    powers = np.abs(spectrum) ** 2
    noises = excess * noise_power(powers)
    gains = np.empty_like(powers)
    floor = 10 ** (floor_db / 20)
    before = 0.0  # squared magnitude of the speech estimate, over the noise
    for t in range(powers.shape[-1]):
        gamma = powers[..., t] / noises[..., t]
        xi = alpha * before + (1 - alpha) * np.maximum(gamma - 1, 0)
        gains[..., t] = np.clip(gain(np.maximum(xi, 10**-2.5), gamma), floor, 1)
        before = gains[..., t] ** 2 * gamma
    return _waveform(spectrum * gains, noisy.shape[-1], WINDOW // 2, ROOT_HANN)


def spectral_gate(
    noisy: np.ndarray,
    rate: int,
    stationary: bool = False,
    threshold: float = 1.5,
    reduction: float = 1.0,
) -> np.ndarray:
    """Turn down what does not stand out from the noise floor, in smooth patches of the spectrogram.

    As the package noisereduce 3 does, with its smoothing.

    Args:
        noisy: (..., T), each its own noise profile.
        rate: samples per second.
        stationary: one floor per frequency, or one that follows over two seconds.
        threshold: how far a bin has to stand out: in standard deviations of its decibels when
            stationary, else in multiples of the floor.
        reduction: share of the rest that is taken away.

    Returns:
        (..., T).

    Source: Sainburg et al. 2020, https://doi.org/10.1371/journal.pcbi.1008228.
    """
    hop = WINDOW // 4
    spectrum = librosa.stft(noisy, n_fft=WINDOW, hop_length=hop)
    magnitude = np.abs(spectrum)
    if stationary:
        decibels = 20 * np.log10(magnitude + 1e-12)
        decibels = np.maximum(decibels, decibels.max(-1, keepdims=True) - 80)
        level, spread = (f(decibels, axis=-1, keepdims=True) for f in (np.mean, np.std))
        mask = np.where(decibels > level + threshold * spread, 1.0, 1 - reduction)
        mask = _smooth(mask, rate, hop)
    else:
        frames = 2 * rate / hop
        b = (np.sqrt(1 + 4 * frames**2) - 1) / (2 * frames**2)
        floor = filtfilt([b], [1, b - 1], magnitude, axis=-1, padtype=None) + 1e-12
        excess = (magnitude - floor) / floor
        mask = 1 / (1 + np.exp(np.clip(10 * (threshold - excess), -50, 50)))
        mask = reduction * _smooth(mask, rate, hop) + 1 - reduction
    return _waveform(spectrum * mask, noisy.shape[-1], hop)


def _smooth(mask, rate, hop):
    """Over a pyramid of 500 Hz and 100 ms."""
    over = int(500 / (rate / WINDOW * 2)), int(50 / (hop / rate * 1000))
    sides = (np.interp(np.arange(-n, n + 1), [-n - 1, 0, n + 1], [0, 1, 0]) for n in over)
    patch = np.outer(*sides).reshape((1,) * (mask.ndim - 2) + (2 * over[0] + 1, 2 * over[1] + 1))
    return fftconvolve(mask, patch / patch.sum(), mode="same", axes=(-2, -1))


def _waveform(spectrum, length, hop, window="hann"):
    return librosa.istft(spectrum, hop_length=hop, n_fft=WINDOW, length=length, window=window)


def classical(rate: int) -> dict[str, tuple[Callable, dict[str, Iterable]]]:
    """By name: a method for waveforms of `rate`, and the grid from which `tuned` chooses."""
    wiener = dict(alpha=(0.9, 0.95, 0.98), floor_db=(-6, -12, -20), excess=(1.0, 1.4))
    gate = dict(stationary=(True, False), threshold=(0.5, 1.0, 2.0), reduction=(0.5, 0.8, 1.0))
    return {
        "Wiener filter": (functools.partial(decision_directed, gain=wiener_gain), wiener),
        "log-MMSE": (functools.partial(decision_directed, gain=log_mmse_gain), wiener),
        "spectral gating": (functools.partial(spectral_gate, rate=rate), gate),
    }


def tuned(
    method: Callable,
    grid: dict[str, Iterable],
    noisy: np.ndarray,
    clean: np.ndarray,
    measures: dict[str, Callable],
    lower: Iterable[str] = (),
) -> dict[str, dict]:
    """For each measure, the settings of `method` with the best mean over known pairs.

    Args:
        method: takes noisy waveforms, and the names in `grid` as keywords.
        grid: values to choose from, by keyword.
        noisy, clean: the waveforms to tune on, (N, T).
        measures: by name, of (estimate, clean), (N, T) each, to (N,).
        lower: the names of those that are better when lower; the others when higher.
    """
    settings = [
        dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())
    ]
    scores = {name: [] for name in measures}
    for chosen in settings:
        estimate = method(noisy, **chosen)
        for name, measure in measures.items():
            mean = np.mean(measure(estimate, clean))
            scores[name].append(-mean if name in lower else mean)
    return {name: settings[int(np.argmax(its))] for name, its in scores.items()}
