import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from gen_ai_examples.common.sources.holes import fixed_strokes, strokes


@settings(max_examples=20, deadline=None)
@given(st.floats(0.02, 0.7), st.integers(0, 1000), st.sampled_from([16, 33, 64]))
def test_a_hole_hides_the_share_that_was_asked_for(share, seed, size):
    hole = fixed_strokes(share, 3, size, seed)
    assert hole.shape == (3, size, size, 1) and set(np.unique(hole)) == {0, 1}
    # Ties: pixels at the same distance on both sides of a stroke.
    np.testing.assert_allclose(hole.mean((1, 2, 3)), share, atol=0.02 + 1 / size**2)


def test_nothing_and_everything_can_be_hidden():
    assert fixed_strokes(0.0, 2, 16, 0).sum() == 0
    assert fixed_strokes(1.0, 2, 16, 0).mean() == 1


def test_holes_depend_on_the_seed_alone_and_differ_from_row_to_row():
    one, again, other = (fixed_strokes(0.2, 4, 32, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert np.abs(one - other).mean() > 0.1
    assert np.abs(one[0] - one[1]).mean() > 0.1


def test_a_thicker_hole_contains_the_thinner_one_of_the_same_strokes():
    thin, thick = fixed_strokes(0.1, 5, 32, 3), fixed_strokes(0.4, 5, 32, 3)
    assert (thick >= thin).all()


def test_one_stroke_is_one_piece():
    shares = tf.fill((8,), 0.2)
    holes = strokes(tf.constant([0, 0]), shares, 48, lines=1).numpy()[..., 0]
    assert [ndimage.label(hole, np.ones((3, 3)))[1] for hole in holes] == [1] * 8


def test_a_straight_stroke_has_the_same_thickness_everywhere():
    """Hidden is a band with round ends: as many pixels as its area says."""
    holes = strokes(tf.constant([5, 0]), tf.fill((6,), 0.25), 64, lines=1, turns=0).numpy()[..., 0]
    for hole in holes:
        radius = ndimage.distance_transform_edt(np.pad(hole, 1, mode="edge")).max()
        y, x = np.nonzero(hole)
        length = np.hypot(np.ptp(y), np.ptp(x))
        assert hole.sum() <= (length + 2) * 2 * radius * 1.1


def test_shares_may_differ_by_row():
    shares = tf.constant([0.1, 0.5])
    holes = strokes(tf.constant([0, 1]), shares, 64)
    assert holes.numpy().mean((1, 2, 3)) == pytest.approx([0.1, 0.5], abs=0.01)
