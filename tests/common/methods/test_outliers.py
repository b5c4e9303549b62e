import numpy as np
import pytest
from scipy.stats import median_abs_deviation

from gen_ai_examples.common.methods import outliers


def cloud(n=300):
    rng = np.random.default_rng(0)
    x = rng.normal(size=n)
    return np.column_stack([x, x + 0.1 * rng.normal(size=n), rng.normal(size=n)])


@pytest.mark.parametrize(
    "score",
    [
        outliers.robust_z,
        lambda train, rows: outliers.isolation_forest(train, rows, seed=0),
        outliers.local_outlier_factor,
        lambda train, rows: outliers.mahalanobis(train, rows, seed=0),
    ],
    ids=["robust z", "forest", "local outlier factor", "Mahalanobis"],
)
def test_a_far_row_is_the_strangest_and_a_missing_number_is_none(score):
    rows = cloud()
    rows[7] = 25.0
    rows[9, 0] = np.nan
    strange = score(cloud(), rows)
    assert strange.shape == (300,) and np.isfinite(strange).all()
    assert strange.argmax() == 7


def test_robust_z_is_the_distance_in_median_absolute_deviations():
    train, row = cloud(), np.array([[0.0, 3.0, 0.0]])
    expected = (row - np.median(train, axis=0)) / median_abs_deviation(train)
    np.testing.assert_allclose(outliers.robust_z(train, row), np.abs(expected).max())


def test_mahalanobis_sees_a_row_that_no_column_alone_shows():
    against = np.array([[1.0, -1.0, 0.0], [1.0, 1.0, 0.0]])
    one, other = outliers.mahalanobis(cloud(), against, seed=0)
    assert one > 50 * other
    assert np.ptp(outliers.robust_z(cloud(), against)) < 0.3


def test_boosted_columns_know_what_the_others_tell():
    x = cloud()
    x[::5, 2] = np.nan
    codes = np.zeros((300, 1))
    locations, scales = outliers.boosted_cells(x, codes, x, codes)
    assert np.abs(locations[:, 0] - x[:, 0]).mean() < 0.2
    assert scales[:, 0].mean() < 0.3 < scales[:, 2].mean()
    x[3:, 1] = np.nan  # known in the first rows alone
    locations, _ = outliers.boosted_cells(x, codes, x, codes)
    assert np.isfinite(locations).all() and (locations[:, 1] == 0).all()
    unknown = np.full((300, 2), np.nan)
    locations, scales = outliers.boosted_cells(unknown, codes, unknown, codes)
    assert (locations == 0).all() and (scales == 1).all()


def test_the_scale_of_boosted_columns_is_that_of_new_rows():
    rng = np.random.default_rng(0)
    x = np.column_stack([rng.laplace(scale=0.5, size=1200), rng.normal(size=(1200, 2))])
    codes = np.zeros((1200, 1))
    _, scales = outliers.boosted_cells(x[:600], codes[:600], x[600:], codes[600:])
    assert np.median(scales[:, 0]) == pytest.approx(0.5, rel=0.2)


def test_misplaced_decimals_are_where_they_are_said_to_be():
    x = np.arange(4000.0).reshape(1000, 4)
    x[3] = np.nan
    made, wrong = outliers.misplaced_decimals(x, 0.1, np.random.default_rng(0))
    assert abs(wrong.mean() - 0.1) < 0.02 and not wrong[3].any() and not wrong[0, 0]
    ratio = made[wrong] / x[wrong]
    assert np.isclose(ratio, 10).any() and np.isclose(ratio, 0.1).any()
    assert (np.isclose(ratio, 10) | np.isclose(ratio, 0.1)).all()
    np.testing.assert_array_equal(made[~wrong], x[~wrong])
