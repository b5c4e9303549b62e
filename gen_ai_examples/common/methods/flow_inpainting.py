"""Flow matching that fills holes: noise becomes picture in the hole, the rest stays as it is.

What flows is the picture together with its hole, as one more channel. At time 0 the hole holds
noise, at time 1 what was there; everything else is the same at both times, so that its velocity is
zero and the network sees the known pixels, undamaged, at every step. Training pairs of a picture
and a random hole make samples of what may be in a hole given its surroundings: no label is used.
As Palette (Saharia et al. 2022, https://arxiv.org/abs/2111.05826) does with diffusion.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from gen_ai_examples.common.batches import Seed, split_seed
from gen_ai_examples.common.methods.flow import FlowMatching, flow_randomness
from gen_ai_examples.common.sources.holes import strokes


class FlowInpainting(FlowMatching):
    """Flow matching of pictures (B, H, W, C) with their holes (B, H, W, 1), 1 where missing.

    Args:
        unet: of a state of C + 1 channels, without classes, as `build_unet((H, W, C + 1), 0)`;
            what it makes of the last channel is not used.
    """

    def __init__(self, unet: keras.Model):
        state, times, labels = (keras.Input(x.shape[1:], dtype=x.dtype) for x in unet.inputs)
        hole = state[..., -1:]
        drawn = ops.cast(unet([state, times, labels]), state.dtype)
        keeps = state * (1 - hole) + drawn * hole
        filled = ops.concatenate([keeps[..., :-1], hole], -1)
        super().__init__(keras.Model([state, times, labels], filled, name="filler"), n_classes=0)

    def fill(
        self, pictures: np.ndarray, hole: np.ndarray, noise: np.ndarray, steps: int
    ) -> np.ndarray:
        """Draw one filling of each hole: other `noise`, another filling.

        Args:
            pictures: (N, H, W, C) in [-1, 1]; what lies in the hole is not looked at.
            hole: (N, H, W, 1).
            noise: standard normal, like `pictures`.
            steps: of the solver, see `sample`.

        Returns:
            (N, H, W, C) float32 in [-1, 1], equal to `pictures` outside of the hole.
        """
        start = np.asarray(_start(pictures, hole, noise))
        drawn = self.sample(start, np.zeros(len(pictures), "int32"), steps)[..., :-1]
        return np.where(hole > 0, drawn.clip(-1, 1), pictures)


def _start(pictures, hole, noise):
    """The state at time 0: (B, H, W, C + 1)."""
    return ops.concatenate([ops.where(hole > 0, noise, pictures), hole], -1)


def inpainting_randomness(hidden: tuple[float, float]):
    """Return the `randomness` of `batches` for inpainting square pictures, a column "images".

    Args:
        hidden: least and largest share of a picture that a hole of strokes hides.
    """
    of_flow = flow_randomness(n_classes=0, drop_label=0.0)

    def randomness(batch: dict[str, tf.Tensor], seed: Seed) -> dict[str, tf.Tensor]:
        share_seed, hole_seed, flow_seed = split_seed(seed, 3)
        pictures = batch["images"]
        n, size = tf.shape(pictures)[0], pictures.shape[1]
        shares = tf.random.stateless_uniform((n,), share_seed, *hidden)
        hole = strokes(hole_seed, shares, size)
        state = {
            "images": tf.concat([pictures, hole], -1),
            "labels": tf.zeros((n,), tf.int32),
        }
        drawn = of_flow(state, flow_seed)
        return drawn | {"noise": _start(pictures, hole, drawn["noise"][..., :-1])}

    return randomness
