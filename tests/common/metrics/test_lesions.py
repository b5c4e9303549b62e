import numpy as np
import pytest

from gen_ai_examples.common.metrics.lesions import (
    CONTRASTS,
    RADII,
    SIDE,
    contrast_kept,
    even_places,
    false_spots,
    implanted,
    quality,
    seen,
    spot,
    spot_scores,
    windows,
)


@pytest.fixture
def shape():
    return spot(3.0)


def test_a_spot_has_the_area_of_its_disc_and_is_round():
    for radius in (1.5, 3.0):
        shape = spot(radius)
        assert shape.shape == (SIDE, SIDE)
        assert shape.sum() == pytest.approx(np.pi * radius**2, rel=0.02)
        np.testing.assert_allclose(shape, shape.T, atol=1e-12)
        np.testing.assert_allclose(shape, shape[::-1], atol=1e-12)
        assert shape.argmax() == SIDE * SIDE // 2
    assert spot(3.0).max() == pytest.approx(1, abs=0.01)


def test_places_are_even_far_apart_and_not_at_the_border():
    image = np.ones((100, 100), np.float32)
    image[:, 60:] = np.random.default_rng(0).uniform(0, 2, (100, 40))
    places = even_places(image, gap=20)
    assert len(places) > 4
    for i, (y, x) in enumerate(places):
        assert SIDE // 2 <= y < 100 - SIDE // 2 and SIDE // 2 <= x < 60
        assert all(max(abs(y - v), abs(x - u)) > 20 for v, u in places[:i])


def test_implanted_adds_the_contrast_and_leaves_the_original_alone(shape):
    clean = np.full((40, 60), 0.5)
    result = implanted(clean, [(20, 15), (20, 45)], shape, np.array([0.2, -0.2]))
    assert result[20, 15] == pytest.approx(0.7, abs=0.005)
    assert result[20, 45] == pytest.approx(0.3, abs=0.005)
    assert (clean == 0.5).all() and (result[:, 28:32] == 0.5).all()
    assert implanted(clean, [(20, 15)], shape, np.array([-2.0])).min() == 0


def test_contrast_kept_is_1_for_all_and_the_share_for_less(shape):
    clean, places, contrasts = np.ones((40, 60)), [(20, 15), (20, 45)], np.array([0.2, -0.2])
    without = windows(clean, places)
    full = windows(implanted(clean, places, shape, contrasts), places)
    np.testing.assert_allclose(contrast_kept(full, without, shape, contrasts), 1)
    np.testing.assert_allclose(contrast_kept(without, without, shape, contrasts), 0)
    some = without + 0.3 * (full - without)
    np.testing.assert_allclose(contrast_kept(some, without, shape, contrasts), 0.3)


def test_seen_is_half_without_spots_and_as_the_theory_says_with_them(shape):
    rng = np.random.default_rng(0)
    signs = np.where(np.arange(2000) % 2, 1, -1)
    noise = rng.normal(size=(2, 2000, SIDE, SIDE))
    assert seen(noise[0], noise[1], shape, signs) == pytest.approx(0.5, abs=0.02)
    template = shape - shape.mean()
    # A matched filter in white noise has d' = contrast * norm, and AUC 0.76 at d' = 1.
    spots = signs[:, None, None] * shape / np.linalg.norm(template)
    assert seen(noise[0] + spots, noise[1], shape, signs) == pytest.approx(0.760, abs=0.02)
    assert seen(noise[0] - spots, noise[1], shape, signs) < 0.3
    assert seen(noise[0], noise[0], shape, signs) == pytest.approx(0.5, abs=1e-3)


def test_false_spots_counts_invented_ones_of_enough_contrast_inside(shape):
    zero, where = np.zeros((60, 90)), np.ones((60, 90), bool)
    assert false_spots(zero, shape, 0.1, where) == 0
    error = implanted(zero, [(20, 15), (20, 45)], shape, np.array([0.2, 0.3]))
    error -= implanted(zero, [(40, 70)], shape, np.array([0.2]))
    assert false_spots(error, shape, 0.19, where) == 3
    assert false_spots(error, shape, 0.25, where) == 1
    where[:, :60] = False
    assert false_spots(error, shape, 0.19, where) == 1


def even_head():
    clean = np.zeros((1, 120, 120), np.float32)
    clean[:, 10:110, 10:110] = 1
    return clean


def noisy(images, draw):
    return [
        image + np.random.default_rng((draw, i)).normal(0, 0.1, image.shape).astype("float32")
        for i, image in enumerate(images)
    ]


def test_spot_scores_of_doing_nothing_and_of_erasing_everything():
    nothing = spot_scores(lambda x: x, even_head(), noisy)
    assert set(nothing) == {
        (score, size, contrast)
        for score in ("kept", "seen", "false")
        for size in RADII
        for contrast in CONTRASTS
    }
    assert nothing["kept", "large", 0.2] == pytest.approx(1, abs=1e-3)
    assert nothing["seen", "large", 0.4] > nothing["seen", "large", 0.1] > 0.5
    assert nothing["false", "small", 0.1] > nothing["false", "large", 0.1]
    erased = spot_scores(lambda x: even_head()[0], even_head(), noisy)
    assert erased["kept", "large", 0.2] == 0
    assert erased["seen", "large", 0.4] == 0.5
    assert erased["false", "small", 0.1] == 0


def test_quality_is_that_of_the_literature():
    clean = even_head()
    shifted = quality(clean + np.float32(0.1), clean)
    assert shifted["PSNR"] == pytest.approx(20, abs=1e-3)
    assert shifted["SSIM"] < 1
