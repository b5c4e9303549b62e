"""How much faster is `fit` than `keras.Model.fit` at its defaults, on the same model and data?

    python benchmarks/fit.py

Both train the same network on the same batches, in turn, several rounds in one process, both with
their progress shown (to nowhere); the table gives medians of steps per second and of the ratio
round by round. A machine's speed drifts, a ratio within a round does less. What `fit` saves is a
fixed time per step, a few hundred microseconds: the smaller the step, the larger the ratio.
"""

import argparse
import contextlib
import json
import os
import pathlib
import statistics
import time

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from rich.console import Console
from rich.table import Table

from gen_ai_examples.common.batches import batches
from gen_ai_examples.common.fit import fit
from gen_ai_examples.common.methods.flow import FlowMatching, flow_randomness
from gen_ai_examples.common.methods.gan import GAN, gan_randomness
from gen_ai_examples.common.nets.conv import build_unet
from gen_ai_examples.common.sources import image
from gen_ai_examples.common.strategy import precision, strategy
from gen_ai_examples.image import dcgan


def mlp():
    """A perceptron of two hidden layers, 64 wide."""
    model = keras.Sequential(
        [keras.Input((64,)), layers.Dense(64, "relu"), layers.Dense(64, "relu"), layers.Dense(10)]
    )
    model.compile(
        keras.optimizers.Adam(), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    digits = image.digits()
    flat = digits.images.reshape(len(digits), -1)
    return model, ready((flat[:64], digits.labels[:64])), 3200


def small_gan(batch_size=64):
    """A DCGAN for digits of 8x8 pixels, batch 64."""
    z, picture = keras.Input((16,)), keras.Input((8, 8, 1))
    x = layers.Reshape((2, 2, 128))(layers.Dense(2 * 2 * 128, "relu")(z))
    x = layers.Conv2DTranspose(64, 4, strides=2, padding="same")(x)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.Conv2DTranspose(1, 4, strides=2, padding="same", activation="tanh")(x)
    y = layers.LeakyReLU(0.2)(layers.Conv2D(64, 4, strides=2, padding="same")(picture))
    y = layers.LeakyReLU(0.2)(layers.Conv2D(128, 4, strides=2, padding="same")(y))
    y = layers.Dense(1)(layers.Flatten()(y))
    gan = GAN(keras.Model(z, x), keras.Model(picture, y))
    gan.compile(keras.optimizers.Adam(), keras.optimizers.Adam())
    columns = {"images": image.digits().images}
    return gan, ready(first(batches(columns, batch_size, 0, gan_randomness(16)))), 320


def small_gan_small_batch():
    """The same, batch 16."""
    return small_gan(16)


def example_gan():
    """The networks of image.dcgan."""
    with precision():
        gan = GAN(dcgan.build_generator(16), dcgan.build_discriminator())
        gan.compile(keras.optimizers.Adam(), keras.optimizers.Adam())
    columns = {"images": image.mnist().images}
    return gan, ready(first(batches(columns, 64, 0, gan_randomness(16)))), 96


def example_flow():
    """The network of image.flow_matching."""
    data = image.mnist()
    with precision():
        flow = FlowMatching(build_unet((28, 28, 1), 10), 10)
        flow.compile(keras.optimizers.AdamW(use_ema=True))
    columns = {"images": data.images, "labels": data.labels}
    return flow, ready(first(batches(columns, 32, 0, flow_randomness(10)))), 64


def first(dataset):
    return next(iter(dataset))


def ready(batch):
    """One batch for ever: both loops are timed, not the data."""
    return tf.data.Dataset.from_tensors(batch).repeat()


def steps_per_second(train, steps):
    with (
        open(os.devnull, "w") as nowhere,
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
    ):
        started = time.perf_counter()
        train(steps)
        return steps / (time.perf_counter() - started)


def compare(build, rounds):
    """Steps per second of `fit` and of `Model.fit`, in turn: (rounds, 2)."""
    with strategy(["CPU:0"] if not tf.config.list_physical_devices("GPU") else None).scope():
        ours, data, steps = build()
        theirs, *_ = build()

    def ours_train(n):
        fit(ours, data, n, steps_per_epoch=n)

    def theirs_train(n):
        theirs.fit(data, steps_per_epoch=n)

    for train in (ours_train, theirs_train):  # traces, and warms up
        steps_per_second(train, 32)
    return np.array(
        [[steps_per_second(t, steps) for t in (ours_train, theirs_train)] for _ in range(rounds)]
    )


def main(rounds, out):
    table = Table("Model", "fit, steps/s", "Model.fit, steps/s", "ratio", "lowest", "highest")
    record = {}
    for build in (mlp, small_gan, small_gan_small_batch, example_gan, example_flow):
        speeds = compare(build, rounds)
        ratios = speeds[:, 0] / speeds[:, 1]
        ours, theirs = np.median(speeds, axis=0)
        ratio = statistics.median(ratios)
        record[build.__name__] = dict(
            fit=ours, model_fit=theirs, ratio=ratio, lowest=ratios.min(), highest=ratios.max()
        )
        table.add_row(
            build.__doc__,
            f"{ours:,.0f}",
            f"{theirs:,.0f}",
            *(f"{value:.2f}" for value in (ratio, ratios.min(), ratios.max())),
        )
    Console().print(table)
    if out:
        out.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=pathlib.Path, help="also write the numbers, as JSON")
    arguments = parser.parse_args()
    main(arguments.rounds, arguments.out)
