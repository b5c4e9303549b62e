"""Translation by a network that reads a sentence and writes another, token by token.

Sutskever et al. 2014, https://arxiv.org/abs/1409.3215; label smoothing after Szegedy et al. 2016,
https://arxiv.org/abs/1512.00567, as Vaswani et al. 2017 use it; beam search with the sum of
logarithms divided by a power of the length, Wu et al. 2016, https://arxiv.org/abs/1609.08144.
"""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from gen_ai_examples.common.batches import batches
from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.nets.seq2seq import Seq2Seq
from gen_ai_examples.common.strategy import replica_logs, replica_mean

PADDING = -1  # as a target: a token that counts for nothing


class Translation(keras.Model):
    """Trains a `Seq2Seq`, and translates with it.

    Args:
        network: what reads and writes.
        end: the token that begins and ends every translation.
        smoothing: the share of the target that all tokens have alike.
    """

    def __init__(self, network: Seq2Seq, end: int, smoothing: float = 0.05):
        super().__init__(name="translation")
        self.network = network
        self.end = end
        self.smoothing = smoothing
        self.built = True
        rows, number = tf.TensorSpec((None, None), tf.int32), tf.TensorSpec((), tf.int32)
        self._begin = tf.function(self._begin, [rows, rows, number], autograph=False)
        self._traced_step = None

    def compile(self, optimizer: keras.optimizers.Optimizer, **options) -> None:
        super().compile(optimizer=optimizer, **options)
        optimizer.build(self.trainable_variables)

    def train_step(self, batch):
        """`batch`: what `packed_batches` gives. Losses are in nats per token."""
        with tf.GradientTape() as tape:
            logits, _ = self.network(batch, training=True)
            targets = batch["target"]
            real = ops.cast(targets != PADDING, "float32")
            # No softmax in between: over a large vocabulary, each pass over the logits counts.
            total = ops.logsumexp(logits, axis=-1)
            wanted = ops.sum(logits * ops.one_hot(targets, logits.shape[-1]), axis=-1)
            nats = total - wanted
            smooth = total - (1 - self.smoothing) * wanted - self.smoothing * ops.mean(logits, -1)
            # A token counts the same in a full row and in another.
            weight = real * batch["weight"][:, None] * real.shape[1]
            loss, nats = replica_mean(weight * smooth), replica_mean(weight * nats)
        weights = self.trainable_variables
        # Dense, for the reason that `Autoregressive` has.
        gradients = [tf.convert_to_tensor(g) for g in tape.gradient(loss, weights)]
        self.optimizer.apply(gradients, weights)
        return replica_logs(loss=loss, nats=nats)

    def translate(
        self, sources: list[np.ndarray], beams: int = 4, alpha: float = 0.6, batch_size: int = 32
    ) -> list[np.ndarray]:
        """The best translation that beam search finds, for each sentence.

        Args:
            sources: sentences, each the numbers of its tokens (S,), at least one.
            beams: kept at each step; 1 takes the likeliest token always.
            alpha: see `beam_search`.
            batch_size: sentences at a time, for memory; changes nothing else.

        Returns:
            The numbers of the tokens of each, without the end; at most twice as many as were read,
            and ten.
        """
        order = np.argsort([len(source) for source in sources], kind="stable")
        found = [None] * len(sources)
        for first in range(0, len(order), batch_size):
            rows = order[first : first + batch_size]
            longest = max(len(sources[row]) for row in rows)
            tokens = np.zeros((len(rows), longest), np.int32)
            real = np.zeros((len(rows), longest), np.int32)
            for i, row in enumerate(rows):
                tokens[i, : len(sources[row])] = sources[row]
                real[i, : len(sources[row])] = 1
            best = beam_search(
                _Steps(self, tokens, real, beams), len(rows), beams, self.end,
                2 * real.sum(1) + 10, alpha,
            )  # fmt: skip
            for row, written in zip(rows, best, strict=True):
                found[row] = written
        return found

    def pointing(self, source: np.ndarray, target: np.ndarray) -> np.ndarray:
        """What each token of a translation, and its end, points at in the source: (T + 1, S)."""
        rows = packed([source], [target], len(source), len(target) + 1, self.end)
        return self.network({name: tf.constant(its) for name, its in rows.items()})[1][0].numpy()

    def _begin(self, tokens, real, beams):
        n, longest = tf.shape(tokens)[0], tf.shape(tokens)[1]
        at = tf.broadcast_to(tf.range(longest), (n, longest))
        source = self.network.read(tokens, real, at)
        lexicon = {name: source.pop(name) for name in ["lexicon"] if name in source}
        source = tf.nest.map_structure(lambda x: tf.repeat(x, beams, axis=0), source) | lexicon
        begun = tf.fill((n * beams, 1), self.end)
        logits, memory, _ = self.network.extend(
            begun, tf.ones_like(begun), tf.zeros_like(begun), source
        )
        return tf.nn.log_softmax(logits[:, -1]), memory, source

    def _step(self, tokens, order, at, memory, source):
        memory = tf.nest.map_structure(lambda x: tf.gather(x, order), memory)
        logits, memory, _ = self.network.extend(
            tokens[:, None], tf.ones_like(tokens)[:, None], tf.fill((tf.shape(tokens)[0], 1), at),
            source, memory,
        )  # fmt: skip
        return tf.nn.log_softmax(logits[:, -1]), memory

    def _step_of_any_size(self, *inputs):
        """`_step`, traced once: tf.function searches all the sizes that it was ever called with."""
        if self._traced_step is None:
            sizes = tf.nest.map_structure(
                lambda x: tf.TensorSpec([None] * x.shape.rank, x.dtype), inputs
            )
            traced = tf.function(self._step, autograph=False)
            self._traced_step = traced.get_concrete_function(*sizes)
        return self._traced_step(*inputs)


