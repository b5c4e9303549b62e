import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from gen_ai_examples.common.batches import batches
from gen_ai_examples.common.fit import fit
from gen_ai_examples.common.methods.compression import (
    KeepZeros,
    RoundedNetwork,
    pruned,
    quantise,
    quantise_in_keras,
    rounded,
    saved_bytes,
    stored,
)
from gen_ai_examples.common.methods.flow import FlowMatching, flow_randomness
from gen_ai_examples.common.nets.mlp import build_row_network
from gen_ai_examples.common.strategy import strategy


@pytest.fixture
def matrix():
    columns = np.arange(1, 8)  # of unequal size
    return (np.random.default_rng(0).normal(size=(40, 7)) * columns).astype("float32")


@pytest.mark.parametrize(("bits", "levels"), [(8, 255), (4, 15), (2, 3)])
def test_rounding_errs_by_half_a_step_of_its_column_at_most(matrix, bits, levels):
    codes, scales = quantise(matrix, bits)
    assert codes.dtype == np.int8 and scales.shape == (7,)
    half_a_step = np.abs(matrix).max(0) / (levels - 1)
    errors = np.abs(codes * scales - matrix)
    assert (errors <= half_a_step * 1.001).all()
    assert (errors.max(0) > half_a_step * 0.8).all()  # no finer than its bits allow
    assert codes.max() == levels // 2 and len(np.unique(codes)) <= levels


def test_a_column_of_zeros_stays_one():
    codes, scales = quantise(np.zeros((3, 2), "float32"))
    np.testing.assert_array_equal(codes * scales, np.zeros((3, 2)))


def test_what_is_rounded_twice_is_rounded_once(matrix):
    (once,) = rounded([matrix], 5)
    np.testing.assert_allclose(rounded([once], 5)[0], once, rtol=1e-5, atol=1e-6)


def test_only_matrices_are_rounded_and_cut(matrix):
    bias = np.linspace(-1, 1, 7, dtype="float32")
    for weights in (rounded([matrix, bias], 3), pruned([matrix, bias], 0.9)):
        assert (weights[0] != matrix).any()
        np.testing.assert_array_equal(weights[1], bias)


def test_a_coded_matrix_takes_a_byte_for_each_weight_and_a_scale_for_each_column(matrix):
    bias = np.zeros(7, "float32")
    assert len(stored([matrix, bias], 8)) == 40 * 7 + 7 * 4 + 7 * 4


def test_what_is_stored_unrounded_is_all_there(matrix):
    content = stored([matrix, np.arange(3)])
    np.testing.assert_array_equal(np.frombuffer(content[: 40 * 7 * 4], "float32"), matrix.ravel())
    assert content.endswith(np.arange(3).tobytes())


def test_keras_rounds_to_a_quarter_of_the_file_and_trains_no_matrix_then():
    keras.utils.set_random_seed(0)
    network = keras.Sequential([keras.Input((300,)), keras.layers.Dense(300)])
    x = np.random.default_rng(0).normal(size=(3, 300)).astype("float32")
    answer, size = network(x).numpy(), saved_bytes(network)
    its = quantise_in_keras(network)
    assert 0.2 < saved_bytes(its) / size < 0.4
    assert 0 < np.abs(its(x) - answer).max() < 0.1 * answer.std()
    assert [len(v.shape) for v in its.trainable_variables] == [1]


@pytest.mark.parametrize("share", [0.0, 0.5, 0.75, 0.999])
def test_exactly_the_smallest_share_is_cut(matrix, share):
    (kept,) = pruned([matrix], share)
    n = int(share * matrix.size)
    assert np.sum(kept == 0) == n
    np.testing.assert_array_equal(kept[kept != 0], matrix[kept != 0])
    if n:
        assert np.abs(matrix[kept == 0]).max() <= np.abs(matrix[kept != 0]).min()


def test_equal_weights_are_cut_in_the_exact_share_too():
    (kept,) = pruned([np.ones((4, 5), "float32")], 0.5)
    assert np.sum(kept == 0) == 10


@functools.cache
def trained(n_devices, optimizer, cut, bits):
    """A small flow on random rows before and after training, in double precision."""
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy("float64")
    try:
        with strategy([f"CPU:{i}" for i in range(n_devices)]).scope():
            network = build_row_network(6, 3, units=8, blocks=1, condition_dim=8)
            rng = np.random.default_rng(0)
            weights = [rng.normal(size=w.shape) for w in network.get_weights()]
            network.set_weights(pruned(weights, cut) if cut else weights)
            before = network.get_weights()
            model = FlowMatching(RoundedNetwork(network, bits) if bits else network, 3)
            model.compile(optimizer(1e-2, use_ema=True, ema_momentum=0.9))
    finally:
        keras.config.set_dtype_policy("float32")
    rows = rng.normal(size=(32, 1, 1, 6)).astype("float32")
    columns = {"images": rows, "labels": np.arange(32, dtype="int32") % 3}
    fit(model, batches(columns, 8, 0, flow_randomness(3)), 8, progress=False)
    return before, network.get_weights()


# In one process, where each network is trained once.
in_one_process = pytest.mark.xdist_group("compression")


@in_one_process
@pytest.mark.parametrize("n_devices", [1, 2])
def test_what_was_cut_stays_zero_in_training_and_everything_else_moves(n_devices):
    before, after = trained(n_devices, KeepZeros, 0.75, None)
    for old, new in zip(before, after, strict=True):
        if old.ndim == 2:
            np.testing.assert_array_equal(new == 0, old == 0)
        if old.size > 100 or old.ndim == 1:
            assert (new != old)[old != 0].any()


def test_the_usual_optimizer_would_fill_the_zeros():
    before, after = trained(1, keras.optimizers.AdamW, 0.75, None)
    assert any(((new != 0) & (old == 0)).any() for old, new in zip(before, after, strict=True))


@in_one_process
@pytest.mark.parametrize(
    ("optimizer", "cut", "bits"),
    [(KeepZeros, 0.75, None), (keras.optimizers.AdamW, None, 3)],
    ids=["pruned", "rounded"],
)
def test_two_devices_end_with_the_weights_of_one(optimizer, cut, bits):
    ends = [trained(n_devices, optimizer, cut, bits)[1] for n_devices in (1, 2)]
    for one, two in zip(*ends, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-6)


def test_a_rounded_network_answers_as_one_with_rounded_weights():
    keras.utils.set_random_seed(0)
    network = keras.Sequential([keras.Input((5,)), keras.layers.Dense(4, "relu")])
    x = np.random.default_rng(0).normal(size=(3, 5)).astype("float32")
    whole = network(x).numpy()
    answer = RoundedNetwork(network, 3)(x).numpy()
    network.set_weights(rounded(network.get_weights(), 3))
    np.testing.assert_allclose(answer, network(x), rtol=1e-5, atol=1e-6)
    assert np.abs(answer - whole).max() > 0.01


def test_gradients_pass_through_the_rounding():
    """As those of the unrounded network do where it is linear: the input's sums."""
    network = keras.Sequential([keras.Input((5,)), keras.layers.Dense(4)])
    x = np.random.default_rng(0).normal(size=(3, 5)).astype("float32")
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(RoundedNetwork(network, 2)(x))
    gradient = tape.gradient(total, network.trainable_variables[0].value)
    np.testing.assert_allclose(gradient, np.repeat(x.sum(0)[:, None], 4, 1), rtol=1e-5)
