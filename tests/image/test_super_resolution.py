import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from gen_ai_examples.common.batches import batches
from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.fit import fit
from gen_ai_examples.common.metrics.enlargement import measure
from gen_ai_examples.common.sources import image
from gen_ai_examples.common.sources.photos import enlarge, luminance, shrink, tiles
from gen_ai_examples.common.strategy import precision, strategy
from gen_ai_examples.image import super_resolution
from gen_ai_examples.image.super_resolution import (
    FACTOR,
    HELD_OUT,
    added_detail,
    build_network,
    photographs,
    turned,
)


@pytest.fixture(scope="module")
def chelsea():
    return photographs(None)[1]["chelsea"][:160, :200]


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_an_untrained_network_is_bicubic_interpolation_at_any_size(policy):
    with precision(policy):
        network = build_network(8, blocks=2)
    for shape in ((12, 12), (7, 19)):
        low = np.random.default_rng(0).normal(size=shape).astype("float32")
        detail = added_detail(network, low)
        assert detail.dtype == np.float32
        np.testing.assert_array_equal(detail, np.zeros((4 * shape[0], 4 * shape[1])))


def test_each_low_pixel_becomes_the_block_at_its_place():
    network = build_network(1, blocks=0)
    blocks = np.arange(16).reshape(4, 4)
    first, second, last = (x for x in network.layers if isinstance(x, keras.layers.Conv2D))
    for layer in (first, second):
        kernel = np.zeros((3, 3, 1, 1))
        kernel[1, 1] = 1 if layer is first else 0
        layer.set_weights([kernel, np.zeros(1)])
    kernel = np.zeros((3, 3, 1, 16))
    kernel[1, 1, 0] = blocks.ravel()
    last.set_weights([kernel, np.zeros(16)])
    low = np.random.default_rng(0).normal(size=(5, 6)).astype("float32")
    np.testing.assert_allclose(added_detail(network, low), np.kron(low, blocks), rtol=1e-6)


def test_turned_turns_a_tile_and_its_detail_alike_in_all_eight_ways():
    low = np.arange(2 * 9, dtype="float32").reshape(2, 3, 3, 1)
    batch = {"low": tf.constant(low), "detail": tf.constant(low.repeat(4, 1).repeat(4, 2))}
    seen = set()
    for number in range(64):
        result = turned(batch, tf.constant([0, number], tf.int64))
        np.testing.assert_array_equal(
            result["detail"], np.repeat(np.repeat(result["low"], 4, 1), 4, 2)
        )
        seen.add(result["low"][0].numpy().tobytes())
    expected = {
        np.rot90(x, k)[..., None].tobytes()
        for k in range(4)
        for x in (low[0, ..., 0], low[0, ..., 0].T)
    }
    assert seen == expected


def test_photographs_are_held_out_whole():
    train, held_out = photographs(None)
    assert set(held_out) == set(HELD_OUT)
    assert set(train) > set(image.photographs()) - set(HELD_OUT)
    assert not set(train) & set(held_out)
    blocks = [
        {part[y : y + 8, x : x + 8].tobytes() for part in photos.values() if part.std() > 0
         for y in range(0, part.shape[0] - 7, 8) for x in range(0, part.shape[1] - 7, 8)
         if part[y : y + 8, x : x + 8].std() > 8}
        for photos in (train, held_out)
    ]  # fmt: skip
    assert min(map(len, blocks)) > 1000
    assert not blocks[0] & blocks[1]


def test_of_own_photographs_the_last_by_name_are_held_out(tmp_path):
    for i in range(11):
        Image.new("RGB", (256, 256), (20 * i, 0, 0)).save(tmp_path / f"{i:02}.png")
    train, held_out = photographs(tmp_path)
    shades = [[photo[0, 0, 0] for photo in part.values()] for part in (train, held_out)]
    assert shades == [[20 * i for i in range(9)], [180, 200]]
    for i in range(5, 11):
        (tmp_path / f"{i:02}.png").unlink()
    cut_off = tmp_path / "02.png"
    cut_off.write_bytes(cut_off.read_bytes()[:200])  # its size can still be read
    assert [photo[0, 0, 0] for photo in photographs(tmp_path)[1].values()] == [80]
    with pytest.raises(InputError, match="at least 5"):
        (tmp_path / "few").mkdir()
        Image.new("RGB", (256, 256)).save(tmp_path / "few" / "one.png")
        super_resolution.main(images=str(tmp_path / "few"), **super_resolution.SMOKE)


def trained(replicas, steps, photo, **options):
    lows, details = tiles(photo, FACTOR, side=16)
    data = batches({"low": lows, "detail": details}, 4, seed=0, randomness=turned)
    with replicas.scope():
        keras.utils.set_random_seed(0)
        network = build_network(8, blocks=1)
        network.compile(keras.optimizers.Adam(5e-3), loss="mean_absolute_error")
    fit(network, data.map(lambda b: (b["low"], b["detail"])), steps, progress=False)
    return network


def test_a_few_steps_beat_bicubic_interpolation(chelsea):
    network = trained(tf.distribute.get_strategy(), 60, chelsea)
    low = luminance(shrink(chelsea, FACTOR))
    smooth = enlarge(low, FACTOR)
    before, after = (
        measure(chelsea, y, FACTOR)["PSNR"] for y in (smooth, smooth + added_detail(network, low))
    )
    assert after > before + 0.1


def test_two_replicas_learn_what_one_learns(chelsea):
    one, two = (
        trained(strategy([f"CPU:{i}" for i in range(n)]), 3, chelsea).get_weights() for n in (1, 2)
    )
    for a, b in zip(one, two, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
