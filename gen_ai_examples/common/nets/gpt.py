"""A causal transformer with what has been learned since GPT-2, for little training.

Positions as rotations of queries and keys (Su et al. 2021, https://arxiv.org/abs/2104.09864), root
mean square normalisation without weights (Zhang & Sennrich 2019, https://arxiv.org/abs/1910.07467),
of queries and keys too (Henry et al. 2020, https://arxiv.org/abs/2010.04245), squared ReLU (So et
al. 2021, https://arxiv.org/abs/2109.08668), no biases, and every block beginning as the identity.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

Memory = list[tuple]


def normalised(x):
    wide = ops.cast(x, "float32")
    scale = tf.math.rsqrt(ops.mean(ops.square(wide), axis=-1, keepdims=True) + 1e-6)
    return ops.cast(wide * scale, x.dtype)


def dense(units, **options):
    return layers.Dense(units, use_bias=False, **options)


class Attention(layers.Layer):
    def __init__(self, dim, heads, base, sharp, **options):
        super().__init__(**options)
        self.dim, self.heads, self.base, self.sharp = dim, heads, base, sharp
        init = keras.initializers.RandomNormal(stddev=dim**-0.5)
        self.q, self.k, self.v = (dense(dim, kernel_initializer=init, name=n) for n in "qkv")
        self.out = dense(dim, kernel_initializer="zeros", name="out")

    def build(self, shape):
        for layer in (self.q, self.k, self.v, self.out):
            layer.build(shape)

    def _rotate(self, x, at):
        half = self.dim // self.heads // 2
        rates = self.base ** -(ops.arange(half, dtype="float32") / half)
        angles = ops.cast(at, "float32")[:, None] * rates
        cos, sin = ops.cast(ops.cos(angles), x.dtype), ops.cast(ops.sin(angles), x.dtype)
        a, b = x[..., :half], x[..., half:]
        return ops.concatenate([a * cos - b * sin, a * sin + b * cos], axis=-1)

    def call(self, x, memory=None, training=False):
        n, length = ops.shape(x)[0], ops.shape(x)[1]
        size = self.dim // self.heads

        def split(y):
            return ops.transpose(ops.reshape(y, (n, length, self.heads, size)), (0, 2, 1, 3))

        q, k, v = split(self.q(x)), split(self.k(x)), split(self.v(x))
        read = 0 if memory is None else ops.shape(memory[0])[2]
        at = ops.arange(length) + read
        q, k = self._rotate(normalised(q), at), self._rotate(normalised(k), at)
        if memory is not None:
            k = ops.concatenate([memory[0], k], axis=2)
            v = ops.concatenate([memory[1], v], axis=2)
        scores = ops.cast(ops.matmul(q, ops.transpose(k, (0, 1, 3, 2))), "float32")
        known = ops.arange(read + length)[None, :] <= at[:, None]
        shares = tf.nn.softmax(ops.where(known, scores * self.sharp, -1e9))
        mixed = ops.matmul(ops.cast(shares, v.dtype), v)
        mixed = ops.reshape(ops.transpose(mixed, (0, 2, 1, 3)), (n, length, self.dim))
        return self.out(mixed), (k, v)


class Block(layers.Layer):
    def __init__(self, dim, heads, base, sharp, mult, drop, **options):
        super().__init__(**options)
        self.attention = Attention(dim, heads, base, sharp)
        init = keras.initializers.RandomNormal(stddev=dim**-0.5)
        self.hidden = dense(mult * dim, kernel_initializer=init, name="hidden")
        self.narrow = dense(dim, kernel_initializer="zeros", name="narrow")
        self.mult = mult

    def build(self, shape):
        self.attention.build(shape)
        self.hidden.build(shape)
        self.narrow.build((*shape[:-1], self.mult * shape[-1]))

    def call(self, x, memory=None):
        mixed, memory = self.attention(normalised(x), memory)
        x = x + mixed
        return x + self.narrow(ops.square(ops.relu(self.hidden(normalised(x))))), memory


class GPT(keras.Model):
    def __init__(self, vocabulary, length, starts=1, dim=128, depth=3, heads=4, base=1000.0,
                 sharp=0.3, mult=4, drop=0.0, bigram=0, emb=0.1, **options):
        super().__init__(**{"name": "gpt"} | options)
        self.vocabulary, self.length, self.starts, self.dim = vocabulary, length, starts, dim
        self.tokens = layers.Embedding(vocabulary + starts, dim, embeddings_initializer=keras.initializers.RandomNormal(stddev=emb), name="embedding")
        self.bigram = bigram
        if bigram:
            self.pairs = layers.Embedding(bigram, dim, embeddings_initializer="zeros", name="embedding_pairs")
        self.blocks = [Block(dim, heads, base, sharp, mult, drop, name=f"block_{i}") for i in range(depth)]
        self.head = dense(vocabulary, kernel_initializer="zeros", name="head")
        self.drop = drop
        self.build()

    def build(self, shape=None):
        features = (None, None, self.dim)
        self.tokens.build()
        if self.bigram:
            self.pairs.build()
        for layer in (*self.blocks, self.head):
            layer.build(features)
        self.built = True

    def call(self, tokens, training=False):
        return self.extend(tokens, None, training)[0]

    def extend(self, tokens, memory, training=False):
        x = self.tokens(tokens)
        if self.bigram:
            before = ops.pad(tokens[:, :-1], ((0, 0), (1, 0)))
            code = (ops.cast(before,"int64") * 36313 + ops.cast(tokens,"int64") * 27191) % self.bigram
            x = x + self.pairs(code)
        x = x0 = normalised(x)
        kept = []
        for block, before in zip(self.blocks, memory or [None] * len(self.blocks), strict=True):
            x, now = block(x, before)
            kept.append(now)
        x = normalised(x)
        return ops.cast(self.head(x), "float32"), kept
