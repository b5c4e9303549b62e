"""Variational autoencoders: an encoder guesses the latents, a decoder draws from them.

Kingma & Welling 2014, https://arxiv.org/abs/1312.6114; the weight beta on the second term is from
Higgins et al. 2017, https://openreview.net/forum?id=Sy2fzU9gl; the trained width of the likelihood
from Rybkin et al. 2021, https://arxiv.org/abs/2006.13202.

| here        | paper                  | meaning                                              |
|-------------|------------------------|------------------------------------------------------|
| latents     | z                      | prior N(0, I)                                        |
| posterior   | q(z given x)           | N(means, exp(log_variances)), what the encoder says  |
| likelihood  | p(x given z)           | N(decoder(z), scale^2): every pixel, one scale       |
| noise       | epsilon                | z = means + exp(log_variances / 2) epsilon           |
| kl          | D_KL(q, p)             | in closed form                                       |

The ELBO, log p(x given z) - kl with beta 1, bounds from below the log density of an image in nats:
of a whole image, and of pixels in the units they come in ([-1, 1] here; on [0, 1] each pixel adds
log 2). Being a density it may be positive. One departure: the paper's Bernoulli
likelihood is one of black and white pixels and no density of greys.
"""

import math

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from gen_ai_examples.common.batches import Seed
from gen_ai_examples.common.strategy import replica_logs, replica_mean


class VAE(keras.Model):
    """Variational autoencoder with a Gaussian likelihood.

    Args:
        encoder: maps images (B, H, W, C) to (B, 2 latent_dim): means, then log variances.
        decoder: maps latents (B, latent_dim) to the mean image (B, H, W, C).
        beta: weight of the divergence from the prior; 1 trains on the ELBO, more gives plainer
            latents and blurrier images.
        scale: of the likelihood when training begins, a standard deviation in units of pixels.
    """

    def __init__(
        self,
        encoder: keras.Model,
        decoder: keras.Model,
        beta: float = 1.0,
        scale: float = 0.5,
    ):
        super().__init__(name="vae")
        self.encoder = encoder
        self.decoder = decoder
        self.beta = beta
        self.log_scale = self.add_weight(
            initializer=keras.initializers.Constant(math.log(scale)), name="log_scale"
        )
        self.built = True

    def compile(self, optimizer: keras.optimizers.Optimizer, **options) -> None:
        super().compile(optimizer=optimizer, **options)
        # Inside the strategy's scope, like the networks: built later, it would belong to none.
        optimizer.build(self.trainable_variables)

    def train_step(self, batch):
        """`batch`: images (B, H, W, C), noise (B, latent_dim)."""
        with tf.GradientTape() as tape:
            log_likelihoods, kls = self.elbo_terms(batch["images"], batch["noise"], training=True)
            loss = replica_mean(self.beta * kls - log_likelihoods)
        weights = self.trainable_variables
        self.optimizer.apply(tape.gradient(loss, weights), weights)
        return replica_logs(
            loss=loss, elbo=replica_mean(log_likelihoods - kls), kl=replica_mean(kls)
        )

    def elbo_terms(self, images, noise, training: bool = False):
        """Log likelihoods and divergences in nats per image, both (B,); their difference is the
        ELBO, estimated with the one draw that `noise` (B, latent_dim) stands for."""
        means, log_variances = self.posterior(images, training)
        latents = means + ops.exp(log_variances / 2) * noise
        drawn = ops.cast(self.decoder(latents, training=training), "float32")
        return gaussian_log_density(images, drawn, self.log_scale), kl_to_prior(
            means, log_variances
        )

    def posterior(self, images, training: bool = False):
        """Means and log variances of the latents, both (B, latent_dim) float32."""
        answer = ops.cast(self.encoder(images, training=training), "float32")
        return ops.split(answer, 2, axis=-1)

    def sample(self, latents: np.ndarray, batch_size: int = 500) -> np.ndarray:
        """Mean images (N, H, W, C) of `latents` (N, latent_dim), without the likelihood's noise."""
        return self.decoder.predict(latents, batch_size=batch_size, verbose=0)

    def reconstruct(self, images: np.ndarray, batch_size: int = 500) -> np.ndarray:
        """`images` (N, H, W, C) through the means of their latents and back."""
        answer = self.encoder.predict(images, batch_size=batch_size, verbose=0)
        return self.sample(np.split(answer, 2, axis=-1)[0], batch_size)


def kl_to_prior(means, log_variances):
    """Divergence of N(means, exp(log_variances)), both (B, D), from N(0, I): (B,) nats.

    Source: appendix B of Kingma & Welling.
    """
    return ops.sum(means**2 + ops.exp(log_variances) - 1 - log_variances, axis=-1) / 2


def gaussian_log_density(x, means, log_scale):
    """log N(x; means, exp(log_scale)^2 I) of x (B, ...): (B,) nats."""
    squares = ((x - means) * ops.exp(-log_scale)) ** 2
    log_densities = -(squares + math.log(2 * math.pi)) / 2 - log_scale
    return ops.sum(ops.reshape(log_densities, (ops.shape(x)[0], -1)), axis=-1)


def vae_randomness(latent_dim: int):
    """Return the `randomness` of `batches` for a VAE: the noise of the latents."""

    def randomness(batch: dict[str, tf.Tensor], seed: Seed) -> dict[str, tf.Tensor]:
        shape = (tf.shape(batch["images"])[0], latent_dim)
        return batch | {"noise": tf.random.stateless_normal(shape, seed)}

    return randomness
