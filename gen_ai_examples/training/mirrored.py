"""What changes when a model trains on several devices at once, and what must not?

A small denoiser, the heart of every diffusion model (Vincent 2011,
https://doi.org/10.1162/NECO_a_00142), trains on 8x8 digits under TensorFlow's MirroredStrategy:
each replica computes the gradient of its share of the batch, and the sum moves them all alike. The
processor is split into two devices, so that everybody can try it; GPUs are used where there are
two. Then nothing but speed may change: two replicas must end with the weights of one device.

    gen-ai-examples run training.mirrored

The article prints MirroredStrategy with a batch of 32 and promises shorter training. On one device
it is one replica and gains nothing. On two, the 32 are shared out, 16 each: the same updates as on
one device. To gain, the global batch has to grow with the replicas, and then there are fewer
updates, which is made up for by a learning rate that grows too (Goyal et al. 2017,
https://arxiv.org/abs/1706.02677); training.batch_size shows where that ends.

Two mistakes hide well. Gradients are added up over replicas, so a training step with an ordinary
mean steps twice as far on two: Adam, which divides by the gradient's size, conceals it, plain
gradient descent shows it. And random numbers drawn inside the step are the same on every replica,
so half the noise is a repetition: draw it with the batch. A third: Keras clips gradients before
they are added up (`clipped` clips the sum).

What to expect: the weights of one device and of two differ by rounding alone, and by all of a
learning rate with the ordinary mean. Eight times the batch at the same rate is far behind after the
same number of passes; with eight times the rate most of that is made up. No speed is gained here:
both devices are parts of one processor, and a step is tiny. Large convolutions gain: `share_cpu`.

Limits: one machine. `gen-ai-examples launch --workers 2 run training.mirrored` does the same with
two processes, which is how several machines train. A rate eight times as high is no law: it fails
early in training, where a warm-up helps, and for very large batches.
"""

import contextlib
import functools
import os

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from matplotlib.figure import Figure

from gen_ai_examples.cli import run_as_command
from gen_ai_examples.common.answer import Answer, Claim
from gen_ai_examples.common.batches import batches
from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.fit import fit
from gen_ai_examples.common.media import render
from gen_ai_examples.common.sources import image
from gen_ai_examples.common.strategy import replica_logs, replica_mean, strategy, use_devices
from gen_ai_examples.common.timing import take_turns

ANSWERS = ("Q18.1", "Q7.5")
SMOKE = dict(steps=2, passes=1, batch_size=8, timed_calls=1)

NOISE = 0.7  # its standard deviation, beside pixels in [-1, 1]
GROWTH = 8  # times the batch, as on so many devices


class Denoiser(keras.Model):
    """Learns to take noise off images; `mean` reduces the losses of a replica's examples."""

    def __init__(self, mean=replica_mean):
        super().__init__(name="denoiser")
        noisy = keras.Input((8, 8, 1))
        h = layers.Dense(128, "silu")(layers.Flatten()(noisy))
        h = layers.Dense(128, "silu")(h)
        self.network = keras.Model(noisy, layers.Reshape((8, 8, 1))(layers.Dense(64)(h)))
        self.mean = mean
        self.built = True

    def compile(self, optimizer):
        super().compile(optimizer=optimizer)
        optimizer.build(self.trainable_variables)

    def losses_of(self, batch, training=False):
        restored = self.network(batch["images"] + NOISE * batch["noise"], training=training)
        return keras.ops.mean((restored - batch["images"]) ** 2, axis=(1, 2, 3))

    def train_step(self, batch):
        with tf.GradientTape() as tape:
            loss = self.mean(self.losses_of(batch, training=True))
        weights = self.trainable_variables
        self.optimizer.apply(tape.gradient(loss, weights), weights)
        return replica_logs(loss=loss)


def add_noise(batch, seed):
    return batch | {"noise": tf.random.stateless_normal(tf.shape(batch["images"]), seed)}


class Weights(keras.callbacks.Callback):
    """Keeps the weights after each epoch, and the loss on held-out digits."""

    def __init__(self, held_out):
        super().__init__()
        self.held_out, self.weights, self.losses = held_out, [], []

    def on_epoch_end(self, epoch, logs):
        kept = [np.ravel(w) for w in self.model.get_weights()]
        self.weights.append(np.concatenate(kept))
        self.losses.append(float(np.mean(self.model.losses_of(self.held_out))))


def train(its_strategy, images, held_out, batch_size, rate, steps, every, seed, mean=replica_mean):
    """Weights (epochs, P) and held-out losses (epochs,) of one training, an epoch `every` steps."""
    keras.utils.set_random_seed(seed)
    with its_strategy.scope():
        model = Denoiser(mean)
        model.compile(keras.optimizers.SGD(rate, momentum=0.9))
    watch = Weights(held_out)
    columns = batches({"images": images}, batch_size, seed, add_noise)
    fit(model, columns, steps, steps_per_epoch=every, callbacks=[watch])
    return np.array(watch.weights), np.array(watch.losses)


