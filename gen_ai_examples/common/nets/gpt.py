"""A causal transformer with what was found since GPT-2, for when every step counts.

Rotations of queries and keys instead of positions (Su et al. 2021,
https://arxiv.org/abs/2104.09864), root mean squares instead of layer normalisation (Zhang &
Sennrich 2019, https://arxiv.org/abs/1910.07467), of queries and keys too (Henry et al. 2020,
https://arxiv.org/abs/2010.04245), squared rectifiers (So et al. 2021,
https://arxiv.org/abs/2109.08668), no biases, and blocks that begin as the identity. Reading in
pieces works as in `transformer.py`.
"""

import keras
import tensorflow as tf
from keras import layers, ops

from gen_ai_examples.common.errors import InputError

Memory = list[tuple]  # per block: keys and values, both (B, heads, T, dim / heads)

SHARPNESS = 0.3  # of attention: scores are at most that times dim / heads
SLOWEST = 1000.0  # tokens in which the slowest rotation turns by one radian


def normalise(x):
    """Divide features (..., dim) by their root mean square, which is taken in float32."""
    full = ops.cast(x, "float32")
    scale = ops.rsqrt(ops.mean(ops.square(full), axis=-1, keepdims=True) + 1e-6)
    return ops.cast(full * scale, x.dtype)


