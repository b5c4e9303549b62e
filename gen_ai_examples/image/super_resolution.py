"""Can a network enlarge a photograph four times better than bicubic interpolation?

A residual network without normalisation (EDSR, Lim et al. 2017, https://arxiv.org/abs/1707.02921)
works at the low resolution and ends in a sub-pixel convolution, whose 16 channels become the 4x4
pixels of each block (Shi et al. 2016, https://arxiv.org/abs/1609.05158). It learns by L1 what
bicubic interpolation lacks, beginning at zero. Departures: luminance only, as in SRCNN (Dong et al.
2015, https://arxiv.org/abs/1501.00092), colour being interpolated; 8 blocks of 48 channels instead
of 32 of 256; all sub-pixels in one step.

The article names super-resolution twice and shows, for it, a frozen VGG19 as discriminator and an
LSTM that sees no picture; neither enlarges anything, and no limit is named.

    gen-ai-examples run image.super_resolution --steps 1100

Photographs are shrunk by Pillow's bicubic kernel, with antialiasing, and rounded to 8 bits, for
training as for the test. Held out are whole photographs, the same for every seed. Scores are those
of the literature: PSNR of the luminance, 4 pixels of border left out; SSIM has 7x7 windows.
`--images DIR` takes your own, five or more of at least 256 pixels: central squares, the last fifth
by name held out.

What to expect: nearly a decibel and a half above bicubic interpolation, three quarters of one above
the best linear filters; seven tenths of the squared error are still left. Outlines that others
draw as stairs come out clean; lettering, fur and the grain of wood do not come back. Nine more
photographs, with flat tiles left out, added 0.15 dB; averaging the eight orientations of a picture
(EDSR's self-ensemble) only 0.03, and sharpening before back-projection nothing.

Limits: a network adds what is plausible, not what was there. Never read a number plate, a face or a
diagnosis off such a picture: that it agrees with its input, as one claim measures, proves nothing.
Photographs that were shrunk otherwise, are noisy or have JPEG blocks need training on the same.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops
from PIL import Image

from gen_ai_examples.cli import run_as_command
from gen_ai_examples.common.answer import Answer, Claim
from gen_ai_examples.common.batches import batches, split_seed
from gen_ai_examples.common.fit import fit
from gen_ai_examples.common.media import Text
from gen_ai_examples.common.methods.enlarging import (
    LinearFilters,
    UnsharpMasking,
    back_projection,
)
from gen_ai_examples.common.metrics.enlargement import coloured, measure
from gen_ai_examples.common.panels import largest_square, panels
from gen_ai_examples.common.sources import image
from gen_ai_examples.common.sources.photos import (
    BLACK,
    WHITE,
    bundled_photographs,
    enlarge,
    luminance,
    own_photographs,
    shrink,
    tiles,
    whole_blocks,
)
from gen_ai_examples.common.strategy import precision, strategy

ANSWERS = ("Q14.2", "Q28.3")
CPU_REPLICAS = 2  # train faster than one: see `share_cpu`
SMOKE = dict(steps=2, batch_size=2, width=4, blocks=1)

FACTOR = 4
SCALES = (1.0, 0.7, 0.5)
FLAT = 0.4  # share of the tiles, those with the least detail, that are left out
HELD_OUT = ("astronaut", "camera", "chelsea", "coffee")  # a face, a scene, fur, an object


def build_network(width, blocks):
    """Low luminance (B, H, W, 1) to what its bicubic enlargement lacks (B, 4 H, 4 W, 1)."""
    low = keras.Input((None, None, 1))
    # In full precision at both ends: bfloat16 has too few digits for 256 levels of brightness.
    first = x = layers.Conv2D(width, 3, padding="same", dtype="float32")(low)
    for _ in range(blocks):
        h = layers.Conv2D(width, 3, padding="same", activation="relu")(x)
        # From zero, where EDSR scales the branches down, so that deep networks start stable.
        x = x + layers.Conv2D(width, 3, padding="same", kernel_initializer="zeros")(h)
    x = first + layers.Conv2D(width, 3, padding="same")(x)
    x = layers.Conv2D(FACTOR**2, 3, padding="same", kernel_initializer="zeros", dtype="float32")(x)
    return keras.Model(low, ops.depth_to_space(x, FACTOR), name="super_resolution")


def turned(batch, seed):
    """The batch in one of the eight orientations of a square."""
    down, right, transpose = (tf.random.stateless_uniform((), s) < 0.5 for s in split_seed(seed, 3))

    def turn(x):
        x = tf.where(down, tf.reverse(x, [1]), x)
        x = tf.where(right, tf.reverse(x, [2]), x)
        return tf.where(transpose, tf.transpose(x, (0, 2, 1, 3)), x)

    return {name: turn(x) for name, x in batch.items()}


def main(
    steps=1100,
    batch_size=16,
    side=32,
    width=48,
    blocks=8,
    learning_rate=1e-3,
    dtype="auto",
    seed=0,
    images: str | None = None,
) -> Answer:
    keras.utils.set_random_seed(seed)
    train, held_out = photographs(images)
    lows, details = map(
        np.concatenate,
        zip(*(tiles(photo, FACTOR, side, SCALES) for photo in train.values()), strict=True),
    )
    # Sky and the ground of the retina teach nothing.
    rich = np.argsort(details.std((1, 2, 3)))[int(FLAT * len(details)) :]
    columns = {"low": lows[rich], "detail": details[rich]}
    pairs = batches(columns, batch_size, seed, turned).map(lambda b: (b["low"], b["detail"]))
    with strategy().scope(), precision(dtype):
        network = build_network(width, blocks)
        schedule = keras.optimizers.schedules.CosineDecay(learning_rate, steps)
        network.compile(keras.optimizers.Adam(schedule), loss="mean_absolute_error")
    fit(network, pairs, steps)

    full = [luminance(photo) for photo in train.values()]
    unsharp = UnsharpMasking([(shrink(y, FACTOR), y) for y in full], FACTOR)
    methods = {
        "nearest neighbour": lambda low: enlarge(low, FACTOR, Image.Resampling.NEAREST),
        "bicubic": lambda low: enlarge(low, FACTOR),
        "Lanczos": lambda low: enlarge(low, FACTOR, Image.Resampling.LANCZOS),
        "unsharp masking": unsharp,
        "back-projection": lambda low: back_projection(low, FACTOR),
        "best linear filters": LinearFilters(lows, details),
        "network": lambda low: enlarge(low, FACTOR) + added_detail(network, low),
    }
    # By photograph and method: luminance (H, W), and its scores.
    enlarged, scores = {}, {}
    for name, photo in held_out.items():
        low = luminance(shrink(photo, FACTOR))
        enlarged[name] = {m: method(low).clip(BLACK, WHITE) for m, method in methods.items()}
        scores[name] = {m: measure(photo, y, FACTOR) for m, y in enlarged[name].items()}

    def mean(quality):
        return {m: float(np.mean([its[m][quality] for its in scores.values()])) for m in methods}

    def close_ups(wrong):
        shown = list(held_out)[:4]
        return panels([close_up(held_out[name], enlarged[name], wrong) for name in shown])

    first, photo = next(iter(held_out.items()))
    whole = {
        "given, with a sixteenth of the pixels": shrink(photo, FACTOR),
        "enlarged by the network": coloured(photo, enlarged[first]["network"], FACTOR),
        "original": photo,
    }
    similarity, structure, of_input = mean("PSNR"), mean("SSIM"), mean("PSNR of the input")
    ours = "network"
    rivals = {name: value for name, value in similarity.items() if name not in (ours, "bicubic")}
    return Answer(
        claims=[
            Claim(
                "A small residual network enlarges photographs it has never seen closer to the "
                "original than bicubic interpolation, by half a decibel at least, and than these "
                "classical methods.",
                similarity[ours],
                "dB PSNR of luminance",
                {"bicubic + 0.5 dB": similarity["bicubic"] + 0.5} | rivals,
                better="higher",
            ),
            Claim(
                "It also keeps more of their structure.",
                structure[ours],
                "SSIM of luminance",
                {name: value for name, value in structure.items() if name != ours},
                better="higher",
                best=1.0,
            ),
            Claim(
                "Agreement with what was given proves nothing: shrunk again, its picture matches "
                "its input far better than the picture itself matches the original.",
                of_input[ours],
                "dB PSNR of the small picture",
                {"the large picture, to the original": similarity[ours]},
                better="higher",
            ),
        ],
        metrics={"training tiles": float(len(rich))}
        | {"share of bicubic's error left": 10 ** ((similarity["bicubic"] - similarity[ours]) / 10)}
        | {
            f"{quality}, {name}": value
            for quality in ("PSNR", "SSIM", "PSNR of RGB", "PSNR of the input", "sharpness")
            for name, value in mean(quality).items()
        },
        media={
            "largest_gains": close_ups(lambda bicubic, network: bicubic - network),
            "largest_errors": close_ups(lambda bicubic, network: network),
            "photograph": panels([whole], width=5),
            "photographs": table(scores),
        },
    )


def photographs(images):
    """Whole photographs to train on and to hold out, by name, (H, W, 3) uint8."""
    if images:
        known = own_photographs(images)
        # The last by name, not any: a series of shots of one thing stays on one side.
        held_out = list(known)[-max(1, len(known) // 5) :]
    else:
        known, held_out = image.photographs() | bundled_photographs(), HELD_OUT
    known = {name: whole_blocks(photo, FACTOR) for name, photo in known.items()}
    train = {name: photo for name, photo in known.items() if name not in held_out}
    return train, {name: known[name] for name in held_out}


def added_detail(network, low):
    return network(low[None, ..., None], training=False).numpy()[0, ..., 0]


def close_up(photo, enlarged, wrong, side=96):
    """The square where `wrong(bicubic, network)`, of squared errors, is largest."""
    bicubic, network = ((enlarged[m] - luminance(photo)) ** 2 for m in ("bicubic", "network"))
    square = largest_square(wrong(bicubic, network), side, grid=FACTOR)
    pictures = {"given": shrink(photo, FACTOR).repeat(FACTOR, 0).repeat(FACTOR, 1)}
    for method in ("bicubic", "back-projection", "network"):
        pictures[method] = coloured(photo, enlarged[method], FACTOR)
    pictures["original"] = photo
    return {title: picture[square] for title, picture in pictures.items()}


def table(scores):
    """PSNR of luminance by photograph and method."""
    methods = list(next(iter(scores.values())))
    wide = max(map(len, methods))
    lines = [" " * wide + "".join(f"{name:>14}" for name in scores)]
    lines += [
        f"{method:<{wide}}" + "".join(f"{its[method]['PSNR']:>11.2f} dB" for its in scores.values())
        for method in methods
    ]
    return Text("PSNR of luminance, whole photographs held out\n\n" + "\n".join(lines) + "\n")


if __name__ == "__main__":
    run_as_command(main)
