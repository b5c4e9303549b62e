"""Can a network colour line art it has never seen, so that it looks like a real picture?

pix2pix (Isola et al. 2017, https://arxiv.org/abs/1611.07004): a U-Net draws the coloured picture,
held to its target by L1; a discriminator sees line art and picture side by side and rejects patches
that no artist would leave so. `common/methods/pix2pix.py` and `common/nets/pix2pix.py` say where
method and networks depart from the paper.

The article shows, for translation, a frozen VGG19 as discriminator, wired to the generator's input.
It has no output that says real or made, and never sees what the generator draws, so it trains
nothing. Features of VGG19 make a perceptual loss, which is something else.

    gen-ai-examples run image.translation --steps 750

The pairs are emoji, drawn once as line art and once in flat colour; near copies stay on one side of
the split. Rivals: the colours of the nearest training drawing, mirrored or not (by pixels, which
beat blurred pixels and histograms of gradients), and a forest that predicts each pixel from the
strokes around it, its place and the closed region it lies in. `--images DIR` takes your own pairs:
`DIR/input` and `DIR/target`, with files of equal names.

What to expect: buttons become blue, faces yellow, with clean outlines. The nearest drawing gives
perfect pictures of something else; the forest errs as little as pix2pix, and paints mud wherever
several colours were possible. What no line tells (is the star sign purple?) it cannot know. What
mattered: batch normalisation, without which the network stayed with a white sheet; a last layer
that sees the single strokes. A flow conditioned on the line art was, after the same minutes,
farther off in error and in realism; colour as a choice out of a palette gave flat blue and yellow,
and white wherever it was in doubt.

Limits: a thousand pairs and two minutes teach the common colours, not what things are. Fine
patterns shimmer, and colours run where the two drawings are not in register.
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
ERROR, REALISM = "mean absolute error", "Frechet distance"
LINE = (SIZE, SIZE, 1)


def build_generator(width):
    """Line art (B, 64, 64, 1) to colour (B, 64, 64, 3) in [-1, 1]."""
    line = keras.Input(LINE)
    colour = ops.tanh(build_translator(LINE, 3, width)(line))
    return keras.Model(line, colour, name="generator")


def main(
    steps=750,
    batch_size=16,
    width=32,
    l1_weight=50.0,
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
    given, truth, captions = held_out_line.images, held_out.images, held_out.captions
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
            keras.optimizers.Adam(decay(learning_rate / 4, steps), beta_1=0.5),
        )
    fit(model, pairs, steps)

    both_ways = [np.concatenate([x.images, x.images[:, :, ::-1]]) for x in (line, train)]
    made = {
        "mean picture": np.broadcast_to(train.images.mean(0), truth.shape),
        "nearest training pair": both_ways[1][nearest(given, both_ways[0])[1]],
        "forest of pixels": PixelForest(line.images, train.images, trees=trees, seed=seed)(given),
        "pix2pix": model.translate(given),
    }
    judge = train_judge(train, judge_steps)
    seen, of_truth = {name: judge(pictures) for name, pictures in made.items()}, judge(truth)
    errors = {name: np.abs(x - truth).mean((1, 2, 3)) * 127.5 for name, x in made.items()}
    scores = {
        ERROR: {name: float(x.mean()) for name, x in errors.items()},
        "SSIM": {name: float(ssim(x, truth).mean()) for name, x in made.items()},
        "distance of features": {
            name: float(np.linalg.norm(x - of_truth, axis=1).mean()) for name, x in seen.items()
        },
        REALISM: {name: features_frechet(of_truth, x) for name, x in seen.items()},
        "kernel distance": {name: kernel_distance(of_truth, x)[0] for name, x in seen.items()},
    }

    def of_forest(quality):
        return scores[quality]["forest of pixels"] / scores[quality]["pix2pix"]

    def claim(statement, quality, unit, rivals, best=None):
        values = scores[quality]
        beaten = {rival: values[rival] for rival in rivals}
        return Claim(statement, values["pix2pix"], unit, beaten, "lower", best)

    shown = {"line art": given.repeat(3, -1)} | made | {"truth": truth}
    del shown["mean picture"]
    # All but one, whose gesture is no picture for a gallery.
    by_error = [i for i in np.argsort(errors["pix2pix"]) if "middle finger" not in captions[i]]
    return Answer(
        claims=[
            claim(
                "Line art it has never seen is coloured nearer to the artist's picture than by "
                "the most similar drawing of the training set.",
                ERROR,
                "mean absolute error, of 255",
                ("mean picture", "nearest training pair"),
            ),
            claim(
                "As a set its pictures look far more like real ones than those of the best "
                "regression of single pixels, which mixes the colours that were possible.",
                REALISM,
                "Frechet distance of features",
                ("mean picture", "forest of pixels"),
                best=scores[REALISM]["nearest training pair"],
            ),
            Claim(
                "The error hardly tells the mixed colours from the pictures, where the Frechet "
                "distance finds them several times worse.",
                of_forest(ERROR),
                "regression of single pixels as a share of pix2pix",
                {"the Frechet distance": of_forest(REALISM)},
                better="lower",
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
