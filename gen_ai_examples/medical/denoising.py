"""DOC
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops
from matplotlib.figure import Figure
from skimage.metrics import structural_similarity

from gen_ai_examples.cli import run_as_command
from gen_ai_examples.common.answer import Answer, Claim
from gen_ai_examples.common.batches import batches, split_seed
from gen_ai_examples.common.fit import fit
from gen_ai_examples.common.media import Text, render
from gen_ai_examples.common.methods.rician import (
    best_setting,
    classical,
    estimated_sigma,
    rician,
)
from gen_ai_examples.common.metrics import lesions
from gen_ai_examples.common.panels import panels
from gen_ai_examples.common.sources.brain import heads, inside, own_slices
from gen_ai_examples.common.strategy import precision, strategy

ANSWERS = ("Q17.1",)
SMOKE = dict(steps=2, batch_size=2, width=4, blocks=1, slices=1)

# Of the first head, counted from the brow upwards; 7 slices are left out between the two parts.
HELD_OUT, VALIDATION, TRAINING = slice(0, 24, 3), slice(32, 40, 4), slice(40, 84)
LEVELS = (0.05, 0.1, 0.15)  # noise, as shares of the brightness of white matter
LEVEL = 0.1  # at which lesions are looked for
QUIETEST, LOUDEST = 0.02, 0.2  # noise in training
TILE, STRIDE = 64, 32
RADII, CONTRASTS = (1.5, 3.0), (0.1, 0.2, 0.3, 0.4)


def build_network(width, blocks):
    """Magnitudes (B, H, W, 1), even H and W, and their noise (B,) to clean ones (B, H, W, 1)."""
    noisy, sigma = keras.Input((None, None, 1)), keras.Input(())
    level = ops.reshape(sigma, (-1, 1, 1, 1))
    quarters = ops.space_to_depth(noisy, 2)
    x = ops.concatenate([quarters, 10 * level * ops.ones_like(quarters[..., :1])], axis=-1)
    # In full precision at both ends: bfloat16 has too few digits for differences this small.
    x = layers.Conv2D(width, 3, padding="same", dtype="float32")(x)
    for _ in range(blocks):
        h = layers.Conv2D(width, 3, padding="same", activation="relu")(x)
        x = x + layers.Conv2D(width, 3, padding="same", kernel_initializer="zeros")(h)
    x = layers.Activation("relu")(x)
    x = layers.Conv2D(4, 3, padding="same", kernel_initializer="zeros", dtype="float32")(x)
    return keras.Model([noisy, sigma], noisy - level * ops.depth_to_space(x, 2), name="denoiser")


def tiles(slices):
    """Overlapping squares in which there is tissue: (N, TILE, TILE, 1)."""
    height, width = slices.shape[1:]
    squares = [
        slices[:, y : y + TILE, x : x + TILE]
        for y in range(0, height - TILE + 1, STRIDE)
        for x in range(0, width - TILE + 1, STRIDE)
    ]
    squares = np.concatenate(squares)[..., None]
    return squares[squares.mean((1, 2, 3)) > 0.2]


def with_blobs(clean, seed):
    """Add two soft ellipses, bright or dark, to about half of the tiles."""
    n = tf.shape(clean)[0]
    yes, middles, sizes, angles, contrasts = split_seed(seed, 5)
    middle = tf.random.stateless_uniform((2, n, 2, 1, 1), middles, 0, TILE)
    size = tf.exp(tf.random.stateless_uniform((2, n, 2, 1, 1), sizes, np.log(0.8), np.log(4.0)))
    angle = tf.random.stateless_uniform((n, 2, 1, 1), angles, 0, np.pi)
    position = tf.range(TILE, dtype=tf.float32)
    down, right = position[:, None] - middle[0], position - middle[1]
    along = (tf.cos(angle) * down + tf.sin(angle) * right) / size[0]
    across = (tf.cos(angle) * right - tf.sin(angle) * down) / size[1]
    contrast = tf.random.stateless_uniform((n, 2, 1, 1), contrasts, -0.5, 0.5)
    there = tf.cast(tf.random.stateless_uniform((n, 1, 1, 1), yes) < 0.5, tf.float32)
    blobs = there * contrast * tf.exp(-(along**2 + across**2) / 2)
    return tf.maximum(clean + tf.reduce_sum(blobs, 1)[..., None], 0)


def magnitudes(batch, seed, blobs=True):
    """Tiles in one of eight orientations, with blobs, at another gain, and with Rician noise."""
    clean, n = batch["clean"], tf.shape(batch["clean"])[0]
    flips, gains, shapes, levels, noises = split_seed(seed, 5)
    down, right, transpose = tf.unstack(tf.random.stateless_uniform((3,), flips) < 0.5)
    clean = tf.where(down, tf.reverse(clean, [1]), clean)
    clean = tf.where(right, tf.reverse(clean, [2]), clean)
    clean = tf.where(transpose, tf.transpose(clean, (0, 2, 1, 3)), clean)
    clean *= tf.random.stateless_uniform((n, 1, 1, 1), gains, 0.8, 1.25)
    if blobs:
        clean = with_blobs(clean, shapes)
    level = tf.random.stateless_uniform((n,), levels, np.log(QUIETEST), np.log(LOUDEST))
    sigma = tf.exp(level)
    noise = tf.random.stateless_normal(tf.concat([[2], tf.shape(clean)], 0), noises)
    noise *= sigma[:, None, None, None]
    noisy = tf.sqrt((clean + noise[0]) ** 2 + noise[1] ** 2)
    return {"noisy": noisy, "sigma": sigma, "clean": clean}


def example_and_weight(batch):
    """As `keras.Model.fit` takes them; errors count in units of the noise."""
    return (batch["noisy"], batch["sigma"]), batch["clean"], 0.01 / batch["sigma"][:, None, None] ** 2
