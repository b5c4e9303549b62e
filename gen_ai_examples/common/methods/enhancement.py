"""A model that turns noisy speech into clean speech by a complex mask on its spectrum."""

import keras
import numpy as np
import tensorflow as tf

from gen_ai_examples.common.audio import istft, mel_filters, stft
from gen_ai_examples.common.strategy import clipped, replica_logs, replica_mean

BANDS = 20  # of the envelopes
CLIP_NORM = 5.0  # of the gradients


class SpeechEnhancement(keras.Model):
    """Predicts a complex ratio mask and learns from the waveform that results.

    Scale-equivariant: each waveform is brought to one level before, and back to its own after.

    Args:
        network: (B, frames, bins - 1, 3) features to (B, frames, bins - 1, 2), the real and the
            imaginary part of the mask, less one: a network that says zero changes nothing. The
            lowest bin, which holds no speech, is removed.
        rate: samples per second.
        window: samples per frame, half of it from one frame to the next.

    Its batches have "noisy" and "clean", (B, T) each. Three losses are added, so weighted that a
    decibel of the first is worth about as much as what comes with it in the others:

    - `limited_snr` of the waveform, in dB, negative;
    - "spectrum", mean absolute difference of the `compressed` magnitudes, times 30;
    - `envelope_correlation`, negative, times 40.

    Source: Williamson et al. 2016, https://doi.org/10.1109/TASLP.2015.2512042 (the mask).
    """

    def __init__(self, network: keras.Model, rate: int, window: int = 256):
        super().__init__(name="speech_enhancement")
        self.network = network
        self.window = window
        self.filters = mel_filters(rate, window, BANDS)
        self.built = True

    def enhance(self, noisy: tf.Tensor, training: bool = False) -> tf.Tensor:
        """(B, T) to (B, T)."""
        level = tf.sqrt(tf.reduce_mean(noisy**2, axis=1, keepdims=True)) + 1e-8
        spectra = self._stft(noisy / level)
        mask = tf.cast(self.network(features(spectra), training=training), tf.float32)
        # Slices would do as well, but their gradients are two masks full of zeros.
        real, imaginary = tf.unstack(mask, axis=-1)
        mask = tf.complex(1 + real, imaginary)
        mask = tf.pad(mask, [[0, 0], [0, 0], [1, 0]])
        length = tf.shape(noisy)[1]
        return istft(spectra * mask, self.window, self.window // 2, length, 0.5) * level

    def enhance_all(self, noisy: np.ndarray, batch_size: int = 16) -> np.ndarray:
        """(N, T) to (N, T), however many there are."""
        parts = [noisy[i : i + batch_size] for i in range(0, len(noisy), batch_size)]
        return np.concatenate([self.enhance(tf.constant(part)).numpy() for part in parts])

    def train_step(self, batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        clean = batch["clean"]
        with tf.GradientTape() as tape:
            result = self.enhance(batch["noisy"], training=True)
            ours, truth = self._stft(result), self._stft(clean)
            snr = replica_mean(limited_snr(result, clean))
            spectrum = replica_mean(tf.abs(compressed(ours) - compressed(truth)))
            envelope = replica_mean(envelope_correlation(ours, truth, self.filters))
            loss = 30 * spectrum - snr - 40 * envelope
        weights = self.network.trainable_variables
        gradients = clipped(tape.gradient(loss, weights), CLIP_NORM)
        self.optimizer.apply(gradients, weights)
        return replica_logs(snr=snr, spectrum=spectrum, envelope=envelope)

    def _stft(self, waves):
        # Half a frame more, so that the end of the waveform is inside a whole one.
        half = self.window // 2
        return stft(tf.pad(waves, [[0, 0], [0, half]]), self.window, half, 0.5)


def features(spectra: tf.Tensor) -> tf.Tensor:
    """(B, frames, bins) complex to (B, frames, bins - 1, 3): log magnitude, compressed spectrum."""
    spectra = spectra[..., 1:]
    magnitude = tf.abs(spectra) + 1e-4
    small = spectra / tf.cast(magnitude**0.7, tf.complex64)
    channels = [0.3 * tf.math.log(magnitude), tf.math.real(small), tf.math.imag(small)]
    return tf.stack(channels, axis=-1)


def limited_snr(estimate: tf.Tensor, clean: tf.Tensor, limit: float = 30) -> tf.Tensor:
    """Signal-to-noise ratio in dB that levels off at `limit`: (B, T) twice to (B,).

    Source: as in Wisdom et al. 2020, https://arxiv.org/abs/2006.12701.
    """
    error = tf.reduce_sum((estimate - clean) ** 2, axis=1)
    power = tf.reduce_sum(clean**2, axis=1) + 1e-8
    return -10 / np.log(10) * tf.math.log(error / power + 10 ** (-limit / 10))


def compressed(spectra: tf.Tensor) -> tf.Tensor:
    """Magnitudes to the power of 0.3, which weighs what is soft as the ear does.

    Source: Ephrat et al. 2018, https://arxiv.org/abs/1804.03619.
    """
    return (tf.math.real(spectra * tf.math.conj(spectra)) + 1e-6) ** 0.15


def envelope_correlation(ours: tf.Tensor, truth: tf.Tensor, filters: np.ndarray) -> tf.Tensor:
    """How alike the loudness rises and falls in each band over 0.4 s, where there is speech.

    Stands in for STOI, as in Fu et al. 2018, https://arxiv.org/abs/1709.03658, with mel bands.

    Args:
        ours, truth: spectra (B, frames, bins), 16 ms apart.
        filters: (bins, bands).

    Returns:
        (B,), at most 1.
    """

    def segments(spectra):
        power = tf.math.real(spectra * tf.math.conj(spectra)) @ filters
        return tf.signal.frame(tf.sqrt(power + 1e-6), 24, 6, axis=1)  # (B, segments, 24, bands)

    ours, truth = segments(ours), segments(truth)
    loudness = tf.reduce_sum(truth**2, axis=(2, 3), keepdims=True)
    spoken = loudness > 1e-3 * tf.reduce_max(loudness, axis=1, keepdims=True)
    ours, truth = (x - tf.reduce_mean(x, axis=2, keepdims=True) for x in (ours, truth))
    product = tf.reduce_sum(ours * truth, axis=2)
    squares = tf.reduce_sum(ours**2, axis=2) * tf.reduce_sum(truth**2, axis=2)
    correlation = tf.reduce_mean(product * tf.math.rsqrt(squares + 1e-10), axis=2)
    spoken = tf.cast(spoken[..., 0, 0], tf.float32)
    return tf.reduce_sum(correlation * spoken, axis=1) / tf.reduce_sum(spoken, axis=1)
