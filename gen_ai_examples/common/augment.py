"""Random flips, turns, shifts and zooms, the same for all pictures of one example."""

import tensorflow as tf

from gen_ai_examples.common.batches import Seed, split_seed

TURN = 0.15  # radians, to either side
SHIFT = 0.1  # of the picture's side
ZOOM = (0.8, 1.05)  # of what is drawn


def warp(pictures: dict[str, tf.Tensor], seed: Seed, background: float = 1.0):
    """Move the pictures of each row together, so that pairs stay as well in register as they were.

    Args:
        pictures: by name, (B, H, W, C) of one height and width, H = W.
        seed: two integers; the moves depend on nothing else.
        background: what comes in from outside; 1 is white.

    Returns:
        The same names and shapes, resampled bilinearly.
    """
    first = next(iter(pictures.values()))
    n, size = tf.shape(first)[0], first.shape[1]
    flip_seed, turn_seed, shift_seed, zoom_seed = split_seed(seed, 4)
    flip = tf.where(tf.random.stateless_uniform((n,), flip_seed) < 0.5, -1.0, 1.0)
    turn = tf.random.stateless_uniform((n,), turn_seed, -TURN, TURN)
    dx, dy = tf.unstack(tf.random.stateless_uniform((2, n), shift_seed, -SHIFT, SHIFT) * size)
    zoom = 1 / tf.random.stateless_uniform((n,), zoom_seed, *ZOOM)

    # Rows of the matrix from places in the result to places in the picture, around its middle.
    middle = (size - 1) / 2
    a, b = zoom * tf.cos(turn) * flip, -zoom * tf.sin(turn)
    c, d = zoom * tf.sin(turn) * flip, zoom * tf.cos(turn)
    zeros = tf.zeros(n)
    transforms = tf.stack(
        [a, b, middle * (1 - a - b) + dx, c, d, middle * (1 - c - d) + dy, zeros, zeros], 1
    )
    return {
        name: tf.raw_ops.ImageProjectiveTransformV3(
            images=picture,
            transforms=transforms,
            output_shape=tf.shape(picture)[1:3],
            fill_value=background,
            interpolation="BILINEAR",
            fill_mode="CONSTANT",
        )
        for name, picture in pictures.items()
    }
