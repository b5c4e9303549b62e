"""Pictures of tables: which values go together, in real rows and in made ones."""

import itertools

import matplotlib.figure
import numpy as np

from gen_ai_examples.common.media import Picture, render
from gen_ai_examples.common.sources.tabular import Table


def pair_pictures(tables: dict[str, Table], pairs: int = 2, most: int = 8) -> Picture:
    """Heat maps of the pairs of columns that depend on each other most in the first table.

    Args:
        tables: by title, of the same columns; the first is the real one.
        pairs: how many, no two with a column in common; a row of the picture each.
        most: categories or ranges of numbers shown of a column.
    """
    real = next(iter(tables.values()))
    chosen = _strongest_pairs(real, pairs, most)
    figure = matplotlib.figure.Figure((3 * len(tables), 3.2 * len(chosen)), layout="constrained")
    rows = figure.subplots(len(chosen), len(tables), squeeze=False)
    for row, (a, b) in zip(rows, chosen, strict=True):
        words_a, words_b = (np.array(real.binned(column, real, most)[0]) for column in (a, b))
        counts = np.array([_counts(table, a, b, real, most) for table in tables.values()])
        used_a, used_b = (counts.any((0, axis)) for axis in (2, 1))
        words_a, words_b, counts = words_a[used_a], words_b[used_b], counts[:, used_a][:, :, used_b]
        for axes, title, shares in zip(row, tables, counts, strict=True):
            # The root, or the many would leave nothing to see of the few.
            axes.imshow(
                np.sqrt(shares), cmap="Blues", vmin=0, vmax=np.sqrt(counts[0].max()), aspect="auto"
            )
            axes.set(title=title, yticks=[], xticks=range(len(words_b)), xlabel=b)
            axes.set_xticklabels(words_b, rotation=60, ha="right", fontsize=7)
        row[0].set(yticks=range(len(words_a)), ylabel=a)
        row[0].set_yticklabels(words_a, fontsize=7)
    figure.suptitle("Share of rows by the values of two columns (square root)")
    return render(figure)


def _counts(table, a, b, like, most):
    """Shares of rows (values of `a`, values of `b`)."""
    (words_a, codes_a), (words_b, codes_b) = (table.binned(c, like, most) for c in (a, b))
    cells = np.bincount(codes_a * len(words_b) + codes_b, minlength=len(words_a) * len(words_b))
    return cells.reshape(len(words_a), -1) / len(table)


def _strongest_pairs(table, n, most):
    columns = (*table.numeric_names, *table.categorical_names)

    def dependence(pair):
        joint = _counts(table, *pair, table, most)
        return np.abs(joint - joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)).sum()

    chosen = []
    for pair in sorted(itertools.combinations(columns, 2), key=dependence, reverse=True):
        if len(chosen) < n and not set(pair) & set(sum(chosen, ())):
            chosen.append(pair)
    return chosen
