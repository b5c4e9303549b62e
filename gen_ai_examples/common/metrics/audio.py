"""How close an enhanced recording comes to the clean one."""

import numpy as np
import pystoi
import tensorflow as tf

from gen_ai_examples.common.audio import log_mel


def si_sdr(estimate: np.ndarray, clean: np.ndarray) -> np.ndarray:
    """Scale-invariant signal-to-distortion ratio, in dB; higher is better.

    The power of the part of `estimate` that is a multiple of `clean`, over that of the rest, both
    without their means. At most about 100 dB, for a perfect estimate.

    Args:
        estimate, clean: (..., T).

    Returns:
        (...).

    Source: Le Roux et al. 2019, https://arxiv.org/abs/1811.02508.
    """
    estimate, clean = (
        x - x.mean(-1, keepdims=True)
        for x in (np.asarray(estimate, float), np.asarray(clean, float))
    )
    power = (clean**2).sum(-1, keepdims=True)
    target = (estimate * clean).sum(-1, keepdims=True) / np.maximum(power, 1e-12) * clean
    kept, lost = (target**2).sum(-1), ((estimate - target) ** 2).sum(-1)
    return 10 * np.log10((kept + 1e-12) / (lost + 1e-10 * kept + 1e-12))


def stoi(estimate: np.ndarray, clean: np.ndarray, rate: int) -> np.ndarray:
    """Short-time objective intelligibility, about 0 to 1: how well the words can be understood.

    The correlation of the envelopes of third-octave bands over 0.4 s, where there is speech.

    Args:
        estimate, clean: (N, T).
        rate: samples per second.

    Returns:
        (N,).

    Source: Taal et al. 2011, https://doi.org/10.1109/TASL.2011.2114881, as the package pystoi.
    """
    return np.array([pystoi.stoi(c, e, rate) for e, c in zip(estimate, clean, strict=True)])


def log_mel_distance(estimate: np.ndarray, clean: np.ndarray, rate: int) -> np.ndarray:
    """Root mean squared difference of the log-mel spectrograms, in dB; lower is better.

    What lies 50 dB below the loudest of the clean one counts as silence. (N, T) each, to (N,).
    """
    ours, truth = (log_mel(tf.constant(x, tf.float32), rate).numpy() for x in (estimate, clean))
    floor = truth.max((1, 2), keepdims=True) - 50
    squares = (np.maximum(ours, floor) - np.maximum(truth, floor)) ** 2
    return np.sqrt(squares.mean((1, 2)))
