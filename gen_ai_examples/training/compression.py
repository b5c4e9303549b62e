"""Does rounding the weights of a generative model, or cutting them off, shorten its training?

A flow (Lipman et al. 2023, https://arxiv.org/abs/2210.02747) of dense layers learns digits. Its
weights are then rounded to eight and fewer bits, with one scale per output (Krishnamoorthi 2018,
https://arxiv.org/abs/1806.08342), or the smallest three quarters are set to zero (Han et al. 2015,
https://arxiv.org/abs/1506.02626), without further training and with it. Measured are the bytes, the
Frechet distance of digit features (after Heusel et al. 2017, https://arxiv.org/abs/1706.08500) to
held-out digits, and the time of drawing and of a training step, as medians of calls that take
turns. LiteRT, the runtime of phones, and Keras both round to eight bits. To be beaten is the way
that needs no method: a narrower network in float32 of as many bytes, trained from the start with
as many updates.

The article counts quantisation and pruning among the ways to train faster. Both are done to a
finished model, and help those who store it and draw with it.

    gen-ai-examples run training.compression

What to expect: eight bits quarter the file, and the digits are the same; four leave them better
than the narrower network's, out of half its bytes; three sprinkle them with specks, some of which
further training with rounded weights removes (Bengio et al. 2013, https://arxiv.org/abs/1308.3432);
two bits are no digits any more. Three quarters of zeros ruin them, and further training makes them
legible again, at best like those of the narrower network. LiteRT computes with eight bits and
draws faster for it; Keras stores them, and draws slower. Zeros are multiplied like other numbers,
so they speed up neither drawing nor training, and only a compressed file is smaller for them.

What mattered: a learning rate of its own for the narrower network and for what was cut off. These
were chosen on digits set aside from training.

Limits: one small network. How much faster eight bits are depends on the processor. Some runtimes
skip zeros; whole units that are cut off make any runtime faster, and are a narrower network. Cut
little by little during a long training, large networks come out better than narrower ones of as
many bytes (Zhu & Gupta 2017, https://arxiv.org/abs/1710.01878); the short one here does not show
that.
"""

import zlib

import keras
import numpy as np
import tensorflow as tf

from gen_ai_examples.cli import run_as_command
from gen_ai_examples.common.answer import Answer, Claim
from gen_ai_examples.common.batches import batches
from gen_ai_examples.common.compression_pictures import sizes_and_samples
from gen_ai_examples.common.fit import fit
from gen_ai_examples.common.litert import LiteNetwork, convert
from gen_ai_examples.common.methods.compression import (
    KeepZeros,
    RoundedNetwork,
    pruned,
    quantise_in_keras,
    rounded,
    saved_bytes,
    stored,
)
from gen_ai_examples.common.methods.flow import FlowMatching, flow_randomness
from gen_ai_examples.common.metrics.features import train_judge
from gen_ai_examples.common.metrics.image import features_frechet
from gen_ai_examples.common.nets.mlp import build_row_network
from gen_ai_examples.common.sources import image
from gen_ai_examples.common.strategy import strategy
from gen_ai_examples.common.timing import take_turns

ANSWERS = ("Q18.5",)
SMOKE = dict(
    units=24,
    narrow_units=8,
    blocks=1,
    steps=2,
    more_steps=2,
    sampling_steps=1,
    drawn=20,
    calls=1,
    judge_steps=2,
)

