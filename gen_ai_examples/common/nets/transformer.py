"""A causal transformer: what it says of a place depends on the places before it alone.

Vaswani et al. 2017, https://arxiv.org/abs/1706.03762, in the form of GPT-2 (Radford et al. 2019):
normalisation before each part, learned positions, GELU. Keys and values of what was read can be
kept, so that the next token costs one place and not all of them.
"""

import keras
import tensorflow as tf
from keras import layers, ops

Memory = list[tuple]  # per block: keys and values, both (B, heads, T, dim / heads)


class CausalSelfAttention(layers.Layer):
    """Each place looks at itself and at the places before it.

    Args:
        dim: of the features.
        heads: divides `dim`.
    """

    def __init__(self, dim: int, heads: int, **options):
        super().__init__(**options)
        self.dim = dim
        self.heads = heads
        # No bias: that of the keys moves all scores alike, so its gradient is rounding alone.
        self.projection = layers.Dense(3 * dim, use_bias=False)
        self.output_projection = layers.Dense(dim)

    def build(self, shape):
        self.projection.build(shape)
        self.output_projection.build(shape)

    def call(self, x, memory=None):
        """Features (B, T, dim) to the like, and keys and values of all that was read.

        `memory` holds the keys and values of P earlier places; None for P = 0.
        """
        n, length = ops.shape(x)[0], ops.shape(x)[1]
        split = (n, length, 3, self.heads, self.dim // self.heads)
        projected = ops.transpose(ops.reshape(self.projection(x), split), (2, 0, 3, 1, 4))
        queries, keys, values = ops.unstack(projected, 3)  # (B, heads, T, dim / heads)
        if memory is not None:
            keys = ops.concatenate([memory[0], keys], axis=2)  # (B, heads, P + T, dim / heads)
            values = ops.concatenate([memory[1], values], axis=2)
        scores = ops.matmul(queries, ops.transpose(keys, (0, 1, 3, 2)))
        at = ops.arange(ops.shape(keys)[2])
        known = at[None, :] <= at[-length:, None]  # (T, P + T)
        scores = ops.cast(scores, "float32") / (self.dim // self.heads) ** 0.5
        # TensorFlow's: that of Keras warns wherever the first place looks at itself alone.
        shares = tf.nn.softmax(ops.where(known, scores, -1e9))
        mixed = ops.matmul(ops.cast(shares, values.dtype), values)
        mixed = ops.reshape(ops.transpose(mixed, (0, 2, 1, 3)), (n, length, self.dim))
        return self.output_projection(mixed), (keys, values)


class Block(layers.Layer):
    """Attention, then two dense layers at each place, each added to what comes in.

    Args:
        dim, heads: see `CausalSelfAttention`.
    """

    def __init__(self, dim: int, heads: int, **options):
        super().__init__(**options)
        self.attention_norm = layers.LayerNormalization()
        self.attention = CausalSelfAttention(dim, heads)
        self.norm = layers.LayerNormalization()
        self.hidden = layers.Dense(4 * dim, "gelu")
        self.narrow = layers.Dense(dim)

    def build(self, shape):
        for layer in (self.attention_norm, self.attention, self.norm, self.hidden):
            layer.build(shape)
        self.narrow.build((*shape[:-1], 4 * shape[-1]))

    def call(self, x, memory=None):
        mixed, memory = self.attention(self.attention_norm(x), memory)
        x = x + mixed
        return x + self.narrow(self.hidden(self.norm(x))), memory


@keras.saving.register_keras_serializable("gen_ai_examples")
class CausalTransformer(keras.Model):
    """Logits of the token after each one that was read; all equal before training.

    Args:
        vocabulary: number of tokens it can answer with.
        length: most tokens it can read.
        starts: further tokens that it reads and never answers with, numbered from `vocabulary`.
        dim: of the features.
        depth: number of blocks.
        heads: of attention, divides `dim`.
    """

    def __init__(
        self,
        vocabulary: int,
        length: int,
        starts: int = 1,
        dim: int = 128,
        depth: int = 4,
        heads: int = 4,
        **options,
    ):
        super().__init__(**{"name": "transformer"} | options)
        self.vocabulary = vocabulary
        self.length = length
        self.starts = starts
        self.dim = dim
        self.heads = heads
        self.tokens = layers.Embedding(vocabulary + starts, dim)
        self.positions = layers.Embedding(length, dim)
        self.blocks = [Block(dim, heads) for _ in range(depth)]
        self.norm = layers.LayerNormalization()
        self.head = layers.Dense(vocabulary, kernel_initializer="zeros", dtype="float32")
        self.build()

    def build(self, shape=None):
        """At once: a model that is passed into another must have its weights in the scope."""
        features = (None, None, self.dim)
        self.tokens.build()
        self.positions.build()
        for layer in (*self.blocks, self.norm, self.head):
            layer.build(features)
        self.built = True

    def call(self, tokens, training=False):
        """Tokens (B, T) to logits (B, T, vocabulary) float32."""
        return self.extend(tokens, None)[0]

    def extend(self, tokens, memory: Memory | None):
        """Read `tokens` (B, T) after those that `memory` holds, None for none.

        Returns:
            Logits (B, T, vocabulary) float32, and the memory of all that was read.
        """
        read = 0 if memory is None else ops.shape(memory[0][0])[2]
        positions = ops.arange(ops.shape(tokens)[1]) + read
        x = self.tokens(tokens) + self.positions(positions)
        kept = []
        for block, before in zip(self.blocks, memory or [None] * len(self.blocks), strict=True):
            x, now = block(x, before)
            kept.append(now)
        return self.head(self.norm(x)), kept

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
