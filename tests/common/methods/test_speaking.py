import keras
import numpy as np
import pytest
import tensorflow as tf

from gen_ai_examples.common.batches import batches
from gen_ai_examples.common.fit import fit
from gen_ai_examples.common.methods.speaking import (
    N_OUTPUTS,
    REACH,
    Speaking,
    build_speaker,
    linguistic,
    positions,
)
from gen_ai_examples.common.methods.vocoder import BINS
from gen_ai_examples.common.strategy import strategy

INVENTORY = ("A", "B", "SIL")


def test_each_phone_sees_its_neighbours_and_nothing_beyond_the_ends():
    seen = linguistic(["SIL", "A", "B"], np.array([False, True, False]), INVENTORY)
    assert seen.shape == (3, 2 * REACH + 1)
    assert seen[:, REACH].tolist() == [5, 2, 3]
    assert seen[1].tolist() == [0, 0, 0, 5, 2, 3, 0, 0, 0]


def test_positions_run_from_the_beginning_to_the_end_of_each_phone():
    where = positions(np.array([2, 4]))
    assert where.shape == (6, 6)
    np.testing.assert_allclose(where[:, 0], [0.25, 0.75, 0.125, 0.375, 0.625, 0.875])
    np.testing.assert_allclose(where[:, 3], np.log1p([2, 2, 4, 4, 4, 4]) / 2, rtol=1e-6)
    np.testing.assert_allclose(where[:, 1], [*where[1::-1, 2], *where[:1:-1, 2]], rtol=1e-6)
    np.testing.assert_allclose(where[:, 4], where[::-1, 5], rtol=1e-6)


def batch(n=4, length=16):
    rng = np.random.default_rng(0)
    return {
        "context": rng.integers(0, 7, (n, length, 2 * REACH + 1)).astype("int32"),
        "positions": rng.normal(size=(n, length, 6)).astype("float32"),
        "targets": rng.normal(size=(n, length, N_OUTPUTS)).astype("float32"),
        "weights": np.ones((n, length, 2), np.float32),
    }


def built(learning_rate=3e-3):
    model = Speaking(build_speaker(7, 8, 2))
    model.compile(keras.optimizers.Adam(learning_rate))
    model.optimizer.build(model.network.trainable_variables)
    return model


def tensors(columns):
    return {name: tf.constant(x) for name, x in columns.items()}


def test_a_network_that_says_zero_errs_by_the_mean_of_a_gaussian():
    model = built()
    model.network.set_weights([0 * w for w in model.network.get_weights()])
    logs = model.train_step(tensors(batch(n=16)))
    for name in ("envelope", "pitch", "voicing", "duration"):
        assert float(logs[name]) == pytest.approx(np.sqrt(2 / np.pi), abs=0.1)


def test_every_part_is_bettered_by_training_and_pitch_counts_where_it_is_voiced():
    data, model = tensors(batch()), built()
    first = model.train_step(data)
    step = tf.function(model.train_step)
    for _ in range(60):
        last = step(data)
    assert all(float(last[name]) < float(first[name]) for name in first)
    unvoiced = data | {"weights": data["weights"] * tf.constant([0.0, 1.0])}
    assert float(model.train_step(unvoiced)["pitch"]) == 0


def test_durations_depend_on_phones_alone_and_speech_lasts_as_long_as_told():
    model = built()
    context = batch()["context"][0]
    assert model.durations(context).shape == (16,)
    frames = np.arange(1, 17)
    assert model.speech(context, frames).shape == (frames.sum(), BINS + 2)
    one, other = (
        model.network([context[None], x[None]])[0, :, -1] for x in batch()["positions"][:2]
    )
    np.testing.assert_array_equal(one, other)


def test_two_replicas_learn_what_one_learns():
    def trained(n):
        data = batches(batch(8), 4, seed=0)
        with strategy([f"CPU:{i}" for i in range(n)]).scope():
            keras.utils.set_random_seed(0)
            model = built()
        fit(model, data, 3, progress=False)
        return model.network.get_weights()

    for a, b in zip(trained(1), trained(2), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
