from dataclasses import replace

import numpy as np
import pytest

from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.methods.oversampling import (
    gaussian_copula,
    independent,
    smote,
    smote_nc,
)
from gen_ai_examples.common.sources.tabular import Table, TableEncoder


def a_table(numeric=None, categorical=None, rare=12, n=60):
    """The last `rare` of `n` rows are of class 1."""
    rng = np.random.default_rng(0)
    numeric = rng.normal(size=(n, 2)) if numeric is None else numeric
    categorical = rng.integers(0, 3, (n, 1)) if categorical is None else categorical
    return Table(
        numeric=numeric,
        categorical=categorical,
        labels=(np.arange(n) >= n - rare).astype(np.int64),
        numeric_names=tuple(f"x{i}" for i in range(numeric.shape[1])),
        categorical_names=tuple(f"c{i}" for i in range(categorical.shape[1])),
        categories=(("a", "b", "c"),) * categorical.shape[1],
        names=("frequent", "rare"),
        target="kind",
    )


def made(table, n, way):
    if way == "SMOTE":
        return smote(table, 1, n, TableEncoder(table), seed=0)
    return smote_nc(table, 1, n, seed=0)


@pytest.mark.parametrize("way", ["SMOTE", "SMOTENC"])
def test_rows_are_of_the_rare_class_and_between_its_rows(way):
    table = a_table()
    table.numeric[-12:] += 100  # far away from the frequent class
    rows, rare = made(table, 70, way), table.take(table.labels == 1)
    assert len(rows) == 70 and (rows.labels == 1).all()
    assert (rows.numeric >= rare.numeric.min(0)).all()
    assert (rows.numeric <= rare.numeric.max(0)).all()
    assert set(rows.categorical[:, 0]) <= set(rare.categorical[:, 0])


def test_numbers_lie_on_the_line_between_two_rows():
    table = a_table(rare=2)
    start, end = table.numeric[-2:]
    rows = smote_nc(table, 1, 20, seed=1)
    along, across = rows.numeric - start, end - start
    assert np.allclose(along[:, 0] * across[1], along[:, 1] * across[0])
    assert len(np.unique(rows.numeric[:, 0])) > 10


@pytest.mark.parametrize("way", ["SMOTE", "SMOTENC"])
def test_the_unit_of_a_number_does_not_matter(way):
    table = a_table()
    in_grams = replace(table, numeric=table.numeric * [1000, 1])
    rows, scaled = made(table, 50, way), made(in_grams, 50, way)
    np.testing.assert_allclose(scaled.numeric, rows.numeric * [1000, 1])
    np.testing.assert_array_equal(scaled.categorical, rows.categorical)


@pytest.mark.parametrize("way", ["SMOTE", "SMOTENC"])
@pytest.mark.parametrize("only", ["numeric", "categorical"])
def test_tables_of_one_kind_of_column(way, only):
    empty = {"categorical" if only == "numeric" else "numeric": np.empty((60, 0))}
    table = a_table(**empty)
    table = replace(table, categorical=table.categorical.astype(np.int64))
    rows = made(table, 15, way)
    assert len(rows) == 15 and rows.numeric.shape[1] == table.numeric.shape[1]


def test_a_missing_number_counts_as_the_median():
    table = a_table()
    table.numeric[::2, 0] = np.nan
    assert np.isfinite(smote_nc(table, 1, 30, seed=0).numeric).all()
    nothing_known = replace(table, numeric=np.full((60, 1), np.nan), numeric_names=("x",))
    assert (smote_nc(nothing_known, 1, 30, seed=0).numeric == 0).all()


@pytest.mark.parametrize("way", ["SMOTE", "SMOTENC"])
@pytest.mark.parametrize("rare", [1, 60])
def test_one_row_or_one_class_is_refused(way, rare):
    with pytest.raises(InputError, match="two rows of the class 'rare'"):
        made(a_table(rare=rare), 5, way)


def test_independent_columns_keep_their_values_within_the_class_and_nothing_else():
    numbers = np.arange(60.0)
    table = a_table(numeric=np.column_stack([numbers, numbers]))
    mixed = independent(table, np.random.default_rng(0))
    assert (mixed.labels == table.labels).all()
    for label in (0, 1):
        ours, theirs = (np.sort(t.numeric[t.labels == label], axis=0) for t in (mixed, table))
        assert (ours == theirs).all()
    assert np.mean(mixed.numeric[:, 0] == mixed.numeric[:, 1]) < 0.2
    assert (table.numeric[:, 0] == numbers).all(), "the table itself was shuffled"


def related(n, known=1.0):
    """y grows with x, and "b" is where x is high; x is missing for the others of a share."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=n)
    y = np.exp(x + 0.3 * rng.normal(size=n))
    c = (x > 0.5).astype(np.int64)
    x[rng.random(n) >= known] = np.nan
    return a_table(np.column_stack([x, y]), c[:, None], rare=n // 4, n=n)


@pytest.mark.parametrize("known", [1.0, 0.9])
def test_a_gaussian_copula_keeps_columns_and_how_they_go_together(known):
    table = related(4000, known)
    drawn = gaussian_copula(table, np.random.default_rng(1))
    assert (drawn.labels == table.labels).all()
    assert set(drawn.numeric[:, 1]) <= set(table.numeric[:, 1])
    for label in (0, 1):
        ours, theirs = (its.take(its.labels == label) for its in (drawn, table))
        for p in (0.1, 0.5, 0.9):
            expected = np.nanquantile(theirs.numeric, p, axis=0)
            np.testing.assert_allclose(np.nanquantile(ours.numeric, p, axis=0), expected, atol=0.3)
        assert np.mean(ours.categorical) == pytest.approx(np.mean(theirs.categorical), abs=0.04)
        assert np.mean(np.isnan(ours.numeric)) == pytest.approx((1 - known) / 2, abs=0.02)

    def correlation(its):
        ok = ~np.isnan(its.numeric[:, 0])
        return np.corrcoef(its.numeric[ok, 0], np.log(its.numeric[ok, 1]))[0, 1]

    lost = 0.01 if known == 1 else 0.15  # where a number is missing, nothing is known of its rank
    assert correlation(drawn) == pytest.approx(correlation(table), abs=lost)
    # The rows themselves are new.
    pairs = {tuple(row) for row in table.numeric}
    assert np.mean([tuple(row) in pairs for row in drawn.numeric]) < 0.05


def test_a_gaussian_copula_of_one_column_and_of_one_row():
    one = related(40)
    numbers_alone = replace(one, categorical=np.empty((40, 0), np.int64), categorical_names=())
    first = replace(numbers_alone, numeric=one.numeric[:, :1], numeric_names=("x0",))
    drawn = gaussian_copula(first, np.random.default_rng(0))
    assert np.abs(np.mean(drawn.numeric) - np.mean(first.numeric)) < 0.5
    row = one.take(np.arange(1))
    assert (gaussian_copula(row, np.random.default_rng(0)).numeric == row.numeric).all()
