"""A model that turns noisy speech into clean speech by a complex mask on its spectrum."""

import keras
import numpy as np
import tensorflow as tf

from gen_ai_examples.common.audio import istft, stft
from gen_ai_examples.common.strategy import replica_logs, replica_mean


class SpeechEnhancement(keras.Model):
    """Predicts a complex ratio mask and learns from the waveform and the spectrum that result.

    Scale-equivariant: each waveform is brought to one level before, and back to its own after.

    Args:
        network: (B, frames, bins - 1, 3) features to (B, frames, bins - 1, 2), the real and the
            imaginary part of the mask, less one: a network that says zero changes nothing. The
            lowest bin, which holds no speech, is removed.
        window, hop: samples, of the spectra.
        spectrum_weight: of the second loss.

    Its batches have "noisy" and "clean", (B, T) each. The losses:

    - signal-to-noise ratio of the result, in dB, negative, that levels off towards 30 dB (as in
      Wisdom et al. 2020, https://arxiv.org/abs/2006.12701);
    - mean absolute difference of the magnitudes, each to the power of 0.3, times 100, which weighs
      what is soft as the ear does (as in Ephrat et al. 2018, https://arxiv.org/abs/1804.03619).

    Source: Williamson et al. 2016, https://doi.org/10.1109/TASLP.2015.2512042 (the mask).
    """

    def __init__(
        self, network: keras.Model, window: int = 256, hop: int = 128, spectrum_weight: float = 0.3
    ):
        super().__init__(name="speech_enhancement")
        self.network = network
        self.window, self.hop, self.spectrum_weight = window, hop, spectrum_weight
        self.built = True

    def enhance(self, noisy: tf.Tensor, training: bool = False) -> tf.Tensor:
        """(B, T) to (B, T)."""
        level = tf.sqrt(tf.reduce_mean(noisy**2, axis=1, keepdims=True)) + 1e-8
        spectra = self._stft(noisy / level)
        mask = tf.cast(self.network(features(spectra), training=training), tf.float32)
        mask = tf.complex(1 + mask[..., 0], mask[..., 1])
        mask = tf.pad(mask, [[0, 0], [0, 0], [1, 0]])
        return istft(spectra * mask, self.window, self.hop, tf.shape(noisy)[1]) * level

    def train_step(self, batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        clean = batch["clean"]
        with tf.GradientTape() as tape:
            result = self.enhance(batch["noisy"], training=True)
            snr = replica_mean(limited_snr(result, clean))
            difference = compressed(self._stft(result)) - compressed(self._stft(clean))
            spectrum = 100 * replica_mean(tf.abs(difference))
            loss = self.spectrum_weight * spectrum - snr
        weights = self.network.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        return replica_logs(snr=snr, spectrum=spectrum)

    def _stft(self, waves):
        # Half a frame more, so that the end of the waveform is inside a whole one.
        return stft(tf.pad(waves, [[0, 0], [0, self.hop]]), self.window, self.hop)


def features(spectra: tf.Tensor) -> tf.Tensor:
    """(B, frames, bins) complex to (B, frames, bins - 1, 3): log magnitude, compressed spectrum."""
    spectra = spectra[..., 1:]
    magnitude = tf.abs(spectra) + 1e-4
    small = spectra / tf.cast(magnitude**0.7, tf.complex64)
    channels = [0.3 * tf.math.log(magnitude), tf.math.real(small), tf.math.imag(small)]
    return tf.stack(channels, axis=-1)


def compressed(spectra: tf.Tensor) -> tf.Tensor:
    """Magnitudes to the power of 0.3, with a finite gradient at zero."""
    return (tf.math.real(spectra * tf.math.conj(spectra)) + 1e-6) ** 0.15


def limited_snr(estimate: tf.Tensor, clean: tf.Tensor, limit: float = 30) -> tf.Tensor:
    """Signal-to-noise ratio in dB that levels off at `limit`: (B, T) twice to (B,)."""
    error = tf.reduce_sum((estimate - clean) ** 2, axis=1)
    power = tf.reduce_sum(clean**2, axis=1) + 1e-8
    return -10 / np.log(10) * tf.math.log(error / power + 10 ** (-limit / 10))
