"""Can a small U-Net outline nuclei, and find micronuclei, better than thresholds or a forest?
"""

import keras
import numpy as np
import tensorflow as tf

from gen_ai_examples.cli import run_as_command
from gen_ai_examples.common.answer import Answer, Claim
from gen_ai_examples.common.batches import batches, split_seed
from gen_ai_examples.common.fit import fit
from gen_ai_examples.common.methods.segmenting import (
    THRESHOLDS,
    PixelForest,
    Thresholds,
    decided,
    split_touching,
    tuned,
)
from gen_ai_examples.common.nets.segmenting import (
    build_segmenting_unet,
    class_probabilities,
    overlap_and_entropy,
)
from gen_ai_examples.common.sources.microscopy import (
    MICRONUCLEUS,
    NUCLEUS,
    micrographs,
)
from gen_ai_examples.common.strategy import precision, strategy

ANSWERS = ("Q17.3",)
SMOKE = dict(steps=2, batch_size=2, width=4, trees=2)

TILE, CROP, STRIDE = 160, 128, 88


def tiles(fields):
    """Overlapping squares of the fields: images (N, TILE, TILE, 1) and classes (N, TILE, TILE)."""
    corners = range(0, fields[0].image.shape[0] - TILE + 1, STRIDE)
    squares = [(slice(y, y + TILE), slice(x, x + TILE)) for y in corners for x in corners]
    return {
        "image": np.stack([f.image[square][..., None] for f in fields for square in squares]),
        "classes": np.stack([f.classes[square][..., None] for f in fields for square in squares]),
    }


def augmented(batch, seed):
    """A random crop of every tile, in a random orientation, as another exposure would show it."""
    n = tf.shape(batch["image"])[0]
    places, flips, gains, noise, amounts = split_seed(seed, 5)
    corners = tf.random.stateless_uniform((n, 2), places, 0, TILE - CROP + 1, tf.int32)
    rows, columns = (corners[:, i, None] + tf.range(CROP) for i in (0, 1))
    down, right, transpose = tf.unstack(tf.random.stateless_uniform((3,), flips) < 0.5)

    def cut(x):
        x = tf.gather(tf.gather(x, rows, batch_dims=1, axis=1), columns, batch_dims=1, axis=2)
        x = tf.where(down, tf.reverse(x, [1]), x)
        x = tf.where(right, tf.reverse(x, [2]), x)
        return tf.where(transpose, tf.transpose(x, (0, 2, 1, 3)), x)

    image = cut(batch["image"])
    image *= tf.exp(tf.random.stateless_uniform((n, 1, 1, 1), gains, -0.7, 0.7))
    amount = tf.random.stateless_uniform((n, 1, 1, 1), amounts, 0, 0.03)
    image += amount * tf.random.stateless_normal(tf.shape(image), noise)
    return {"image": compressed(image), "classes": cut(batch["classes"])[..., 0]}


def compressed(image):
    """Dim nuclei and bright ones on one scale: linear near 0, then logarithmic."""
    return tf.asinh(8.0 * image)


class Segmenter(keras.Model):
    pass
