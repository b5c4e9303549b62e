import numpy as np
import pytest
from skimage.filters import threshold_otsu

from gen_ai_examples.common.methods.segmenting import (
    PixelForest,
    Thresholds,
    decided,
    split_touching,
    tuned,
    without_small,
)
from gen_ai_examples.common.metrics.segmentation import dice
from gen_ai_examples.common.sources.microscopy import (
    BACKGROUND,
    MICRONUCLEUS,
    NUCLEUS,
    Field,
)


def disc(centre, radius, shape=(96, 96)):
    y, x = np.mgrid[: shape[0], : shape[1]]
    return (y - centre[0]) ** 2 + (x - centre[1]) ** 2 <= radius**2


def toy_field(seed):
    """Two nuclei and two bright dots in noise."""
    rng = np.random.default_rng(seed)
    nuclei = 1 * disc((25, 30), 12) + 2 * disc((65, 60), 14)
    micronuclei = 1 * disc((25, 60), 2) + 2 * disc((70, 20), 3)
    image = (nuclei > 0) + 0.6 * (micronuclei > 0) + rng.normal(0, 0.05, nuclei.shape)
    return Field(image.astype(np.float32), nuclei, micronuclei, "toy", str(seed))


def forest(fields):
    shares = PixelForest(fields, 10, 0, 2000)
    return lambda image: decided(shares(image), 0.5, 0.5)


@pytest.mark.parametrize("learn", [Thresholds, forest])
def test_each_baseline_solves_the_easy_case(learn):
    method = learn([toy_field(0), toy_field(1)])
    unseen = toy_field(2)
    classes = method(unseen.image)
    assert dice(classes == NUCLEUS, unseen.nuclei > 0) > 0.95
    assert dice(classes == MICRONUCLEUS, unseen.micronuclei > 0) > 0.7


def test_thresholds_are_no_worse_than_plain_otsu_where_they_were_tuned():
    fields = [toy_field(seed) for seed in range(2)]
    method = Thresholds(fields)
    truth = np.stack([f.nuclei > 0 for f in fields])
    ours = np.stack([method(f.image) == NUCLEUS for f in fields])
    plain = np.stack([f.image > threshold_otsu(f.image) for f in fields])
    assert dice(ours, truth) > dice(plain, truth)


def test_the_forest_depends_on_its_seed_alone():
    fields = [toy_field(0)]
    a, b, c = (PixelForest(fields, 3, seed, 500)(fields[0].image) for seed in (0, 0, 1))
    np.testing.assert_array_equal(a, b)
    assert (a != c).any()
    np.testing.assert_allclose(a.sum(-1), np.ones(a.shape[:2]))


def test_tuned_takes_the_setting_that_matches_best():
    fields = [toy_field(0)]

    def method(truth, shift):
        return np.roll(truth, shift, axis=0)

    settings = dict(shift=(-2, 0, 3))
    assert tuned(method, settings, [fields[0].classes], fields, [NUCLEUS]) == dict(shift=0)


def test_decided_takes_a_class_from_its_threshold_on():
    shares = np.zeros((60, 60, 3))
    shares[..., BACKGROUND] = 1
    shares[10:30, 10:30] = (0.4, 0.6, 0)
    shares[18:20, 18:20] = (1, 0, 0)  # a hole
    shares[40:44, 40:44] = (0.2, 0.2, 0.6)
    shares[50, 50] = (0, 0, 1)  # a speck
    classes = decided(shares, nucleus=0.5, micronucleus=0.5)
    expected = np.zeros((60, 60), int)
    expected[10:30, 10:30], expected[40:44, 40:44] = NUCLEUS, MICRONUCLEUS
    np.testing.assert_array_equal(classes, expected)
    assert not (decided(shares, 0.5, 0.7) == MICRONUCLEUS).any()
    assert not (decided(shares, 0.7, 0.5) == NUCLEUS).any()


def test_touching_discs_are_split_and_a_single_one_is_not():
    touching = disc((40, 30), 14) | disc((40, 54), 14)
    objects = split_touching(touching)
    assert objects.max() == 2 and objects[40, 30] != objects[40, 54]
    np.testing.assert_array_equal(objects > 0, touching)
    assert split_touching(disc((40, 40), 16)).max() == 1
    assert split_touching(np.zeros((20, 20), bool)).max() == 0


def test_without_small_keeps_what_is_large_enough():
    mask = np.zeros((10, 20), bool)
    mask[1:3, 1:3] = mask[5:8, 10:13] = True
    np.testing.assert_array_equal(without_small(mask, 4), mask)
    assert without_small(mask, 5).sum() == 9
    assert without_small(mask, 10).sum() == 0
