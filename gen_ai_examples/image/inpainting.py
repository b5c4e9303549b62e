"""What may have been in a hole of a picture, and how sure can one be of it?

Where much is hidden, many fillings are right. Flow matching (Lipman et al. 2023,
https://arxiv.org/abs/2210.02747) draws one: noise flows to a picture in the hole, and a small U-Net
sees the known pixels and the hole at every step, as Palette (Saharia et al. 2022,
https://arxiv.org/abs/2111.05826) does with diffusion. Other noise, another filling. Holes are
free-form strokes, as in Yu et al. 2019 (https://arxiv.org/abs/1806.03589).

The article names inpainting twice and shows, for it, a frozen VGG19 as discriminator that never
sees the generator's output, and an LSTM without a picture. Neither fills anything.

    gen-ai-examples run image.inpainting --steps 1600

500 held-out MNIST digits miss three tenths of their pixels, four tenths of their ink. Rivals, for
the same holes: mean fill; the biharmonic filling (Damelin & Hoang 2018), which continues values and
slopes; the conditional mean of a Gaussian, the best linear estimate; pasting from the training
pictures that agree best with what is left. `--images DIR` takes your own pictures, as 28x28 greys.

What to expect: strokes go on, crisp, and where the hole is open the samples differ. The mean of the
samples errs less than any of them and looks less real: the perception-distortion trade-off (Blau &
Michaeli 2018, https://arxiv.org/abs/1711.06077). The samples' disagreement tells which pixels to
distrust. What mattered was how much is hidden: with half of every picture gone, pasting was nearer
to the original than one sample, and better recognised.

Limits: a sample is plausible, not what was there, and one in seven is not taken for the digit it
was. Pasting does better in that, and looks more real: digits are centred, so that one of thousands
nearly fits. Nothing here is measured on photographs.
"""

import keras
import numpy as np
from scipy.ndimage import distance_transform_edt
from scipy.stats import spearmanr

from gen_ai_examples.cli import run_as_command
from gen_ai_examples.common.answer import Answer, Claim
from gen_ai_examples.common.batches import batches
from gen_ai_examples.common.fit import fit
from gen_ai_examples.common.media import image_grid
from gen_ai_examples.common.methods.filling import (
    biharmonic,
    closest_pictures,
    gaussian_mean,
    mean_fill,
)
from gen_ai_examples.common.methods.flow_inpainting import FlowInpainting, inpainting_randomness
from gen_ai_examples.common.metrics.features import train_judge
from gen_ai_examples.common.nets.conv import build_unet
from gen_ai_examples.common.panels import panels
from gen_ai_examples.common.sources import image
from gen_ai_examples.common.sources.holes import fixed_strokes
from gen_ai_examples.common.strategy import precision, strategy

ANSWERS = ("Q14.1", "Q28.2")
CPU_REPLICAS = 2  # train faster than one: see `share_cpu`
# In bfloat16 the ranks of a few pictures turn over with the rounding.
SMOKE = dict(steps=2, batch_size=8, sampling_steps=2, judge_steps=2, dtype="float32")

SIZE = 28
HIDDEN = (0.1, 0.5)  # share of a picture, in training
TEST_HIDDEN = 0.3  # and in the test
TEST_PICTURES = 500  # at most: drawing all fillings takes a twentieth of a second for each
WIDTHS = (40, 80)  # channels of the two levels of the U-Net
SAMPLES = 8  # fillings of each hole


