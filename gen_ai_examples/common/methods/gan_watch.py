"""What to watch while a GAN trains, and how to train one GAN from many seeds.

The losses of a GAN are scores in a game, not distances to a goal: the discriminator's falls when
training collapses. These numbers look at the players themselves.
"""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from gen_ai_examples.common.methods.gan import GAN


class GANWatch(keras.callbacks.Callback):
    """Adds `score_gap`, `gradient_norm` and `recall` to the logs of every epoch of `fit`.

    Args:
        real: images (N, H, W, C) that the discriminator trains on.
        latents: (N, latent_dim), the same at every look.
        recall: `recall(images)`, a number, of the images generated from `latents`.
    """

    def __init__(
        self, real: np.ndarray, latents: np.ndarray, recall: Callable[[np.ndarray], float]
    ):
        super().__init__()
        self.real, self.latents, self.recall = real, latents, recall

    def on_epoch_end(self, epoch, logs=None):
        logs.update(look(self.model, self.real, self.latents))
        logs["recall"] = self.recall(draw(self.model.generator, self.latents))


def look(gan: GAN, real: np.ndarray, latents: np.ndarray) -> dict[str, float]:
    """How far apart the players are, as in `GANWatch`; changes neither.

    Returns:
        score_gap: mean logit of `real` minus that of generated images; near 0 for an even game.
        gradient_norm: length of the gradient of the generator's loss, over all its weights.
    """
    with tf.GradientTape() as tape:
        fake_logits = gan.discriminator(gan.generator(latents, training=False), training=False)
        _, g_losses = gan.game(ops.zeros_like(fake_logits), fake_logits)
        g_loss = ops.mean(g_losses)
    gradients = tape.gradient(g_loss, gan.generator.trainable_variables)
    real_logits = gan.discriminator(real, training=False)
    return {
        "score_gap": float(ops.mean(real_logits) - ops.mean(fake_logits)),
        "gradient_norm": float(tf.linalg.global_norm(gradients)),
    }


def draw(generator: keras.Model, latents: np.ndarray) -> np.ndarray:
    """Images (N, H, W, C) of a few latents (N, latent_dim), sooner than `GAN.sample`.

    Where weights are no longer finite, pixels are 0.
    """
    return np.nan_to_num(ops.convert_to_numpy(generator(latents, training=False)))


def start_anew(gan: GAN, fresh: GAN) -> None:
    """Give `gan` the weights and optimizer states of `fresh`, which was built alike.

    What `fit` has traced for `gan` stays, so the next seed costs no tracing.
    """
    for variable, new in zip(_state(gan), _state(fresh), strict=True):
        variable.assign(ops.convert_to_numpy(new))


def _state(gan):
    return [*gan.variables, *gan.g_optimizer.variables, *gan.d_optimizer.variables]
