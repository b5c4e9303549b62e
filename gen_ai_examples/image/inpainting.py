"""Can a network repaint the missing part of a picture better than smooth filling?

DOC
"""

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from gen_ai_examples.cli import run_as_command
from gen_ai_examples.common.answer import Answer, Claim
from gen_ai_examples.common.augment import mirror_and_shift
from gen_ai_examples.common.batches import batches, split_seed
from gen_ai_examples.common.fit import fit
from gen_ai_examples.common.media import image_grid
from gen_ai_examples.common.methods.filling import (
    biharmonic,
    closest_picture,
    mean_fill,
    push_pull,
)
from gen_ai_examples.common.methods.pix2pix import Pix2Pix
from gen_ai_examples.common.metrics.features import train_judge
from gen_ai_examples.common.metrics.image import features_frechet, ssim
from gen_ai_examples.common.nets.pix2pix import build_patch_discriminator, build_translator
from gen_ai_examples.common.panels import panels
from gen_ai_examples.common.sources import image
from gen_ai_examples.common.sources.holes import fixed_strokes, strokes
from gen_ai_examples.common.strategy import precision, strategy

ANSWERS = ("Q14.1", "Q28.2")
SMOKE = dict(steps=2, batch_size=2, width=8, judge_steps=2)

SIZE = 32
GIVEN = (SIZE, SIZE, 4)
HIDDEN = (0.02, 0.6)  # share of a picture, in training
TESTS = {"scratches": 0.1, "a quarter": 0.25, "large holes": 0.4}  # and in the test


def build_painter(width):
    """What is given (B, H, W, 4) to the repainted picture: the filling, corrected in the hole."""
    given = keras.Input(GIVEN)
    drawn = build_translator(GIVEN, 3, width, stem_stride=1)(given)
    return keras.Model(given, given[..., :3] + given[..., 3:] * drawn, name="painter")


def damage(pictures, hole):
    """A smooth filling of what is left of the pictures, and the hole: (B, H, W, 4)."""
    return tf.concat([push_pull(pictures, hole), hole], -1)


def randomness(batch, seed):
    """Pictures moved a little, and a fresh hole in each."""
    move, stroke, share = split_seed(seed, 3)
    pictures = mirror_and_shift(batch, move, reach=2)["targets"]
    shares = tf.random.stateless_uniform((tf.shape(pictures)[0],), share, *HIDDEN)
    return {"inputs": damage(pictures, strokes(stroke, shares, SIZE)), "targets": pictures}


def main(
    steps=2000,
    batch_size=8,
    width=32,
    l1_weight=50.0,
    learning_rate=1e-3,
    judge_steps=400,
    dtype="auto",
    seed=0,
    images: str | None = None,
) -> Answer:
    keras.utils.set_random_seed(seed)
    pictures = image.folder(images, SIZE) if images else image.emoji_pairs(SIZE)[1]
    train, held_out = pictures.split()
    truth = held_out.images
    with strategy().scope(), precision(dtype):
        model = Pix2Pix(build_painter(width), build_patch_discriminator(GIVEN), l1_weight)
        decay = keras.optimizers.schedules.CosineDecay
        model.compile(
            keras.optimizers.Adam(decay(learning_rate, steps), beta_1=0.5),
            keras.optimizers.Adam(decay(learning_rate / 2, steps), beta_1=0.5),
        )
    fit(model, batches({"targets": train.images}, batch_size, seed, randomness), steps)

    judge = train_judge(train, judge_steps)
    shown, scores = {}, {}
    for name, share in TESTS.items():
        # The same holes in every run, so that the classical scores do not change with the seed.
        hole = fixed_strokes(share, len(truth), SIZE, seed=0)
        filled = {
            "mean fill": mean_fill(truth, hole),
            "closest training picture": closest_picture(truth, hole, train.images),
            "biharmonic": biharmonic(truth, hole),
            "network": model.translate(np.asarray(damage(truth, hole))).clip(-1, 1),
        }
        scores[name] = {method: measure(x, truth, hole, judge) for method, x in filled.items()}
        shown[name] = {"given": truth * (1 - hole) - 0.2 * hole} | filled | {"original": truth}
    print(scores)
    E


def measure(filled, truth, hole, judge):
    """How near the filling is to what was hidden, and the whole picture to real ones."""
    error = ((filled - truth) ** 2 * hole).sum((1, 2, 3)) / (3 * hole.sum((1, 2, 3)))
    return {
        "PSNR of the hole": float(10 * np.log10(4 / error.mean())),
        "SSIM": float(ssim(filled, truth).mean()),
        "Frechet distance": features_frechet(judge(truth), judge(filled)),
    }
