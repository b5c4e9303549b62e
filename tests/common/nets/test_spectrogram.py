import numpy as np
import pytest

from gen_ai_examples.common.nets.spectrogram import spectrogram_unet
from gen_ai_examples.common.strategy import precision


@pytest.fixture(scope="module")
def network():
    """With a last layer that says something."""
    network = spectrogram_unet(4, tcn_width=8)
    random = np.random.default_rng(0)
    kernel, bias = network.layers[-1].get_weights()
    network.layers[-1].set_weights([random.normal(size=kernel.shape), bias])
    return network


def noise(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_untrained_it_says_zero_in_full_precision(policy):
    with precision(policy):
        network = spectrogram_unet(4, tcn_width=8, bins=32)
    for frames in (1, 7):
        mask = network(noise(2, frames, 32, 3)).numpy()
        assert mask.dtype == np.float32
        np.testing.assert_array_equal(mask, np.zeros((2, frames, 32, 2)))


def test_each_example_is_alone(network):
    x = noise(3, 9, 128, 3)
    np.testing.assert_allclose(network(x)[1:2], network(x[1:2]), atol=1e-4)


def test_it_hears_a_second_to_each_side_and_no_more(network):
    x = noise(1, 301, 128, 3)
    changed = x.copy()
    changed[:, 150] += 1
    moved = np.abs(network(changed) - network(x)).max((0, 2, 3)) > 1e-7
    reach = 4 + 2 * (1 + 2 + 4 + 8 + 16)  # four convolutions of three frames, then dilated ones
    assert moved[150 - 40 : 150 + 41].all()
    assert not moved[: 150 - reach].any() and not moved[150 + reach + 1 :].any()
    assert reach * 0.016 == pytest.approx(1.06, abs=0.01)


def test_all_bins_are_heard_and_answered(network):
    x = noise(1, 5, 128, 3)
    for bin in (0, 127):
        changed = x.copy()
        changed[:, 2, bin] += 1
        assert np.abs(network(changed) - network(x)).max((0, 1, 3)).min() > 0
