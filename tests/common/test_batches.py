import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from gen_ai_examples.common.batches import batches, split_seed
from gen_ai_examples.common.errors import InputError


def take(dataset, n):
    return list(dataset.take(n).as_numpy_iterator())


def noisy(batch, seed):
    one, two = split_seed(seed, 2)
    shape = tf.shape(batch["x"])
    return batch | {
        "a": tf.random.stateless_normal(shape, one),
        "b": tf.random.stateless_normal(shape, two),
    }


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 40), st.data())
def test_every_epoch_holds_every_example_once(n, data):
    """Also where a batch spans two epochs."""
    batch_size = data.draw(st.integers(1, n))
    columns = {"x": np.arange(n), "y": np.arange(n) * 10}
    epochs = 3
    drawn = take(batches(columns, batch_size, seed=data.draw(st.integers(0, 9))), epochs * n)
    x = np.concatenate([batch["x"] for batch in drawn])[: epochs * n].reshape(epochs, n)
    assert (np.sort(x, axis=1) == np.arange(n)).all()
    assert all((batch["y"] == 10 * batch["x"]).all() for batch in drawn)  # rows stay together


def test_each_epoch_has_an_order_of_its_own_and_each_seed_too():
    columns = {"x": np.arange(100)}
    first, second = take(batches(columns, 100, seed=0), 2)
    (other,) = take(batches(columns, 100, seed=1), 1)
    assert (first["x"] != second["x"]).mean() > 0.9
    assert (first["x"] != other["x"]).mean() > 0.9
    assert (first["x"] != np.arange(100)).mean() > 0.9


def test_batches_depend_on_nothing_but_seed_and_number():
    """So a run that resumes by skipping continues exactly."""
    make = lambda: batches({"x": np.arange(10.0)}, 4, 3, noisy)  # noqa: E731
    straight, again = take(make(), 6), take(make(), 6)
    skipped = take(make().skip(4), 2)
    for one, two in [*zip(straight, again, strict=True), *zip(straight[4:], skipped, strict=True)]:
        for name in ("x", "a", "b"):
            np.testing.assert_array_equal(one[name], two[name])


def test_noise_differs_between_examples_columns_and_batches():
    one, two = take(batches({"x": np.arange(64.0)}, 64, 0, noisy), 2)
    noises = np.stack([one["a"], one["b"], two["a"], two["b"]])
    assert len(np.unique(noises)) == noises.size
    assert np.abs(np.corrcoef(noises)[np.triu_indices(4, 1)]).max() < 0.5


def test_a_batch_larger_than_the_data_is_refused():
    for batch_size in (0, 11):
        with pytest.raises(InputError, match="from 1 to 10"):
            batches({"x": np.arange(10)}, batch_size, 0)


def test_columns_of_unequal_length_are_refused():
    with pytest.raises(InputError, match="equally long"):
        batches({"x": np.arange(10), "y": np.arange(9)}, 2, 0)
