import numpy as np
import tensorflow as tf

from gen_ai_examples.common import augment
from gen_ai_examples.common.augment import warp


def seed(number):
    return tf.constant([0, number], tf.int64)


def blob(n=64, size=32):
    """A dark square on white, off the middle, n times."""
    pictures = np.ones((n, size, size, 1), "float32")
    pictures[:, 10:14, 18:24] = -1
    return pictures


def centre(picture):
    ink = 1 - picture[..., 0]
    y, x = np.mgrid[: ink.shape[0], : ink.shape[1]]
    return np.array([(ink * y).sum(), (ink * x).sum()]) / ink.sum()


def test_pictures_of_one_row_move_together():
    one = blob()
    result = warp({"one": tf.constant(one), "three": tf.constant(one.repeat(3, -1))}, seed(0))
    np.testing.assert_allclose(result["three"], np.repeat(result["one"], 3, -1), atol=1e-6)


def test_rows_move_apart_and_depend_on_the_seed_alone():
    pictures = {"x": tf.constant(blob())}
    first, again, other = (warp(pictures, seed(i))["x"].numpy() for i in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert len({picture.tobytes() for picture in (*first, *other)}) == 128


def test_flips_are_even_and_shifts_within_bounds(monkeypatch):
    monkeypatch.setattr(augment, "TURN", 0.0)
    monkeypatch.setattr(augment, "ZOOM", (1.0, 1.0))
    pictures = blob(200)
    moved = warp({"x": tf.constant(pictures)}, seed(0))["x"].numpy()
    y, x = np.transpose([centre(picture) for picture in moved])
    left = x < 15.5
    assert 70 < left.sum() < 130
    true_y, true_x = centre(pictures[0])
    reach = 0.1 * 32 + 0.01
    assert np.abs(y - true_y).max() < reach
    assert np.abs(np.where(left, 31 - x, x) - true_x).max() < reach


def test_zoom_makes_what_is_drawn_larger_by_that_factor(monkeypatch):
    for name, value in {"TURN": 0.0, "SHIFT": 0.0, "ZOOM": (0.5, 0.5)}.items():
        monkeypatch.setattr(augment, name, value)
    ink = (1 - warp({"x": tf.constant(blob())}, seed(0))["x"]).numpy().sum((1, 2, 3))
    np.testing.assert_allclose(ink, (1 - blob()).sum((1, 2, 3)) / 4, rtol=0.01)


def test_without_moves_nothing_changes_but_the_side(monkeypatch):
    for name, value in {"TURN": 0.0, "SHIFT": 0.0, "ZOOM": (1.0, 1.0)}.items():
        monkeypatch.setattr(augment, name, value)
    pictures = np.random.default_rng(0).random((16, 9, 9, 3), "float32")
    moved = warp({"x": tf.constant(pictures)}, seed(0))["x"].numpy()
    for before, after in zip(pictures, moved, strict=True):
        same, turned = (np.abs(x - after).max() for x in (before, before[:, ::-1]))
        assert min(same, turned) < 1e-5


def test_white_comes_in_from_outside():
    dark = warp({"x": -tf.ones((64, 16, 16, 1))}, seed(0))["x"].numpy()
    assert dark.max() > 0.9 and dark[:, 8, 8].max() < -0.99
