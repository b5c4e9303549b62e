import dataclasses

import numpy as np
import pytest
from scipy.stats import ks_2samp
from sklearn.linear_model import LogisticRegression

from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.metrics.tabular import (
    closest_record_ratio,
    column_fidelity,
    pair_fidelity,
    score_classifier,
    told_apart,
)
from gen_ai_examples.common.sources.tabular import Table, TableEncoder


def table(n=400, seed=0):
    """The number and the category say the same, and so does the label."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    positive = (x > 0).astype(np.int64)
    return Table(
        x[:, None],
        positive[:, None],
        positive,
        ("x",),
        ("sign",),
        (("-", "+"),),
        ("no", "yes"),
        "y",
    )


def shuffled(rows):
    return dataclasses.replace(
        rows, categorical=np.random.default_rng(0).permutation(rows.categorical)
    )


def test_column_fidelity_is_that_of_scipy():
    a, b = table(), table(300, seed=1)
    b = dataclasses.replace(b, numeric=b.numeric + 0.5)
    found = column_fidelity(a, b)
    assert found["x"] == pytest.approx(1 - ks_2samp(a.numeric[:, 0], b.numeric[:, 0]).statistic)
    shares = a.categorical.mean(), b.categorical.mean()
    assert found["sign"] == pytest.approx(1 - abs(shares[0] - shares[1]))


def test_a_missing_number_counts_as_one():
    a = table()
    b = dataclasses.replace(a, numeric=np.full_like(a.numeric, np.nan))
    assert column_fidelity(a, b)["x"] == pytest.approx(0)


def test_pairs_see_what_columns_do_not():
    a = table()
    assert set(column_fidelity(a, shuffled(a)).values()) == {1.0}
    assert pair_fidelity(a, a) == pytest.approx(1)
    # Independent: half of the mass is where the real table has none.
    assert pair_fidelity(a, shuffled(a)) == pytest.approx(0.5, abs=0.05)


def test_a_classifier_tells_shuffled_columns_and_not_fresh_rows():
    assert told_apart(table(), table(seed=1)) == pytest.approx(0.5, abs=0.1)
    assert told_apart(table(), shuffled(table(seed=1))) > 0.7


def test_the_classifier_is_scored_on_the_test_rows():
    train, test = table(), table(seed=1)
    encoder = TableEncoder(train)
    score, probabilities = score_classifier(LogisticRegression(), encoder, train, test, label=1)
    assert score == pytest.approx(1) and probabilities.shape == (400,)
    flipped = dataclasses.replace(train, labels=1 - train.labels)
    assert score_classifier(LogisticRegression(), encoder, flipped, test, label=1)[0] < 0.5
    with pytest.raises(InputError, match="another"):
        score_classifier(LogisticRegression(), encoder, train.take(train.labels == 1), test, 1)


def test_copies_are_at_no_distance_and_fresh_rows_at_that_of_held_out_ones():
    train, held_out, fresh = np.random.default_rng(0).normal(size=(3, 500, 4))
    assert closest_record_ratio(train, train[:100], held_out) == pytest.approx(0, abs=1e-6)
    assert closest_record_ratio(train, fresh, held_out) == pytest.approx(1, abs=0.15)
    with pytest.raises(InputError, match="duplicates"):
        closest_record_ratio(train, fresh, train)


def test_tables_of_other_columns_are_refused():
    other = dataclasses.replace(table(), numeric_names=("z",))
    with pytest.raises(InputError, match="different columns"):
        column_fidelity(table(), other)