CUT_OFF = 0.75  # of the weights: deflated, the rest takes somewhat more than 8 bits of all do
FLOAT32, FLOAT16, INT8 = "float32", "float16", "8 bits"
ROUNDED = {bits: f"{bits} bits" for bits in (4, 3, 2)}
FEW = 3
CUT, CUT_ON, ROUNDED_ON = "3/4 cut off", "3/4 cut off, trained on", f"{FEW} bits, trained on"
BOTH = "3/4 cut off, trained on, 8 bits"
NARROW, UNTRAINED = "narrower network", "untrained network"
KERAS, KERAS_INT8 = "Keras, float32", "Keras, 8 bits"
WAYS = {
    "rounded": {FLOAT16: FLOAT16, INT8: INT8} | {name: name for name in ROUNDED.values()},
    "rounded, trained on": {ROUNDED_ON: ROUNDED[FEW]},
    "smallest weights cut off": {CUT: "3/4"},
    "cut off, trained on": {CUT_ON: "3/4", BOTH: "3/4, 8 bits"},
    "narrower, trained from the start": {NARROW: "narrower"},
}


def draw(predict, steps, noise, labels):
    """Images of `labels` (N,) from `noise` (N, 1, 1, D), as `FlowMatching.sample` draws them."""
    x = noise
    for t in np.arange(steps, dtype="float32") / steps:
        answer = predict([x, np.full(len(x), t), labels])
        x = x + (answer - x) / (steps * (1 - t))
    return x.clip(-1, 1)


def in_keras(network):
    """`network` as a function of arrays, traced once for any number of examples."""
    specs = [tf.TensorSpec(x.shape, x.dtype) for x in network.inputs]
    answer = tf.function(lambda *inputs: network([*inputs], training=False), specs)
    return lambda inputs: answer(*inputs).numpy()


