"""The networks that `speed.py` times: one small network of each family, its data and its measure.

And those of two examples, of which training alone is timed, without PyTorch.

Each family trains on its own data with a method of `gen_ai_examples.common`, as the examples do.
`torch_twins.py` has the same networks in PyTorch. What only the data needs is imported where the
data are made, so that start-up times are those of training alone.
"""

from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from gen_ai_examples.common.batches import batches
from gen_ai_examples.common.methods.autoregressive import Autoregressive
from gen_ai_examples.common.methods.flow import MIN_TIME_LEFT, FlowMatching, flow_randomness
from gen_ai_examples.common.methods.gan import GAN, gan_randomness
from gen_ai_examples.common.nets.conv import build_unet
from gen_ai_examples.common.nets.dcgan import build_encoder, build_generator
from gen_ai_examples.common.nets.gpt import GPT
from gen_ai_examples.common.nets.spectrogram import spectrogram_unet

Columns = dict[str, np.ndarray]
LATENT, CLASSES = 16, 10
# Keras and PyTorch add it at different places of Adam's formula, so it must be small to be equal.
EPSILON = 1e-10


@dataclass(frozen=True)
class Family:
    """What is timed.

    Args:
        title: for the tables.
        batch_size: of the timed step.
        sizes: of the network at `width` 1, as its builder here and its twin take them.
        columns: () to the training and the held-out data.
        build: sizes to a compiled model; called within a strategy's scope and a precision.
        networks: of such a model, in the order of its twin's.
        measure: name of what `held_out` returns, lower is better.
        held_out: model and held-out columns to a number.
        sample: model and number of examples; draws or infers so many.
        samples: how many examples `sample` is timed with.
        randomness: of the batches.
        pair: the two columns that a plain Keras model takes; None for a model that takes a dict.
    """

    title: str
    batch_size: int
    sizes: dict[str, int]
    columns: Callable[[], tuple[Columns, Columns]]
    build: Callable[..., keras.Model]
    networks: Callable[[keras.Model], list[keras.Model]]
    measure: str = ""
    held_out: Callable[[keras.Model, Columns], float] | None = None
    sample: Callable[[keras.Model, int], object] | None = None
    samples: int = 0
    randomness: Callable | None = None
    pair: tuple[str, str] | None = None

    @property
    def training_only(self) -> bool:
        """Whether only training is timed: of an example's own network, without a twin."""
        return self.sample is None

    def batches(self, columns: Columns, batch_size: int, seed: int = 0) -> tf.data.Dataset:
        """Endless batches, as dicts."""
        return batches(columns, batch_size, seed, self.randomness)

    def as_input(self, dataset: tf.data.Dataset) -> tf.data.Dataset:
        """What the model takes, of batches that are dicts."""
        if self.pair is None:
            return dataset
        x, y = self.pair
        return dataset.map(lambda batch: (batch[x], batch[y]))

    def scaled(self, width: float) -> dict[str, int]:
        """The sizes of a network `width` times as wide."""
        return self.sizes | {"width": int(self.sizes["width"] * width)}


def split(columns: Columns, held_out: float = 0.2) -> tuple[Columns, Columns]:
    """The first part trains, the last is held out."""
    n = len(next(iter(columns.values())))
    at = n - int(held_out * n)
    return {k: v[:at] for k, v in columns.items()}, {k: v[at:] for k, v in columns.items()}


def digits():
    from gen_ai_examples.common.sources import image

    data = image.digits()
    flat = data.images.reshape(len(data), -1)
    return split({"rows": flat, "labels": data.labels, "images": data.images})


def digit_rows():
    return tuple({k: part[k] for k in ("rows", "labels")} for part in digits())


def digit_images():
    return tuple({"images": part["images"]} for part in digits())


def digits_of_examples():
    """28x28."""
    from gen_ai_examples.common.sources import image

    data = image.mnist()
    return split({"images": data.images, "labels": data.labels})


def large_digits():
    """32x32, with a margin of background."""
    from gen_ai_examples.common.sources import image

    data = image.mnist()
    margin = [(0, 0), (2, 2), (2, 2), (0, 0)]
    images = np.pad(data.images, margin, constant_values=-1)
    return split({"images": images, "labels": data.labels})


