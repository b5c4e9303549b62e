"""Endless batches whose order and noise depend on nothing but (seed, batch number).

So a run that resumes by skipping the batches it has seen continues exactly, and replicas, which
each get a slice of the batch, never share their noise.
"""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from gen_ai_examples.common.errors import InputError

Seed = tf.Tensor  # (2,) integers, for the tf.random.stateless_* functions


def batches(
    arrays: dict[str, np.ndarray],
    batch_size: int,
    seed: int,
    randomness: Callable[[dict[str, tf.Tensor], Seed], dict[str, tf.Tensor]] | None = None,
) -> tf.data.Dataset:
    """Shuffle `arrays` for ever, a new order each epoch, in full batches.

    Args:
        arrays: columns by name, each with one row per example: (N, ...).
        batch_size: examples per (global) batch; a batch may span two epochs.
        seed: of the order and of the randomness.
        randomness: `randomness(batch, seed)` returns the batch with its noise, times or masks
            added, drawn with `tf.random.stateless_*(..., seed=seed)`; `split_seed` gives it more
            seeds. None adds nothing.

    Returns:
        An infinite dataset of dicts with the names of `arrays` (B, ...) and whatever
        `randomness` added.

    Raises:
        InputError: `batch_size` is below 1 or above N; the columns differ in length.
    """
    lengths = {name: len(column) for name, column in arrays.items()}
    n = min(lengths.values())
    if max(lengths.values()) != n:
        raise InputError(f"The columns of a data set must be equally long, not {lengths}.")
    if not 1 <= batch_size <= n:
        raise InputError(
            f"A batch size of {batch_size} does not fit {n} training examples: "
            f"choose one from 1 to {n}."
        )
    with tf.device("CPU:0"):  # where tf.data runs its functions
        columns = {name: tf.constant(column) for name, column in arrays.items()}

    def batch(number: tf.Tensor) -> dict[str, tf.Tensor]:
        position = number * batch_size + tf.range(batch_size, dtype=tf.int64)  # (B,)
        epoch = position // n
        # A batch spans at most two epochs, each with a permutation of its own. The raw op, since
        # tf.random.experimental.index_shuffle takes no seed per row; its keys must be random, for
        # small numbers leave the order nearly as it was.
        keys = tf.stack([_shuffle_key(seed, epoch[0]), _shuffle_key(seed, epoch[0] + 1)])  # (2, 3)
        rows = tf.raw_ops.RandomIndexShuffle(
            index=position % n,
            seed=tf.gather(keys, epoch - epoch[0]),
            max_index=tf.constant(n - 1, tf.int64),
        )
        result = {name: tf.gather(column, rows) for name, column in columns.items()}
        if randomness:
            result = randomness(result, tf.stack([tf.cast(seed, tf.int64), number]))
        return result

    # Not `counter()`, of which each worker of a data service would make all numbers.
    numbers = tf.data.Dataset.range(tf.int64.max).repeat()
    return numbers.map(batch, tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


def _shuffle_key(seed: int, epoch: tf.Tensor) -> tf.Tensor:
    return tf.random.stateless_uniform(
        (3,), tf.stack([tf.cast(seed, tf.int64), epoch]), minval=None, maxval=None, dtype=tf.int64
    )


def split_seed(seed: Seed, n: int) -> list[Seed]:
    """Derive `n` independent seeds, one for each thing that is drawn."""
    return tf.unstack(tf.random.split(seed, n))
