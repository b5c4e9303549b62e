"""Free-form holes: random strokes over a picture, thick enough to hide a given share of it.

Thin strokes are scratches, which the surroundings nearly determine; thick ones hide whole parts.
As in Yu et al. 2019, https://arxiv.org/abs/1806.03589, strokes turn at random; here the share of
the hole is chosen, and the thickness follows from it, so that results can be told by share.
"""

import numpy as np
import tensorflow as tf

from gen_ai_examples.common.batches import Seed, split_seed


def strokes(seed: Seed, shares: tf.Tensor, size: int, lines: int = 2, turns: int = 2) -> tf.Tensor:
    """Draw a hole for each share: 1 in the hole, 0 where the picture is known.

    Args:
        seed: two integers; the holes depend on nothing else.
        shares: of the pixels to hide, (B,) between 0 and 1.
        size: height and width of the picture.
        lines: strokes of each hole.
        turns: corners of each stroke, between its ends.

    Returns:
        (B, size, size, 1) float32; of the size^2 pixels, the nearest to the strokes are hidden, so
        that their share is exact to a pixel, but for ties.
    """
    start_seed, angle_seed, bend_seed, length_seed = split_seed(seed, 4)
    shape = (tf.shape(shares)[0], lines)
    start = tf.random.stateless_uniform((*shape, 1, 2), start_seed, 0.1, 0.9)
    angle = tf.random.stateless_uniform((*shape, 1), angle_seed, 0, 2 * np.pi)
    bends = tf.random.stateless_uniform((*shape, turns), bend_seed, -1.2, 1.2)
    angles = tf.cumsum(tf.concat([angle, bends], -1), -1)
    lengths = tf.random.stateless_uniform((*shape, turns + 1), length_seed, 0.15, 0.45)
    moves = lengths[..., None] * tf.stack([tf.sin(angles), tf.cos(angles)], -1)
    # A stroke that would leave the picture turns back at its edge.
    points = start + tf.concat([tf.zeros_like(start), tf.cumsum(moves, 2)], 2)
    points = 1 - tf.abs(1 - tf.abs(points) % 2)  # (B, lines, turns + 2, 2) in [0, 1]
    a = tf.reshape(points[:, :, :-1], (shape[0], -1, 1, 2))
    b = tf.reshape(points[:, :, 1:], (shape[0], -1, 1, 2))

    middles = (np.arange(size, dtype=np.float32) + 0.5) / size
    pixels = np.stack(np.meshgrid(middles, middles, indexing="ij"), -1).reshape(1, 1, -1, 2)
    along = b - a
    t = tf.reduce_sum((pixels - a) * along, -1) / (tf.reduce_sum(along**2, -1) + 1e-9)
    nearest = a + tf.clip_by_value(t, 0.0, 1.0)[..., None] * along
    distances = tf.reduce_min(tf.reduce_sum((pixels - nearest) ** 2, -1), 1)  # (B, size^2)

    n_hidden = tf.cast(tf.round(shares * size**2), tf.int32)[:, None]
    limits = tf.gather(tf.sort(distances, -1), tf.maximum(n_hidden - 1, 0), batch_dims=1)
    hidden = (distances <= limits) & (n_hidden > 0)
    return tf.reshape(tf.cast(hidden, tf.float32), (shape[0], size, size, 1))


def fixed_strokes(share: float, n: int, size: int, seed: int) -> np.ndarray:
    """`n` holes (n, size, size, 1) that hide `share` of each picture, to be measured on."""
    return strokes(tf.constant([seed, 0], tf.int64), tf.fill((n,), share), size).numpy()
