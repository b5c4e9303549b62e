"""Random mirroring and shifts by whole pixels, the same for all pictures of one example.

Nothing is resampled: what a network is to draw stays as crisp as it was.
"""

import tensorflow as tf

from gen_ai_examples.common.batches import Seed, split_seed


def mirror_and_shift(
    pictures: dict[str, tf.Tensor], seed: Seed, reach: int, background: float = 1.0
) -> dict[str, tf.Tensor]:
    """Move the pictures of each row together, so that pairs stay in register as they were.

    Args:
        pictures: by name, (B, H, W, C) float32, all of one height and width.
        seed: two integers; the moves depend on nothing else.
        reach: pixels that a row moves at most, up or down and left or right.
        background: what comes in from outside; 1 is white.

    Returns:
        The same names and shapes.
    """
    first = next(iter(pictures.values()))
    n, height, width = tf.shape(first)[0], *first.shape[1:3]
    mirror_seed, shift_seed = split_seed(seed, 2)
    mirrored = tf.random.stateless_uniform((n,), mirror_seed) < 0.5
    shifts = tf.random.stateless_uniform((2, n), shift_seed, -reach, reach + 1, tf.int32)
    down, right = tf.unstack(tf.cast(shifts, tf.float32))
    # From places in the result to places in the picture: x' = a x + b y + c, y' = d x + e y + f.
    zeros, ones = tf.zeros(n), tf.ones(n)
    a = tf.where(mirrored, -1.0, 1.0)
    c = right + tf.where(mirrored, width - 1.0, 0.0)
    places = tf.stack([a, zeros, c, zeros, ones, down, zeros, zeros], 1)
    return {
        name: tf.raw_ops.ImageProjectiveTransformV3(
            images=picture,
            transforms=places,
            output_shape=[height, width],
            fill_value=background,
            interpolation="NEAREST",
            fill_mode="CONSTANT",
        )
        for name, picture in pictures.items()
    }
