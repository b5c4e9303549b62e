"""Colouring a frame after a coloured one: a network learns what to take from where.

The colours of every example are turned and stretched at random, the same for both frames, so that
what a thing is tells nothing of its colour: the network has to copy. After Vondrick et al. 2018,
https://arxiv.org/abs/1806.09594, who make a network that copies colours track things; here colours
are the aim, regressed and not classified.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from gen_ai_examples.common.batches import Seed, split_seed
from gen_ai_examples.common.methods.colour_propagation import Propagated
from gen_ai_examples.common.nets.colouring import GRID, STRIDE
from gen_ai_examples.common.strategy import replica_logs, replica_mean

SCALE = 50.0  # levels of L, a and b that are 1 in the network
INPUTS = ("frame", "first", "moved", "places")


def examples(clip: Propagated) -> dict[str, np.ndarray]:
    """What the network is given, and its target, of each frame of a clip; float32.

    Height and width of the clip must be multiples of 8.

    Returns:
        frame (N, H, W, 1) lightness; first (N, H, W, 3); moved (N, H, W, 9), the first frame moved
        in three ways; places (N, H / 4, W / 4, 2), where flow says that a place was; target
        (N, H, W, 2).
    """
    n, _, height, width = clip.flow.shape
    blocks = (height // STRIDE, STRIDE, width // STRIDE, STRIDE)
    flow = clip.flow.reshape(n, 2, *blocks).mean((3, 5)) / STRIDE
    places = (flow + np.indices(flow.shape[2:])) / GRID
    moved = [_scaled(x) for x in (clip.direct, clip.chained, clip.patches)]
    lab = _scaled(clip.lab)
    return {
        "frame": lab[..., :1],
        "first": np.broadcast_to(_scaled(clip.first), lab.shape),
        "moved": np.concatenate(moved, -1),
        "places": places.transpose(0, 2, 3, 1).astype(np.float32),
        "target": lab[..., 1:],
    }


def _scaled(lab):
    return (lab / SCALE - (1, 0, 0)).astype(np.float32)


def recoloured(batch: dict[str, tf.Tensor], seed: Seed) -> dict[str, tf.Tensor]:
    """Turn the hues of each example, stretch its colours, mirror all or none: `randomness`."""
    hue, saturation, mirror = split_seed(seed, 3)
    shape = (len(batch["frame"]), 1, 1, 1)
    angle = tf.random.stateless_uniform(shape, hue, 0, 2 * np.pi)
    stretch = tf.random.stateless_uniform(shape, saturation, 0.5, 1.5)
    along, across = stretch * tf.cos(angle), stretch * tf.sin(angle)

    def turned(ab):
        a, b = ab[..., :1], ab[..., 1:]
        return tf.concat([along * a - across * b, across * a + along * b], -1)

    def each(labs):
        parts = [labs[..., i : i + 3] for i in range(0, labs.shape[-1], 3)]
        return tf.concat([tf.concat([x[..., :1], turned(x[..., 1:])], -1) for x in parts], -1)

    result = batch | {
        "first": each(batch["first"]),
        "moved": each(batch["moved"]),
        "target": turned(batch["target"]),
    }
    mirrored = {name: tf.reverse(x, [2]) for name, x in result.items()}
    last = (batch["places"].shape[2] - 1) / GRID
    mirrored["places"] *= (1.0, -1.0)
    mirrored["places"] += (0.0, last)
    chance = tf.random.stateless_uniform((), mirror) < 0.5
    return {name: tf.where(chance, mirrored[name], x) for name, x in result.items()}


class Colouring(keras.Model):
    """Learns by the distance between its colours and the true ones.

    Args:
        network: of `nets.colouring.build_colouring`.
        copy_weight: of the same distance for the colours copied by attention alone, beside 1.
    """

    def __init__(self, network: keras.Model, copy_weight: float = 0.3):
        super().__init__(name="colouring")
        self.network = network
        self.copy_weight = copy_weight
        self.built = True

    def train_step(self, batch):
        """`batch`: as `examples` has it."""
        with tf.GradientTape() as tape:
            made, copied = self.network([batch[name] for name in INPUTS], training=True)
            error, copy_error = (
                replica_mean(_distance(ab, batch["target"])) for ab in (made, copied)
            )
            loss = error + self.copy_weight * copy_error
        weights = self.network.trainable_variables
        self.optimizer.apply(tape.gradient(loss, weights), weights)
        return replica_logs(error=SCALE * error, copy_error=SCALE * copy_error)

    def colour(self, clip: Propagated) -> np.ndarray:
        """The colours (N, H, W, 2) of a clip's frames, a and b of CIELAB."""
        given = examples(clip)
        made, _ = self.network.predict([given[name] for name in INPUTS], batch_size=4, verbose=0)
        return SCALE * made


def _distance(ab, truth):
    # Rounded off at the bottom, where the root has no derivative.
    return ops.sqrt(ops.sum(ops.square(ops.cast(ab, "float32") - truth), -1) + 1e-4)
