"""Which word became which: a dictionary that is learned from sentences and their translations.

Model 1 of Brown et al. 1993, https://aclanthology.org/J93-2003/, by expectation maximisation, with
the preference for the diagonal of Dyer et al. 2013, https://aclanthology.org/N13-1073/.
"""

import numpy as np

from gen_ai_examples.common.errors import InputError


class WordAlignment:
    """t(target given source): how likely a source token becomes a target token.

    Every target token comes from one source token of its sentence or from none, "null", whose
    number is `source_vocabulary`.

    Args:
        sources, targets: sentences, each the numbers of its tokens; equally many.
        source_vocabulary, target_vocabulary: how many different tokens there can be.
        iterations: of expectation maximisation.
        diagonal: how strongly a token prefers one at the same part of the sentence; 0 not at all,
            which is Model 1.
        null: the chance that a target token comes from none.

    Raises:
        InputError: no sentences, not equally many, an empty one, or a number that is no token's.
    """

    def __init__(
        self,
        sources: list[np.ndarray],
        targets: list[np.ndarray],
        source_vocabulary: int,
        target_vocabulary: int,
        iterations: int = 5,
        diagonal: float = 4.0,
        null: float = 0.08,
    ):
        if not sources or len(sources) != len(targets):
            raise InputError("Alignment takes equally many sentences on both sides, and some.")
        for texts, size in ((sources, source_vocabulary), (targets, target_vocabulary)):
            if not all(map(len, texts)):
                raise InputError("Alignment takes no empty sentences.")
            if min(map(np.min, texts)) < 0 or max(map(np.max, texts)) >= size:
                raise InputError(f"Tokens are numbered from 0 to {size - 1}.")
        self.source_vocabulary, self.target_vocabulary = source_vocabulary, target_vocabulary
        self.diagonal, self.null = diagonal, null
        words, others, prior, sizes = self._cells(sources, targets)
        starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        self._codes, entries = _numbered(words, others, source_vocabulary + 1, target_vocabulary)
        rows = self._codes // target_vocabulary
        self._chances = np.ones(len(self._codes))

        def shares():
            share = prior * self._chances[entries]
            return share / np.repeat(np.add.reduceat(share, starts), sizes)

        for _ in range(iterations):
            counts = np.bincount(entries, shares(), len(self._codes))
            totals = np.bincount(rows, counts, source_vocabulary + 1)
            self._chances = counts / np.maximum(totals[rows], 1e-300)
        # The chance of each target token, sentence after sentence, to come from none.
        self.unaligned = shares()[starts]

    def table(self, least: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Source, target and t(target given source), (N,) each, of chances above `least`."""
        kept = self._chances > least
        sources, targets = np.divmod(self._codes[kept], self.target_vocabulary)
        return sources, targets, self._chances[kept]

    def align(self, source: np.ndarray, target: np.ndarray) -> np.ndarray:
        """Chances (T, 1 + S) of each target token to come from none and from each source token."""
        sources, targets, prior, _ = self._cells([source], [target])
        codes = sources * self.target_vocabulary + targets
        at = np.minimum(np.searchsorted(self._codes, codes), len(self._codes) - 1)
        chances = np.where(self._codes[at] == codes, self._chances[at], 1e-12)
        share = (prior * chances).reshape(len(target), len(source) + 1)
        return share / share.sum(1, keepdims=True)

    def _cells(self, sources, targets):
        """Source, target and prior of every cell, and how many cells each target token has.

        A target token's cells are in a row: its chances to come from none, and from each token of
        the source.
        """
        reading, writing = (np.array([len(x) for x in texts]) for texts in (sources, targets))
        sizes = np.repeat(reading + 1, writing)
        starts = np.cumsum(sizes) - sizes
        cells = np.arange(sizes.sum()) - np.repeat(starts, sizes)  # 0 for none, then from 1 on
        # Places in the sentence, from 0 to 1.
        written = np.repeat((_within(writing) + 0.5) / np.repeat(writing, writing), sizes)
        read = (cells - 0.5) / np.repeat(sizes - 1, sizes)
        near = np.where(cells > 0, np.exp(-self.diagonal * np.abs(written - read)), 0)
        near *= np.repeat((1 - self.null) / np.add.reduceat(near, starts), sizes)
        # Of all sources one after another, each with its null before it, the cell's token.
        words = np.concatenate([np.append(self.source_vocabulary, x) for x in sources])
        begins = np.cumsum(reading + 1) - (reading + 1)
        words = words.astype(np.int64)[np.repeat(np.repeat(begins, writing), sizes) + cells]
        others = np.repeat(np.concatenate(targets).astype(np.int64), sizes)
        return words, others, np.where(cells > 0, near, self.null), sizes


def _within(lengths):
    """0 to n - 1 for each length n."""
    return np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)


def _numbered(rows, columns, height, width):
    """The different pairs as rows * width + columns, in order, and which of them each pair is.

    As `np.unique` finds them, in a fifth of its time: 16-bit numbers are sorted by their digits.
    """
    kinds = [np.uint16 if most <= 2**16 else np.int64 for most in (height, width)]
    order = np.lexsort((columns.astype(kinds[1]), rows.astype(kinds[0])))
    codes = (rows * width + columns)[order]
    new = np.append(True, codes[1:] != codes[:-1])
    entries = np.empty(len(order), np.int64)
    entries[order] = np.cumsum(new) - 1
    return codes[new], entries
