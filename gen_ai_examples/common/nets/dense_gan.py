"""A small GAN of dense layers for 8x8 images, for questions that need many trainings."""

import keras
from keras import layers

UNITS = 128  # of each of the two hidden layers


def build_generator(latent_dim: int, batch_norm: bool = False) -> keras.Model:
    """Latents (B, latent_dim) to images (B, 8, 8, 1) in [-1, 1].

    With `batch_norm` hidden units are normalised over the batch of all replicas (Radford et al.
    2016, https://arxiv.org/abs/1511.06434).
    """
    x = z = keras.Input((latent_dim,))
    for _ in range(2):
        x = layers.Dense(UNITS, use_bias=not batch_norm)(x)  # the norm has the bias
        if batch_norm:
            x = layers.BatchNormalization(momentum=0.9, synchronized=True)(x)
        x = layers.ReLU()(x)
    x = layers.Dense(8 * 8, "tanh")(x)
    return keras.Model(z, layers.Reshape((8, 8, 1))(x), name="generator")


def build_discriminator(spectral_norm: bool = False) -> keras.Model:
    """Images (B, 8, 8, 1) to logits (B, 1).

    With `spectral_norm` every layer's largest singular value is kept at 1 (Miyato et al. 2018,
    https://arxiv.org/abs/1802.05957).
    """

    def dense(units):
        layer = layers.Dense(units)
        return layers.SpectralNormalization(layer) if spectral_norm else layer

    picture = keras.Input((8, 8, 1))
    x = layers.Flatten()(picture)
    for _ in range(2):
        x = layers.LeakyReLU(0.2)(dense(UNITS)(x))
    return keras.Model(picture, dense(1)(x), name="discriminator")
