"""Strided convolutions for 28x28 images: from latents to an image, and from an image to numbers.

Radford et al. 2016, https://arxiv.org/abs/1511.06434, with two departures: `build_encoder` has no
batch norm, which would let a discriminator see whole batches where it should judge single images,
and the generator's spans all replicas.
"""

import keras
from keras import layers


def build_generator(latent_dim: int, channels: int = 64) -> keras.Model:
    """Latents (B, latent_dim) to images (B, 28, 28, 1) in [-1, 1], float32.

    Also the decoder of an autoencoder.
    """
    z = keras.Input((latent_dim,))
    x = layers.Dense(7 * 7 * 2 * channels, use_bias=False)(z)  # the norm has the bias
    x = layers.Reshape((7, 7, 2 * channels))(x)
    x = layers.ReLU()(layers.BatchNormalization(synchronized=True)(x))
    x = layers.Conv2DTranspose(channels, 4, strides=2, padding="same", use_bias=False)(x)
    x = layers.ReLU()(layers.BatchNormalization(synchronized=True)(x))
    x = layers.Conv2DTranspose(1, 4, strides=2, padding="same")(x)
    x = layers.Activation("tanh", dtype="float32")(x)
    return keras.Model(z, x, name="generator")


def build_encoder(outputs: int = 1, channels: int = 64) -> keras.Model:
    """Images (B, 28, 28, 1) to (B, outputs): with one output, the logits of a discriminator."""
    picture = keras.Input((28, 28, 1))
    x = layers.Conv2D(channels, 4, strides=2, padding="same")(picture)  # (B, 14, 14, channels)
    x = layers.LeakyReLU(0.2)(x)
    x = layers.Conv2D(2 * channels, 4, strides=2, padding="same")(x)  # (B, 7, 7, 2 channels)
    x = layers.Flatten()(layers.LeakyReLU(0.2)(x))
    return keras.Model(picture, layers.Dense(outputs)(x), name="encoder")
