import numpy as np

from gen_ai_examples.common.methods.row_flow import RowFlow
from gen_ai_examples.common.sources.tabular import Table


def two_kinds(n=400):
    """Class 1 has the category "b" and large numbers, class 0 "a" and small ones."""
    labels = np.arange(n) % 2
    rng = np.random.default_rng(0)
    return Table(
        numeric=(rng.uniform(0, 1, n) + 10 * labels)[:, None],
        categorical=labels[:, None].astype(np.int64),
        labels=labels.astype(np.int64),
        numeric_names=("x",),
        categorical_names=("c",),
        categories=(("a", "b"),),
        names=("no", "yes"),
        target="y",
    )


def test_rows_are_of_the_class_that_was_asked_for(one_device):
    table = two_kinds()
    flow = RowFlow(table)
    flow.fit(steps=150, batch_size=64, learning_rate=2e-3)
    labels = np.repeat([0, 1], 100)
    rows = flow.sample(labels, np.random.default_rng(1), steps=8)
    assert (rows.labels == labels).all() and rows.names == table.names
    assert np.mean(rows.categorical[:, 0] == labels) > 0.95
    assert np.mean((rows.numeric[:, 0] > 5) == labels) > 0.95
    assert set(rows.numeric[:, 0]) <= set(table.numeric[:, 0])
