"""Scores of generated rows: their columns, pairs of columns, use to a classifier, and privacy.

| score                  | looks at                   | better  | best                       |
|------------------------|----------------------------|---------|----------------------------|
| `column_fidelity`      | each column                | higher  | 1                          |
| `pair_fidelity`        | each pair of columns       | higher  | below 1 for finite samples |
| `told_apart`           | whole rows                 | lower   | 0.5                        |
| `score_classifier`     | real rows, classified      | higher  | that of real training rows |
| `closest_record_ratio` | distances to training rows | about 1 | 1, as far as held-out rows |

Whether more generated rows are nearer to training rows than chance explains, `memorisation` of
`metrics/image.py` tells, on encoded rows.
"""

import itertools

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from threadpoolctl import threadpool_limits

from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.metrics.image import nearest
from gen_ai_examples.common.sources.tabular import Table, TableEncoder


def column_fidelity(real: Table, fake: Table) -> dict[str, float]:
    """How alike each column is distributed: 1 for equal, 0 for nothing in common.

    One minus the Kolmogorov-Smirnov statistic for numbers, a missing one counting as the largest,
    and one minus the total variation for categories.

    Raises:
        InputError: different columns, or no rows.

    Source: KSComplement and TVComplement of SDMetrics, which leave missing values out.
    """
    _check(real, fake)
    numeric = zip(real.numeric_names, real.numeric.T, fake.numeric.T, strict=True)
    categorical = zip(
        real.categorical_names,
        real.categories,
        real.categorical.T,
        fake.categorical.T,
        strict=True,
    )
    return {name: 1 - _kolmogorov_smirnov(a, b) for name, a, b in numeric} | {
        name: 1 - _total_variation(a, b, len(words)) for name, words, a, b in categorical
    }


def pair_fidelity(real: Table, fake: Table, bins: int = 8) -> float:
    """How alike pairs of columns are distributed together: the mean over all pairs.

    One minus the total variation between the two tables of counts; numbers are sorted into bins
    that hold equally many real rows, missing ones into a bin of their own.

    Args:
        bins: of a numeric column, fewer where real values repeat.

    Returns:
        From 0 to 1. Chance differences count, so compare at equal numbers of rows; what real rows
        reach against other real rows is the best.

    Raises:
        InputError: different columns, fewer than two of them, or no rows.

    Source: ContingencySimilarity of SDMetrics.
    """
    _check(real, fake)
    columns = [_binned(*pair, bins) for pair in zip(real.numeric.T, fake.numeric.T, strict=True)]
    columns += [
        (a, b, len(words))
        for a, b, words in zip(real.categorical.T, fake.categorical.T, real.categories, strict=True)
    ]
    if len(columns) < 2:
        raise InputError("A table of one column has no pairs of columns.")
    distances = [
        _total_variation(a * size + c, b * size + d, n * size)
        for (a, b, n), (c, d, size) in itertools.combinations(columns, 2)
    ]
    return 1 - float(np.mean(distances))


def told_apart(real: Table, fake: Table, folds: int = 3) -> float:
    """How well gradient boosting tells generated rows from real ones it has not seen.

    Sees what no pair of columns shows, such as impossible rows.

    Args:
        real, fake: about equally many rows, all of the same class.
        folds: of the cross-validation, at most as many as rows of either kind.

    Returns:
        Area under the ROC curve: 0.5 if it can only guess, 1 if every row gives itself away.

    Raises:
        InputError: different columns, or fewer rows than folds.

    Source: a classifier two-sample test, Lopez-Paz & Oquab 2017,
    https://arxiv.org/abs/1610.06545.
    """
    _check(real, fake)
    if min(len(real), len(fake)) < folds:
        raise InputError(f"{folds} folds need at least {folds} real and {folds} generated rows.")
    rows = real.join(fake)
    is_fake = np.repeat([0, 1], [len(real), len(fake)])
    # On so few rows threads wait for one another, on a busy machine for minutes.
    with threadpool_limits(1, user_api="openmp"):
        probabilities = cross_val_predict(
            HistGradientBoostingClassifier(random_state=0),
            TableEncoder(rows).encode(rows),
            is_fake,
            cv=StratifiedKFold(folds, shuffle=True, random_state=0),
            method="predict_proba",
        )
    return float(roc_auc_score(is_fake, probabilities[:, 1]))


def score_classifier(
    classifier: ClassifierMixin, encoder: TableEncoder, train: Table, test: Table, label: int
) -> tuple[float, np.ndarray]:
    """Train `classifier` on rows that may be generated, test it on real ones.

    Args:
        classifier: unfitted, with `predict_proba`; it sees encoded rows.
        label: the class to find; all others are one.

    Returns:
        Average precision on `test`, and the probabilities (N,) of `label` there. The average
        precision of a guess is the class's share.

    Raises:
        InputError: `train` or `test` has rows of the class only, or none.

    Source: train on synthetic, test on real, Esteban et al. 2017,
    https://arxiv.org/abs/1706.02633.
    """
    for table in (train, test):
        if not 0 < np.mean(table.labels == label) < 1:
            raise InputError("A classifier needs rows of the class, and rows of another.")
    classifier.fit(encoder.encode(train), train.labels == label)
    probabilities = classifier.predict_proba(encoder.encode(test))[:, 1]
    return float(average_precision_score(test.labels == label, probabilities)), probabilities


def closest_record_ratio(train: np.ndarray, fake: np.ndarray, held_out: np.ndarray) -> float:
    """Median distance of `fake` rows to the closest training row, over that of held-out rows.

    About 1 for rows that are new as real ones are, 0 for copies. Far above 1 is no better: such
    rows are unlike any real one.

    Args:
        train, fake, held_out: encoded rows (N, D), (M, D), (K, D).

    Raises:
        InputError: half of the held-out rows are in the training rows as they are.
    """
    expected = np.median(nearest(held_out, train)[0])
    # nearest() subtracts products, which leaves copies a distance of rounding.
    if expected < 1e-6:
        raise InputError("Half of the held-out rows are also training rows: remove duplicates.")
    return float(np.median(nearest(fake, train)[0]) / expected)


def _kolmogorov_smirnov(a, b):
    a, b = np.sort(a), np.sort(b)  # NaN last
    values = np.concatenate([a, b])
    below = (np.searchsorted(x, values, "right") / len(x) for x in (a, b))
    return float(np.abs(np.subtract(*below)).max())


def _total_variation(a, b, n):
    """Between two columns of codes below n."""
    shares = (np.bincount(x, minlength=n) / len(x) for x in (a, b))
    return float(np.abs(np.subtract(*shares)).sum() / 2)


def _binned(real, fake, bins):
    known = real[~np.isnan(real)]
    edges = np.unique(np.quantile(known, np.arange(1, bins) / bins)) if len(known) else known
    # NaN is above every edge, so it would share the last bin.
    codes = (
        np.where(np.isnan(x), len(edges) + 1, np.searchsorted(edges, x, "right"))
        for x in (real, fake)
    )
    return (*codes, len(edges) + 2)


def _check(real, fake):
    columns = [(t.numeric_names, t.categorical_names, t.categories) for t in (real, fake)]
    if columns[0] != columns[1]:
        raise InputError("Tables of different columns or categories cannot be compared.")
    if not (len(real) and len(fake)):
        raise InputError("A table without rows has no distribution.")
