"""A language model that reads windows of one long text, and does not learn it by heart.

A text that is read many times is soon known by heart; dropout helps (Srivastava et al. 2014,
https://jmlr.org/papers/v15/srivastava14a.html), here of whole features of a sequence (Gal &
Ghahramani 2016, https://arxiv.org/abs/1512.05287), whose masks are small enough to come with the
batch.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from gen_ai_examples.common.batches import batches
from gen_ai_examples.common.methods.autoregressive import Autoregressive, draw
from gen_ai_examples.common.strategy import replica_logs, replica_mean
from gen_ai_examples.common.timing import take_turns


class LanguageModel(Autoregressive):
    """`Autoregressive` with dropout, by the masks that come with the batch.

    Args:
        network: a `GPT`.
    """

    def train_step(self, batch):
        """`batch`: tokens (B, T), and masks (B, *network.mask_shape).

        The loss is the mean cross entropy in nats per token.
        """
        tokens = batch["tokens"]
        with tf.GradientTape() as tape:
            read = ops.concatenate([self._starts(tokens, None), tokens[:, :-1]], axis=1)
            logits = self.network(read, training=True, masks=batch["masks"])
            nats = ops.sparse_categorical_crossentropy(tokens, logits, from_logits=True)
            loss = replica_mean(nats)
        weights = self.trainable_variables
        # Dense, for the reason that `Autoregressive` has.
        gradients = [tf.convert_to_tensor(g) for g in tape.gradient(loss, weights)]
        self.optimizer.apply(gradients, weights)
        return replica_logs(loss=loss)


def text_optimizer(learning_rate: float, steps: int) -> keras.optimizers.Optimizer:
    """Muon for what is between features, Adam for tokens; the rate falls to 0 along a line.

    Muon makes the update of each matrix orthogonal: https://kellerjordan.github.io/posts/muon/,
    scaled as https://arxiv.org/abs/2502.16982. A `GPT` is known by the names of its layers.
    """
    return keras.optimizers.Muon(
        keras.optimizers.schedules.PolynomialDecay(learning_rate, steps, 0.0),
        weight_decay=0.1,
        exclude_layers=["head"],
        adam_lr_ratio=0.4,
        adam_beta_1=0.8,
        adam_beta_2=0.95,
        adam_weight_decay=0.0,
    )


def windows(
    tokens: np.ndarray, length: int, batch_size: int, mask_shape: tuple, dropout: float, seed: int
) -> tf.data.Dataset:
    """Endless batches of `tokens` (B, length) from anywhere in a text (N,), and `masks`.

    Every place is a beginning once before any is twice; see `batches`. The masks are 0 for a share
    of `dropout`, and else what makes their mean 1.

    Raises:
        InputError: fewer than `length` tokens, or fewer beginnings than `batch_size`.
    """
    text = tf.constant(tokens)

    def cut(batch, seed):
        places = batch["begins"][:, None] + tf.range(length)
        kept = tf.random.stateless_uniform((batch_size, *mask_shape), seed) >= dropout
        return {
            "tokens": tf.gather(text, places),
            "masks": tf.cast(kept, tf.float32) / (1 - dropout),
        }

    begins = np.arange(len(tokens) - length + 1, dtype=np.int32)
    return batches({"begins": begins}, batch_size, seed, cut)


def sample_recomputing(
    model: Autoregressive, labels: np.ndarray, length: int, temperature: float = 1.0, seed: int = 0
) -> np.ndarray:
    """What `model.sample` draws, without its memory: each token costs a look at all before it.

    Only to compare with; see there.
    """
    begun = np.asarray(labels)[:, None] + model.network.vocabulary
    uniform = np.random.default_rng(seed).random((len(labels), length), np.float32)
    traced = vars(model).setdefault("_recomputing", _recomputing(model.network))
    drawn = traced(
        tf.constant(begun, tf.int32), tf.constant(uniform), tf.constant(temperature, tf.float32)
    )
    return drawn.numpy()


def speed_up(model: Autoregressive, n: int, length: int, seed: int = 0) -> tuple[float, float]:
    """What the memory gains: how many times as fast n sequences are drawn, measured in turns.

    Returns:
        The time without it over the time with it, and the share of tokens that are the same.
    """
    labels = np.zeros(n, int)
    calls = {
        "memory": lambda length: model.sample(labels, length, seed=seed),
        "none": lambda length: sample_recomputing(model, labels, length, seed=seed),
    }
    take_turns(calls, [2])  # traced, before it counts
    seconds, drawn = take_turns(calls, [length])
    same = np.equal(drawn["memory"], drawn["none"])
    return seconds["none"] / seconds["memory"], float(np.mean(same))


def _recomputing(network):
    @tf.function(
        input_signature=[
            tf.TensorSpec((None, 1), tf.int32),
            tf.TensorSpec((None, None)),
            tf.TensorSpec(()),
        ],
        autograph=False,
    )
    def sample(tokens, uniform, temperature):
        def body(i, tokens):
            token = draw(network(tokens)[:, -1], uniform[:, i], temperature)
            return i + 1, tf.concat([tokens, token[:, None]], axis=1)

        length = tf.shape(uniform)[1]
        shapes = (tf.TensorShape(()), tf.TensorShape((None, None)))
        _, tokens = tf.while_loop(
            lambda i, _: i < length, body, (0, tokens), shape_invariants=shapes
        )
        return tokens[:, 1:]

    return sample
