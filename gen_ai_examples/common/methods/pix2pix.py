"""Image-to-image translation from pairs: near the target by L1, realistic by an adversary.

Isola et al. 2017, https://arxiv.org/abs/1611.07004. The discriminator sees the input beside the
real or the made picture, and scores overlapping patches of the pair, not the whole.

| term        | what it does                                                                  |
|-------------|-------------------------------------------------------------------------------|
| L1          | holds the picture to its target; alone, it draws the median of what is possible |
| adversarial | no patch may look unlike a real one: a colour must be chosen, an edge sharp     |

Departures: hinge losses (Lim & Ye 2017, https://arxiv.org/abs/1705.02894) instead of cross-entropy,
and no dropout as noise, which the paper found to be ignored: one input has one output.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from gen_ai_examples.common.methods.gan import hinge
from gen_ai_examples.common.strategy import replica_logs, replica_mean


class Pix2Pix(keras.Model):
    """Alternating steps of a discriminator of pairs and a generator held to its targets.

    Args:
        generator: maps inputs (B, H, W, C) to pictures (B, H, W, 3) in [-1, 1].
        discriminator: maps `[inputs, pictures]` to logits of patches (B, h, w, 1), high for real.
        l1_weight: of the mean absolute error beside the adversarial loss, whose weight is 1.
    """

    def __init__(self, generator: keras.Model, discriminator: keras.Model, l1_weight: float):
        super().__init__(name="pix2pix")
        self.generator = generator
        self.discriminator = discriminator
        self.l1_weight = l1_weight
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
        # Keras builds two optimizers not at all: here, inside the strategy's scope.
        g_optimizer.build(self.generator.trainable_variables)
        d_optimizer.build(self.discriminator.trainable_variables)

    def train_step(self, batch):
        """`batch`: inputs (B, H, W, C), targets (B, H, W, 3) in [-1, 1]."""
        inputs, targets = batch["inputs"], batch["targets"]
        with tf.GradientTape() as g_tape:
            made = ops.cast(self.generator(inputs, training=True), "float32")
            l1 = replica_mean(ops.abs(made - targets))
        with tf.GradientTape() as d_tape:
            real_logits, made_logits = self._score(inputs, targets), self._score(inputs, made)
            d_loss = replica_mean(hinge(real_logits, made_logits)[0])
        weights = self.discriminator.trainable_variables
        self.d_optimizer.apply(d_tape.gradient(d_loss, weights), weights)
        with g_tape:  # the generator has not moved since
            made_logits = self._score(inputs, made)
            g_loss = replica_mean(hinge(made_logits, made_logits)[1])
            loss = g_loss + self.l1_weight * l1
        weights = self.generator.trainable_variables
        self.g_optimizer.apply(g_tape.gradient(loss, weights), weights)
        return replica_logs(l1=l1, g_loss=g_loss, d_loss=d_loss)

    def _score(self, inputs, pictures):
        """Logits (B, h, w, 1), in float32 whatever the networks compute in."""
        return ops.cast(self.discriminator([inputs, pictures], training=True), "float32")

    def translate(self, inputs: np.ndarray, batch_size: int = 100) -> np.ndarray:
        """Pictures (N, H, W, 3) float32 of `inputs` (N, H, W, C)."""
        return self.generator.predict(inputs, batch_size=batch_size, verbose=0)
