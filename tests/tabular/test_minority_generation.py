import numpy as np
import pytest
from sklearn.metrics import f1_score

from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.methods.row_flow import RowFlow
from gen_ai_examples.common.sources import tabular
from gen_ai_examples.tabular import minority_generation
from gen_ai_examples.tabular.minority_generation import best_threshold, more_rows

pytestmark = pytest.mark.usefixtures("one_device")


def test_the_threshold_is_the_best_one():
    rng = np.random.default_rng(0)
    labels = rng.uniform(size=200) < 0.2
    probabilities = rng.uniform(size=200) * 0.5 + 0.3 * labels
    ours = f1_score(labels, probabilities >= best_threshold(labels, probabilities))
    assert ours == max(f1_score(labels, probabilities >= p) for p in probabilities)


def test_each_way_makes_both_classes_equal():
    table = tabular.bank_marketing().one_against_rest(1).take(slice(0, 2000))
    flow = RowFlow(table)
    flow.fit(steps=1, batch_size=8, learning_rate=1e-3)
    rows = more_rows(table, flow, 2, np.random.default_rng(0))
    for way, more in rows.items():
        assert (
            np.bincount(table.join(more).labels).tolist() == [len(table) - table.labels.sum()] * 2
        ), way
        assert (more.labels == 1).all(), way


def test_a_table_without_a_rare_class_is_refused_before_training(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("a,kind\n" + "".join(f"{i},{'xy'[i % 2]}\n" for i in range(200)))
    with pytest.raises(InputError, match="No class of 'kind' is rarer"):
        minority_generation.main(csv=str(path), target="kind")
