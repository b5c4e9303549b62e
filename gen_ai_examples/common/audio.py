"""Spectra of waveforms as graph operations, in batches and differentiable; equal to librosa's.

Keras has layers for it, but they return magnitudes; enhancement needs the phase to come back.
"""

import librosa
import numpy as np
import tensorflow as tf


def stft(waves: tf.Tensor, window: int, hop: int, power: float = 1.0) -> tf.Tensor:
    """Short-time Fourier transform with a Hann window, frames centred on multiples of `hop`.

    Args:
        waves: (B, T) float32.
        window: samples per frame, even.
        hop: samples from one frame to the next, at most half of `window`.
        power: of the window. What is changed between `stft` and `istft` passes through both
            windows; 0.5 suits hop = window / 2, since their product then sums to one.

    Returns:
        (B, frames, window / 2 + 1) complex64 with frames = 1 + T // hop, the transpose of
        `librosa.stft(..., pad_mode="constant")`.
    """
    half = window // 2
    padded = tf.pad(waves, [[0, 0], [half, half]])
    return tf.signal.stft(padded, window, hop, window, _hann(power))


def istft(
    spectra: tf.Tensor, window: int, hop: int, length: int | tf.Tensor, power: float = 1.0
) -> tf.Tensor:
    """The waveform whose `stft` is nearest: (B, frames, bins) complex64 to (B, length) float32.

    What lies beyond the centre of the last frame, less than a hop, is only as good as the little
    that the window lets through.
    """
    half = window // 2
    waves = tf.signal.inverse_stft(spectra, window, hop, window, window_fn=_hann(power))
    square = _hann(2 * power)(window)[None]
    squares = tf.signal.overlap_and_add(tf.tile(square, [tf.shape(spectra)[1], 1]), hop)
    waves = waves / tf.maximum(squares, 1e-8)
    waves = waves[:, half : half + length]
    return tf.pad(waves, [[0, 0], [0, length - tf.shape(waves)[1]]])


def _hann(power):
    def window(length, dtype=tf.float32):
        return tf.signal.hann_window(length, periodic=True, dtype=dtype) ** power

    return window


def mel_filters(rate: int, window: int, bands: int) -> np.ndarray:
    """Slaney's triangular filters, (bins, bands) float32, each with an area of one."""
    return librosa.filters.mel(sr=rate, n_fft=window, n_mels=bands).T


def log_mel(
    waves: tf.Tensor, rate: int, window: int = 256, hop: int = 64, bands: int = 40
) -> tf.Tensor:
    """Logarithmic mel power spectrogram: (B, T) to (B, frames, bands), in decibels.

    At least -100 dB, so that digital silence stays finite.
    """
    powers = tf.abs(stft(waves, window, hop)) ** 2
    mel = powers @ tf.constant(mel_filters(rate, window, bands))
    return 10 / np.log(10) * tf.math.log(tf.maximum(mel, 1e-10))
