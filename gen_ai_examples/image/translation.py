"""Can a network colour line art it has never seen, with colours that look meant?

pix2pix (Isola et al. 2017, https://arxiv.org/abs/1611.07004): a U-Net draws the coloured picture,
held to its target by L1; a discriminator of patches sees line art and picture together and rejects
colours that no artist would leave so. `common/methods/pix2pix.py` says where the method departs;
the networks are small, with residual blocks and without dropout.
"""

import keras
import numpy as np
from keras import ops

from gen_ai_examples.cli import run_as_command
from gen_ai_examples.common.answer import Answer, Claim
from gen_ai_examples.common.augment import mirror_and_shift
from gen_ai_examples.common.batches import batches
from gen_ai_examples.common.fit import fit
from gen_ai_examples.common.media import image_grid
from gen_ai_examples.common.methods.pix2pix import Pix2Pix
from gen_ai_examples.common.methods.pixel_forest import PixelForest
from gen_ai_examples.common.metrics.features import train_judge
from gen_ai_examples.common.metrics.image import (
    features_frechet,
    kernel_distance,
    nearest,
    ssim,
)
from gen_ai_examples.common.nets.pix2pix import build_patch_discriminator, build_translator
from gen_ai_examples.common.panels import panels
from gen_ai_examples.common.sources import image
from gen_ai_examples.common.sources.pairs import own_pairs
from gen_ai_examples.common.strategy import precision, strategy

ANSWERS = ("Q14.4",)
SMOKE = dict(steps=2, batch_size=2, width=8, judge_steps=2, trees=1)

SIZE = 64
LINE = (SIZE, SIZE, 1)


def build_generator(width):
    """Line art (B, 64, 64, 1) to colour (B, 64, 64, 3) in [-1, 1]."""
    line = keras.Input(LINE)
    colour = ops.tanh(build_translator(LINE, 3, width)(line))
    return keras.Model(line, colour, name="generator")


def main(
    steps=2000,
    batch_size=8,
    width=32,
    l1_weight=25.0,
    learning_rate=1e-3,
    judge_steps=600,
    trees=24,
    dtype="auto",
    seed=0,
    images: str | None = None,
) -> Answer:
    keras.utils.set_random_seed(seed)
    line, colour = own_pairs(images, SIZE) if images else image.emoji_pairs(SIZE)
    (line, held_out_line), (train, held_out) = line.split(), colour.split()
    given, truth = held_out_line.images, held_out.images
    pairs = batches(
        {"inputs": line.images, "targets": train.images},
        batch_size,
        seed,
        lambda batch, seed: mirror_and_shift(batch, seed, reach=4),
    )
    with strategy().scope(), precision(dtype):
        model = Pix2Pix(build_generator(width), build_patch_discriminator(LINE), l1_weight)
        decay = keras.optimizers.schedules.CosineDecay
        model.compile(
            keras.optimizers.Adam(decay(learning_rate, steps), beta_1=0.5),
            keras.optimizers.Adam(decay(learning_rate / 2, steps), beta_1=0.5),
        )
    fit(model, pairs, steps)

    made = {
        "mean picture": np.broadcast_to(train.images.mean(0), truth.shape),
        "nearest training pair": train.images[nearest(given, line.images)[1]],
        "forest of pixels": PixelForest(line.images, train.images, trees=trees, seed=seed)(given),
        "pix2pix": model.translate(given),
    }
    judge = train_judge(train, judge_steps)
    seen, of_truth = {name: judge(pictures) for name, pictures in made.items()}, judge(truth)
    errors = {name: np.abs(x - truth).mean((1, 2, 3)) * 127.5 for name, x in made.items()}
    scores = {
        "mean absolute error of 255": {name: float(x.mean()) for name, x in errors.items()},
        "SSIM": {name: float(ssim(x, truth).mean()) for name, x in made.items()},
        "distance of features": {
            name: float(np.linalg.norm(x - of_truth, axis=1).mean()) for name, x in seen.items()
        },
        "Frechet distance": {name: features_frechet(of_truth, x) for name, x in seen.items()},
        "kernel distance": {name: kernel_distance(of_truth, x)[0] for name, x in seen.items()},
    }

    def against(quality, *rivals):
        return {name: scores[quality][name] for name in rivals}

    shown = {"line art": given.repeat(3, -1)} | made | {"truth": truth}
    del shown["mean picture"]
    by_error = np.argsort(errors["pix2pix"])
    return Answer(
        claims=[
            Claim(
                "Line art it has never seen is coloured nearer to the artist's picture than by "
                "the most similar drawing of the training set.",
                scores["mean absolute error of 255"]["pix2pix"],
                "mean absolute error of 255",
                against("mean absolute error of 255", "mean picture", "nearest training pair"),
                better="lower",
            ),
            Claim(
                "What a classifier of such pictures sees in it is nearer to what it sees in the "
                "artist's than with any rival, a forest that has the smaller error included.",
                scores["distance of features"]["pix2pix"],
                "distance of features, picture by picture",
                against(
                    "distance of features",
                    "mean picture",
                    "nearest training pair",
                    "forest of pixels",
                ),
                better="lower",
            ),
            Claim(
                "As a set they look far more like real pictures than those of the regression, "
                "which mixes the colours that were possible.",
                scores["Frechet distance"]["pix2pix"],
                "Frechet distance of features",
                against("Frechet distance", "mean picture", "forest of pixels"),
                better="lower",
                best=scores["Frechet distance"]["nearest training pair"],
            ),
        ],
        metrics={
            f"{quality}, {name}": x for quality, by in scores.items() for name, x in by.items()
        },
        media={
            "unselected": strips(shown, np.linspace(0, len(truth) - 1, 10).astype(int)),
            "more_unselected": strips(shown, np.linspace(0, len(truth) - 1, 21)[1::2].astype(int)),
            "smallest_errors": strips(shown, by_error[:10]),
            "largest_errors": strips(shown, by_error[:-11:-1]),
        },
    )


def strips(pictures, rows):
    """One row for each method, under its name, of the chosen pictures."""
    return panels(
        [{title: image_grid(x[rows], columns=len(rows), scale=2)} for title, x in pictures.items()],
        width=0.12 + 1.18 * len(rows),
    )


if __name__ == "__main__":
    run_as_command(main)
