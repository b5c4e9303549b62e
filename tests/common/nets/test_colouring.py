import keras
import numpy as np
import pytest

from gen_ai_examples.common.nets.colouring import GRID, Blocks, CopyByAttention, build_colouring
from gen_ai_examples.common.strategy import precision


def inputs(height=16, width=24, seed=0):
    rng = np.random.default_rng(seed)

    def draw(*shape):
        return rng.uniform(-1, 1, shape).astype(np.float32)

    places = np.moveaxis(np.indices((height // 4, width // 4)), 0, -1) / GRID
    return [
        draw(2, height, width, 1),
        draw(2, height, width, 3),
        draw(2, height, width, 9),
        np.stack([places, places]).astype(np.float32),
    ]


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_untrained_it_takes_the_flow_that_fits(policy):
    with precision(policy):
        network = build_colouring(8)
    given = inputs()
    frame, moved = given[0], given[2]
    moved[..., :1] = frame  # the first fits, all others are far off
    moved[..., 3:4] = moved[..., 6:7] = frame + 1
    colours, copied = network(given)
    assert colours.dtype == copied.dtype == "float32"
    assert colours.shape == copied.shape == (2, 16, 24, 2)
    np.testing.assert_allclose(colours, moved[..., 1:3], atol=0.02)


def test_whatever_it_has_learned_it_only_mixes():
    network = build_colouring(8)
    rng = np.random.default_rng(1)
    network.set_weights([rng.normal(0, 0.3, w.shape) for w in network.get_weights()])
    given = inputs()
    given[1][..., 1:] = given[2][..., 1:3] = given[2][..., 4:6] = given[2][..., 7:9] = (0.3, -0.7)
    np.testing.assert_allclose(network(given)[0], np.full((2, 16, 24, 2), (0.3, -0.7)), atol=1e-5)


def test_blocks_keep_every_pixel():
    x = np.arange(2 * 4 * 6).reshape(1, 4, 6, 2).astype(np.float32)
    y = np.asarray(Blocks(2)(x))
    assert y.shape == (1, 2, 3, 8)
    np.testing.assert_array_equal(y[0, 1, 2].reshape(2, 2, 2), x[0, 2:, 4:])


def attend(queries, keys, values, places, sharpness, nearness):
    layer = CopyByAttention()
    layer.build(None)
    layer.sharpness.assign(sharpness)
    layer.nearness.assign(nearness)
    copied, certainty = layer(
        [keras.ops.convert_to_tensor(x) for x in (queries, keys, values, places)]
    )
    return np.asarray(copied), np.asarray(certainty)


def test_attention_copies_from_where_features_are_alike():
    rng = np.random.default_rng(0)
    keys, values = (rng.normal(size=(1, 3, 5, n)).astype(np.float32) for n in (8, 3))
    queries = keys[:, ::-1, ::-1]  # the same things, elsewhere
    places = np.zeros((1, 3, 5, 2), np.float32)
    copied, certainty = attend(queries, keys, values, places, sharpness=1.0, nearness=-2.0)
    np.testing.assert_allclose(copied, values[:, ::-1, ::-1], atol=1e-4)
    assert certainty.shape == (1, 3, 5, 1) and certainty.min() > 0.99


def test_attention_looks_where_flow_says_when_features_are_all_alike():
    features = np.ones((1, 3, 5, 8), np.float32)
    values = np.random.default_rng(0).normal(size=(1, 3, 5, 3)).astype(np.float32)
    places = np.moveaxis(np.indices((3, 5)) + np.array([0, 1])[:, None, None], 0, -1) / GRID
    places = places[None].astype(np.float32)
    copied, _ = attend(features, features, values, places, sharpness=0.0, nearness=1.0)
    np.testing.assert_allclose(copied[:, :, :-1], values[:, :, 1:], atol=1e-3)
    even, certainty = attend(features, features, values, places, sharpness=0.0, nearness=-5.0)
    np.testing.assert_allclose(even, np.broadcast_to(values.mean((1, 2)), even.shape), atol=1e-3)
    np.testing.assert_allclose(certainty, 1 / 15, rtol=1e-3)
