"""Autoregressive models: a sequence of tokens, each predicted from those before it.

The density of a sequence is the product of that of its tokens, p(x) = prod_t p(x_t given x_<t),
with nothing approximated (Bengio et al. 2003, https://www.jmlr.org/papers/v3/bengio03a.html); a
causal network learns all factors of a sequence in one pass (Vaswani et al. 2017,
https://arxiv.org/abs/1706.03762) but draws them one at a time. On tokens of images: van den Oord
et al. 2017, https://arxiv.org/abs/1711.00937.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.nets.transformer import CausalTransformer
from gen_ai_examples.common.strategy import replica_logs, replica_mean


class Autoregressive(keras.Model):
    """Next-token prediction; every sequence begins with the start token of its class.

    Args:
        network: maps tokens (B, T) to logits (B, T, vocabulary) of the next ones; its `starts` is
            the number of classes, 1 for sequences without any.
    """

    def __init__(self, network: CausalTransformer):
        super().__init__(name="autoregressive")
        self.network = network
        self.built = True
        # Kept, and for all shapes, so that only the first call of `sample` traces it.
        self._traced = tf.function(
            self._continue,
            input_signature=[
                tf.TensorSpec((None, None), tf.int32),
                tf.TensorSpec((None, None), tf.float32),
                tf.TensorSpec((), tf.float32),
            ],
            autograph=False,
        )

    def compile(self, optimizer: keras.optimizers.Optimizer, **options) -> None:
        super().compile(optimizer=optimizer, **options)
        # Inside the strategy's scope, like the network: built later, it would belong to none.
        optimizer.build(self.trainable_variables)

    def train_step(self, batch):
        """`batch`: tokens (B, T) below the vocabulary's size; labels (B,), without classes none.

        The loss is the mean cross entropy in nats per token.
        """
        with tf.GradientTape() as tape:
            loss = replica_mean(self.nats(batch["tokens"], batch.get("labels"), training=True))
        weights = self.trainable_variables
        # Dense: Adam would square what each occurrence of a token adds, and not their sum, which
        # makes a difference between one device and two.
        gradients = [tf.convert_to_tensor(g) for g in tape.gradient(loss, weights)]
        self.optimizer.apply(gradients, weights)
        return replica_logs(loss=loss)

    def nats(self, tokens, labels=None, training: bool = False):
        """Surprise -log p at every token (B, T), in nats; its sum is that at the sequence."""
        # The last token is predicted, and predicts nothing.
        read = ops.concatenate([self._starts(tokens, labels), tokens[:, :-1]], axis=1)
        logits = self.network(read, training=training)
        return ops.sparse_categorical_crossentropy(tokens, logits, from_logits=True)

    def _starts(self, tokens, labels):
        """(B, 1), numbered after the vocabulary."""
        labels = ops.zeros(ops.shape(tokens)[0]) if labels is None else labels
        return ops.cast(labels, tokens.dtype)[:, None] + self.network.vocabulary

    def sample(
        self,
        labels: np.ndarray,
        length: int,
        prefix: np.ndarray | None = None,
        temperature: float = 1.0,
        seed: int = 0,
        batch_size: int = 250,
    ) -> np.ndarray:
        """Draw sequences of the classes `labels` (N,), zeros if there are no classes.

        Args:
            labels: one for each sequence.
            length: of the sequences, that of the prefix included.
            prefix: tokens (N, P) that they begin with, P < length.
            temperature: logits are divided by it; 0 takes the most likely token.
            seed: of the draws.
            batch_size: sequences at a time, for memory; changes nothing else.

        Returns:
            Tokens (N, length) int32.

        Raises:
            InputError: a label, length, prefix or temperature that is out of range.
        """
        labels = np.asarray(labels)
        prefix = np.zeros((len(labels), 0)) if prefix is None else np.asarray(prefix)
        _check(self.network, labels, length, prefix, temperature)
        starts = labels[:, None] + self.network.vocabulary
        begun = np.concatenate([starts, prefix], axis=1).astype(np.int32)
        # One number per token still to draw, so that no sequence depends on its batch.
        shape = (len(labels), length - prefix.shape[1])
        uniform = np.random.default_rng(seed).random(shape, np.float32)
        parts = []
        for start in range(0, len(labels), batch_size):
            rows = slice(start, start + batch_size)
            parts.append(
                self._traced(
                    tf.constant(begun[rows]),
                    tf.constant(uniform[rows]),
                    tf.constant(temperature, tf.float32),
                ).numpy()
            )
        return np.concatenate([begun[:, 1:], np.concatenate(parts)], axis=1)

    def _continue(self, begun, uniform, temperature):
        """Tokens (B, T) that follow `begun` (B, 1 + P), as `uniform` (B, T) decides."""
        length = tf.shape(uniform)[1]
        logits, memory = self.network.extend(begun, None)  # the prefix in one pass
        drawn = tf.TensorArray(tf.int32, size=length, element_shape=(None,))
        token = draw(logits[:, -1], uniform[:, 0], temperature)

        def body(i, token, drawn, memory):
            logits, memory = self.network.extend(token[:, None], memory)
            drawn = drawn.write(i - 1, token)
            return i + 1, draw(logits[:, -1], uniform[:, i], temperature), drawn, memory

        _, token, drawn, _ = tf.while_loop(
            lambda i, *_: i < length,
            body,
            (1, token, drawn, memory),
            shape_invariants=(
                tf.TensorShape(()),
                tf.TensorShape((None,)),
                tf.TensorShape(None),
                # The memory grows by a place each time.
                tf.nest.map_structure(
                    lambda kept: tf.TensorShape((None, kept.shape[1], None, kept.shape[3])), memory
                ),
            ),
        )
        return tf.transpose(drawn.write(length - 1, token).stack())


def draw(logits, uniform, temperature):
    """Tokens (B,) int32 of the distributions softmax(logits / temperature).

    The token at which the cumulative probability passes `uniform`.

    Args:
        logits: (B, vocabulary).
        uniform: (B,) in [0, 1).
        temperature: scalar; 0 takes the most likely token.
    """
    shifted = logits - ops.max(logits, axis=-1, keepdims=True)  # or a small temperature overflows
    cumulative = ops.cumsum(ops.softmax(shifted / ops.maximum(temperature, 1e-6)), axis=-1)
    passed = ops.sum(ops.cast(cumulative <= uniform[:, None], "int32"), axis=-1)
    return ops.minimum(passed, logits.shape[-1] - 1)  # a rounded sum may end below 1


def _check(network, labels, length, prefix, temperature):
    if labels.ndim != 1 or not np.all((labels >= 0) & (labels < network.starts)):
        raise InputError(f"labels are (N,) in 0 to {network.starts - 1}.")
    if len(prefix) != len(labels) or not np.all((prefix >= 0) & (prefix < network.vocabulary)):
        raise InputError(
            f"The prefix holds one row of tokens in 0 to {network.vocabulary - 1} per label."
        )
    if not prefix.shape[1] < length <= network.length:
        raise InputError(
            f"A length of {length} is not above that of the prefix ({prefix.shape[1]}) and at "
            f"most the {network.length} tokens that the network can read."
        )
    if not 0 <= temperature < np.inf:
        raise InputError(f"The temperature is a number from 0 on, not {temperature}.")
