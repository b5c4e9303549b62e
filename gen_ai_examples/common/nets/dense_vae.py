"""A small VAE of dense layers, for questions that need many trainings in a short time."""

import math

import keras
from keras import layers


def build_encoder(shape: tuple[int, ...], latent_dim: int, units: int = 256) -> keras.Model:
    """Images (B, *shape) to means and log variances of the latents, (B, 2 latent_dim)."""
    picture = keras.Input(shape)
    hidden = layers.Dense(units, "silu")(layers.Flatten()(picture))
    return keras.Model(picture, layers.Dense(2 * latent_dim)(hidden), name="encoder")


def build_decoder(shape: tuple[int, ...], latent_dim: int, units: int = 256) -> keras.Model:
    """Latents (B, latent_dim) to mean images (B, *shape)."""
    latents = keras.Input((latent_dim,))
    pixels = layers.Dense(math.prod(shape))(layers.Dense(units, "silu")(latents))
    return keras.Model(latents, layers.Reshape(shape)(pixels), name="decoder")
