"""How far the gradient of a batch is from the gradient of all data."""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf


def gradient_errors(
    gradient: Callable[[tf.Tensor], tf.Tensor],
    n_examples: int,
    batch_sizes: tuple[int, ...],
    n_batches: int,
    seed: int,
) -> dict[int, float]:
    """Squared error of the gradient of a random batch, relative to the gradient's own square.

    Batches are drawn with replacement, so the expected error is that of one example divided by
    the size of the batch.

    Args:
        gradient: `gradient(rows)` is the flat gradient (P,) of the mean loss over the examples
            `rows` (B,), as a tensor.
        n_examples: N, of the data.
        batch_sizes: to measure.
        n_batches: to average over.
        seed: of the draws.

    Returns:
        E |g_B - G|^2 / |G|^2 by batch size, G the gradient over all N examples. Multiplied by the
        batch size it is the simple noise scale of McCandlish et al. 2018,
        https://arxiv.org/abs/1812.06162 (equation 2.9).
    """
    rng = np.random.default_rng(seed)
    whole = keras.ops.convert_to_numpy(gradient(tf.range(n_examples)))
    errors = {}
    for size in batch_sizes:
        drawn = [gradient(tf.constant(rng.integers(0, n_examples, size))) for _ in range(n_batches)]
        squares = [float(np.sum((keras.ops.convert_to_numpy(g) - whole) ** 2)) for g in drawn]
        errors[size] = float(np.mean(squares) / np.sum(whole**2))
    return errors
