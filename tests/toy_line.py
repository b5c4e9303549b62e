"""Can one weight learn to double a number?

The example of the tests, small enough to train in a second. Its help page keeps [brackets].
"""

import os
import pathlib
import time

import keras
import numpy as np

from gen_ai_examples.cli import run_as_command
from gen_ai_examples.common import fit as training
from gen_ai_examples.common.answer import Answer, Claim
from gen_ai_examples.common.batches import batches
from gen_ai_examples.common.fit import fit
from gen_ai_examples.common.media import Picture
from gen_ai_examples.common.sources import image
from gen_ai_examples.common.strategy import strategy

ANSWERS = ("Q1.1", "Q7.4")
SMOKE = dict(steps=2, batch_size=2)


def main(
    steps=64, batch_size=8, learning_rate=0.05, shift=False, seed=0, images: str | None = None
) -> Answer:
    keras.utils.set_random_seed(seed)
    if images:
        image.folder(images, size=8)
    x = np.linspace(-1, 1, 32, dtype="float32")[:, None]
    y = 2 * x + shift
    pairs = batches({"x": x, "y": y}, batch_size, seed).map(lambda batch: (batch["x"], batch["y"]))
    with strategy().scope():
        model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)], name="line")
        model.compile(keras.optimizers.Adam(learning_rate), "mse")
    training.SAVE_SECONDS = float(os.environ.get("TOY_SAVE_SECONDS", "60"))
    pause = keras.callbacks.LambdaCallback(on_train_batch_end=lambda *_, **__: wait())
    fit(model, pairs, steps, steps_per_call=8, callbacks=[pause])
    error = float(np.mean((model(x) - y) ** 2))
    return Answer(
        [
            Claim(
                "A trained line errs less than no line.",
                error,
                "squared error",
                {"always zero": float(np.mean(y**2))},
                better="lower",
            )
        ],
        media={"points": Picture(np.zeros((8, 8), np.uint8))},
    )


def wait():
    """Mark each call, and leave a test time for Ctrl-C."""
    with pathlib.Path(os.environ.get("TOY_BEGUN", "begun")).open("a") as file:
        file.write(".")
    time.sleep(float(os.environ.get("TOY_PAUSE", "0")))


if __name__ == "__main__":
    run_as_command(main)
