import keras
import numpy as np

from gen_ai_examples.cli import run_as_command
from gen_ai_examples.common.answer import Answer, Claim
from gen_ai_examples.common.batches import batches
from gen_ai_examples.common.fit import fit
from gen_ai_examples.common.media import image_grid
from gen_ai_examples.common.methods.filling import (
    biharmonic,
    closest_picture,
    gaussian_mean,
    mean_fill,
)
from gen_ai_examples.common.methods.flow_inpainting import FlowInpainting, inpainting_randomness
from gen_ai_examples.common.metrics.features import train_judge
from gen_ai_examples.common.metrics.image import features_frechet
from gen_ai_examples.common.nets.conv import build_unet
from gen_ai_examples.common.panels import panels
from gen_ai_examples.common.sources import image
from gen_ai_examples.common.sources.holes import fixed_strokes
from gen_ai_examples.common.strategy import precision, strategy

ANSWERS = ("Q14.1", "Q28.2")
SMOKE = dict(steps=2, batch_size=8, samples=3, sampling_steps=2, judge_steps=2)

HIDDEN = (0.2, 0.7)  # share of a picture, in training
TEST_HIDDEN = 0.5


def main(
    steps=2400,
    batch_size=32,
    learning_rate=2e-3,
    samples=8,
    sampling_steps=16,
    judge_steps=600,
    dtype="auto",
    seed=0,
    images: str | None = None,
) -> Answer:
    keras.utils.set_random_seed(seed)
    data = image.folder(images, size=28, channels=1) if images else image.mnist()
    train, held_out = data.split()
    truth = held_out.images
    examples = batches({"images": train.images}, batch_size, seed, inpainting_randomness(HIDDEN))
    height, width, channels = truth.shape[1:]
    with strategy().scope(), precision(dtype):
        flow = FlowInpainting(build_unet((height, width, channels + 1), 0))
        decay = keras.optimizers.schedules.CosineDecay(learning_rate, steps)
        flow.compile(
            keras.optimizers.AdamW(decay, weight_decay=0.01, use_ema=True, ema_momentum=0.99)
        )
    fit(flow, examples, steps)

    # The same holes in every run, so that the classical scores do not change with the seed.
    hole = fixed_strokes(TEST_HIDDEN, len(truth), height, seed=0)
    rng = np.random.default_rng(seed)
    drawn = np.stack(
        [
            flow.fill(truth, hole, rng.normal(size=truth.shape).astype("float32"), sampling_steps)
            for _ in range(samples)
        ]
    )
    import os
    if os.environ.get("DUMP"):
        np.savez("/root/w/wt/inpaint2_out/dump.npz", drawn=drawn.astype("float16"), hole=hole)
    filled = {
        "mean fill": mean_fill(truth, hole),
        "biharmonic": biharmonic(truth, hole),
        "closest training digit": closest_picture(truth, hole, train.images),
        "Gaussian mean": gaussian_mean(truth, hole, train.images),
        "one sample": drawn[0],
        "mean of samples": drawn.mean(0),
    }
    judge = train_judge(train, judge_steps)
    classes = held_out.labels
    for name, x in (filled | {"truth": truth}).items():
        print(
            name,
            "psnr", round(hole_psnr(x, truth, hole), 3),
            "recognised", np.mean(judge.labels(x) == classes),
            "frechet", round(features_frechet(judge(truth), judge(x)), 3),
        )
    print("spread", spread(drawn[0], drawn[1], hole), "err", spread(drawn[0], truth, hole))
    two = closest_picture(truth, hole, train.images)
    rows = np.argsort(held_out.labels, kind="stable")[np.linspace(0, len(truth) - 1, 12).astype(int)]
    shown = {"given": truth * (1 - hole) - 0.2 * hole} | filled | {"s2": drawn[1], "s3": drawn[2], "original": truth}
    return Answer(
        claims=[Claim("x", 1.0, "x", {"y": 0.0}, "higher")],
        metrics={},
        media={"large": strips(shown, rows)},
    )


def spread(a, b, hole):
    return float(np.sqrt((((a - b) ** 2) * hole).sum() / hole.sum()))


def hole_psnr(filled, truth, hole):
    return float(-20 * np.log10(spread(filled, truth, hole) / 2))


def strips(pictures, rows):
    """One row for each method, under its name, of the chosen pictures."""
    return panels(
        [{title: image_grid(x[rows], columns=len(rows), scale=4)} for title, x in pictures.items()],
        width=0.12 + 1.18 * len(rows),
    )


if __name__ == "__main__":
    run_as_command(main)