class _Steps:
    """What `beam_search` asks for, by a network that keeps what was read and written."""

    def __init__(self, model, tokens, real, beams):
        self.model, self.at = model, 0
        self.inputs = tf.constant(tokens), tf.constant(real), tf.constant(beams)

    def __call__(self, tokens, order):
        if self.at == 0:
            logs, self.memory, self.source = self.model._begin(*self.inputs)
        else:
            logs, self.memory = self.model._step_of_any_size(
                tf.constant(tokens, tf.int32), tf.constant(order, tf.int32), tf.constant(self.at),
                self.memory, self.source,
            )  # fmt: skip
        self.at += 1
        return logs.numpy()


def beam_search(
    step: Callable[[np.ndarray, np.ndarray], np.ndarray],
    n: int,
    beams: int,
    end: int,
    longest: np.ndarray,
    alpha: float = 0.6,
) -> list[np.ndarray]:
    """The likeliest sequences that are found by keeping the best beginnings only.

    Args:
        step: given the last token of each beginning (n beams,) and the row that it continues, both
            as of the step before, returns the logarithms of the chances of the next one (n beams,
            vocabulary). The first call is about empty beginnings.
        n: sequences.
        beams: beginnings kept for each; 1 takes the likeliest token always, the end included.
        end: the token that ends a sequence.
        longest: most tokens of each (n,), the end not counted.
        alpha: the sum of logarithms is divided by the number of tokens, the end included, to this
            power; 0 favours short sequences.

    Returns:
        The tokens of each, without the end.
    """
    scores = np.full((n, beams), -np.inf)
    scores[:, 0] = 0
    written = np.zeros((n, beams, 0), np.int64)
    best = [(-np.inf, np.zeros(0, np.int64))] * n
    last, order = np.full(n * beams, end), np.arange(n * beams)
    for length in range(1, int(np.max(longest)) + 2):
        logs = step(last, order).reshape(n, beams, -1).astype(np.float64)
        vocabulary = logs.shape[-1]
        total = scores[:, :, None] + logs  # (n, beams, vocabulary)
        # One alone ends where that is likeliest; several are compared, whenever they end.
        ends = (logs.argmax(-1) == end) | (beams > 1) | (length > np.asarray(longest)[:, None])
        for i in range(n):
            for beam in np.flatnonzero(ends[i]):
                score = total[i, beam, end] / length**alpha
                if length <= longest[i] + 1 and score > best[i][0]:
                    best[i] = score, written[i, beam]
        total[:, :, end] = -np.inf
        if beams == 1:
            total[ends[:, 0]] = -np.inf
        total[length > np.asarray(longest)] = -np.inf
        flat = total.reshape(n, -1)
        top = np.argpartition(-flat, beams - 1, axis=1)[:, :beams]  # in any order
        scores = np.take_along_axis(flat, top, axis=1)
        parents, tokens = np.divmod(top, vocabulary)
        written = np.concatenate(
            [np.take_along_axis(written, parents[:, :, None], axis=1), tokens[:, :, None]], axis=2
        )
        last, order = tokens.ravel(), (parents + beams * np.arange(n)[:, None]).ravel()
        # Nothing that is left can still win: its sum only falls, its divisor only grows so far.
        bound = scores.max(1) / (np.asarray(longest) + 1.0) ** alpha
        if np.all(bound <= [score for score, _ in best]):
            break
    return [tokens for _, tokens in best]