def rotations(at, size):
    """Cosine and sine (T, size / 2) of the angles of places (T,): at a rate of its own each."""
    rates = SLOWEST ** -(ops.arange(size // 2, dtype="float32") / (size // 2))
    angles = ops.cast(at, "float32")[:, None] * rates
    return ops.cos(angles), ops.sin(angles)


def rotate(x, cos, sin):
    """Turn features (..., T, size), half of them against the other half, by the angles given.

    So the product of a query and a key depends on how far apart they are alone.
    """
    cos, sin = ops.cast(cos, x.dtype), ops.cast(sin, x.dtype)
    a, b = ops.split(x, 2, axis=-1)
    return ops.concatenate([a * cos - b * sin, a * sin + b * cos], axis=-1)


def _dense(units, fan_in):
    """With outputs of the size of the inputs; from zero if `fan_in` is 0."""
    start = keras.initializers.RandomNormal(stddev=fan_in**-0.5) if fan_in else "zeros"
    return layers.Dense(units, use_bias=False, kernel_initializer=start)


def check_heads(dim: int, heads: int) -> None:
    """Rotations turn features in pairs.

    Raises:
        InputError: `dim / heads` is not even.
    """
    if dim % (2 * heads):
        raise InputError(
            f"{dim} features cannot be shared by {heads} heads in pairs: "
            f"choose a multiple of {2 * heads}."
        )


class Attention(layers.Layer):
    """Each place looks at itself and at the places before it.

    Args:
        dim: of the features.
        heads: `dim / heads` is even.
    """

    def __init__(self, dim: int, heads: int, **options):
        super().__init__(**options)
        self.dim = dim
        self.heads = heads
        # Three, not one of 3 dim: an optimizer that looks at whole matrices keeps them apart.
        self.queries, self.keys, self.values = (_dense(dim, dim) for _ in range(3))
        self.output_projection = _dense(dim, 0)

    def build(self, shape):
        for layer in (self.queries, self.keys, self.values, self.output_projection):
            layer.build(shape)

    def call(self, x, memory, places):
        """Features (B, T, dim) to the like, and keys and values of all that was read.

        Args:
            memory: the keys and values of P earlier places; None for P = 0.
            places: cosine and sine of `rotations`, and what each may look at (T, P + T).
        """
        *angles, known = places
        n, length = ops.shape(x)[0], ops.shape(x)[1]

        def split(features):  # (B, heads, T, dim / heads)
            parts = ops.reshape(features, (n, length, self.heads, self.dim // self.heads))
            return ops.transpose(parts, (0, 2, 1, 3))

        queries = rotate(normalise(split(self.queries(x))), *angles)
        keys = rotate(normalise(split(self.keys(x))), *angles)
        values = split(self.values(x))
        if memory is not None:
            keys = ops.concatenate([memory[0], keys], axis=2)  # (B, heads, P + T, dim / heads)
            values = ops.concatenate([memory[1], values], axis=2)
        scores = SHARPNESS * ops.matmul(queries, ops.transpose(keys, (0, 1, 3, 2)))
        # TensorFlow's: that of Keras warns wherever the first place looks at itself alone.
        shares = tf.nn.softmax(ops.where(known, ops.cast(scores, "float32"), -1e9))
        mixed = ops.matmul(ops.cast(shares, values.dtype), values)
        mixed = ops.reshape(ops.transpose(mixed, (0, 2, 1, 3)), (n, length, self.dim))
        return self.output_projection(mixed), (keys, values)


class Block(layers.Layer):
    """Attention, then two dense layers at each place, each added to what comes in.

    Args:
        dim, heads: see `Attention`.
    """

    def __init__(self, dim: int, heads: int, **options):
        super().__init__(**options)
        self.attention = Attention(dim, heads)
        self.hidden = _dense(4 * dim, dim)
        self.narrow = _dense(dim, 0)

    def build(self, shape):
        self.attention.build(shape)
        self.hidden.build(shape)
        self.narrow.build((*shape[:-1], 4 * shape[-1]))

    def call(self, x, memory, places, masks=None):
        """As `Attention`; `masks` are two of (B, 1, dim), what each part is multiplied by."""
        mixed, memory = self.attention(normalise(x), memory, places)
        x = x + (mixed if masks is None else masks[0] * mixed)
        found = self.narrow(ops.square(ops.relu(self.hidden(normalise(x)))))
        return x + (found if masks is None else masks[1] * found), memory


@keras.saving.register_keras_serializable("gen_ai_examples")
class GPT(keras.Model):
    """Logits of the token after each one that was read; all equal before training.

    Args:
        vocabulary: number of tokens it can answer with.
        length: most tokens it is to read.
        starts: further tokens that it reads and never answers with, numbered from `vocabulary`.
        dim: of the features.
        depth: number of blocks.
        heads: of attention; `dim / heads` is even.

    Raises:
        InputError: `dim / heads` is not even.
    """

    def __init__(
        self,
        vocabulary: int,
        length: int,
        starts: int = 1,
        dim: int = 128,
        depth: int = 3,
        heads: int = 4,
        **options,
    ):
        super().__init__(**{"name": "gpt"} | options)
        check_heads(dim, heads)
        self.vocabulary = vocabulary
        self.length = length
        self.starts = starts
        self.dim = dim
        self.heads = heads
        small = keras.initializers.RandomNormal(stddev=0.1)
        self.tokens = layers.Embedding(vocabulary + starts, dim, small)
        self.blocks = [Block(dim, heads) for _ in range(depth)]
        self.head = layers.Dense(
            vocabulary, use_bias=False, kernel_initializer="zeros", dtype="float32", name="head"
        )
        self.build()

    @property
    def mask_shape(self) -> tuple[int, int]:
        """Of what `masks` holds for one sequence: a row for the tokens, two for each block."""
        return 1 + 2 * len(self.blocks), self.dim

    def build(self, shape=None):
        """At once: a model that is passed into another must have its weights in the scope."""
        self.tokens.build()
        for layer in (*self.blocks, self.head):
            layer.build((None, None, self.dim))
        self.built = True

    def call(self, tokens, training=False, masks=None):
        """Tokens (B, T) to logits (B, T, vocabulary) float32; for `masks` see `extend`."""
        return self.extend(tokens, None, masks)[0]

    def extend(self, tokens, memory: Memory | None, masks=None):
        """Read `tokens` (B, T) after those that `memory` holds, None for none.

        Args:
            masks: (B, *mask_shape), what features are multiplied by, the same at all places of
                a sequence; None for ones. Dropout as Gal & Ghahramani 2016,
                https://arxiv.org/abs/1512.05287, draws it.

        Returns:
            Logits (B, T, vocabulary) float32, and the memory of all that was read.
        """
        read = 0 if memory is None else ops.shape(memory[0][0])[2]
        length = ops.shape(tokens)[1]
        at = ops.arange(length) + read
        known = ops.arange(read + length)[None, :] <= at[:, None]
        places = (*rotations(at, self.dim // self.heads), known)
        x = normalise(self.tokens(tokens))
        if masks is not None:
            first, *masks = ops.split(ops.cast(masks, x.dtype), self.mask_shape[0], axis=1)
            x = first * x
        kept = []
        for i, block in enumerate(self.blocks):
            of_block = None if masks is None else masks[2 * i : 2 * i + 2]
            x, now = block(x, memory and memory[i], places, masks=of_block)
            kept.append(now)
        return self.head(normalise(x)), kept

    def get_config(self):
        return {
            "name": self.name,
            "vocabulary": self.vocabulary,
            "length": self.length,
            "starts": self.starts,
            "dim": self.dim,
            "depth": len(self.blocks),
            "heads": self.heads,
        }
