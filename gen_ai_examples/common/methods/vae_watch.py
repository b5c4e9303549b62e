"""What to watch while a VAE trains: how likely it makes sets of images, and its learning rate."""

import keras
import numpy as np

from gen_ai_examples.common.methods.vae import VAE

Sets = dict[str, tuple[np.ndarray, np.ndarray]]


class VAEWatch(keras.callbacks.Callback):
    """Adds the ELBO of each set, by its name, and `rate` to the logs of every epoch of `fit`.

    Put it before callbacks that read the logs, such as `ReduceLROnPlateau`.

    Args:
        sets: as in `elbos`.
    """

    def __init__(self, sets: Sets):
        super().__init__()
        self.sets = sets

    def on_epoch_end(self, epoch, logs=None):
        logs.update(elbos(self.model, self.sets))
        logs["rate"] = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))


def elbos(model: VAE, sets: Sets) -> dict[str, float]:
    """Mean ELBO in nats per image, by set.

    Args:
        sets: images (N, H, W, C), and the noise (N, latent_dim) of their latents, by name; the same
            noise at every look, so that looks compare.
    """
    result = {}
    for name, (images, noise) in sets.items():
        log_likelihoods, kls = model.elbo_terms(images, noise)
        result[name] = float(keras.ops.mean(log_likelihoods - kls))
    return result
