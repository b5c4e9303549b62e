"""Interpolated Kneser-Ney n-grams: the strongest classical model of text.

Kneser & Ney 1995, https://doi.org/10.1109/ICASSP.1995.479394, interpolated and modified as Chen &
Goodman 1999, https://doi.org/10.1006/csla.1999.0128: three discounts per order. On a million
characters it rivals small neural networks, and trains in seconds.
"""

import numpy as np

from gen_ai_examples.common.errors import InputError


class KneserNey:
    """p(token | those before it), from counts of up to `order` tokens in a row.

    Each order takes a discount from what it has counted, one from what it counted once, another
    from twice, a third from more often, and leaves it to the next shorter order, down to equal
    chances. Orders below the highest do not count occurrences but different
    tokens to the left: "Francisco" is frequent, yet follows one word.

    Args:
        tokens: the training sequence (N,), integers from 0 to `vocabulary` - 1.
        vocabulary: how many different tokens there can be.
        order: the length of the longest n-grams.

    Raises:
        InputError: tokens out of range, fewer than `order`, or an order so long that n-grams do
            not fit into 63 bits.
    """

    def __init__(self, tokens: np.ndarray, vocabulary: int, order: int = 7):
        tokens = np.asarray(tokens, np.int64)
        if order < 1 or order * np.log2(vocabulary) >= 63:
            raise InputError(f"An order of {order} does not go with {vocabulary} different tokens.")
        if len(tokens) < order or tokens.min() < 0 or tokens.max() >= vocabulary:
            raise InputError(
                f"Counting needs at least {order} tokens, all from 0 to {vocabulary - 1}."
            )
        self.vocabulary, self.order = vocabulary, order
        grams, counts = np.unique(self._codes(tokens, order), return_counts=True)
        tables = [_Counts(grams, counts, vocabulary)]
        for n in range(order - 1, 0, -1):
            grams, counts = np.unique(grams % vocabulary**n, return_counts=True)
            tables.append(_Counts(grams, counts, vocabulary))
        self._tables = tables[::-1]  # by order, from 1

    def nats(self, tokens: np.ndarray) -> np.ndarray:
        """Surprise -log p (N,) of each token of a sequence (N,), in nats."""
        tokens = np.asarray(tokens, np.int64)
        p = np.full(len(tokens), 1 / self.vocabulary)
        for n, table in enumerate(self._tables[: len(tokens)], 1):
            grams = self._codes(tokens, n)  # the first n - 1 tokens have no context so long
            p[n - 1 :] = table.interpolate(grams, p[n - 1 :])
        return -np.log(p)

    def nats_of_last(self, rows: np.ndarray) -> np.ndarray:
        """Surprise (N,) of the last token of each row (N, T) of at most `order` tokens, in nats."""
        rows = np.asarray(rows, np.int64)
        p = np.full(len(rows), 1 / self.vocabulary)
        for n, table in enumerate(self._tables[: rows.shape[1]], 1):
            p = table.interpolate(rows[:, -n:] @ self._powers(n), p)
        return -np.log(p)

    def probabilities(self, context: np.ndarray) -> np.ndarray:
        """Chances (vocabulary,) of each token to follow a context (T,)."""
        context = np.asarray(context, np.int64)
        p = np.full(self.vocabulary, 1 / self.vocabulary)
        for n, table in enumerate(self._tables[: len(context) + 1], 1):
            code = self._codes(context[len(context) - n + 1 :], n - 1)[0] if n > 1 else 0
            p = table.interpolate(code * self.vocabulary + np.arange(self.vocabulary), p)
        return p

    def sample(
        self, context: np.ndarray, length: int, seed: int = 0, temperature: float = 1.0
    ) -> np.ndarray:
        """Draw `length` tokens that follow a context (T,), from chances p^(1 / temperature).

        A temperature of 0 takes the most likely token.
        """
        rng = np.random.default_rng(seed)
        drawn = list(context)
        for _ in range(length):
            known = np.array(drawn[max(len(drawn) - self.order + 1, 0) :])
            p = self.probabilities(known)
            p = (p / p.max()) ** (1 / max(temperature, 1e-6))
            drawn.append(rng.choice(self.vocabulary, p=p / p.sum()))
        return np.array(drawn[len(context) :], np.int64)

    def _codes(self, tokens, n):
        """Every n tokens in a row as one number, (N - n + 1,)."""
        return np.lib.stride_tricks.sliding_window_view(tokens, n) @ self._powers(n)

    def _powers(self, n):
        return self.vocabulary ** np.arange(n - 1, -1, -1, dtype=np.int64)


def best_order(tokens: np.ndarray, then: np.ndarray, vocabulary: int, longest: int) -> int:
    """The order up to `longest` that fits and whose model of `tokens` predicts `then` best.

    Args:
        tokens, then: sequences, one to count and another to choose by, from the training part too.
        vocabulary: see `KneserNey`.
        longest: at least 1.
    """
    orders = [order for order in range(1, longest + 1) if order * np.log2(vocabulary) < 63]
    return min(orders, key=lambda order: KneserNey(tokens, vocabulary, order).nats(then).sum())


class _Counts:
    """The counts of one order: of n-grams, and of the contexts that they begin with."""

    def __init__(self, grams, counts, vocabulary):
        self.grams, self.vocabulary = grams, vocabulary
        self.contexts, starts = np.unique(grams // vocabulary, return_index=True)
        self.totals = np.add.reduceat(counts, starts)
        taken = _discounts(counts)[np.minimum(counts, 3)]
        self.kept = counts - taken
        self.left = np.add.reduceat(taken, starts)

    def interpolate(self, grams, shorter):
        """Chances of n-grams' last tokens, given those that the next shorter order found."""
        total = _look_up(self.contexts, self.totals, grams // self.vocabulary)
        left = _look_up(self.contexts, self.left, grams // self.vocabulary)
        kept = _look_up(self.grams, self.kept, grams)
        p = (kept + left * shorter) / np.maximum(total, 1)
        return np.where(total > 0, p, shorter)


def _discounts(counts):
    """What is taken from counts of 0, 1, 2, and 3 or more, (4,)."""
    seen = [np.sum(counts == n) for n in range(1, 5)]  # n-grams counted once, twice, ...
    if not seen[0]:  # nothing taken would rule out what is new: the usual constant
        return np.array([0, 0.75, 0.75, 0.75])
    share = seen[0] / (seen[0] + 2 * seen[1])  # the one discount of the original
    taken = [
        n - (n + 1) * share * seen[n] / seen[n - 1] if seen[n - 1] and seen[n] else share
        for n in (1, 2, 3)
    ]
    return np.array([0, *np.maximum(taken, share)])  # of few counts, less than none could result


def _look_up(keys, values, wanted):
    """The value of each wanted key, 0 for keys that are not there."""
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[at] == wanted, values[at], 0)
