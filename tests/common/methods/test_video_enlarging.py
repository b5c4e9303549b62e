import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, gaussian_filter1d, shift

from gen_ai_examples.common.methods.video_enlarging import (
    Motion,
    back_projected,
    best_trust,
    camera_matrix,
    film,
    neighbours,
    warp,
    windows,
)
from gen_ai_examples.common.sources.photos import enlarge


def pan(n, height=64, width=96, step=3):
    """A smooth random scene that moves left by `step` pixels a frame, (T, H, W) in [-1, 1]."""
    rng = np.random.default_rng(0)
    scene = gaussian_filter(rng.normal(size=(height, width + step * n)), 1.5)
    scene = (0.6 * scene / np.abs(scene).max()).astype(np.float32)
    return np.stack([scene[:, step * t : step * t + width] for t in range(n)])


def error(a, b):
    return np.mean((a - b)[..., 8:-8, 8:-8] ** 2)


def test_the_camera_keeps_a_constant_and_looks_at_the_middle_of_blocks():
    camera = camera_matrix(32, 4, 1.6)
    assert camera.shape == (8, 32)
    np.testing.assert_allclose(camera.sum(1), 1, rtol=1e-6)
    inside = camera[2:-2]
    np.testing.assert_allclose(inside @ np.arange(32), 4 * np.arange(2, 6) + 1.5, rtol=1e-4)
    spread = inside[0] @ (np.arange(32) - 9.5) ** 2
    assert spread == pytest.approx(1.6**2, rel=0.01)


def test_film_is_the_published_blur_then_every_fourth_pixel():
    y = np.random.default_rng(0).uniform(-0.5, 0.5, (1, 48, 64)).astype(np.float32)
    expected = y[0]
    for axis in (0, 1):
        # Half a pixel further, since a block of four has its middle between two pixels.
        kernel = camera_matrix(y.shape[1 + axis], 4, 1.6)
        expected = np.moveaxis(np.tensordot(kernel, expected, (1, axis)), 0, axis)
    small = film(y, 4, 1.6, noise=0, seed=0)[0]
    np.testing.assert_allclose(small, expected, atol=0.51 / 127.5)
    smooth = shift(gaussian_filter1d(gaussian_filter1d(y[0], 1.6, 0), 1.6, 1), -0.5, order=3)
    np.testing.assert_allclose(small[2:-2, 2:-2], smooth[1::4, 1::4][2:-2, 2:-2], atol=0.02)


def test_noise_depends_on_its_seed_and_has_its_size():
    y = np.zeros((3, 128, 128), np.float32)
    a, b, again = (film(y, 4, 1.6, noise=4, seed=s) for s in (0, 1, 0))
    np.testing.assert_array_equal(a, again)
    assert np.std(a) * 127.5 == pytest.approx(4, rel=0.05)
    assert np.corrcoef(a.ravel(), b.ravel())[0, 1] < 0.1


def test_neighbours_repeat_the_ends():
    assert neighbours(0, 2, 9) == [0, 0, 0, 1, 2]
    assert neighbours(4, 2, 9) == [2, 3, 4, 5, 6]
    assert neighbours(8, 1, 9) == [7, 8, 8]


def test_flow_between_distant_frames_is_the_sum_of_the_steps():
    frames = pan(5, step=1)
    motion = Motion(frames)
    for start, end in ((1, 2), (0, 3), (4, 2)):
        flow = motion.flow(start, end)[:, 12:-12, 16:-16]
        assert np.abs(flow[0]).mean() < 0.1
        assert flow[1].mean() == pytest.approx(start - end, abs=0.1)
        moved = warp(frames[end], motion.flow(start, end))
        assert error(moved, frames[start]) < 0.1 * error(frames[end], frames[start])
    assert not motion.flow(2, 2).any()


def test_back_projection_agrees_with_what_was_given():
    y = pan(1)
    low = film(y, 4, 1.6, noise=0, seed=0)
    camera = [camera_matrix(n, 4, 1.6) for n in y.shape[1:]]
    misfits = [
        np.mean((camera[0] @ x @ camera[1].T - low[0]) ** 2)
        for x in (enlarge(low[0], 4), back_projected(low, 4, 1.6, 0, 8, 0.05)[0])
    ]
    assert misfits[1] < 0.2 * misfits[0]


def test_several_frames_tell_more_than_one_where_the_scene_only_pans():
    y = pan(5)
    low = film(y, 4, 1.6, noise=1, seed=0)
    smooth = enlarge(low[2], 4)
    one, five = (back_projected(low, 4, 1.6, radius, 6, 0.05)[2] for radius in (0, 2))
    assert error(five, y[2]) < 0.9 * error(one, y[2]) < 0.9 * error(smooth, y[2])


def test_windows_are_centred_and_repeat_the_ends():
    frames = np.arange(5)[:, None, None]
    assert windows(frames, 2)[..., 0, 0].tolist() == [
        [0, 0, 0, 1, 2], [0, 0, 1, 2, 3], [0, 1, 2, 3, 4], [1, 2, 3, 4, 4], [2, 3, 4, 4, 4]
    ]  # fmt: skip
    np.testing.assert_array_equal(windows(frames, 0)[:, 0], frames)


def test_neighbours_are_trusted_where_the_scene_only_pans():
    y = pan(5)
    low = film(y, 4, 1.6, noise=1, seed=0)
    choices = (1e-4, 0.05)  # the first trusts no neighbour
    assert best_trust([(low, y)], 4, 1.6, 2, 4, choices) == 0.05
    shuffled = low.copy()
    shuffled[[0, 1, 3, 4]] = -low[[0, 1, 3, 4], ::-1]
    one = back_projected(shuffled, 4, 1.6, 2, 4, 1e-4)[2]
    np.testing.assert_allclose(one, back_projected(low, 4, 1.6, 0, 4, 1e-4)[2], atol=1e-3)
