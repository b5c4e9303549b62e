import numpy as np
import pytest

from gen_ai_examples.common.methods.filling import (
    biharmonic,
    closest_pictures,
    gaussian_mean,
    mean_fill,
)
from gen_ai_examples.common.sources.holes import fixed_strokes


def damaged(seed=0, n=6, size=16):
    pictures = np.random.default_rng(seed).uniform(-1, 1, (n, size, size, 3)).astype("float32")
    return pictures, fixed_strokes(0.3, n, size, seed)


METHODS = {
    "mean": mean_fill,
    "biharmonic": biharmonic,
    "closest": lambda x, hole: closest_pictures(x, hole, damaged(seed=1)[0], 2)[1],
    "Gaussian": lambda x, hole: gaussian_mean(x, hole, damaged(seed=1, n=20)[0]),
}


@pytest.mark.parametrize("method", METHODS)
def test_what_is_known_stays_and_what_is_hidden_is_never_looked_at(method):
    pictures, hole = damaged()
    filled = METHODS[method](pictures, hole)
    assert filled.dtype == np.float32
    np.testing.assert_allclose(filled * (1 - hole), pictures * (1 - hole), atol=1e-6)
    spoiled = np.where(hole > 0, 1.0, pictures).astype("float32")
    np.testing.assert_allclose(METHODS[method](spoiled, hole), filled, atol=1e-6)


@pytest.mark.parametrize("method", ["mean", "biharmonic"])
def test_a_picture_of_one_colour_is_restored(method):
    _, hole = damaged()
    colour = np.float32([0.5, -0.25, 0])
    pictures = np.broadcast_to(colour, (6, 16, 16, 3)).astype("float32")
    np.testing.assert_allclose(METHODS[method](pictures, hole), pictures, atol=1e-5)


def test_the_biharmonic_filling_continues_slopes():
    slope = np.linspace(-0.9, 0.9, 16, dtype="float32")
    pictures = np.broadcast_to(slope[:, None], (1, 16, 16))[..., None].repeat(3, -1)
    hole = np.zeros((1, 16, 16, 1), "float32")
    hole[:, 5:11, 4:12] = 1
    np.testing.assert_allclose(biharmonic(pictures, hole), pictures, atol=1e-3)
    assert np.abs(mean_fill(pictures, hole) - pictures).max() > 0.2


def test_the_closest_pictures_are_found_by_what_is_known():
    pictures, hole = damaged()
    others, _ = damaged(seed=1, n=20)
    slightly_off = 0.9 * pictures
    candidates = np.concatenate([others, slightly_off, pictures])
    first, second = closest_pictures(pictures, hole, candidates, 2)
    np.testing.assert_allclose(first, pictures)
    np.testing.assert_allclose(second, np.where(hole > 0, slightly_off, pictures))


def test_without_a_ridge_the_gaussian_mean_is_the_linear_regression():
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(16, 16)) / 20
    examples, pictures = (
        (rng.normal(size=(n, 16)) @ mixing + 0.1).reshape(n, 4, 4, 1).astype("float32")
        for n in (200, 3)
    )
    hole = fixed_strokes(0.5, 3, 4, 0)
    filled = gaussian_mean(pictures, hole, examples, ridge=0.0)
    for one, picture, missing in zip(filled, pictures, hole, strict=True):
        known = missing.ravel() == 0
        flat = examples.reshape(200, 16)
        inputs = np.column_stack([flat[:, known], np.ones(200)])
        weights = np.linalg.lstsq(inputs, flat[:, ~known], rcond=None)[0]
        expected = np.append(picture.ravel()[known], 1) @ weights
        np.testing.assert_allclose(one.ravel()[~known], expected, atol=1e-4)


def test_pixels_that_tell_nothing_of_each_other_get_their_means():
    pictures, hole = damaged()
    examples = np.random.default_rng(1).uniform(-1, 1, (500, 16, 16, 3)).astype("float32")
    filled = gaussian_mean(pictures, hole, examples, ridge=1e6)
    expected = np.broadcast_to(examples.mean(0), filled.shape)
    np.testing.assert_allclose(filled * hole, expected * hole, atol=0.01)
