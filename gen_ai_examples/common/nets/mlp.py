"""Fully connected networks for rows of tables."""

import keras
from keras import layers

from gen_ai_examples.common.nets.conv import time_embedding


def build_row_network(
    width: int, n_classes: int, units: int = 256, blocks: int = 3, condition_dim: int = 64
) -> keras.Model:
    """Residual blocks with time and class conditioning, zero at the start.

    Args:
        width: D, numbers per row.
        n_classes: classes; label `n_classes` stands for none.
        units: per layer.
        blocks: of two layers each.
        condition_dim: size of the time and class embedding.

    Returns:
        A model from `[x (B, 1, 1, D), times (B,) in [0, 1], labels (B,)]` to (B, 1, 1, D) float32:
        a row is an image of one pixel to `FlowMatching`.

    Source: the blocks of Gorishniy et al. 2021, https://arxiv.org/abs/2106.11959, conditioned as
    `build_unet`.
    """
    row = keras.Input((1, 1, width), name="row")
    times = keras.Input((), name="times")
    labels = keras.Input((), dtype="int32", name="labels")
    condition = layers.Dense(condition_dim, "silu")(time_embedding(times, condition_dim))
    # As large as the time's part from the start, or the class is learned late.
    classes = layers.Embedding(n_classes + 1, condition_dim, keras.initializers.RandomNormal(0, 1))
    condition = layers.Dense(condition_dim, "silu")(condition + classes(labels))

    x = layers.Dense(units)(layers.Reshape((width,))(row))
    for _ in range(blocks):
        h = layers.Dense(units)(layers.LayerNormalization()(x))
        h = layers.Activation("silu")(h + layers.Dense(units)(condition))
        x = x + layers.Dense(units, kernel_initializer="zeros")(h)
    x = layers.Activation("silu")(layers.LayerNormalization()(x))
    x = layers.Dense(width, kernel_initializer="zeros", dtype="float32")(x)
    return keras.Model([row, times, labels], layers.Reshape((1, 1, width))(x), name="row_network")
