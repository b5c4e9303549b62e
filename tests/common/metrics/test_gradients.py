import numpy as np
import pytest
import tensorflow as tf

from gen_ai_examples.common.metrics.gradients import gradient_errors

# One weight vector w = 0 and losses |w - x|^2 / 2: the gradient of an example is -x.
X = np.random.default_rng(0).normal(2.0, 3.0, (500, 4)).astype("float32")


def gradient(rows):
    return -tf.reduce_mean(tf.gather(X, rows), 0)


def test_the_error_is_the_variance_of_one_example_over_the_batch():
    expected = X.var(0).sum() / (X.mean(0) ** 2).sum()
    errors = gradient_errors(gradient, len(X), (1, 10, 100), 2000, seed=0)
    for size, error in errors.items():
        assert error * size == pytest.approx(expected, rel=0.1)


def test_equal_examples_leave_no_error():
    same = gradient_errors(lambda rows: tf.ones(3), 10, (2,), 5, seed=0)
    assert same == {2: 0.0}
