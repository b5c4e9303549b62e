import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from skimage.color import rgb2lab

from gen_ai_examples.common.methods.colour_propagation import (
    chained,
    direct,
    middle,
    misfits,
    nearest_patches,
    propagate,
    steadied,
    steps_back,
    to_lab,
    warp_all,
)

INSIDE = (slice(None), slice(8, -8), slice(12, -12))


@pytest.fixture(scope="module")
def pan():
    """A smooth random scene in CIELAB that moves left by a pixel a frame, (6, 48, 64, 3)."""
    rng = np.random.default_rng(0)
    scene = np.stack([gaussian_filter(rng.normal(size=(48, 70)), 2) for _ in range(3)], -1)
    scene = (50, 0, 0) + 30 * scene / np.abs(scene).max((0, 1))
    return np.stack([scene[:, t : t + 64] for t in range(6)]).astype(np.float32)


def test_lab_is_that_of_the_mean_colour_of_squares():
    frames = np.random.default_rng(0).integers(0, 256, (2, 4, 6, 3), np.uint8)
    np.testing.assert_allclose(to_lab(frames), rgb2lab(frames), atol=1e-3)
    half = to_lab(frames, 2)
    assert half.shape == (2, 2, 3, 3)
    mean = frames[1, 2:4, 4:6].reshape(4, 3).mean(0) / 255
    np.testing.assert_allclose(half[1, 1, 2], rgb2lab(mean), atol=1e-3)


def test_the_middle_is_kept():
    frames = np.arange(10)[None, :, None].repeat(9, 2)
    assert middle(frames, 4)[0, :, 0].tolist() == list(range(1, 9))
    assert middle(frames, 4).shape == (1, 8, 8)


@pytest.mark.parametrize("way", ["chained", "direct"])
def test_both_flows_lead_back_to_the_first_frame(pan, way):
    lightness = pan[..., 0]
    flows = {
        "chained": lambda: chained(steps_back(lightness)),
        "direct": lambda: direct(lightness, np.arange(6)),
    }[way]()
    assert flows.shape == (6, 2, 48, 64)
    for t in (1, 5):
        rows, columns = flows[(t, *INSIDE)]
        assert np.abs(rows).mean() < 0.15
        assert columns.mean() == pytest.approx(t, abs=0.15)
        moved = warp_all(pan[0], flows[t])
        assert np.abs(moved - pan[t])[INSIDE[1:]].mean() < 0.3 * np.abs(pan[0] - pan[t]).mean()


def test_patches_of_the_first_frame_find_themselves(pan):
    found = nearest_patches(pan[0, ..., 0], pan[0])
    np.testing.assert_array_equal(found[::2, ::2], pan[0, ::2, ::2])
    np.testing.assert_array_equal(found[1::2, 1::2], found[::2, ::2])
    # Two pixels on the places no longer fit, but the patches do; in the end only places count.
    moved = nearest_patches(pan[2, ..., 0], pan[0], nearness=0.01)
    assert np.mean(moved[8:-8:2, 8:-8:2] == pan[2, 8:-8:2, 8:-8:2]) > 0.9
    np.testing.assert_array_equal(nearest_patches(pan[2, ..., 0], pan[0], 1e3), found)


def test_only_the_colours_of_the_first_frame_are_used(pan):
    steps, chosen = steps_back(pan[..., 0]), np.array([2, 5])
    seen = propagate(pan, steps, chosen)
    hidden = pan.copy()
    hidden[1:, ..., 1:] = 0
    blind = propagate(hidden, steps, chosen)
    for name in ("first", "direct", "chained", "patches", "flow", "better"):
        np.testing.assert_array_equal(getattr(seen, name), getattr(blind, name))
    np.testing.assert_array_equal(seen.lab, pan[chosen])


def test_the_flow_that_fits_is_chosen_pixel_by_pixel(pan):
    steps = steps_back(pan[..., 0])
    steps[:, :, :24] = 20  # wrong in the upper half
    both = propagate(pan, steps, np.array([4]))
    truth = pan[[4], ..., 1:]
    wrong = {
        name: np.abs(x - truth)[:, 6:18, 12:-24].mean()
        for name, x in (("chained", both.chained[..., 1:]), ("better", both.better))
    }
    assert wrong["better"] < 0.5 * wrong["chained"]


def test_misfits_are_squared_and_blurred_within_frames():
    a = np.zeros((2, 9, 9), np.float32)
    a[0, 4, 4] = 3
    result = misfits(a, np.zeros_like(a))
    assert result[0].sum() == pytest.approx(9, rel=1e-3) and result[0].max() < 2
    assert not result[1].any()


def test_steadying_calms_colours_where_lightness_fits(pan):
    still = pan[:1].repeat(6, 0)
    steps = np.zeros((5, 2, 48, 64), np.float32)
    restless = still[..., 1:] + np.array([0, 2, -2, 2, -2, 2])[:, None, None, None]
    calm = steadied(restless, still[..., 0], steps, share=0.5, trust=4.0)
    np.testing.assert_allclose((calm - still[..., 1:])[:3, 0, 0, 0], [0, 1, -0.5], atol=1e-4)
    jumping = still[..., 0] + 50 * (np.arange(6) % 2)[:, None, None]
    np.testing.assert_allclose(steadied(restless, jumping, steps, 0.5, 4.0), restless, atol=1e-4)
