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
        InputError: no sentences, or not equally many.
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
        self.source_vocabulary, self.target_vocabulary = source_vocabulary, target_vocabulary
        self.diagonal, self.null = diagonal, null
        cells = [self._cells(*pair) for pair in zip(sources, targets, strict=True)]
        codes = np.concatenate([source * target_vocabulary + target for source, target, _ in cells])
        prior = np.concatenate([prior for *_, prior in cells])
        # Each target token is a group of cells in a row: its chances to come from each source.
        sizes = np.concatenate(
            [np.full(len(t), len(s) + 1) for s, t in zip(sources, targets, strict=True)]
        )
        starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        self._codes, entries = np.unique(codes, return_inverse=True)
        rows = self._codes // target_vocabulary
        self._chances = np.ones(len(self._codes))
        for _ in range(iterations):
            share = prior * self._chances[entries]
            share /= np.repeat(np.add.reduceat(share, starts), sizes)
            counts = np.bincount(entries, share, len(self._codes))
            totals = np.bincount(rows, counts, source_vocabulary + 1)
            self._chances = counts / np.maximum(totals[rows], 1e-300)

    def table(self, least: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Source, target and t(target given source), (N,) each, of chances above `least`."""
        kept = self._chances > least
        sources, targets = np.divmod(self._codes[kept], self.target_vocabulary)
        return sources, targets, self._chances[kept]

    def align(self, source: np.ndarray, target: np.ndarray) -> np.ndarray:
        """Chances (T, 1 + S) of each target token to come from none and from each source token."""
        sources, targets, prior = self._cells(np.asarray(source), np.asarray(target))
        codes = sources * self.target_vocabulary + targets
        at = np.minimum(np.searchsorted(self._codes, codes), len(self._codes) - 1)
        chances = np.where(self._codes[at] == codes, self._chances[at], 1e-12)
        share = (prior * chances).reshape(len(target), len(source) + 1)
        return share / share.sum(1, keepdims=True)

    def _cells(self, source, target):
        """Source, target and prior (T (1 + S),) of every cell, null first."""
        s, t = len(source), len(target)
        off = np.abs((np.arange(t)[:, None] + 0.5) / t - (np.arange(s)[None, :] + 0.5) / s)
        near = np.exp(-self.diagonal * off)
        near *= (1 - self.null) / near.sum(1, keepdims=True)
        prior = np.concatenate([np.full((t, 1), self.null), near], axis=1)
        with_null = np.append(self.source_vocabulary, source).astype(np.int64)
        return np.tile(with_null, t), np.repeat(np.asarray(target, np.int64), s + 1), prior.ravel()
