"""Text to speech by regression: phones to durations, envelopes, pitch and voicing.

After FastSpeech 2 (Ren et al. 2020, https://arxiv.org/abs/2006.04558): phones are encoded, repeated
for as many frames as they last (length regulation), and decoded to the frames of speech, all at
once. Departures: times come from a recogniser's alignment; the encoder is one convolution over
phones; the decoder predicts what a vocoder needs instead of a mel spectrogram.
"""

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from gen_ai_examples.common.methods.vocoder import BINS
from gen_ai_examples.common.strategy import clipped, replica_logs, replica_mean

REACH = 4  # phones to each side that the encoder sees
N_POSITIONS = 6  # numbers that say where a frame is
N_OUTPUTS = BINS + 3  # envelope, pitch, voicing, and the logarithm of the phone's frames


def linguistic(
    phones: Sequence[str], starts_word: np.ndarray, inventory: Sequence[str]
) -> np.ndarray:
    """What the encoder sees of each of N phones: (N, 2 REACH + 1) int32, itself in the middle.

    Each number stands for a phone and whether it begins a word; 0 is beyond the ends.
    """
    numbers = {name: i for i, name in enumerate(inventory)}
    codes = [1 + 2 * numbers[p] + int(s) for p, s in zip(phones, starts_word, strict=True)]
    padded = np.pad(np.array(codes, np.int32), REACH)
    return np.lib.stride_tricks.sliding_window_view(padded, 2 * REACH + 1).copy()


def positions(frames: np.ndarray) -> np.ndarray:
    """Where each frame is in its phone and in its phrase: N durations to (F, 6) float32."""
    n, total = np.repeat(frames, frames), frames.sum()
    since = np.arange(total) - np.repeat(np.cumsum(frames) - frames, frames) + 0.5
    at = np.arange(total) + 0.5
    columns = [
        since / n,
        np.log1p(since) / 2,
        np.log1p(n - since) / 2,
        np.log1p(n) / 2,
        np.log1p(at) / 5,
        np.log1p(total - at) / 5,
    ]
    return np.stack(columns, axis=1).astype("float32")


def build_speaker(n_codes: int, width: int, blocks: int) -> keras.Model:
    """Context (B, T, 9) and positions (B, T, 6) to (B, T, 68): speech, and log duration last.

    Residual blocks of two convolutions each, dilated 1, 2, 4 and again, mix neighbouring frames.
    The durations see phones alone.
    """
    context = keras.Input((None, 2 * REACH + 1), dtype="int32", name="context")
    where = keras.Input((None, N_POSITIONS), name="positions")
    # Of unit size: with the tiny embeddings of Keras the network listens to positions alone first.
    unit = keras.initializers.RandomNormal(stddev=1.0)
    codes = layers.Embedding(n_codes, 48, embeddings_initializer=unit)(context)
    codes = layers.Reshape((-1, (2 * REACH + 1) * 48))(codes)
    phones = layers.Dense(width, activation="silu")(codes)
    phones = layers.Dense(width)(phones)
    duration = layers.Dense(width, activation="silu")(layers.LayerNormalization()(phones))
    duration = layers.Dense(1, dtype="float32")(duration)
    x = phones + layers.Dense(width)(layers.Dense(width, activation="silu")(where))
    for i in range(blocks):
        h = layers.LayerNormalization()(x)
        h = layers.Conv1D(
            width, 5, padding="same", dilation_rate=(1, 2, 4)[i % 3], activation="silu"
        )(h)
        x = x + layers.Conv1D(width, 1)(h)
    speech = layers.Dense(N_OUTPUTS - 1, dtype="float32")(layers.LayerNormalization()(x))
    return keras.Model([context, where], ops.concatenate([speech, duration], -1), name="speaker")


class Speaking(keras.Model):
    """Learns to say what `targets` says, by absolute errors of each part.

    Args:
        network: as `build_speaker` makes it.

    Its batches have "context" (B, T, 9), "positions" (B, T, 6), "targets" (B, T, 68), standardised,
    and "weights" (B, T, 2) of a frame: of its pitch, zero where it is not voiced, and of its
    duration, one over the frames of the phone, so that each phone counts once.
    """

    def __init__(self, network: keras.Model):
        super().__init__(name="speaking")
        self.network = network
        self.built = True

    def train_step(self, batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        weights = batch["weights"]
        with tf.GradientTape() as tape:
            ours = self.network([batch["context"], batch["positions"]], training=True)
            errors = tf.abs(ours - batch["targets"])
            envelope = replica_mean(errors[..., :BINS])
            voicing = replica_mean(errors[..., BINS + 1])
            pitch = replica_mean(errors[..., BINS] * weights[..., 0])
            duration = replica_mean(errors[..., BINS + 2] * weights[..., 1])
            loss = envelope + 0.2 * voicing + 0.2 * pitch + duration
        variables = self.network.trainable_variables
        self.optimizer.apply(clipped(tape.gradient(loss, variables), 1.0), variables)
        return replica_logs(envelope=envelope, voicing=voicing, pitch=pitch, duration=duration)

    def durations(self, context: np.ndarray) -> np.ndarray:
        """(N, 9) to the standardised log durations (N,)."""
        unknown = np.zeros((1, len(context), N_POSITIONS), np.float32)
        return self.network([context[None], unknown], training=False).numpy()[0, :, -1]

    def speech(self, context: np.ndarray, frames: np.ndarray) -> np.ndarray:
        """Phones (N, 9) of durations (N,) to standardised envelope, pitch, voicing (F, 67)."""
        inputs = [np.repeat(context, frames, axis=0)[None], positions(frames)[None]]
        return self.network(inputs, training=False).numpy()[0, :, :-1]
