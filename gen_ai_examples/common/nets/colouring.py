"""A network that colours a frame after a coloured one: it copies by attention, and chooses.

Attention over the coloured frame: Vondrick et al. 2018, https://arxiv.org/abs/1806.09594. The
colours that come out are a mixture of those that were moved here, by weights that a U-Net
(Ronneberger et al. 2015, https://arxiv.org/abs/1505.04597) gives each pixel, and a correction.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

STRIDE = 4  # pixels between the places that attention compares
GRID = 22.0  # such places count as a distance of 1
_WAYS = 3  # in which the first frame was moved here
_RANGES = (3, 7)  # over which colours are spread, in such places
_DOUBT = 300.0  # squared differences of lightness are weighed with this ...
_MOST = 6.0  # ... up to here, so that no way is ruled out for ever


def build_colouring(width: int = 24, depth: int = 32) -> keras.Model:
    """Four inputs to two colourings.

    Args:
        width: channels at half the resolution, twice as many below; a multiple of 8.
        depth: of the features that attention compares.

    Returns:
        A model from `[frame (B, H, W, 1), first (B, H, W, 3), moved (B, H, W, 9), places
        (B, H / 4, W / 4, 2)]`, see `methods.colouring.examples`, H and W multiples of 8, to the
        colours, and those copied by attention alone, both (B, H, W, 2) float32. Untrained, the
        first are those of the flow that fits better, pixel by pixel, with a little of the rest.
    """
    frame = keras.Input((None, None, 1), name="frame")
    first = keras.Input((None, None, 3), name="first")
    moved = keras.Input((None, None, 3 * _WAYS), name="moved")
    places = keras.Input((None, None, 2), name="places")

    encoder = _build_encoder(width, depth)
    small = layers.AveragePooling2D(STRIDE, dtype="float32")(first)
    copied, certainty = CopyByAttention(dtype="float32", name="attention")(
        [encoder(frame), encoder(first[..., :1]), small, places]
    )
    ways = [moved[..., 3 * i : 3 * i + 3] for i in range(_WAYS)] + [_enlarged(copied)]
    trust = ops.concatenate([_trust(lab, frame) for lab in ways], -1)
    ways += _spread(ways[:2], trust[..., :2])
    trust = ops.concatenate([trust] + [_trust(lab, frame) for lab in ways[_WAYS + 1 :]], -1)

    given = ops.concatenate([frame, *ways, trust / 3, _enlarged(certainty)], -1)
    x = _unet(Blocks(2, dtype="float32")(given), width)
    x = layers.Conv2D(
        4 * len(ways), 3, padding="same", kernel_initializer="zeros", dtype="float32"
    )(x)
    x = ops.depth_to_space(x, 2)
    # Of the others fitting lightness says less: some are chosen by it, some are blurred.
    weights = ops.softmax(x + trust - np.float32([0, 0, 2, 2, 2, 2]))
    colours = sum(weights[..., i : i + 1] * lab[..., 1:] for i, lab in enumerate(ways))
    return keras.Model(
        [frame, first, moved, places], [colours, ways[_WAYS][..., 1:]], name="network"
    )


def _trust(lab, frame):
    """Minus the squared difference of lightness, blurred a little and weighed: (B, H, W, 1)."""
    misfit = ops.square(lab[..., :1] - frame)
    for _ in range(2):
        misfit = layers.AveragePooling2D(3, 1, "same", dtype="float32")(misfit)
    return -ops.minimum(_DOUBT * misfit, _MOST)


def _spread(flowed, trust):
    """What flow brought with some trust, spread over places where it brought nothing that fits.

    A cheap relative of the colouring by optimisation of Levin et al. 2004,
    https://doi.org/10.1145/1015706.1015780, blind to edges, at two ranges.
    """
    share = ops.softmax(trust)
    better = share[..., :1] * flowed[0] + share[..., 1:] * flowed[1]
    known = ops.exp(ops.max(trust, -1, keepdims=True))
    sums = ops.concatenate([known * better, known], -1)
    sums = layers.AveragePooling2D(STRIDE, dtype="float32")(sums)
    ranges = [layers.AveragePooling2D(n, 1, "same", dtype="float32")(sums) for n in _RANGES]
    return [_enlarged(x[..., :3] / x[..., 3:]) for x in ranges]


def _enlarged(x):
    return layers.UpSampling2D(STRIDE, interpolation="bilinear", dtype="float32")(x)


def _build_encoder(width, depth):
    frame = keras.Input((None, None, 1))
    x = layers.Conv2D(width, 3, padding="same", activation="relu")(Blocks(2)(frame))
    x = layers.Conv2D(2 * width, 3, STRIDE // 2, padding="same")(x)
    x = residual_block(residual_block(x, 2 * width), 2 * width)
    return keras.Model(frame, layers.Conv2D(depth, 1, dtype="float32")(x), name="encoder")


def _unet(x, width):
    high = residual_block(layers.Conv2D(width, 3, padding="same")(x), width)
    x = layers.Conv2D(2 * width, 3, 2, padding="same")(high)
    low = residual_block(x, 2 * width)
    x = residual_block(layers.Conv2D(2 * width, 3, 2, padding="same")(low), 2 * width)
    x = layers.UpSampling2D(2)(residual_block(x, 2 * width))
    x = residual_block(layers.Concatenate()([x, low]), 2 * width)
    x = residual_block(layers.Concatenate()([layers.UpSampling2D(2)(x), high]), width)
    return layers.ReLU()(x)


def residual_block(x, channels):
    # Without normalisation, which learned the training shots better and the others no better.
    h = layers.Conv2D(channels, 3, padding="same", activation="relu")(x)
    h = layers.Conv2D(channels, 3, padding="same", kernel_initializer="zeros")(h)
    return h + (x if x.shape[-1] == channels else layers.Conv2D(channels, 1)(x))


class Blocks(layers.Layer):
    """Squares of `side` pixels as channels: (B, H, W, C) to (B, H / side, W / side, side^2 C)."""

    def __init__(self, side: int, **options):
        super().__init__(**options)
        self.side = side

    def call(self, x):
        return tf.nn.space_to_depth(x, self.side)


class CopyByAttention(layers.Layer):
    """Copies to each place what the first frame has at places with like features, and near.

    `[queries, keys (B, h, w, D), values (B, h, w, C), places (B, h, w, 2)]`: the features of the
    frame and of the first; what to copy from that; and where in it, in units of `GRID`, flow
    expects each place. Gives the values (B, h, w, C) and the largest weight (B, h, w, 1). The
    weights fall with the squared distances, of features and of places, as a Gaussian does.
    """

    def build(self, shapes):
        self.sharpness = self.add_weight(shape=(), initializer="zeros", name="sharpness")
        self.nearness = self.add_weight(shape=(), initializer="zeros", name="nearness")

    def call(self, inputs):
        queries, keys, values, places = inputs
        shape = ops.shape(queries)
        height, width = shape[1], shape[2]
        rows, columns = ops.arange(height, dtype="float32"), ops.arange(width, dtype="float32")
        grid = ops.stack(ops.meshgrid(rows, columns, indexing="ij"), -1) / GRID
        # Times 5, or Adam's small steps would hardly move them.
        sharp, near = ops.exp(5 * self.sharpness), 5 * ops.exp(5 * self.nearness)
        grid = ops.broadcast_to(grid, (shape[0], height, width, 2))

        def joined(features, at):
            both = ops.concatenate([sharp * features, near * at], -1)
            return ops.reshape(both, (shape[0], height * width, -1))

        q, k = joined(queries, places), joined(keys, grid)
        # Without |q|^2, which is the same for all keys.
        logits = 2 * ops.matmul(q, ops.transpose(k, (0, 2, 1))) - ops.sum(k * k, -1)[:, None]
        weights = ops.softmax(logits)
        flat = ops.reshape(values, (shape[0], height * width, values.shape[-1]))
        copied = ops.reshape(ops.matmul(weights, flat), (*shape[:3], values.shape[-1]))
        return copied, ops.reshape(ops.max(weights, -1), (*shape[:3], 1))
