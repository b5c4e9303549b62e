"""Can a network repaint the missing part of a picture better than smooth filling?

It starts from the best smooth filling and learns what that lacks, beginning at zero, as one does in
super-resolution: a U-Net sees the biharmonic filling and where the hole is, and corrects it there.
As in context encoders (Pathak et al. 2016, https://arxiv.org/abs/1604.07379) it is held to the
original by L1 and judged by an adversary, here one of patches that sees the damage beside the
repainted picture (Isola et al. 2017, https://arxiv.org/abs/1611.07004). Holes are free-form
strokes, as in Yu et al. 2019 (https://arxiv.org/abs/1806.03589), in place of whose gated
convolutions the filling stands.

The article names inpainting twice and shows, for it, a frozen VGG19 as discriminator that never
sees the generator's output, and an LSTM without a picture. Neither fills anything.

    gen-ai-examples run image.inpainting --steps 2500

The pictures are emoji of 32x32, near copies on one side of the split. Rivals, on the same holes:
the mean colour of what is left; the pixels of the training picture that agrees best with what is
left; and the biharmonic filling (Damelin & Hoang 2018), which continues colours and slopes.
`--images DIR` takes your own pictures, as central squares.

What to expect: where two fifths are hidden, half a decibel above the biharmonic filling, and less
than half of its Frechet distance: edges go on and areas are closed, where smooth filling leaves
fog. Pasting looks more real still, and is farther off. At a quarter hidden the two are level in
PSNR; thin scratches the biharmonic filling restores best, by three quarters of a decibel. In SSIM
it is ahead too, but in the largest holes, where the two are level. What mattered: to start from it.
In trials that started from means over growing blocks, or from noise with a flow conditioned on what
is left, the network stayed below it in PSNR.

Limits: what it paints is plausible, not what was there. It gives one filling, not the many that
were possible. Nothing here is measured on photographs.
"""

import keras
import numpy as np
import tensorflow as tf

from gen_ai_examples.cli import run_as_command
from gen_ai_examples.common.answer import Answer, Claim
from gen_ai_examples.common.augment import mirror_and_shift
from gen_ai_examples.common.batches import batches
from gen_ai_examples.common.fit import fit
from gen_ai_examples.common.media import image_grid
from gen_ai_examples.common.methods.filling import (
    biharmonic,
    closest_picture,
    mean_fill,
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
HOLES = 4  # for each picture
TESTS = {"scratches": 0.1, "a quarter": 0.25, "large holes": 0.4}  # and in the test


def build_painter(width):
    """What is given (B, H, W, 4) to the repainted picture: the filling, corrected in the hole."""
    given = keras.Input(GIVEN)
    # From zero, so that an untrained network is the classical method.
    lacking = build_translator(GIVEN, 3, width, head="zeros")(given)
    return keras.Model(given, given[..., :3] + given[..., 3:] * lacking, name="painter")


def damage(pictures, hole):
    """The smooth filling of what is left of the pictures, and the hole: (N, H, W, 4)."""
    return np.concatenate([biharmonic(pictures, hole), hole], -1)


def damaged_often(pictures, seed):
    """Columns to train on: every picture with several holes of every size."""
    targets = pictures.repeat(HOLES, 0)
    shares = np.random.default_rng(seed).uniform(*HIDDEN, len(targets)).astype("float32")
    hole = strokes(tf.constant([seed, 1], tf.int64), tf.constant(shares), SIZE).numpy()
    return {"inputs": damage(targets, hole), "targets": targets}


def main(
    steps=2500,
    batch_size=16,
    width=32,
    l1_weight=100.0,
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
    examples = batches(
        damaged_often(train.images, seed),
        batch_size,
        seed,
        lambda batch, seed: mirror_and_shift(batch, seed, reach=0),
    )
    fit(model, examples, steps)

    judge = train_judge(train, judge_steps)
    shown, scores = {}, {}
    for name, share in TESTS.items():
        # The same holes in every run, so that the classical scores do not change with the seed.
        hole = fixed_strokes(share, len(truth), SIZE, seed=0)
        given = damage(truth, hole)
        filled = {
            "mean fill": mean_fill(truth, hole),
            "closest training picture": closest_picture(truth, hole, train.images),
            "biharmonic": given[..., :3],
            "network": model.translate(given).clip(-1, 1),
        }
        scores[name] = {method: measure(x, truth, hole, judge) for method, x in filled.items()}
        shown[name] = {"given": truth * (1 - hole) - 0.2 * hole} | filled | {"original": truth}

    def claim(statement, name, quality, unit, better, ours="network", but=(), best=None):
        values = {method: its[quality] for method, its in scores[name].items()}
        rivals = {method: value for method, value in values.items() if method not in (ours, *but)}
        return Claim(statement, values[ours], unit, rivals, better, best)

    rows = np.linspace(0, len(truth) - 1, 10).astype(int)
    change = np.mean((shown["large holes"]["biharmonic"] - truth) ** 2, (1, 2, 3)) - np.mean(
        (shown["large holes"]["network"] - truth) ** 2, (1, 2, 3)
    )
    return Answer(
        claims=[
            claim(
                "Where much is hidden, a network that has seen other pictures of the kind repaints "
                "it nearer to the original than smooth filling, or pasting from the most similar "
                "picture.",
                "large holes",
                "PSNR of the hole",
                "dB PSNR of the hole, 40 % hidden",
                "higher",
            ),
            claim(
                "There its pictures also look far more like real ones than smoothly filled ones.",
                "large holes",
                "Frechet distance",
                "Frechet distance of features, 40 % hidden",
                "lower",
                but=("closest training picture",),
                best=scores["large holes"]["closest training picture"]["Frechet distance"],
            ),
            claim(
                "Thin scratches need no network: the surroundings nearly determine them, and the "
                "biharmonic filling is the nearest to the original.",
                "scratches",
                "PSNR of the hole",
                "dB PSNR of the hole, 10 % hidden",
                "higher",
                ours="biharmonic",
            ),
        ],
        metrics={
            f"{quality}, {name}, {method}": value
            for name, methods in scores.items()
            for method, its in methods.items()
            for quality, value in its.items()
        },
        media={
            "large_holes": strips(shown["large holes"], rows),
            "scratches": strips(shown["scratches"], rows),
            "largest_gains": strips(shown["large holes"], np.argsort(-change)[:10]),
            "largest_losses": strips(shown["large holes"], np.argsort(change)[:10]),
        },
    )


def measure(filled, truth, hole, judge):
    """How near the filling is to what was hidden, and the whole picture to real ones."""
    error = ((filled - truth) ** 2 * hole).sum((1, 2, 3)) / (3 * hole.sum((1, 2, 3)))
    return {
        "PSNR of the hole": float(10 * np.log10(4 / error.mean())),
        "SSIM": float(ssim(filled, truth).mean()),
        "Frechet distance": features_frechet(judge(truth), judge(filled)),
    }


def strips(pictures, rows):
    """One row for each method, under its name, of the chosen pictures."""
    return panels(
        [{title: image_grid(x[rows], columns=len(rows), scale=4)} for title, x in pictures.items()],
        width=0.12 + 1.18 * len(rows),
    )


if __name__ == "__main__":
    run_as_command(main)
