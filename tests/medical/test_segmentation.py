import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from gen_ai_examples.common.batches import batches
from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.fit import fit
from gen_ai_examples.common.metrics.segmentation import dice
from gen_ai_examples.common.nets.segmenting import build_segmenting_unet, class_probabilities
from gen_ai_examples.common.sources.microscopy import (
    BACKGROUND,
    NUCLEUS,
    micrographs,
    own_micrographs,
)
from gen_ai_examples.common.strategy import strategy
from gen_ai_examples.medical import segmentation
from gen_ai_examples.medical.segmentation import (
    CROP,
    KNOWN_DAYS,
    augmented,
    by_day,
    compressed,
    own_media,
    tiles,
    weighted_loss,
)


@pytest.fixture(scope="module")
def columns():
    return tiles(micrographs()[:1])


def test_whole_days_are_held_out():
    known, held_out = by_day(micrographs())
    assert {f.day for f in known} == set(KNOWN_DAYS)
    assert not {f.day for f in held_out} & set(KNOWN_DAYS)
    assert (len(known), len(held_out)) == (9, 9)
    assert {f.line for f in known} == {"RPE1"} and {f.line for f in held_out} == {"RPE1", "U2OS"}
    # What tunes the thresholds is one micrograph of each day.
    assert sorted(f.day for f in known[2::3]) == sorted(KNOWN_DAYS)


def test_tiles_cover_the_micrograph():
    field = micrographs()[0]
    columns = tiles([field])
    assert columns["image"].shape == columns["classes"].shape == (25, 160, 160, 1)
    np.testing.assert_array_equal(columns["image"][-1, ..., 0], field.image[-160:, -160:])
    np.testing.assert_array_equal(columns["classes"][1, ..., 0], field.classes[:160, 88:248])


def test_augmented_moves_picture_and_classes_alike():
    marks = np.arange(2 * 160 * 160, dtype="float32").reshape(2, 160, 160, 1)
    batch = {"image": tf.constant(marks), "classes": tf.constant(marks)}
    seen = set()
    for number in range(48):
        result = augmented(batch, tf.constant([0, number], tf.int64))
        image, classes = result["image"].numpy(), result["classes"].numpy()
        assert image.shape == (2, CROP, CROP, 1) and classes.shape == (2, CROP, CROP)
        for one, other in zip(np.sinh(image[..., 0]) / 8, classes, strict=True):
            assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.999
        corner, below, beside = classes[0, 0, 0], classes[0, -1, 0], classes[0, 0, -1]
        seen.add((below > corner, beside > corner, abs(below - corner) > abs(beside - corner)))
    assert len(seen) == 8


def test_augmented_draws_from_the_seed_alone(columns):
    batch = {name: tf.constant(column[:4]) for name, column in columns.items()}
    a, b, c = (augmented(batch, tf.constant([0, n], tf.int64))["image"] for n in (1, 1, 2))
    np.testing.assert_array_equal(a, b)
    assert (a.numpy() != c.numpy()).any()


def trained(replicas, steps, columns):
    data = batches(columns, 4, seed=0, randomness=augmented)
    with replicas.scope():
        keras.utils.set_random_seed(0)
        network = build_segmenting_unet(3, widths=(4, 8))
        network.compile(keras.optimizers.Adam(1e-2), loss=weighted_loss)
    fit(network, data.map(lambda b: (b["image"], b["classes"])), steps, progress=False)
    return network


def test_a_few_steps_find_nuclei(columns):
    network = trained(tf.distribute.get_strategy(), 30, columns)
    unseen = micrographs()[1]
    shares = class_probabilities(network, compressed(unseen.image).numpy())
    assert dice(shares.argmax(-1) != BACKGROUND, unseen.classes != BACKGROUND) > 0.8


def test_two_replicas_learn_what_one_learns(columns):
    one, two = (
        trained(strategy([f"CPU:{i}" for i in range(n)]), 3, columns).get_weights() for n in (1, 2)
    )
    for a, b in zip(one, two, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-3)


def test_own_micrographs_are_outlined_and_counted(tmp_path):
    field = micrographs(side=130)[0]
    pixels = (field.image.clip(0, 2)[:96] * 20000).astype(np.uint16)
    for name in "abcdefg":
        Image.fromarray(pixels).save(tmp_path / f"{name}.tif")
    own = own_micrographs(tmp_path)
    media = own_media(own, lambda image: np.where(image > 0.3, NUCLEUS, BACKGROUND))
    assert set(media) == {"own_counts"} | {f"own_{i}" for i in range(1, 6)}
    assert media["own_1"].pixels.shape == (192, 260, 3)
    first, *others = media["own_counts"].text.splitlines()
    counts = re.fullmatch(r"a.tif: (\d+) nuclei, (\d+) micronuclei", first)
    nuclei, micronuclei = map(int, counts.groups())
    assert 3 < nuclei < 20 and micronuclei == 0 and len(others) == 6
    assert own_media({}, None) == {}


def test_own_micrographs_that_cannot_be_read_are_told_before_training(tmp_path):
    with pytest.raises(InputError, match="There is no folder"):
        segmentation.main(
            images=str(tmp_path / "nowhere"), **segmentation.SMOKE | dict(steps=10**9)
        )