def main(
    steps=1600,
    batch_size=32,
    learning_rate=2e-3,
    sampling_steps=8,
    judge_steps=600,
    dtype="auto",
    seed=0,
    images: str | None = None,
) -> Answer:
    keras.utils.set_random_seed(seed)
    pictures = image.folder(images, SIZE, channels=1) if images else image.mnist()
    train, held_out = pictures.split()
    truth, labels = held_out.images[:TEST_PICTURES], held_out.labels[:TEST_PICTURES]
    with strategy().scope(), precision(dtype):
        flow = FlowInpainting(build_unet((SIZE, SIZE, 2), n_classes=0, widths=WIDTHS))
        decay = keras.optimizers.schedules.CosineDecay(learning_rate, steps)
        flow.compile(
            keras.optimizers.AdamW(decay, weight_decay=0.01, use_ema=True, ema_momentum=0.99)
        )
    columns = {"images": train.images}  # without their classes
    fit(flow, batches(columns, batch_size, seed, inpainting_randomness(HIDDEN)), steps)

    # The same holes in every run, so that the classical scores do not change with the seed.
    hole = fixed_strokes(TEST_HIDDEN, len(truth), SIZE, seed=0)
    noise = np.random.default_rng(seed).normal(size=(SAMPLES, *truth.shape)).astype("float32")
    samples = np.stack([flow.fill(truth, hole, each, sampling_steps) for each in noise])
    closest = closest_pictures(truth, hole, train.images, SAMPLES)
    filled = {
        "mean fill": mean_fill(truth, hole),
        "biharmonic": biharmonic(truth, hole),
        "closest training picture": closest[0],
        f"mean of the {SAMPLES} closest": closest.mean(0),
        "Gaussian conditional mean": gaussian_mean(truth, hole, train.images),
        "one sample": samples[0],
        f"mean of {SAMPLES} samples": samples.mean(0),
    }

    judge = train_judge(train, judge_steps)
    # Pictures without classes are to be taken for what the originals are taken for.
    classes = labels if len(train.names) > 1 else judge.labels(truth)
    recognised = {name: float(np.mean(judge.labels(x) == classes)) for name, x in filled.items()}
    for name, several in {"samples": samples, "closest": closest}.items():
        vote = np.mean([judge.probabilities(x) for x in several], 0).argmax(1)
        recognised[f"vote of the {SAMPLES} {name}"] = float(np.mean(vote == classes))
    frechet = {name: judge.frechet(truth, x) for name, x in filled.items()}
    psnr = {name: hole_psnr(x, truth, hole) for name, x in filled.items()}
    # How far each hidden pixel is from what was expected, and what could have foretold it.
    error = np.abs(filled[f"mean of {SAMPLES} samples"] - truth)
    foretold = {
        "disagreement of the samples": samples.std(0),
        f"disagreement of the {SAMPLES} closest": closest.std(0),
        "variety of the training pictures": np.broadcast_to(train.images.std(0), truth.shape),
        "distance to what is known": np.stack([distance_transform_edt(x) for x in hole]),
    }
    foresight = {
        name: float(spearmanr(x[hole > 0], error[hole > 0]).statistic)
        for name, x in foretold.items()
    }

    def claim(statement, values, ours, unit, better, best=None):
        rivals = {name: value for name, value in values.items() if name != ours}
        return Claim(statement, values[ours], unit, rivals, better, best)

    pasted, linear = "closest training picture", "Gaussian conditional mean"
    in_order = np.argsort(labels, kind="stable")
    shown = in_order[np.linspace(0, len(truth) - 1, 12).astype(int)]
    open_holes = np.argsort(-samples.std(0).sum((1, 2, 3)))[:12]
    likely = judge.probabilities(samples[0])[np.arange(len(truth)), classes]
    given = {"given": truth * (1 - hole) - 0.2 * hole}
    numbered = {f"sample {i + 1}": x for i, x in enumerate(samples)}
    three = {name: numbered[name] for name in list(numbered)[:3]}
    classical = {name: x for name, x in filled.items() if "sample" not in name}
    original = {"original": truth}
    mean = {f"mean of {SAMPLES} samples": filled[f"mean of {SAMPLES} samples"]}
    return Answer(
        claims=[
            claim(
                "A sample goes on with the strokes: it is nearer to the original than smooth "
                "filling, and than pasting from the most similar training picture.",
                {k: v for k, v in psnr.items() if "mean of" not in k and k != linear},
                "one sample",
                "dB PSNR of the hole, 30 % hidden",
                "higher",
            ),
            claim(
                "It looks far more like a real digit than smooth, linear or averaged fillings, "
                "which blur what is open; pasted pixels, being real ones, look so still more.",
                {k: v for k, v in frechet.items() if k != pasted},
                "one sample",
                "Frechet distance of digit features, 30 % hidden",
                "lower",
                frechet[pasted],
            ),
            claim(
                "The best guess of each pixel is another picture: the mean of the samples is "
                "nearer to the original than one sample or any other filling, and blurred.",
                psnr,
                f"mean of {SAMPLES} samples",
                "dB PSNR of the hole, 30 % hidden",
                "higher",
            ),
            claim(
                "Where the samples disagree, what was there cannot be known: they foretell the "
                "error of their mean better than other signs do.",
                foresight,
                "disagreement of the samples",
                "rank correlation with the error, hidden pixels",
                "higher",
            ),
        ],
        metrics={
            f"{quality}, {name}": value
            for quality, values in {
                "recognised": recognised,
                "Frechet distance": frechet,
                "PSNR of the hole": psnr,
            }.items()
            for name, value in values.items()
        }
        | {
            # Equal, were the samples draws from what is possible: the original is one as well.
            "distance between two samples": distance(samples[0], samples[1], hole),
            "distance of a sample to the original": distance(samples[0], truth, hole),
        },
        media={
            "completed": strips(given | classical | three | mean | original, shown),
            "several_answers": strips(given | numbered | original, open_holes),
            "least_recognised": strips(given | three | original, np.argsort(likely)[:12]),
        },
    )


def distance(a, b, hole):
    """Root of the mean squared difference of pixels in the holes."""
    return float(np.sqrt(np.mean((a - b)[hole > 0] ** 2)))


def hole_psnr(filled, truth, hole):
    """How near the filling is to what was hidden, in dB."""
    return float(-20 * np.log10(distance(filled, truth, hole) / 2))


def strips(pictures, rows):
    """One row for each method, under its name, of the chosen pictures."""
    return panels(
        [{title: image_grid(x[rows], columns=len(rows), scale=4)} for title, x in pictures.items()],
        width=0.12 + 1.03 * len(rows),
    )


if __name__ == "__main__":
    run_as_command(main)
