import keras
import numpy as np
import pytest

from gen_ai_examples.common.litert import LiteNetwork, convert
from gen_ai_examples.common.nets.mlp import build_row_network


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    network = build_row_network(64, 3, units=256, blocks=1, condition_dim=16)
    rng = np.random.default_rng(0)
    network.set_weights([w + 0.1 * rng.normal(size=w.shape) for w in network.get_weights()])
    return network


def inputs(n):
    rng = np.random.default_rng(n)
    rows, times = rng.normal(size=(n, 1, 1, 64)), rng.uniform(size=n)
    return [rows.astype("float32"), times.astype("float32"), np.arange(n, dtype="int32") % 3]


@pytest.fixture(scope="module")
def files(network):
    return {kind: convert(network, kind) for kind in ("float32", "float16", "int8")}


@pytest.mark.parametrize(
    ("kind", "tolerance"), [("float32", 1e-5), ("float16", 1e-2), ("int8", 0.15)]
)
def test_its_answers_are_those_of_keras(network, files, kind, tolerance):
    its = LiteNetwork(files[kind])
    for n in (3, 1, 7, 7):  # any number of examples, again and again
        expected = network(inputs(n)).numpy()
        answer = its(inputs(n))
        assert answer.shape == (n, 1, 1, 64)
        assert np.abs(answer - expected).max() < tolerance * expected.std()


def test_answers_are_kept_when_the_next_call_is_made(files):
    its = LiteNetwork(files["float32"])
    first = its(inputs(2))
    kept = first.copy()
    its([x[::-1].copy() for x in inputs(2)])
    np.testing.assert_array_equal(first, kept)


def test_files_shrink_with_the_bits_of_a_weight(network, files):
    matrices = sum(w.size for w in network.get_weights() if w.ndim == 2)
    sizes = {kind: len(file) for kind, file in files.items()}
    assert sizes["float32"] > 4 * matrices
    assert 1.8 < sizes["float32"] / sizes["float16"] < 2
    assert 3 < sizes["float32"] / sizes["int8"] < 4
