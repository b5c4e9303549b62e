"""Generative adversarial networks: a generator and a discriminator that train on each other.

Goodfellow et al. 2014, https://arxiv.org/abs/1406.2661 (algorithm 1, alternating steps). Three
games to choose from, each a function from logits to losses per example:

| loss             | source                                                                  |
|------------------|-------------------------------------------------------------------------|
| `non_saturating` | section 3 of the same paper: the generator maximises log D(G(z))        |
| `hinge`          | Lim & Ye 2017, https://arxiv.org/abs/1705.02894                         |
| `wasserstein`    | Gulrajani et al. 2017, https://arxiv.org/abs/1704.00028 (WGAN-GP): with |
|                  | `gradient_penalty=10`, `discriminator_steps=5`, no batch norm in D      |
"""

from collections.abc import Callable

import keras
import tensorflow as tf
from keras import ops

from gen_ai_examples.common.batches import Seed, split_seed
from gen_ai_examples.common.strategy import replica_logs, replica_mean


def non_saturating(real_logits, fake_logits):
    """Logistic losses: 2 log 2 and log 2 for a discriminator that answers 0 everywhere."""
    return ops.softplus(-real_logits) + ops.softplus(fake_logits), ops.softplus(-fake_logits)


def hinge(real_logits, fake_logits):
    """Margins: the discriminator leaves alone what it already scores beyond 1 and -1."""
    return ops.relu(1 - real_logits) + ops.relu(1 + fake_logits), -fake_logits


def wasserstein(real_logits, fake_logits):
    """Difference of means: an earth mover's distance while D is 1-Lipschitz."""
    return fake_logits - real_logits, -fake_logits


class GAN(keras.Model):
    """Alternating gradient steps of two networks on opposite losses.

    Args:
        generator: maps latents (B, latent_dim) to images (B, H, W, C).
        discriminator: maps images to logits (B, 1), high for real.
        loss: `loss(real_logits, fake_logits) -> (d_losses, g_losses)`, all (B, 1).
        gradient_penalty: weight of (|dD/dx| - 1)^2 between real and generated images.
        discriminator_steps: discriminator updates for each one of the generator; each takes its
            own slice of the batch, whose size must be a multiple of it (on every replica).
    """

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        loss: Callable = non_saturating,
        gradient_penalty: float = 0.0,
        discriminator_steps: int = 1,
    ):
        super().__init__(name="gan")
        self.generator = generator
        self.discriminator = discriminator
        self.game = loss
        self.gradient_penalty = gradient_penalty
        self.discriminator_steps = discriminator_steps
        self.built = True

    def compile(
        self,
        g_optimizer: keras.optimizers.Optimizer,
        d_optimizer: keras.optimizers.Optimizer,
        **options,
    ) -> None:
        super().compile(optimizer=None, **options)
        self.g_optimizer = g_optimizer
        self.d_optimizer = d_optimizer
        # Keras builds one optimizer late, and two not at all: here, inside the strategy's scope.
        g_optimizer.build(self.generator.trainable_variables)
        d_optimizer.build(self.discriminator.trainable_variables)

    def train_step(self, batch):
        """`batch`: images (B, H, W, C), latents (B, latent_dim), mix (B,) uniform in [0, 1]."""
        n = self.discriminator_steps
        for i in range(n):  # every n-th example, so that replicas slice as one device does
            part = {name: value[i::n] for name, value in batch.items()} if n > 1 else batch
            with tf.GradientTape() as g_tape:
                fake = self.generator(part["latents"], training=True)
            d_loss = self._discriminator_step(part["images"], fake, part["mix"])
        # The generator has not moved since, so its step goes on from the same images.
        g_loss = self._generator_step(fake, g_tape)
        return replica_logs(d_loss=d_loss, g_loss=g_loss)

    def _discriminator_step(self, real, fake, mix):
        with tf.GradientTape() as tape:
            real_logits, fake_logits = self._score(real), self._score(fake)
            d_losses, _ = self.game(real_logits, fake_logits)
            if self.gradient_penalty:
                d_losses += self.gradient_penalty * self._slope_penalties(real, fake, mix)
            d_loss = replica_mean(d_losses)
        weights = self.discriminator.trainable_variables
        self.d_optimizer.apply(tape.gradient(d_loss, weights), weights)
        return d_loss

    def _generator_step(self, fake, tape):
        """`tape` recorded how `fake` came about, and records on from there."""
        with tape:
            fake_logits = self._score(fake)
            _, g_losses = self.game(ops.zeros_like(fake_logits), fake_logits)
            g_loss = replica_mean(g_losses)
        weights = self.generator.trainable_variables
        self.g_optimizer.apply(tape.gradient(g_loss, weights), weights)
        return g_loss

    def _score(self, images):
        """Logits (B, 1), in float32 whatever the networks compute in."""
        return ops.cast(self.discriminator(images, training=True), "float32")

    def _slope_penalties(self, real, fake, mix):
        """(|dD/dx| - 1)^2 at random points between pairs, (B, 1)."""
        mix = mix[:, None, None, None]
        between = mix * real + (1 - mix) * ops.cast(fake, real.dtype)
        with tf.GradientTape() as tape:
            tape.watch(between)
            logits = self._score(between)
        slopes = tape.gradient(logits, between)
        norms = ops.sqrt(ops.sum(slopes**2, axis=(1, 2, 3)) + 1e-12)  # finite gradient at 0
        return (norms[:, None] - 1) ** 2

    def sample(self, latents, batch_size: int = 500):
        """Images (N, H, W, C) of `latents` (N, latent_dim), as a NumPy array."""
        return self.generator.predict(latents, batch_size=batch_size, verbose=0)


def gan_randomness(latent_dim: int):
    """Return the `randomness` of `batches` for a GAN: latents and mixing weights."""

    def randomness(batch: dict[str, tf.Tensor], seed: Seed) -> dict[str, tf.Tensor]:
        latent_seed, mix_seed = split_seed(seed, 2)
        n = tf.shape(batch["images"])[0]
        return batch | {
            "latents": tf.random.stateless_normal((n, latent_dim), latent_seed),
            "mix": tf.random.stateless_uniform((n,), mix_seed),
        }

    return randomness
