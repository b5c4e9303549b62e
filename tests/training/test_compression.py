import keras
import numpy as np

from gen_ai_examples.common.methods.flow import FlowMatching
from gen_ai_examples.common.nets.mlp import build_row_network
from gen_ai_examples.training.compression import draw, in_keras, in_order, main


def test_it_draws_what_the_flow_draws():
    keras.utils.set_random_seed(0)
    network = build_row_network(16, 3, units=8, blocks=1)
    rng = np.random.default_rng(0)
    network.set_weights([w + 0.3 * rng.normal(size=w.shape) for w in network.get_weights()])
    noise = rng.normal(size=(5, 1, 1, 16)).astype("float32")
    labels = np.arange(5, dtype="int32") % 3
    expected = FlowMatching(network, 3).sample(noise, labels, 4).clip(-1, 1)
    np.testing.assert_allclose(draw(in_keras(network), 4, noise, labels), expected, atol=1e-5)


def test_the_narrower_network_is_not_made_smaller_than_the_rounded_one():
    """At the default settings: a matrix of the wide network in bytes, all of the narrow in four."""
    defaults = main.__kwdefaults__ or dict(
        zip(main.__code__.co_varnames, main.__defaults__, strict=False)
    )
    wide, narrow = (
        sum(w.size for w in build_row_network(784, 10, units, defaults["blocks"]).get_weights())
        for units in (defaults["units"], defaults["narrow_units"])
    )
    assert 1 < 4 * narrow / wide < 1.15


def test_all_classes_are_shown_in_order():
    labels = np.array([2, 0, 1, 1, 2, 0])
    assert labels[in_order(labels, 3)].tolist() == [0, 1, 2]
    assert len(in_order(labels)) == 6