def characters(length=128):
    """Windows (N, length) of characters of a novel, numbered below 96."""
    from gen_ai_examples.common.sources.text import moby_dick

    codes = np.frombuffer(moby_dick().encode("ascii", "replace"), np.uint8).astype(np.int32)
    tokens = np.where(codes >= 32, codes - 32, 0)  # a line break is a space
    return split({"tokens": tokens[: len(tokens) // length * length].reshape(-1, length)})


def spectra(n=240, seconds=2):
    """Noisy speech as features (N, frames, bins, 3), and what its spectrum lacks, (..., 2)."""
    from gen_ai_examples.common.audio import stft
    from gen_ai_examples.common.methods.enhancement import features
    from gen_ai_examples.common.sources.audio import (
        bundled_noises,
        bundled_speech,
        excerpts,
        mixture,
    )

    length = 8000 * seconds
    speech, noise = (
        np.concatenate([excerpts(wave, length) for wave in its.values() if len(wave) >= length])
        for its in (bundled_speech(), bundled_noises())
    )
    rng = np.random.default_rng(0)
    clean = speech[np.linspace(0, len(speech) - 1, n).astype(int)]  # in order: other words are held
    noisy = np.stack([mixture(wave, noise[rng.integers(len(noise))], 5.0) for wave in clean])
    level = np.sqrt(np.mean(noisy**2, axis=1, keepdims=True)) + 1e-8
    seen, wanted = (
        features(stft(tf.constant(x / level, tf.float32), 256, 128, 0.5)) for x in (noisy, clean)
    )
    return split({"features": seen.numpy(), "residual": (wanted - seen)[..., 1:].numpy()})


def mlp(width):
    model = keras.Sequential(
        [
            keras.Input((64,)),
            layers.Dense(width, "relu"),
            layers.Dense(width, "relu"),
            layers.Dense(10, dtype="float32"),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-3, epsilon=EPSILON), loss)
    return model


def dcgan(width):
    z, picture = keras.Input((LATENT,)), keras.Input((8, 8, 1))
    x = layers.Reshape((2, 2, 2 * width))(layers.Dense(2 * 2 * 2 * width, "relu")(z))
    x = layers.Conv2DTranspose(width, 4, strides=2, padding="same")(x)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.Conv2DTranspose(1, 4, strides=2, padding="same")(x)
    x = layers.Activation("tanh", dtype="float32")(x)
    y = layers.LeakyReLU(0.2)(layers.Conv2D(width, 4, strides=2, padding="same")(picture))
    y = layers.LeakyReLU(0.2)(layers.Conv2D(2 * width, 4, strides=2, padding="same")(y))
    y = layers.Dense(1)(layers.Flatten()(y))
    gan = GAN(keras.Model(z, x), keras.Model(picture, y))
    gan.compile(*(keras.optimizers.Adam(2e-4, 0.5, epsilon=EPSILON) for _ in range(2)))
    return gan


def example_dcgan(width):
    gan = GAN(build_generator(LATENT, width), build_encoder(channels=width))
    gan.compile(*(keras.optimizers.Adam(5e-4, beta_1=0.5) for _ in range(2)))
    return gan


def example_flow(width):
    flow = FlowMatching(build_unet((28, 28, 1), CLASSES, (width, 2 * width)), CLASSES)
    flow.compile(keras.optimizers.AdamW(2e-3, weight_decay=0.01, use_ema=True, ema_momentum=0.99))
    return flow


def unet(width):
    flow = FlowMatching(build_unet((32, 32, 1), CLASSES, (width, 2 * width)), CLASSES)
    flow.compile(keras.optimizers.AdamW(1e-3, weight_decay=0.01, epsilon=EPSILON))
    return flow


def gpt(width, length, vocabulary, depth, heads):
    model = Autoregressive(GPT(vocabulary, length, dim=width, depth=depth, heads=heads))
    model.compile(keras.optimizers.AdamW(1e-3, weight_decay=0.01, epsilon=EPSILON))
    return model


def audio(width):
    network = spectrogram_unet(width)
    network.compile(keras.optimizers.AdamW(1e-3, weight_decay=0.01, epsilon=EPSILON), "mse")
    return network


def loss_of_pair(x, y):
    """The loss of a plain Keras model over all held-out examples."""

    def held_out(model, columns):
        return model.evaluate(columns[x], columns[y], batch_size=32, verbose=0)

    return held_out


def frechet(model, columns):
    from gen_ai_examples.common.metrics.image import features_frechet

    real = columns["images"]
    latents = np.random.default_rng(0).standard_normal((2000, LATENT), np.float32)
    return features_frechet(*(x.reshape(len(x), -1) for x in (real, model.sample(latents))))


def flow_loss(model, columns):
    """As `FlowMatching.train_step` has it, at fixed noise and times."""
    dataset = batches(columns, 250, 0, flow_randomness(CLASSES)).take(4)

    @tf.function(autograph=False)
    def loss(batch):
        t = batch["times"][:, None, None, None]
        x_t = (1 - t) * batch["noise"] + t * batch["images"]
        image = model.network([x_t, batch["times"], batch["labels"]], training=False)
        error = (image - batch["images"]) / ops.maximum(1 - t, MIN_TIME_LEFT)
        return ops.mean(error**2)

    return np.mean([loss(batch) for batch in dataset])


def token_loss(model, columns):
    nats = tf.function(model.nats, autograph=False)
    return np.mean([nats(tf.constant(columns["tokens"][i : i + 64])) for i in (0, 64, 128, 192)])


def draw_flow(model, n):
    noise = np.random.default_rng(0).standard_normal((n, 32, 32, 1), np.float32)
    return model.sample(noise, np.arange(n, dtype=np.int32) % CLASSES, steps=8)


def infer(*shape):
    """A traced forward pass, as `predict_on_batch` but without its overhead per call."""

    def sample(model, n):
        forward = vars(model).setdefault(
            "_forward", tf.function(lambda x: model(x, training=False), autograph=False)
        )
        return forward(tf.ones((n, *shape))).numpy()

    return sample


FAMILIES = {
    "mlp": Family(
        "MLP on 8x8 digits, batch 64",
        64,
        dict(width=64),
        digit_rows,
        mlp,
        lambda model: [model],
        "cross entropy, nats",
        loss_of_pair("rows", "labels"),
        infer(64),
        256,
        pair=("rows", "labels"),
    ),
    "dcgan": Family(
        "DCGAN on 8x8 digits, batch 64",
        64,
        dict(width=32),
        digit_images,
        dcgan,
        lambda model: [model.generator, model.discriminator],
        "Frechet distance of pixels",
        frechet,
        lambda model, n: infer(LATENT)(model.generator, n),
        256,
        gan_randomness(LATENT),
    ),
    "unet": Family(
        "U-Net for flow matching, 32x32 digits, batch 32",
        32,
        dict(width=48),
        large_digits,
        unet,
        lambda model: [model.network],
        "squared error of the velocity",
        flow_loss,
        draw_flow,
        32,
        flow_randomness(CLASSES),
    ),
    "gpt": Family(
        "GPT, 4 layers of 128, 16 x 128 characters",
        16,
        dict(width=128, length=128, vocabulary=96, depth=4, heads=4),
        characters,
        gpt,
        lambda model: [model.network],
        "cross entropy, nats per character",
        token_loss,
        lambda model, n: model.sample(np.zeros(n, int), 64),
        16,
    ),
    "audio": Family(
        "U-Net over spectrograms, batch 8 of 2 s",
        8,
        dict(width=16),
        spectra,
        audio,
        lambda model: [model],
        "squared error of the spectrum",
        loss_of_pair("features", "residual"),
        infer(126, 128, 3),
        8,
        pair=("features", "residual"),
    ),
    "image.dcgan": Family(
        "The networks of image.dcgan, 28x28 digits, batch 64",
        64,
        dict(width=64),
        digits_of_examples,
        example_dcgan,
        lambda model: [model.generator, model.discriminator],
        randomness=gan_randomness(LATENT),
    ),
    "image.flow_matching": Family(
        "The network of image.flow_matching, 28x28 digits, batch 32",
        32,
        dict(width=48),
        digits_of_examples,
        example_flow,
        lambda model: [model.network],
        randomness=flow_randomness(CLASSES),
    ),
}


def layers_in_order(network: keras.Model) -> list[tuple[str, list[np.ndarray]]]:
    """Class name and weights of each layer that has any, in order of creation."""
    if isinstance(network, GPT):
        layers = [network.tokens]
        for block in network.blocks:
            attention = block.attention
            layers += [attention.queries, attention.keys, attention.values]
            layers += [attention.output_projection, block.hidden, block.narrow]
        layers.append(network.head)
    else:
        layers = sorted(network.layers, key=_number)
    found = [(type(layer).__name__, layer.get_weights()) for layer in layers]
    return [(kind, weights) for kind, weights in found if weights]


def _number(layer: keras.Layer) -> int:
    """Keras numbers the layers of a class as they are made: dense, dense_1, dense_2."""
    end = layer.name.rpartition("_")[2]
    return int(end) if end.isdigit() else 0


def product_flops(model: keras.Model, batch) -> int:
    """Floating-point operations of matrix products and convolutions in one training step.

    Counted in the traced graph, backward pass and all; nothing else counts. A product of (m, k)
    and (k, n) has 2 m k n.

    Args:
        batch: what `train_step` takes, of the size to count for.
    """
    graph = tf.function(model.train_step, autograph=False).get_concrete_function(batch).graph
    needed, ahead = set(), [*(x.op for x in graph.outputs), *graph.control_outputs]
    while ahead:  # a gradient that nothing asks for is in the graph, but never computed
        op = ahead.pop()
        if op not in needed:
            needed.add(op)
            ahead += [*(x.op for x in op.inputs), *op.control_inputs]
    return sum(_flops(op) for op in needed)


def _flops(op) -> int:
    def size(tensor):
        return int(np.prod(tensor.shape.as_list()))

    if op.type in ("MatMul", "BatchMatMulV2"):
        transposed = op.get_attr("transpose_a" if op.type == "MatMul" else "adj_x")
        return 2 * size(op.outputs[0]) * op.inputs[0].shape[-2 if transposed else -1]
    if op.type == "Conv2D":
        return 2 * size(op.outputs[0]) * size(op.inputs[1]) // op.inputs[1].shape[-1]
    if op.type == "Conv2DBackpropInput":
        return 2 * size(op.inputs[2]) * size(op.inputs[1]) // op.inputs[1].shape[-1]
    if op.type == "Conv2DBackpropFilter":
        kernel = tf.get_static_value(op.inputs[1])
        if kernel is None:  # asked of the kernel itself, by ShapeN
            kernel = op.inputs[1].op.inputs[op.inputs[1].value_index].shape.as_list()
        return 2 * size(op.inputs[2]) * int(np.prod(kernel[:-1]))
    return 0
