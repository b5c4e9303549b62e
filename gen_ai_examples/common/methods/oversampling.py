"""More rows of a rare class, made from those there are without training a network."""

from dataclasses import replace

import numpy as np
from imblearn.over_sampling import SMOTE, SMOTEN, SMOTENC
from scipy.special import ndtr, ndtri

from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.sources.tabular import Table, TableEncoder


def smote(
    table: Table, label: int, n: int, encoder: TableEncoder, seed: int, neighbours: int = 5
) -> Table:
    """`n` rows, each between a row of class `label` and one of its nearest ones of that class.

    Rows are interpolated as `encoder` encodes them, one-hot codes like numbers, and decoded: the
    category is that of the nearer end, a number one that the training rows have.

    Args:
        table: rows of two classes or more, two of `label` at least.
        neighbours: of which one is chosen, at most those there are.

    Raises:
        InputError: a single class, or a single row of `label`.

    Source: Chawla et al. 2002, https://arxiv.org/abs/1106.1813.
    """
    options = _options(table, label, n, seed, neighbours)
    vectors, labels = SMOTE(**options).fit_resample(encoder.encode(table), table.labels)
    return encoder.decode(vectors[len(table) :], labels[len(table) :])


def smote_nc(table: Table, label: int, n: int, seed: int, neighbours: int = 5) -> Table:
    """As `smote`, but numbers are interpolated as they are, and each category is the one that is
    most frequent among the neighbours. A missing number counts as the median of its column.

    Which rows are near is told in standard deviations of each column, or the one with the largest
    numbers would decide alone.

    Raises:
        InputError: a single class, or a single row of `label`.

    Source: section 6.1 of Chawla et al. 2002, https://arxiv.org/abs/1106.1813.
    """
    options = _options(table, label, n, seed, neighbours)
    n_numeric, n_categorical = table.numeric.shape[1], table.categorical.shape[1]
    if not n_categorical:
        sampler = SMOTE(**options)
    elif not n_numeric:
        sampler = SMOTEN(**options)
    else:
        sampler = SMOTENC([*range(n_numeric, n_numeric + n_categorical)], **options)
    numeric = _without_missing(table.numeric)
    spread = numeric.std(axis=0)
    spread[spread == 0] = 1
    cells = np.hstack([numeric / spread, table.categorical])
    cells, labels = (drawn[len(table) :] for drawn in sampler.fit_resample(cells, table.labels))
    return replace(
        table,
        numeric=cells[:, :n_numeric] * spread,
        categorical=cells[:, n_numeric:].astype(np.int64),
        labels=labels,
    )


def independent(table: Table, rng: np.random.Generator) -> Table:
    """The table with each column shuffled within each class: the right columns, the wrong rows."""
    mixed = replace(table, numeric=table.numeric.copy(), categorical=table.categorical.copy())
    for label in np.unique(table.labels):
        of_class = table.labels == label
        mixed.numeric[of_class] = rng.permuted(table.numeric[of_class], axis=0)
        mixed.categorical[of_class] = rng.permuted(table.categorical[of_class], axis=0)
    return mixed


def gaussian_copula(table: Table, rng: np.random.Generator) -> Table:
    """As many new rows of each class, with its columns and how they go together, pair by pair.

    Each column is ranked, ties by lot, and the ranks are made normal; what is drawn from the
    normal distribution with their correlations is made ranks again, and these the values that have
    them. Categories are ranked by frequency, missing numbers as the median.

    Source: Patki, Wedge & Veeramachaneni 2016, https://doi.org/10.1109/DSAA.2016.49, with the
    values themselves in the place of fitted distributions.
    """
    drawn = replace(table, numeric=table.numeric.copy(), categorical=table.categorical.copy())
    for label in np.unique(table.labels):
        of_class = table.labels == label
        numbers, codes = table.numeric[of_class], table.categorical[of_class]
        by_frequency = [np.argsort(np.argsort(-np.bincount(its)))[its] for its in codes.T]
        # By these a column is put in order; equal ones as the second number has it.
        keys = np.hstack([_without_missing(numbers), np.reshape(by_frequency, codes.T.shape).T])
        order = np.lexsort((rng.random(keys.shape), keys), axis=0)
        n = len(keys)
        normal = ndtri((np.argsort(order, axis=0) + 0.5) / n)
        alone = np.eye(keys.shape[1])
        correlations = np.atleast_2d(np.corrcoef(normal, rowvar=False)) if n > 1 else alone
        sample = rng.multivariate_normal(
            np.zeros(len(correlations)), correlations, n, method="eigh", check_valid="ignore"
        )
        rows = np.take_along_axis(order, (ndtr(sample) * n).astype(int).clip(max=n - 1), axis=0)
        n_numeric = numbers.shape[1]
        drawn.numeric[of_class] = np.take_along_axis(numbers, rows[:, :n_numeric], axis=0)
        drawn.categorical[of_class] = np.take_along_axis(codes, rows[:, n_numeric:], axis=0)
    return drawn


def _options(table, label, n, seed, neighbours):
    known = int(np.sum(table.labels == label))
    if known in (0, 1, len(table)):
        raise InputError(
            f"SMOTE needs two rows of the class {table.names[label]!r} at least and rows of "
            f"another class; {known} of {len(table)} row(s) are of it."
        )
    return dict(
        sampling_strategy={label: known + n},
        k_neighbors=min(neighbours, known - 1),
        random_state=seed,
    )


def _without_missing(numeric):
    known = ~np.isnan(numeric)
    medians = [np.median(x[k]) if k.any() else 0 for x, k in zip(numeric.T, known.T, strict=True)]
    return np.where(known, numeric, medians) if numeric.size else numeric