def packed(
    sources: list[np.ndarray], targets: list[np.ndarray], source_length: int, target_length: int,
    end: int, order: np.ndarray | None = None,
) -> dict[str, np.ndarray]:  # fmt: skip
    """Pairs of token sequences in rows of equal length, as many in a row as fit.

    Args:
        sources, targets: the numbers of the tokens, (S,) and (T,) each.
        source_length, target_length: of the rows; a target takes one token more, its end.
        end: the token that begins and ends a target.
        order: in which the pairs are taken (N,).

    Returns:
        `source` and `read` (N, length) int32, what is read and what is written before each token,
        `target`, -1 where there is none, `*_segments`, numbers of pairs from 1 on, 0 for nothing,
        `*_at`, places in the segment, and `weight` (N,): 1 over the mean number of targets.

    Raises:
        InputError: a pair that is longer than a row.
    """
    names = ("source", "source_segments", "source_at", "read", "target", "target_segments")
    empty = {
        name: np.zeros(source_length if name.startswith("source") else target_length, np.int32)
        for name in (*names, "target_at")
    }
    empty["target"] -= 1
    rows = []
    left = (-1, -1)
    for i in range(len(sources)) if order is None else order:
        s, t = len(sources[i]), len(targets[i]) + 1
        if s > source_length or t > target_length:
            raise InputError(
                f"A pair of {s} and {t} tokens is longer than rows of {source_length} and "
                f"{target_length}."
            )
        if s > left[0] or t > left[1]:
            rows.append({name: its.copy() for name, its in empty.items()})
            left, segment = (source_length, target_length), 0
        row, segment = rows[-1], segment + 1
        a, b = source_length - left[0], target_length - left[1]
        row["source"][a : a + s] = sources[i]
        row["source_segments"][a : a + s] = segment
        row["source_at"][a : a + s] = np.arange(s)
        row["read"][b : b + t] = [end, *targets[i]]
        row["target"][b : b + t] = [*targets[i], end]
        row["target_segments"][b : b + t] = segment
        row["target_at"][b : b + t] = np.arange(t)
        left = left[0] - s, left[1] - t
    columns = {name: np.stack([row[name] for row in rows]) for name in empty}
    mean = np.mean(np.sum(columns["target"] >= 0, axis=1))
    return columns | {"weight": np.full(len(rows), 1 / mean, np.float32)}


def packed_batches(
    sources: list[np.ndarray], targets: list[np.ndarray], length: int, batch_size: int, end: int,
    seed: int, packings: int = 4,
) -> tf.data.Dataset:  # fmt: skip
    """Endless batches of rows as `packed` makes them, in `packings` random orders of the pairs."""
    rng = np.random.default_rng(seed)
    parts = [
        packed(sources, targets, length, length, end, rng.permutation(len(sources)))
        for _ in range(packings)
    ]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return batches(columns, batch_size, seed)
