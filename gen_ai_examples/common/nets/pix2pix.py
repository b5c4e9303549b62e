"""Small networks from picture to picture, and a judge of its patches.

After Isola et al. 2017, https://arxiv.org/abs/1611.07004, section 3.2 and appendix 6.1: a U-Net
(Ronneberger et al. 2015, https://arxiv.org/abs/1505.04597) down to 4x4 pixels, and a PatchGAN.
Departures: residual blocks; pixels are enlarged by repetition, not by transposed convolutions,
which leave a chequered pattern; no dropout; a discriminator without batch normalisation, which
would let it see whole batches.
"""

import keras
from keras import layers


def build_translator(
    shape: tuple[int, int, int],
    outputs: int,
    width: int = 32,
    stem_stride: int = 2,
) -> keras.Model:
    """U-Net from a picture to numbers for each of its pixels.

    Args:
        shape: (H, W, C), H and W multiples of `stem_stride` * 8.
        outputs: numbers per pixel; nothing bounds them.
        width: channels at the highest resolution, four times as many at the lowest.
        stem_stride: the first convolution's stride; 2 makes nearly everything four times cheaper.

    Returns:
        A model from (B, H, W, C) to (B, H, W, outputs) float32.
    """
    given = keras.Input(shape)
    x = activated(layers.Conv2D(width, 2 * stem_stride, stem_stride, padding="same")(given))
    x = activated(layers.Conv2D(width, 3, padding="same")(x))
    skips = []
    for channels in (2 * width, 4 * width, 4 * width):
        skips.append(x)
        x = residual(activated(layers.Conv2D(channels, 4, 2, padding="same")(x)))
    x = residual(x)
    for channels in (4 * width, 2 * width, width):
        x = layers.Concatenate()([layers.UpSampling2D(2)(x), skips.pop()])
        x = residual(activated(layers.Conv2D(channels, 3, padding="same")(x)))
    # At full resolution beside what is given, so that fine strokes reach the last layers.
    x = layers.UpSampling2D(stem_stride)(x) if stem_stride > 1 else x
    x = layers.Concatenate()([x, given])
    x = activated(layers.Conv2D(24, 3, padding="same")(x))
    x = layers.Conv2D(outputs, 3, padding="same", dtype="float32")(x)
    return keras.Model(given, x, name="translator")


def build_patch_discriminator(shape: tuple[int, int, int], width: int = 32) -> keras.Model:
    """`[given (B, H, W, C), pictures (B, H, W, 3)]` to logits (B, H / 8, W / 8, 1), float32.

    Each logit judges a patch of 38x38 pixels.
    """
    given, picture = keras.Input(shape), keras.Input((*shape[:2], 3))
    x = layers.Concatenate()([given, picture])
    for channels in (width, 2 * width, 4 * width):
        x = layers.LeakyReLU(0.2)(layers.Conv2D(channels, 4, 2, padding="same")(x))
    x = layers.LeakyReLU(0.2)(layers.Conv2D(4 * width, 3, padding="same")(x))
    logits = layers.Conv2D(1, 1, dtype="float32")(x)
    return keras.Model([given, picture], logits, name="discriminator")


def activated(x):
    """Batch normalisation over all replicas, then a leaky rectifier."""
    return layers.LeakyReLU(0.2)(layers.BatchNormalization(synchronized=True)(x))


def residual(x):
    """Two 3x3 convolutions around a shortcut, which alone counts at the start."""
    h = activated(layers.Conv2D(x.shape[-1], 3, padding="same")(activated(x)))
    return x + layers.Conv2D(x.shape[-1], 3, padding="same", kernel_initializer="zeros")(h)
