import time

import numpy as np
import pytest
import tensorflow as tf

from gen_ai_examples.common.metrics.pipelines import commonest, delivered, distinct, step_seconds


def slow(x):
    time.sleep(0.04)  # a part of it while the step is busy
    return x


def test_waiting_is_told_from_training():
    numbers = tf.data.Dataset.range(1).repeat()
    pipelines = {
        "ready": numbers,
        "late": numbers.map(lambda x: tf.numpy_function(slow, [x], tf.int64)),
    }

    def step(batch):
        time.sleep(0.01)
        return batch

    found = step_seconds(step, pipelines, steps=3, turns=1)
    for name, least in (("ready", 0.0), ("late", 0.005)):
        total, waited = found[name]
        assert waited >= least and total >= waited + 0.01
    assert found["ready"][1] < found["late"][1]


def test_distinct_rows_are_counted_whole():
    rows = np.array([[1, 2], [2, 1], [1, 2], [3, 3]])
    assert distinct(rows) == 3 / 4
    assert distinct(np.arange(5)) == 1


def test_the_commonest_class_of_each_batch_counts():
    assert commonest([np.array([0, 0, 0, 1]), np.array([2, 3])]) == pytest.approx(
        (3 / 4 + 1 / 2) / 2
    )
    assert commonest([np.array([7, 7])]) == 1


def test_batches_are_delivered_one_after_another():
    data = tf.data.Dataset.range(9).map(lambda x: {"x": x}).batch(2)
    assert delivered(data, 3)["x"].tolist() == [0, 1, 2, 3, 4, 5]