def main(
    units=512,
    narrow_units=216,
    blocks=3,
    steps=1500,
    more_steps=400,
    learning_rate=1e-3,
    narrow_learning_rate=4e-3,
    more_learning_rate=3e-3,
    batch_size=64,
    sampling_steps=8,
    drawn=1000,
    calls=15,
    judge_steps=600,
    seed=0,
    images: str | None = None,
) -> Answer:
    data = image.folder(images, size=28, channels=1) if images else image.mnist()
    train, held_out = data.split()
    n_classes = len(train.names)
    columns = {"images": as_rows(train.images), "labels": train.labels.astype("int32")}
    examples = batches(columns, batch_size, seed, flow_randomness(n_classes))

    def build(width, weights=None):
        keras.utils.set_random_seed(seed)
        network = build_row_network(columns["images"].shape[-1], n_classes, width, blocks)
        if weights:
            network.set_weights(weights)
        return network

    def flow(network, steps=steps, rate=learning_rate, optimizer=keras.optimizers.AdamW):
        model = FlowMatching(network, n_classes)
        decay = keras.optimizers.schedules.CosineDecay(rate, steps)
        model.compile(optimizer(decay, weight_decay=0.01, use_ema=True, ema_momentum=0.99))
        return model

    def trained(width, steps, weights=None, bits=None, **options):
        with strategy().scope():
            network = build(width, weights)
            model = flow(RoundedNetwork(network, bits) if bits else network, steps, **options)
        fit(model, examples, steps)
        return model.network.get_weights()

    weights = {FLOAT32: trained(units, steps)}
    # As many updates as those that are trained on had.
    weights[NARROW] = trained(narrow_units, steps + more_steps, rate=narrow_learning_rate)
    weights[CUT] = pruned(weights[FLOAT32], CUT_OFF)
    weights[CUT_ON] = trained(
        units, more_steps, weights[CUT], rate=more_learning_rate, optimizer=KeepZeros
    )
    weights[ROUNDED_ON] = trained(units, more_steps, weights[FLOAT32], FEW)
    network, narrow = build(units), build(narrow_units, weights[NARROW])

    # What a file holds of each network, and the weights that are made of it again.
    held = {name: stored(its) for name, its in weights.items()}
    held[FLOAT16] = stored([w.astype("float16") for w in weights[FLOAT32]])
    held[INT8] = stored(weights[FLOAT32], 8)
    coarser = {name: (FLOAT32, bits) for bits, name in ROUNDED.items()}
    coarser |= {BOTH: (CUT_ON, 8), ROUNDED_ON: (ROUNDED_ON, FEW)}
    for name, (of, bits) in coarser.items():
        held[name], weights[name] = stored(weights[of], bits), rounded(weights[of], bits)
    weights[UNTRAINED] = network.get_weights()

    n = len(held_out.images[:drawn])
    noise = np.random.default_rng(seed).normal(size=(n, *columns["images"].shape[1:]))
    asked = noise.astype("float32"), held_out.labels[:n].astype("int32")
    by_keras, ours = in_keras(network), {}
    ours[NARROW] = draw(in_keras(narrow), sampling_steps, *asked)
    for name, its in weights.items():
        if name == NARROW:
            continue
        network.set_weights(its)
        ours[name] = draw(by_keras, sampling_steps, *asked)

    network.set_weights(weights[CUT_ON])
    files = {CUT_ON: convert(network)}
    network.set_weights(weights[FLOAT32])
    files |= {FLOAT32: convert(network), FLOAT16: convert(network, "float16")}
    files[INT8] = convert(network, "int8")
    predict = {name: LiteNetwork(file) for name, file in files.items()}
    # As the runtime draws: it rounds what goes through the network, too.
    ours |= {name: draw(predict[name], sampling_steps, *asked) for name in (FLOAT16, INT8)}

    judge, real = train_judge(train, judge_steps), held_out.images[:n]
    features = judge(real)
    ours = {name: x.reshape(real.shape) for name, x in ours.items()}
    distance = {name: features_frechet(features, judge(x)) for name, x in ours.items()}
    best = features_frechet(features, judge(train.images[:n]))

    kilobytes = {name: len(file) / 1e3 for name, file in files.items()}
    kilobytes[KERAS] = saved_bytes(network) / 1e3
    alone = seconds(predict, sampling_steps, asked, 1, 10 * calls)
    predict[KERAS] = by_keras
    network_int8 = quantise_in_keras(build(units, weights[FLOAT32]))
    kilobytes[KERAS_INT8] = saved_bytes(network_int8) / 1e3
    predict[KERAS_INT8] = in_keras(network_int8)
    together = seconds(predict, sampling_steps, asked, min(n, 100), calls)
    training = seconds_of_steps(
        {
            FLOAT32: flow(build(units)),
            CUT_ON: flow(build(units, weights[CUT]), optimizer=KeepZeros),
            ROUNDED_ON: flow(RoundedNetwork(build(units), FEW)),
            NARROW: flow(build(narrow_units)),
        },
        next(iter(examples)),
        calls,
    )
    packed = {name: len(zlib.compress(content)) / 1e3 for name, content in held.items()}

    def smaller(name):
        return len(held[FLOAT32]) / len(held[name])

    def faster(name, its=alone):
        return its[FLOAT32] / its[name]

    return Answer(
        claims=[
            Claim(
                "Rounded to 8 bits, the weights of the finished network take about a quarter of "
                "the bytes; half precision halves them, and zeros take as many as other numbers.",
                smaller(INT8),
                "times as small",
                {name: smaller(name) for name in (FLOAT16, CUT_ON)},
                better="higher",
                best=4.0,
            ),
            Claim(
                "Rounded to 8 bits, it draws digits nearer to held-out ones than a narrower "
                "network of as many bytes that was trained for them, and than what is left after "
                "cutting off three quarters.",
                distance[INT8],
                "Frechet distance of digit features",
                {name: distance[name] for name in (NARROW, CUT, UNTRAINED)},
                better="lower",
                best=distance[FLOAT32],
            ),
            Claim(
                "Three quarters of zeros pay once the file is compressed, which other weights "
                "hardly are.",
                len(held[FLOAT32]) / packed[CUT_ON] / 1e3,
                "times as small, deflated",
                {
                    "nothing cut off": len(held[FLOAT32]) / packed[FLOAT32] / 1e3,
                    "not deflated": smaller(CUT_ON),
                },
                better="higher",
            ),
            Claim(
                "What cutting off breaks, training on mends for the most part.",
                distance[CUT_ON],
                "Frechet distance of digit features",
                {CUT: distance[CUT]},
                better="lower",
                best=distance[FLOAT32],
            ),
            Claim(
                f"With {FEW} bits, too, training on, with weights rounded at each step, mends some "
                "of what rounding breaks.",
                distance[ROUNDED_ON],
                "Frechet distance of digit features",
                {ROUNDED[FEW]: distance[ROUNDED[FEW]], ROUNDED[2]: distance[ROUNDED[2]]},
                better="lower",
                best=distance[FLOAT32],
            ),
            Claim(
                "Rounded to 8 bits, it draws faster in a runtime that computes with such numbers; "
                "half precision and zeros gain nothing there, nor do 8 bits that are only stored.",
                faster(INT8, together),
                "times as fast, in a batch",
                {
                    "as fast": 1.0,
                    FLOAT16: faster(FLOAT16, together),
                    CUT_ON: faster(CUT_ON, together),
                    KERAS_INT8: together[KERAS] / together[KERAS_INT8],
                },
                better="higher",
            ),
            Claim(
                "Training gets faster with a narrower network alone: with weights cut off, or with "
                "rounded ones, it takes as long as with all, or longer.",
                faster(NARROW, training),
                "times as fast, a training step",
                {"as fast": 1.0} | {name: faster(name, training) for name in (CUT_ON, ROUNDED_ON)},
                better="higher",
            ),
        ],
        metrics={f"distance, {name}": value for name, value in distance.items()}
        | {f"kilobytes of the file, {name}": value for name, value in kilobytes.items()}
        | {f"kilobytes deflated, {name}": value for name, value in packed.items()}
        | {f"times as fast, one image, {name}": faster(name) for name in files}
        | {f"times as fast, in a batch, {name}": faster(name, together) for name in predict}
        | {f"milliseconds per training step, {name}": 1e3 * s for name, s in training.items()},
        media={
            "size_and_quality": sizes_and_samples(
                {
                    f"{name}: {packed[name]:,.0f} kB, distance {distance[name]:.0f}": ours[name][
                        in_order(held_out.labels[:n])
                    ]
                    for name in (FLOAT32, INT8, NARROW, ROUNDED[FEW], CUT, CUT_ON)
                },
                {
                    way: {label: (packed[name], distance[name]) for name, label in its.items()}
                    for way, its in WAYS.items()
                },
                (packed[FLOAT32], distance[FLOAT32]),
                "kilobytes, deflated",
                "Frechet distance of digit features",
                best,
            ),
        },
    )


def as_rows(images):
    """Images as `build_row_network` takes them, (N, 1, 1, D)."""
    return images.reshape(len(images), 1, 1, -1)


def in_order(labels, n=40):
    """Rows of `n` images, in the order of their classes."""
    order = np.argsort(labels, kind="stable")
    return order[np.linspace(0, len(order) - 1, min(n, len(order))).astype(int)]


def seconds(predict, steps, asked, n, calls):
    """Median seconds to draw `n` images by name, taking turns."""
    noise, labels = (x[:n] for x in asked)
    draws = {
        name: lambda _, its=its: draw(its, steps, noise, labels) for name, its in predict.items()
    }
    take_turns(draws, [None])  # traced, before it counts
    return take_turns(draws, range(calls))[0]


def seconds_of_steps(models, batch, calls):
    """Median seconds of a training step on one device by name, taking turns."""
    traced = {name: tf.function(its.train_step, autograph=False) for name, its in models.items()}
    steps = {name: lambda _, its=its: its(batch)["loss"].numpy() for name, its in traced.items()}
    take_turns(steps, [None])
    return take_turns(steps, range(calls))[0]


if __name__ == "__main__":
    run_as_command(main)
