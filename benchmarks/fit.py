"""How much faster is `fit` than `keras.Model.fit` at its defaults, on the same model and data?

    python benchmarks/fit.py

Both train the same network on the same batches, in turn, several rounds in one process, both with
their progress shown (to nowhere); the table gives medians of steps per second and of the ratio
round by round. A machine's speed drifts, a ratio within a round does less. What `fit` saves is a
fixed time per step, a few hundred microseconds: the smaller the step, the larger the ratio. The
last column has `Model.fit` inside a `MirroredStrategy` over the one device, as most tutorials
write it; `fit` takes the strategy that `strategy()` picks for one device.
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
from gen_ai_examples.common.nets.dcgan import build_encoder, build_generator
from gen_ai_examples.common.sources import image
from gen_ai_examples.common.strategy import precision, strategy


def mlp():
    """MLP, 64 wide"""
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
    """DCGAN 8x8, batch 64"""
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
    return gan, ready(first(batches(columns, batch_size, 0, gan_randomness(16)))), 96


def small_gan_small_batch():
    """DCGAN 8x8, batch 16"""
    return small_gan(16)


def example_gan():
    """image.dcgan"""
    with precision():
        gan = GAN(build_generator(16), build_encoder())
        gan.compile(keras.optimizers.Adam(), keras.optimizers.Adam())
    columns = {"images": image.mnist().images}
    return gan, ready(first(batches(columns, 64, 0, gan_randomness(16)))), 20


def example_flow():
    """image.flow_matching"""
    data = image.mnist()
    with precision():
        flow = FlowMatching(build_unet((28, 28, 1), 10), 10)
        flow.compile(keras.optimizers.AdamW(use_ema=True))
    columns = {"images": data.images, "labels": data.labels}
    return flow, ready(first(batches(columns, 32, 0, flow_randomness(10)))), 16


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
    """Steps per second of `fit`, `Model.fit` and mirrored `Model.fit`, in turn: (rounds, 3)."""
    device = "GPU:0" if tf.config.list_physical_devices("GPU") else "CPU:0"
    with strategy([device]).scope():
        ours, data, steps = build()
        theirs, *_ = build()
    with tf.distribute.MirroredStrategy([device]).scope():
        mirrored, *_ = build()
    trainings = [
        lambda n: fit(ours, data, n, steps_per_epoch=n),
        lambda n: theirs.fit(data, steps_per_epoch=n),
        lambda n: mirrored.fit(data, steps_per_epoch=n),
    ]
    for train in trainings:  # traces, and warms up
        steps_per_second(train, 32)
    return np.array([[steps_per_second(t, steps) for t in trainings] for _ in range(rounds)])


def main(rounds, out):
    table = Table(
        "Model", "fit, steps/s", "Model.fit", "ratio (range)", "mirrored", "ratio (range)"
    )
    record = {}
    for build in (mlp, small_gan, small_gan_small_batch, example_gan, example_flow):
        speeds = compare(build, rounds)
        medians = np.median(speeds, axis=0)
        ratios = speeds[:, :1] / speeds[:, 1:]  # (rounds, 2)
        record[build.__name__] = {"steps_per_second": speeds.tolist(), "ratios": ratios.tolist()}
        ours, plain, mirrored = (f"{median:,.0f}" for median in medians)
        to_plain, to_mirrored = (
            f"{statistics.median(r):.2f} ({min(r):.2f}-{max(r):.2f})" for r in ratios.T
        )
        table.add_row(build.__doc__, ours, plain, to_plain, mirrored, to_mirrored)
    Console(width=100).print(table)
    if out:
        out.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--out", type=pathlib.Path, help="also write the numbers, as JSON")
    arguments = parser.parse_args()
    main(arguments.rounds, arguments.out)
