"""Convolutional networks: residual blocks, and the U-Net that flows and diffusions use.

Residual blocks with group normalisation after Dhariwal & Nichol 2021,
https://arxiv.org/abs/2105.05233; U-Net: Ronneberger et al. 2015,
https://arxiv.org/abs/1505.04597.
"""

import keras
import numpy as np
from keras import layers, ops


def residual_block(x, channels: int, condition=None, groups: int = 8):
    """Two 3x3 convolutions around a shortcut: (B, H, W, C) -> (B, H, W, channels).

    Args:
        x: features (B, H, W, C).
        channels: of the output.
        condition: vector (B, D), such as a time and class embedding, that scales and shifts the
            features between the convolutions; None for none.
        groups: of the group normalisations; divides C and `channels`.

    The last convolution starts at zero, so that an untrained block is its shortcut.
    """
    h = layers.Activation("silu")(layers.GroupNormalization(groups)(x))
    h = layers.Conv2D(channels, 3, padding="same")(h)
    h = layers.GroupNormalization(groups)(h)
    if condition is not None:
        scale_shift = layers.Dense(2 * channels)(condition)
        scale, shift = ops.split(layers.Reshape((1, 1, 2 * channels))(scale_shift), 2, axis=-1)
        h = h * (1 + scale) + shift
    h = layers.Activation("silu")(h)
    h = layers.Conv2D(channels, 3, padding="same", kernel_initializer="zeros")(h)
    if x.shape[-1] != channels:
        x = layers.Conv2D(channels, 1)(x)
    return x + h


def time_embedding(times, dim: int, max_frequency: float = 100.0):
    """Sines and cosines of `times` (B,) in [0, 1] at geometric frequencies: (B, dim).

    From 1 to `max_frequency` radians per unit of time. Vaswani et al. 2017,
    https://arxiv.org/abs/1706.03762, section 3.5, for real-valued positions.
    """
    frequencies = np.geomspace(1, max_frequency, dim // 2, dtype=np.float32)
    angles = ops.cast(times, "float32")[:, None] * frequencies[None, :]
    return ops.concatenate([ops.sin(angles), ops.cos(angles)], axis=-1)


def build_unet(
    image_shape: tuple[int, int, int],
    n_classes: int,
    widths: tuple[int, ...] = (48, 96),
    blocks: int = 1,
    stem_stride: int = 2,
    condition_dim: int = 128,
) -> keras.Model:
    """U-Net with time and class conditioning, zero at the start.

    Args:
        image_shape: (H, W, C), with H and W multiples of `stem_stride * 2 ** (len(widths) - 1)`.
        n_classes: classes; label `n_classes` stands for none.
        widths: channels per level, each level at half the resolution of the one before.
        blocks: residual blocks per level and direction.
        stem_stride: the first convolution's stride; 2 makes everything four times cheaper.
        condition_dim: size of the time and class embedding.

    Returns:
        A model from `[x (B, H, W, C), times (B,) in [0, 1], labels (B,)]` to (B, H, W, C) float32.
    """
    image = keras.Input(image_shape, name="image")
    times = keras.Input((), name="times")
    labels = keras.Input((), dtype="int32", name="labels")
    condition = time_embedding(times, condition_dim)
    condition = layers.Dense(condition_dim, activation="silu")(condition)
    # As large as the time's part from the start, or the class is learned late.
    classes = layers.Embedding(n_classes + 1, condition_dim, keras.initializers.RandomNormal(0, 1))
    condition = condition + classes(labels)
    condition = layers.Dense(condition_dim, activation="silu")(condition)

    x = layers.Conv2D(widths[0], 2 * stem_stride - 1, strides=stem_stride, padding="same")(image)
    skips = []
    for level, width in enumerate(widths):
        if level:
            x = layers.Conv2D(width, 3, strides=2, padding="same")(x)
        for _ in range(blocks):
            x = residual_block(x, width, condition)
            skips.append(x)
    x = residual_block(x, widths[-1], condition)
    for level, width in reversed(list(enumerate(widths))):
        for _ in range(blocks):
            x = residual_block(layers.Concatenate()([x, skips.pop()]), width, condition)
        if level:
            x = layers.UpSampling2D(2)(x)
    x = layers.Activation("silu")(layers.GroupNormalization(8)(x))
    pixels = stem_stride**2 * image_shape[-1]
    x = layers.Conv2D(pixels, 3, padding="same", kernel_initializer="zeros", dtype="float32")(x)
    if stem_stride > 1:
        x = depth_to_space(x, stem_stride)
    return keras.Model([image, times, labels], x, name="unet")


def depth_to_space(x, factor: int):
    """Turn channels into pixels: (B, H, W, factor^2 C) -> (B, factor H, factor W, C).

    Source: Shi et al. 2016, https://arxiv.org/abs/1609.05158.
    """
    _, height, width, channels = x.shape
    x = ops.reshape(x, (-1, height, width, factor, factor, channels // factor**2))
    x = ops.transpose(x, (0, 1, 3, 2, 4, 5))
    return ops.reshape(x, (-1, height * factor, width * factor, channels // factor**2))
