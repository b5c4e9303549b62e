"""How well synthetic speech says its words, and how near it is to a recording of them."""

from collections.abc import Sequence

import librosa
import numpy as np
import scipy.fft


def edit_distance(a: Sequence, b: Sequence) -> int:
    """Fewest insertions, deletions and substitutions that turn `a` into `b`.

    Source: Wagner & Fischer 1974, https://doi.org/10.1145/321796.321811.
    """
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, start=1):
        diagonal, row[0] = row[0], i
        for j, y in enumerate(b, start=1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (x != y))
    return row[-1]


def word_error_rate(heard: Sequence[Sequence[str]], said: Sequence[Sequence[str]]) -> float:
    """Wrong, missing and added words, in per cent of all words said; may exceed 100."""
    errors = sum(edit_distance(s, h) for s, h in zip(said, heard, strict=True))
    return 100 * errors / sum(map(len, said))


def mel_cepstral_distortion(ours: np.ndarray, truth: np.ndarray, rate: int) -> float:
    """Distance of the smooth spectra, in dB, where time is warped so that they fit best.

    Loudness does not count (the zeroth coefficient is left out), nor does silence in `truth`, 40 dB
    below its loudest frame.

    Args:
        ours, truth: waveforms (T,), of different lengths.
        rate: samples per second.

    Source: Kubichek 1993, https://doi.org/10.1109/PACRIM.1993.407206; warped along a path of
    dynamic time warping, as is usual for synthesis.
    """
    a, b = (_cepstra(x, rate) for x in (ours, truth))
    _, path = librosa.sequence.dtw(a[1:], b[1:])
    path = path[b[0, path[:, 1]] > b[0].max() - _SPOKEN]
    squares = ((a[1:, path[:, 0]] - b[1:, path[:, 1]]) ** 2).sum(0)
    return float(np.sqrt(2 * squares).mean())


_SPOKEN = 40.0  # dB, of the mean level of the bands


def _cepstra(wave, rate):
    """(14, frames): the mean level, and 13 mel-cepstral coefficients, in dB."""
    wave = np.asarray(wave, np.float32)
    power = librosa.feature.melspectrogram(
        y=wave / max(np.abs(wave).max(), 1e-6), sr=rate, n_fft=256, hop_length=80, n_mels=26
    )
    level = 10 * np.log10(np.maximum(power, power.max() * 1e-6))
    return scipy.fft.dct(level, axis=0)[:14] / (2 * len(level))
