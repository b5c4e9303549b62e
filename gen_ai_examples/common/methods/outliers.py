"""Classical scores of how far a row is from the others, higher for stranger rows.

All take standardised numbers (N, D), NaN where missing; a missing one counts as the median, 0.
"""

import numpy as np
from sklearn.covariance import MinCovDet
from sklearn.ensemble import HistGradientBoostingRegressor, IsolationForest
from sklearn.model_selection import cross_val_predict
from sklearn.neighbors import LocalOutlierFactor
from threadpoolctl import threadpool_limits


def robust_z(train: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The largest distance from a column's median, in median absolute deviations of `train`."""
    deviation = np.nanmedian(np.abs(train - np.nanmedian(train, axis=0)), axis=0)
    z = np.abs(rows - np.nanmedian(train, axis=0)) / np.maximum(deviation, 1e-6)
    return np.nan_to_num(z).max(1)


def isolation_forest(train: np.ndarray, rows: np.ndarray, seed: int) -> np.ndarray:
    """Liu et al. 2008, https://doi.org/10.1109/ICDM.2008.17."""
    forest = IsolationForest(n_estimators=300, random_state=seed).fit(np.nan_to_num(train))
    return -forest.score_samples(np.nan_to_num(rows))


def local_outlier_factor(train: np.ndarray, rows: np.ndarray, neighbours: int = 20) -> np.ndarray:
    """Breunig et al. 2000, https://doi.org/10.1145/342009.335388."""
    factor = LocalOutlierFactor(neighbours, novelty=True).fit(np.nan_to_num(train))
    return -factor.score_samples(np.nan_to_num(rows))


def mahalanobis(train: np.ndarray, rows: np.ndarray, seed: int) -> np.ndarray:
    """Squared distance under a covariance fitted to the most consistent half of the rows.

    Rousseeuw & Van Driessen 1999, https://doi.org/10.1080/00401706.1999.10485670.
    """
    covariance = MinCovDet(random_state=seed).fit(np.nan_to_num(train))
    return covariance.mahalanobis(np.nan_to_num(rows))


def boosted_cells(train: np.ndarray, train_codes: np.ndarray, rows: np.ndarray, codes: np.ndarray):
    """Each number from the others of its row by gradient boosting of absolute errors.

    Args:
        train_codes, codes: one-hot codes (N, K) beside the numbers.

    Returns:
        Locations (the median) and scales of Laplace distributions, (N, D) each. A column of fewer
        than 20 known numbers gets its median and scale 1.
    """
    locations, scales = np.zeros_like(rows), np.ones_like(rows)
    for column in range(train.shape[1]):
        known = ~np.isnan(train[:, column])
        if known.sum() < 20:
            continue
        # What is hardly ever known beside it could be missing in a whole fold, which is refused.
        beside = (~np.isnan(train[known])).sum(0) >= 20
        beside[column] = False
        inputs, new = (
            np.hstack([x[:, beside], c])
            for x, c in ((train[known], train_codes[known]), (rows, codes))
        )
        location, scale = (
            HistGradientBoostingRegressor(loss="absolute_error", random_state=0) for _ in range(2)
        )
        target = train[known, column]
        # On so few rows threads wait for one another, on a busy machine for minutes.
        with threadpool_limits(1, user_api="openmp"):
            # Of rows that it was not fitted to: on its own it errs less than on others.
            errors = np.abs(target - cross_val_predict(location, inputs, target))
            scale.fit(inputs, np.log(errors + 0.02))
            locations[:, column] = location.fit(inputs, target).predict(new)
            # Half of all errors are smaller than log 2 scales.
            scales[:, column] = np.exp(scale.predict(new)) / np.log(2)
    return locations, scales


def misplaced_decimals(numbers: np.ndarray, share: float, rng: np.random.Generator):
    """Multiply or divide a share of numbers by ten, as a slip of the decimal point does.

    Args:
        numbers: (N, D), NaN where missing; zeros and missing ones stay as they are.

    Returns:
        The numbers, and where they are wrong (N, D) bool.
    """
    wrong = ~np.isnan(numbers) & (numbers != 0) & (rng.uniform(size=numbers.shape) < share)
    factor = np.where(rng.uniform(size=numbers.shape) < 0.5, 10.0, 0.1)
    return np.where(wrong, numbers * factor, numbers), wrong
