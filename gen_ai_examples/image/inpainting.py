"""Can a network repaint the missing part of a picture better than smooth filling?
"""

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from skimage.restoration import inpaint_biharmonic

from gen_ai_examples.cli import run_as_command
from gen_ai_examples.common.answer import Answer, Claim
from gen_ai_examples.common.augment import mirror_and_shift
from gen_ai_examples.common.batches import batches, split_seed
from gen_ai_examples.common.fit import fit
from gen_ai_examples.common.media import image_grid
from gen_ai_examples.common.methods.flow import FlowMatching, flow_randomness
from gen_ai_examples.common.metrics.features import train_judge
from gen_ai_examples.common.metrics.image import features_frechet, nearest, ssim
from gen_ai_examples.common.nets.conv import build_unet
from gen_ai_examples.common.panels import panels
from gen_ai_examples.common.sources import image
from gen_ai_examples.common.sources.holes import fixed_strokes, strokes
from gen_ai_examples.common.strategy import precision, strategy

ANSWERS = ("Q14.1", "Q28.2")
SMOKE = dict(steps=2, batch_size=4, judge_steps=2, sampling_steps=2, draws=2)

SIZE = 32
SHARES = (0.02, 0.6)  # of a picture, hidden in training
SCRATCHES, PARTS = "scratches", "parts"
TESTS = {SCRATCHES: 0.1, PARTS: 0.4}  # hidden in the test


def build_network(widths):
    """`[x_t (B, H, W, 3), times (B,), given (B, H, W, 4)]` to the repainted picture."""
    x_t, times = keras.Input((SIZE, SIZE, 3)), keras.Input(())
    given = keras.Input((SIZE, SIZE, 4))
    unet = build_unet((SIZE, SIZE, 7), n_classes=1, widths=widths)
    none = ops.zeros_like(times, dtype="int32")
    drawn = unet([ops.concatenate([x_t, given], -1), times, none])[..., :3]
    known, hole = given[..., :3], given[..., 3:]
    return keras.Model([x_t, times, given], known + hole * drawn, name="inpainting")


def with_hole(images, hole):
    """The picture with zeros in the hole, and the hole: (B, H, W, 4)."""
    return ops.concatenate([images * (1 - hole), hole], -1)


def randomness(batch, seed):
    move, flow, stroke, share = split_seed(seed, 4)
    batch = mirror_and_shift(batch, move, reach=2)
    n = tf.shape(batch["images"])[0]
    batch = flow_randomness(1)(batch | {"labels": tf.zeros((n,), tf.int32)}, flow)
    hole = strokes(stroke, tf.random.stateless_uniform((n,), share, *SHARES), SIZE)
    # What a flow calls the label is whatever its network is told: here the damaged picture.
    return batch | {"labels": with_hole(batch["images"], hole)}
