import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from gen_ai_examples.common.batches import batches
from gen_ai_examples.common.denoised_pictures import own_media
from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.fit import fit
from gen_ai_examples.common.methods.rician import rician, rician_mean, rician_variance
from gen_ai_examples.common.metrics.lesions import quality
from gen_ai_examples.common.sources.brain import heads, own_slices
from gen_ai_examples.common.strategy import strategy
from gen_ai_examples.medical import denoising
from gen_ai_examples.medical.denoising import (
    HELD_OUT,
    LOUDEST,
    QUIETEST,
    TILE,
    TRAINING,
    VALIDATION,
    build_network,
    example_and_weight,
    magnitudes,
    tiles,
)


def test_held_out_slices_are_far_from_those_that_train_or_tune():
    numbers = np.arange(84)
    held_out, validation, training = (set(numbers[s]) for s in (HELD_OUT, VALIDATION, TRAINING))
    assert len(held_out) == 8 and len(validation) == 2 and len(training) == 44
    assert min(validation | training) - max(held_out) > 10
    assert not validation & training


def test_tiles_have_tissue_in_them():
    slices = heads().first[40:42]
    cut = tiles(slices)
    assert cut.shape[1:] == (TILE, TILE, 1) and 40 < len(cut) < 2 * (30 + 9 + 4)
    assert cut.mean((1, 2, 3)).min() > 0.2


@pytest.fixture
def batch():
    clean = tf.fill((64, TILE, TILE, 1), 0.5)
    return magnitudes({"clean": clean}, tf.constant([0, 1]))


def test_magnitudes_have_rician_noise_of_the_level_that_is_told(batch):
    sigma, clean = batch["sigma"].numpy(), batch["clean"].numpy()
    assert QUIETEST <= sigma.min() < 0.03 and 0.14 < sigma.max() <= LOUDEST
    assert 0.4 <= clean.min() < 0.45 and 0.58 < clean.max() <= 0.625
    expected = sigma * rician_mean(clean[:, 0, 0, 0] / sigma)
    np.testing.assert_allclose(batch["noisy"].numpy().mean((1, 2, 3)), expected, rtol=0.02)
    spread = batch["noisy"].numpy().std((1, 2, 3))
    expected = sigma * np.sqrt(rician_variance(clean[:, 0, 0, 0] / sigma))
    np.testing.assert_allclose(spread, expected, rtol=0.05)


def test_magnitudes_show_all_eight_orientations():
    mark = np.zeros((1, TILE, TILE, 1), np.float32)
    mark[0, 0, 1] = 1
    seen = {
        int(magnitudes({"clean": mark}, tf.constant([0, i]))["clean"].numpy().argmax())
        for i in range(60)
    }
    assert len(seen) == 8


def test_an_untrained_network_returns_its_input_and_counts_errors_in_units_of_the_noise(batch):
    network = build_network(width=4, blocks=1)
    inputs, clean, weight = example_and_weight(batch)
    result = network(inputs)
    np.testing.assert_allclose(result, batch["noisy"], atol=1e-6)
    losses = tf.reduce_mean(tf.square(result - clean), (1, 2)) * weight[..., 0] / 0.01
    # The mean squared error of a magnitude at a high signal is that of one Gaussian.
    assert np.median(losses) == pytest.approx(1, abs=0.1)


def test_the_network_is_told_the_level_and_uses_it(batch):
    network = build_network(width=4, blocks=1)
    for weights in network.trainable_variables:
        weights.assign(tf.random.stateless_normal(weights.shape, (1, 2)) * 0.1)
    clean = batch["noisy"][:1]
    quiet, loud = (network((clean, tf.constant([sigma]))) for sigma in (0.02, 0.2))
    assert np.abs(quiet - clean).max() < np.abs(loud - clean).max()


def test_training_removes_noise_from_slices_that_were_not_seen(one_device):
    with strategy().scope():
        network = build_network(width=8, blocks=1)
        network.compile(keras.optimizers.Adam(1e-2), loss="mse")
    data = batches({"clean": tiles(heads().first[40:44])}, 8, 0, magnitudes)
    fit(network, data.map(example_and_weight), 120)
    clean = heads().first[:1]
    noisy = rician(clean, 0.1, np.random.default_rng(0))
    result = network((noisy[..., None], np.array([0.1], "float32"))).numpy()[..., 0]
    assert quality(result, clean)["PSNR"] > quality(noisy, clean)["PSNR"] + 1


def test_quality_looks_inside_the_head_only():
    clean = heads().first[:1]
    outside = clean + 0.3 * (clean == 0) * (np.arange(192) < 4)
    near = clean + np.float32(1e-3)
    both = quality((near + outside - clean).astype("float32"), clean), quality(near, clean)
    assert both[0]["PSNR"] == pytest.approx(both[1]["PSNR"])
    shifted = quality((clean + 0.1).astype("float32"), clean)
    assert shifted["PSNR"] == pytest.approx(20, abs=1e-3)


def test_own_slices_are_told_before_training(tmp_path):
    with pytest.raises(InputError, match="no folder"):
        denoising.main(**denoising.SMOKE, images=str(tmp_path / "nowhere"))
    pixels = np.random.default_rng(0).integers(0, 255, (41, 50)).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    shown = own_media(own_slices(tmp_path), lambda sigma: lambda image: image)
    assert set(shown) == {"own_1", "own_noise"}
    assert shown["own_noise"].text.startswith("a.png: noise 0.")
    assert own_media({}, None) == {}