def main(steps=200, passes=20, batch_size=32, learning_rate=0.05, timed_calls=41, seed=0) -> Answer:
    one, several = devices()
    train_set, test_set = image.digits().split()
    images = train_set.images
    noise = np.random.default_rng(0).normal(size=test_set.images.shape).astype("float32")
    held_out = {"images": test_set.images, "noise": noise}

    alone, together, plain = (
        train(its, images, held_out, batch_size, learning_rate, steps, 1, seed, mean)[0]
        for its, mean in ((one, replica_mean), (several, replica_mean), (several, keras.ops.mean))
    )
    distances = {
        "replica_mean": np.abs(together - alone).max(axis=1),
        "an ordinary mean": np.abs(plain - alone).max(axis=1),
    }

    large = GROWTH * batch_size
    races = {
        f"batches of {batch_size}": (batch_size, learning_rate),
        f"batches of {large}, the same rate": (large, learning_rate),
        f"batches of {large}, {GROWTH} times the rate": (large, GROWTH * learning_rate),
    }
    curves = {}
    for name, (size, rate) in races.items():
        every = max(1, len(images) // size)
        curves[name] = train(several, images, held_out, size, rate, passes * every, every, seed)[1]
    small, same_rate, scaled = (float(losses[-1]) for losses in curves.values())

    seconds = time_steps(one, images[:batch_size], learning_rate, timed_calls)
    return Answer(
        claims=[
            Claim(
                "Two replicas that share a batch end with the weights of one device, if each "
                "divides its loss by the number of replicas.",
                float(distances["replica_mean"][-1]),
                "largest difference of a weight",
                {"an ordinary mean, as on one device": float(distances["an ordinary mean"][-1])},
                better="lower",
                best=0.0,
            ),
            Claim(
                "Noise that comes with the batch is new for every example, on any replica.",
                *(distinct(several, batch_size, inside=False), "share of distinct noise"),
                {"noise drawn inside the step": distinct(several, batch_size, inside=True)},
                better="higher",
                best=1.0,
            ),
            Claim(
                f"A batch that grows with {GROWTH} devices needs a learning rate that grows too: "
                "after as many passes over the data, held-out digits are restored better.",
                scaled,
                "squared error per pixel",
                {"the same learning rate": same_rate, "the noisy digits": NOISE**2},
                better="lower",
                best=small,
            ),
        ],
        metrics={
            "replicas": float(several.num_replicas_in_sync),
            f"squared error, batches of {batch_size}": small,
            "step with MirroredStrategy over one device, times as long": seconds["mirrored"]
            / seconds["plain"],
        },
        media={"replicas": figure(distances, curves)},
    )


def devices():
    """The strategies of one device and of several: GPUs, workers, or two parts of the processor."""
    if "TF_CONFIG" in os.environ or len(tf.config.list_physical_devices("GPU")) > 1:
        first = "GPU:0" if tf.config.list_physical_devices("GPU") else "CPU:0"
        return strategy([first]), strategy()
    # Fails if TensorFlow has computed something already, unless it was split before.
    with contextlib.suppress(RuntimeError):
        use_devices(2)
    if len(tf.config.list_logical_devices("CPU")) < 2:
        raise InputError("TensorFlow has started on one device: use_devices(2) has to come first.")
    return strategy(["CPU:0"]), strategy(["CPU:0", "CPU:1"])


def distinct(its_strategy, batch_size, inside):
    """Share of distinct rows of noise in one global batch."""
    zeros = {"images": np.zeros((batch_size, 8, 8, 1), "float32")}
    data = its_strategy.experimental_distribute_dataset(batches(zeros, batch_size, 0, add_noise))
    with its_strategy.scope():
        seeds = keras.random.SeedGenerator(0)

    @tf.function
    def draw(batch):
        if inside:
            return keras.random.normal(keras.ops.shape(batch["images"]), seed=seeds)
        return batch["noise"]

    # Of all replicas, on other machines too.
    drawn = its_strategy.gather(its_strategy.run(draw, (next(iter(data)),)), axis=0).numpy()
    rows = drawn.reshape(len(drawn), -1)
    return len(np.unique(rows, axis=0)) / len(rows)


def time_steps(one, images, rate, calls):
    """Median seconds of a step without and with MirroredStrategy over the same device."""
    device = "GPU:0" if tf.config.list_physical_devices("GPU") else "CPU:0"
    scopes = {"plain": one, "mirrored": tf.distribute.MirroredStrategy([device])}
    batch = {"images": tf.constant(images), "noise": tf.zeros(images.shape)}
    steps = {}
    for name, scope in scopes.items():
        with scope.scope():
            model = Denoiser()
            model.compile(keras.optimizers.SGD(rate, momentum=0.9))
        step = tf.function(functools.partial(scope.run, model.train_step), autograph=False)
        step((batch,))  # traces
        steps[name] = functools.partial(lambda its, _: its((batch,))["loss"], step)
    return take_turns(steps, range(calls))[0]


def figure(distances, curves):
    result = Figure(figsize=(9, 3.6), layout="constrained")
    left, right = result.subplots(1, 2)
    for name, values in distances.items():
        left.semilogy(np.arange(1, len(values) + 1), values.clip(1e-9), label=name)
    left.set(title="Two replicas against one device", xlabel="Updates")
    left.set_ylabel("Largest difference of a weight")
    for name, losses in curves.items():
        right.semilogy(np.arange(1, len(losses) + 1), losses, label=name)
    right.set(title="The batch grows with the devices", xlabel="Passes over the data")
    right.set_ylabel("Squared error, held-out digits")
    right.yaxis.set_major_formatter("{x:g}")
    right.yaxis.set_minor_formatter("{x:g}")
    for axes in (left, right):
        axes.legend(frameon=False)
    return render(result)


if __name__ == "__main__":
    run_as_command(main)
