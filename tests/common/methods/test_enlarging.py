import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from gen_ai_examples.common.methods.enlarging import (
    LinearFilters,
    UnsharpMasking,
    back_projection,
)
from gen_ai_examples.common.sources import image
from gen_ai_examples.common.sources.photos import enlarge, luminance, shrink, tiles, whole_blocks


@pytest.fixture(scope="module")
def photo():
    return whole_blocks(image.photographs()["chelsea"][:200, :200], 4)


def squared_error(a, b):
    return ((a - b)[8:-8, 8:-8] ** 2).mean()


def test_back_projection_shrinks_to_what_was_given_and_is_nearer_to_the_truth(photo):
    y = luminance(photo)
    low = shrink(y, 4)
    plain, corrected = enlarge(low, 4), back_projection(low, 4)
    np.testing.assert_array_equal(back_projection(low, 4, steps=0), plain)
    assert np.abs(shrink(corrected, 4) - low).max() < 1e-3 < np.abs(shrink(plain, 4) - low).max()
    assert squared_error(corrected, y) < squared_error(plain, y)


def test_unsharp_masking_finds_the_sharpness_it_was_made_with():
    rng = np.random.default_rng(0)
    lows = [rng.normal(size=(16, 16)).astype("float32") for _ in range(2)]

    def sharpened(low):
        y = enlarge(low, 4)
        return y + 0.75 * (y - gaussian_filter(y, 2.0))

    tuned = UnsharpMasking([(low, sharpened(low)) for low in lows], 4)
    assert (tuned.sigma, tuned.amount) == (2.0, 0.75)
    low = rng.normal(size=(8, 12)).astype("float32")
    np.testing.assert_allclose(tuned(low), sharpened(low), atol=1e-6)


def test_linear_filters_recover_a_linear_rule_to_the_pixel():
    rng = np.random.default_rng(0)
    rule = rng.normal(size=(7, 7, 4, 4))
    rule[:2] = 0  # not symmetric, or turned filters would pass

    def lacks(low):
        padded = np.pad(low, 3, mode="edge")
        height, width = low.shape
        blocks = sum(
            padded[i : i + height, j : j + width, None, None] * rule[i, j]
            for i in range(7)
            for j in range(7)
        )
        return blocks.swapaxes(1, 2).reshape(4 * height, 4 * width).astype("float32")

    lows = rng.normal(size=(30, 12, 12)).astype("float32")
    details = np.stack([lacks(low) for low in lows])
    filters = LinearFilters(lows[..., None], details[..., None])
    low = rng.normal(size=(9, 14)).astype("float32")
    np.testing.assert_allclose(filters(low), enlarge(low, 4) + lacks(low), atol=1e-3)


def test_linear_filters_are_the_best_of_their_kind_on_what_they_were_fitted_to(photo):
    lows, details = tiles(photo, 4, side=16)
    y = luminance(photo)
    low = luminance(shrink(photo, 4))
    error = squared_error(LinearFilters(lows, details)(low), y)
    assert error < squared_error(back_projection(low, 4), y) < squared_error(enlarge(low, 4), y)
