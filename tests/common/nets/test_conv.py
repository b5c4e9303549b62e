import keras
import numpy as np
import pytest

from gen_ai_examples.common.nets.conv import (
    build_unet,
    depth_to_space,
    residual_block,
    time_embedding,
)
from gen_ai_examples.common.strategy import precision


def test_an_untrained_unet_answers_zero_in_the_shape_of_its_image():
    net = build_unet((12, 8, 3), 5, widths=(8, 16), condition_dim=16)
    x = np.random.default_rng(0).normal(size=(2, 12, 8, 3)).astype("float32")
    answer = net([x, np.array([0.1, 0.9], "float32"), np.array([0, 5])])
    assert answer.shape == (2, 12, 8, 3)
    np.testing.assert_array_equal(answer, 0)


@pytest.mark.parametrize("what", ["image", "times", "labels", "far pixel"])
def test_every_input_reaches_the_output(what):
    keras.utils.set_random_seed(0)
    net = build_unet((16, 16, 1), 5, widths=(8, 16), condition_dim=16)
    rng = np.random.default_rng(0)
    net.set_weights([rng.normal(0, 0.2, w.shape).astype("float32") for w in net.get_weights()])
    x, times, labels = (
        np.zeros((1, 16, 16, 1), "float32"),
        np.array([0.3], "float32"),
        np.array([1]),
    )
    changed = [x.copy(), times.copy(), labels.copy()]
    if what == "times":
        changed[1] += 0.2
    elif what == "labels":
        changed[2] += 1
    else:
        changed[0][0, 0, 0] = 3.0
    change = np.abs(net([x, times, labels]) - net(changed))
    if what == "far pixel":  # the opposite corner: the network sees the whole image
        change = change[:, -1, -1]
    assert change.max() > 1e-4


def test_half_precision_still_answers_in_float32():
    with precision("mixed_bfloat16"):
        net = build_unet((8, 8, 1), 2, widths=(8,), condition_dim=16)
    assert net.compute_dtype == "bfloat16"
    assert net.output.dtype == "float32"
    assert all(v.dtype == "float32" for v in net.variables)


def test_the_unet_is_saved_and_loaded_in_safe_mode(tmp_path):
    keras.utils.set_random_seed(0)
    net = build_unet((8, 8, 1), 2, widths=(8,), condition_dim=16)
    rng = np.random.default_rng(0)
    net.set_weights([rng.normal(0, 0.2, w.shape).astype("float32") for w in net.get_weights()])
    net.save(tmp_path / "net.keras")
    again = keras.models.load_model(tmp_path / "net.keras")
    inputs = [np.ones((1, 8, 8, 1), "float32"), np.array([0.5], "float32"), np.array([1])]
    np.testing.assert_array_equal(net(inputs), again(inputs))


def test_an_untrained_residual_block_is_its_shortcut():
    x = keras.Input((4, 4, 8))
    block = keras.Model(x, residual_block(x, 8))
    values = np.random.default_rng(0).normal(size=(2, 4, 4, 8)).astype("float32")
    np.testing.assert_array_equal(block(values), values)


def test_depth_to_space_puts_channels_beside_each_other():
    x = np.arange(2 * 2 * 4).reshape(1, 2, 2, 4)
    # pixel (0, 0) holds 0..3, which become the 2x2 block in the corner
    expected = [[0, 1, 4, 5], [2, 3, 6, 7], [8, 9, 12, 13], [10, 11, 14, 15]]
    np.testing.assert_array_equal(depth_to_space(x, 2)[0, :, :, 0], expected)


def test_time_embedding_tells_times_apart_smoothly():
    times = np.linspace(0, 1, 101, dtype="float32")
    embedded = np.asarray(time_embedding(times, 32))
    assert embedded.shape == (101, 32)
    np.testing.assert_allclose((embedded**2).sum(1), 16, rtol=1e-5)  # sin^2 + cos^2
    distances = np.linalg.norm(embedded[:, None] - embedded[None], axis=-1)
    assert distances[np.triu_indices(101, 1)].min() > 0.5
    assert np.diag(distances, 1).max() < distances.max() / 2
