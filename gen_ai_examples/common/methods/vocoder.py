"""A source-filter vocoder: speech as a spectral envelope, a pitch and a degree of voicing.

After Dudley's vocoder of 1939 and WORLD (Morise et al. 2016, https://doi.org/10.1587/transinf.
2015EDP7457), much simplified. Unlike a spectrogram with an invented phase (Griffin-Lim), it keeps
the harmonics of a voice sharp even where the envelope is an average.
"""

import librosa
import numpy as np

WINDOW = 128  # samples, of the envelope: too short to resolve harmonics
BINS = WINDOW // 2 + 1
LOWEST, HIGHEST = 110, 400  # Hz, of the pitch
FLOOR = -50.0  # dB, of the envelope


def analyse(wave: np.ndarray, rate: int) -> dict[str, np.ndarray]:
    """Take (T,) apart, in frames of 10 ms, F = T // (rate / 100).

    Returns:
        "envelope", (F, 65) dB; "pitch", (F,) log2 Hz, interpolated where there is none; "voicing",
        (F,) in [0, 1], the correlation of one period with the next.
    """
    hop = rate // 100
    n = len(wave) // hop
    fine = np.abs(librosa.stft(wave, n_fft=WINDOW, hop_length=hop // 4)) ** 2
    # Frame i is the mean over its 10 ms, which evens out the pulses of the voice.
    fine = fine[:, : 4 * n].reshape(BINS, n, 4).mean(2).T
    envelope = 10 * np.log10(np.maximum(fine, 10 ** (FLOOR / 10)))
    pitch, voicing = _pitch(wave, rate, hop, n)
    return {
        "envelope": envelope.astype("float32"),
        "pitch": pitch.astype("float32"),
        "voicing": voicing.astype("float32"),
    }


def _pitch(wave, rate, hop, n):
    length = rate // 25  # 40 ms
    padded = np.pad(wave, (length // 2 - hop // 2, length))
    frames = np.lib.stride_tricks.sliding_window_view(padded, length)[::hop][:n]
    frames = (frames - frames.mean(1, keepdims=True)) * np.hanning(length)
    power = np.abs(np.fft.rfft(frames, 2 * length)) ** 2
    window = np.abs(np.fft.rfft(np.hanning(length), 2 * length)) ** 2
    # Divided by the window's own, as Boersma 1993.
    correlation = np.fft.irfft(power)[:, :length]
    correlation /= correlation[:, :1] + 1e-6
    correlation /= (np.fft.irfft(window) / np.fft.irfft(window)[0])[:length]
    lags = np.arange(rate // HIGHEST, rate // LOWEST + 1)
    strength = correlation[:, lags] - 0.02 * np.log2(lags / lags[0])  # rather the higher octave
    best = strength.argmax(1)
    voicing = np.clip(correlation[np.arange(n), lags[best]], 0, 1)
    before, here, after = (
        correlation[np.arange(n), lags[best] + shift] for shift in (-1, 0, 1)
    )  # a parabola through three points finds the peak between samples
    bend = np.minimum(before - 2 * here + after, -1e-6)
    lag = lags[best] + np.clip(0.5 * (before - after) / bend, -0.5, 0.5)
    pitch = np.log2(rate / lag)
    voiced = voicing > 0.6
    if voiced.any():
        pitch = np.interp(np.arange(n), np.flatnonzero(voiced), pitch[voiced])
    smooth = np.median(np.lib.stride_tricks.sliding_window_view(np.pad(pitch, 2, "edge"), 5), 1)
    return smooth, voicing


def synthesise(
    envelope: np.ndarray, pitch: np.ndarray, voicing: np.ndarray, rate: int, seed: int = 0
) -> np.ndarray:
    """Put speech together from what `analyse` gives: (F, 65), (F,), (F,) to (80 F,) at 8 kHz.

    Harmonics of the pitch where it is voiced, noise where it is not and, more and more, above
    2 kHz; the sum is filtered by the envelope.
    """
    hop, n = rate // 100, len(pitch)
    times = (np.arange(n * hop) - hop / 2 + 0.5) / hop
    frequency = 2 ** np.interp(times, np.arange(n), pitch)
    phase = 2 * np.pi * np.cumsum(frequency) / rate
    harmonics = np.zeros(n * hop)
    for k in range(1, rate // (2 * LOWEST) + 1):
        harmonics += np.where(k * frequency < 0.48 * rate, np.cos(k * phase + 0.3 * k * k), 0)
    # The power of one sinusoid per `frequency` Hz, against that of white noise.
    harmonics *= np.sqrt(4 * frequency / rate)
    noise = np.random.default_rng(seed).normal(size=n * hop)
    window, step = 2 * WINDOW, hop // 2
    tonal, hiss = (
        librosa.stft(x.astype("float32"), n_fft=window, hop_length=step) for x in (harmonics, noise)
    )
    frames = (np.arange(tonal.shape[1]) * step - hop / 2) / hop

    def at_frames(values):
        return np.array([np.interp(frames, np.arange(n), column) for column in values.T])

    level = at_frames(envelope)  # (65, frames), to 129 bins
    bins = np.linspace(0, BINS - 1, window // 2 + 1)
    level = np.array([np.interp(bins, np.arange(BINS), column) for column in level.T]).T
    gain = 10 ** (level / 20) / np.sqrt(np.sum(np.hanning(WINDOW) ** 2))
    voiced = np.clip((np.interp(frames, np.arange(n), voicing) - 0.35) / 0.45, 0, 1)
    high = np.linspace(0, 1, window // 2 + 1)[:, None]
    share = voiced * np.clip(1.15 - 0.9 * high**1.5, 0, 1)  # of the power that is tonal
    spectrum = gain * (np.sqrt(share) * tonal + np.sqrt(1 - share) * hiss)
    return librosa.istft(spectrum, hop_length=step, n_fft=window, length=n * hop).astype("float32")
