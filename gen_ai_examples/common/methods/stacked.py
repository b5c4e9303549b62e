"""The mistake the article prints, kept to be measured: two networks stacked and compiled as one.

Generator and discriminator form one model that learns to answer 1 ("real") to noise. Every
weight of both follows that one loss, so the discriminator is taught to call the generator's
output real, and no real image is ever seen. Sizes and activations are those of the print, with
the output size mended, without which it does not run.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from gen_ai_examples.common.batches import batches, split_seed
from gen_ai_examples.common.fit import fit
from gen_ai_examples.common.strategy import strategy


class StackedNetworks:
    """Train the stack on noise for `steps` batches; it never needs the data.

    Args:
        image_shape: (H, W, C).
        steps, batch_size: of its training with Adam and binary cross-entropy.
        seed: of the noise.
    """

    latent_dim = 100

    def __init__(self, image_shape: tuple[int, ...], steps: int, batch_size: int, seed: int):
        with strategy().scope():
            latents = keras.Input((self.latent_dim,))
            pixels = layers.Dense(int(np.prod(image_shape)))(latents)
            self.generator = keras.Model(latents, layers.Reshape(image_shape)(pixels))
            image = keras.Input(image_shape)
            hidden = layers.Dense(1024)(layers.Flatten()(image))
            self.discriminator = keras.Model(image, layers.Dense(1, "sigmoid")(hidden))
            stack = keras.Model(
                latents, self.discriminator(self.generator(latents)), name="stacked"
            )
            stack.compile(keras.optimizers.Adam(), keras.losses.BinaryCrossentropy())
        ones = {"real": np.ones((batch_size, 1), np.float32)}

        def noise(batch, seed):
            (latent_seed,) = split_seed(seed, 1)
            shape = (batch_size, self.latent_dim)
            return batch | {"latents": tf.random.stateless_normal(shape, latent_seed)}

        data = batches(ones, batch_size, seed, noise)
        fit(stack, data.map(lambda b: (b["latents"], b["real"])), steps)

    def sample(self, n: int, seed: int) -> np.ndarray:
        """What its generator draws: (N, H, W, C), not bounded to any image range."""
        latents = np.random.default_rng(seed).normal(size=(n, self.latent_dim))
        return self.generator.predict(latents.astype(np.float32), verbose=0)

    def believes(self, images: np.ndarray) -> float:
        """Mean probability that its discriminator gives `images` of being real."""
        return float(self.discriminator.predict(images, verbose=0).mean())
