"""Smaller networks after training: weights rounded to few bits, or the smallest of them cut off.

Rounding with one scale per output: Krishnamoorthi 2018, https://arxiv.org/abs/1806.08342. Cutting
off by size and training on: Han et al. 2015, https://arxiv.org/abs/1506.02626. Only matrices are
touched; biases and scales are few, and much depends on each.

Departure: the paper cuts off below one threshold per layer times its spread; here it is an equal
share of every matrix, so that the size is known beforehand.
"""

import pathlib
import tempfile
import warnings

import keras
import numpy as np
from keras import ops


def quantise(matrix: np.ndarray, bits: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Round `matrix` (I, O) to whole multiples of one scale per column.

    Args:
        matrix: weights.
        bits: of a code, 2 to 8.

    Returns:
        codes (I, O) int8, between -(2^(bits-1) - 1) and its opposite, and scales (O,) float32:
        `codes * scales` is nowhere further from `matrix` than half a scale.
    """
    scales = _scales(np.abs(matrix).max(0), bits).astype("float32")
    return np.rint(matrix / scales).astype("int8"), scales


def rounded(weights: list[np.ndarray], bits: int) -> list[np.ndarray]:
    """`weights`, as `get_weights` gives them, with every matrix as it is after `quantise`."""
    return [np.multiply(*quantise(w, bits)) if w.ndim == 2 else w for w in weights]


def stored(weights: list[np.ndarray], bits: int | None = None) -> bytes:
    """What a file must hold of `weights`, as they are or of `rounded(weights, bits)`.

    Codes take a byte each; compress it.
    """
    if bits:
        weights = [p for w in weights for p in (quantise(w, bits) if w.ndim == 2 else [w])]
    return b"".join(w.tobytes() for w in weights)


def pruned(weights: list[np.ndarray], share: float) -> list[np.ndarray]:
    """`weights`, as `get_weights` gives them, with the smallest of every matrix set to zero.

    Args:
        weights: of a network; left as they are.
        share: of each matrix to set to zero, rounded down to whole weights.
    """
    return [_without_smallest(w, share) if w.ndim == 2 else w for w in weights]


def _without_smallest(matrix, share):
    order = np.argsort(np.abs(matrix), axis=None, kind="stable")
    kept = matrix.copy()
    kept.flat[order[: int(share * matrix.size)]] = 0
    return kept


class KeepZeros(keras.optimizers.AdamW):
    """AdamW under which a weight of a matrix that is exactly zero remains so.

    For networks that were pruned: an unpruned weight is as good as never exactly zero. Matrices
    that begin as zeros would never be trained.
    """

    def update_step(self, gradient, variable, learning_rate):
        if len(variable.shape) == 2:
            gradient = gradient * ops.cast(ops.not_equal(variable, 0), gradient.dtype)
        super().update_step(gradient, variable, learning_rate)


class RoundedNetwork(keras.Model):
    """A network that computes with rounded matrices while its own, unrounded, are trained.

    The rounding counts as no change for gradients (Bengio et al. 2013,
    https://arxiv.org/abs/1308.3432), so training learns to live with it: quantisation-aware
    training.

    Args:
        network: what to train; it keeps the weights.
        bits: as in `quantise`.
    """

    def __init__(self, network: keras.Model, bits: int = 8):
        super().__init__(name="rounded")
        self.network = network
        self.bits = bits
        self.built = True

    def call(self, inputs, training=False):
        weights = [self._round(v) if len(v.shape) == 2 else v for v in self.trainable_variables]
        others = self.non_trainable_variables
        return self.network.stateless_call(weights, others, inputs, training=training)[0]

    def _round(self, matrix):
        scales = _scales(ops.max(ops.abs(matrix), axis=0), self.bits)
        return matrix + ops.stop_gradient(ops.round(matrix / scales) * scales - matrix)


def quantise_in_keras(network: keras.Model) -> keras.Model:
    """Let Keras round the matrices of `network` to 8 bits, for good; returns it."""
    with warnings.catch_warnings(category=UserWarning, action="ignore"):  # of layers without any
        network.quantize("int8")
    return network


def saved_bytes(network: keras.Model) -> int:
    """Size of the `.keras` file of `network`."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "network.keras"
        network.save(path)
        return path.stat().st_size


def _scales(largest, bits):
    """One step of columns whose largest weights are `largest` (O,)."""
    # A column of zeros is all codes of 0 with any scale but 0.
    return (largest + 1e-12) / (2 ** (bits - 1) - 1)
