"""A transformer that reads one sequence and writes another.

Vaswani et al. 2017, https://arxiv.org/abs/1706.03762, normalised before each part (Xiong et al.
2020, https://arxiv.org/abs/2002.04745), with one matrix for all tokens, those read, those written
and those answered with (Press & Wolf 2017, https://arxiv.org/abs/1608.05859). As in `gpt.py`,
rotations take the place of positions, between the two sequences too, which are much in step when
one translates the other; norms, rectifiers and the absence of biases are as there.

A lexicon may help (Arthur et al. 2016, https://arxiv.org/abs/1606.02006): a last attention points
at tokens that were read, and their translations become likelier. The network then begins as a
dictionary, and has to learn what is left: which token comes next, and in what form.

Several pairs of sequences may share a row, told apart by the numbers of their segments: no
token sees another segment, whatever else is in the row.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from gen_ai_examples.common.nets.gpt import check_heads, normalise, rotate

SLOWEST = 1000.0  # tokens in which the slowest rotation turns by one radian
SHARPNESS = 0.4  # of attention: scores are at most that times dim / heads
RARE = 1e-3  # what the lexicon adds to the chance of any token


def _dense(units, fan_in):
    """With outputs of the size of the inputs; from zero if `fan_in` is 0."""
    start = keras.initializers.RandomNormal(stddev=fan_in**-0.5) if fan_in else "zeros"
    return layers.Dense(units, use_bias=False, kernel_initializer=start)


def rotations(at, size):
    """Cosine and sine (B, 1, T, size / 2) of the angles of places (B, T)."""
    rates = SLOWEST ** -(ops.arange(size // 2, dtype="float32") / (size // 2))
    angles = ops.cast(at, "float32")[:, None, :, None] * rates
    return ops.cos(angles), ops.sin(angles)


class Attention(layers.Layer):
    """Places of one sequence look at those of the same or of another one.

    Args:
        dim: of the features.
        heads: `dim / heads` is even.
    """

    def __init__(self, dim: int, heads: int, **options):
        super().__init__(**options)
        self.dim = dim
        self.heads = heads
        self.queries, self.keys, self.values = (_dense(dim, dim) for _ in range(3))
        self.output_projection = _dense(dim, 0)

    def build(self, shape):
        for layer in (self.queries, self.keys, self.values, self.output_projection):
            layer.build(shape)

    def look_up(self, x, angles):
        """Keys and values (B, heads, T, dim / heads) of features (B, T, dim)."""
        return rotate(normalise(self._split(self.keys(x))), *angles), self._split(self.values(x))

    def call(self, x, angles, looked_up, known):
        """Features (B, T, dim) to the like, and what each place looked at (B, heads, T, S).

        Args:
            angles: of `rotations` at the T places.
            looked_up: keys and values (B, heads, S, dim / heads).
            known: which of the S each of the T may look at, (B, 1, T, S).
        """
        keys, values = looked_up
        queries = rotate(normalise(self._split(self.queries(x))), *angles)
        scores = ops.matmul(queries, ops.transpose(keys, (0, 1, 3, 2)))
        scores = ops.cast(scores, "float32") * SHARPNESS
        shares = tf.nn.softmax(ops.where(known, scores, -1e9))
        mixed = ops.matmul(ops.cast(shares, values.dtype), values)
        mixed = ops.reshape(ops.transpose(mixed, (0, 2, 1, 3)), ops.shape(x))
        return self.output_projection(mixed), shares

    def _split(self, features):
        n, length = ops.shape(features)[0], ops.shape(features)[1]
        parts = ops.reshape(features, (n, length, self.heads, self.dim // self.heads))
        return ops.transpose(parts, (0, 2, 1, 3))


class Block(layers.Layer):
    """Attention to the own sequence, where there is one to the other, and two dense layers.

    Args:
        dim, heads: see `Attention`.
        crossed: whether it looks at another sequence.
    """

    def __init__(self, dim: int, heads: int, crossed: bool, **options):
        super().__init__(**options)
        self.attention = Attention(dim, heads)
        self.crossing = Attention(dim, heads) if crossed else None
        self.hidden = _dense(4 * dim, dim)
        self.narrow = _dense(dim, 0)

    def build(self, shape):
        for layer in (self.attention, self.crossing, self.hidden):
            if layer is not None:
                layer.build(shape)
        self.narrow.build((*shape[:-1], 4 * shape[-1]))

    def call(self, x, angles, known, memory=None, other=None, other_known=None):
        """Features (B, T, dim) to the like; keys and values of all that was read; the crossing."""
        before = normalise(x)
        looked_up = self.attention.look_up(before, angles)
        if memory is not None:
            looked_up = tuple(
                ops.concatenate(both, 2) for both in zip(memory, looked_up, strict=True)
            )
        x = x + self.attention(before, angles, looked_up, known)[0]
        shares = None
        if self.crossing is not None:
            mixed, shares = self.crossing(normalise(x), angles, other, other_known)
            x = x + mixed
        found = self.narrow(ops.square(ops.relu(self.hidden(normalise(x)))))
        return x + found, looked_up, shares


class Seq2Seq(keras.Model):
    """Logits of the next token of a translation.

    Args:
        vocabulary: number of tokens, the same on both sides.
        dim: of the features.
        depth: number of blocks that read, and of those that write.
        heads: of attention; `dim / heads` is even.
        lexicon: chances (vocabulary, vocabulary) that a token (row) becomes another, or None.

    Raises:
        InputError: `dim / heads` is not even.
    """

    def __init__(
        self,
        vocabulary: int,
        dim: int = 128,
        depth: tuple[int, int] = (2, 2),
        heads: int = 4,
        lexicon: np.ndarray | None = None,
        **options,
    ):
        super().__init__(**{"name": "seq2seq"} | options)
        check_heads(dim, heads)
        self.vocabulary = vocabulary
        self.dim = dim
        self.heads = heads
        self.tokens = layers.Embedding(
            vocabulary, dim, keras.initializers.RandomNormal(stddev=dim**-0.5)
        )
        self.readers = [Block(dim, heads, False) for _ in range(depth[0])]
        self.writers = [Block(dim, heads, True) for _ in range(depth[1])]
        self.scale = self.add_weight(shape=(), initializer="zeros", name="scale", dtype="float32")
        self.pointing = None if lexicon is None else Attention(dim, 1)
        self.lexicon = None if lexicon is None else tf.constant(lexicon, tf.float32)
        self.build()

    def build(self, shape=None):
        """At once: a model that is passed into another must have its weights in the scope."""
        self.tokens.build()
        features = (None, None, self.dim)
        for block in (*self.readers, *self.writers):
            block.build(features)
        if self.pointing is not None:
            self.pointing.queries.build(features)
            self.pointing.keys.build(features)
        self.built = True

    def call(self, batch, training=False):
        """A batch of `packed` rows to logits (B, T, vocabulary) float32 and pointing (B, T, S)."""
        source = self.read(batch["source"], batch["source_segments"], batch["source_at"])
        logits, _, shares = self.extend(
            batch["read"], batch["target_segments"], batch["target_at"], source
        )
        return logits, shares

    def read(self, tokens, segments, at):
        """What writers need of a source (B, S): keys and values per block, segments, lexicon."""
        angles = rotations(at, self.dim // self.heads)
        known = (segments[:, None, :, None] == segments[:, None, None, :]) & (
            segments[:, None, None, :] > 0
        )
        x = normalise(self.tokens(tokens))
        for block in self.readers:
            x, _, _ = block(x, angles, known)
        x = normalise(x)
        source = {
            "blocks": [block.crossing.look_up(x, angles) for block in self.writers],
            "segments": segments,
        }
        if self.pointing is not None:
            pointed = rotations(at, self.dim)
            source["keys"] = rotate(normalise(self.pointing.keys(x))[:, None], *pointed)
            source["lexicon"] = ops.take(self.lexicon, tokens, axis=0)  # (B, S, vocabulary)
        return source

    def extend(self, tokens, segments, at, source, memory=None):
        """Write `tokens` (B, T) after those that `memory` holds, None for none.

        Args:
            segments, at: of the tokens, (B, T).
            source: as `read` gives it.
            memory: keys, values and segments of what was written.

        Returns:
            Logits (B, T, vocabulary) float32, the memory of all that was written, and what each
            place points at in the source (B, T, S): by the last attention with a lexicon, else the
            mean of the heads of the last block.
        """
        angles = rotations(at, self.dim // self.heads)
        all_segments = segments
        if memory is not None:
            all_segments = ops.concatenate([memory["segments"], segments], axis=1)
        order = ops.arange(ops.shape(all_segments)[1])
        known = (segments[:, None, :, None] == all_segments[:, None, None, :]) & (
            order[None, :] <= order[-ops.shape(tokens)[1] :, None]
        )
        other = (segments[:, None, :, None] == source["segments"][:, None, None, :]) & (
            source["segments"][:, None, None, :] > 0
        )
        x = normalise(self.tokens(tokens))
        kept, shares = [], None
        for i, block in enumerate(self.writers):
            x, looked_up, shares = block(
                x, angles, known, memory and memory["blocks"][i], source["blocks"][i], other
            )
            kept.append(looked_up)
        x = normalise(x)
        matrix = ops.cast(ops.transpose(self.tokens.embeddings), x.dtype)
        logits = ops.cast(ops.matmul(x * ops.cast(self.scale, x.dtype), matrix), "float32")
        if self.pointing is None:
            shares = ops.mean(shares, axis=1)
        else:
            queries = normalise(self.pointing.queries(x))[:, None]
            queries = rotate(queries, *rotations(at, self.dim))
            scores = ops.matmul(queries, ops.transpose(source["keys"], (0, 1, 3, 2)))
            scores = ops.cast(scores, "float32") * SHARPNESS
            shares = tf.nn.softmax(ops.where(other, scores, -1e9))[:, 0]  # (B, T, S)
            # Several beginnings of one translation share what was read, and one look-up.
            n, length = ops.shape(source["lexicon"])[:2]
            likely = ops.matmul(ops.reshape(shares, (n, -1, length)), source["lexicon"])
            logits += ops.log(ops.reshape(likely, ops.shape(logits)) + RARE)
        return logits, {"blocks": kept, "segments": all_segments}, shares
