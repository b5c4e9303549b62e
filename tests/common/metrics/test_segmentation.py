import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import label
from sklearn.metrics import f1_score

from gen_ai_examples.common.metrics.segmentation import (
    boundary_distance,
    dice,
    f1,
    matched_objects,
)


def square(top, left, side=10, size=40):
    mask = np.zeros((size, size), bool)
    mask[top : top + side, left : left + side] = True
    return mask


def blobs(seed):
    rng = np.random.default_rng(seed)
    return rng.random((16, 16)) < rng.uniform(0.05, 0.6)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.integers(0, 1000))
def test_dice_is_the_f1_score_of_the_pixels(a, b):
    a, b = blobs(a), blobs(b)
    expected = f1_score(a.ravel(), b.ravel())
    assert dice(a, b) == pytest.approx(expected) == pytest.approx(dice(b, a))
    assert dice(a, a) == 1


def test_dice_of_empty_masks():
    empty = np.zeros((5, 5), bool)
    assert dice(empty, empty) == 1
    assert dice(empty, square(0, 0, 2, 5)) == 0


def test_the_boundary_distance_of_squares_inside_each_other_is_the_margin():
    # Sides lie 3 apart; of the inner outline every pixel, of the outer one all but the corners.
    inner, outer = square(13, 13, 10), square(10, 10, 16)
    corners = [np.hypot(3, k) for k in (1, 2, 3)] + [np.hypot(3, k) for k in (1, 2)]
    n_inner, n_outer = 36, 60
    expected = (3 * n_inner + 3 * (n_outer - 20) + 4 * sum(corners)) / (n_inner + n_outer)
    assert boundary_distance(inner, outer) == pytest.approx(expected)
    assert boundary_distance(outer, inner) == pytest.approx(expected)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.integers(0, 1000))
def test_the_boundary_distance_is_symmetric_and_zero_for_equals(a, b):
    a, b = blobs(a), blobs(b)
    assert boundary_distance(a, a) == 0
    assert boundary_distance(a, b) == pytest.approx(boundary_distance(b, a))
    assert boundary_distance(a, b) == pytest.approx(boundary_distance(a.T, b.T))


def test_the_boundary_distance_to_nothing_is_the_diagonal():
    empty = np.zeros((30, 40), bool)
    some = empty.copy()
    some[3:9, 4:8] = True
    assert boundary_distance(empty, some) == boundary_distance(some, empty) == 50
    assert boundary_distance(empty, empty) == 0
    assert boundary_distance(~empty, some) == 50
    assert boundary_distance(~empty, ~empty) == 0


def test_objects_are_matched_when_more_than_half_of_their_union_is_shared():
    truth = label(square(2, 2) | square(20, 20))[0]
    shifted = label(square(2, 5) | square(20, 24))[0]  # unions 130 and 140, shared 70 and 60
    assert matched_objects(shifted, truth) == (1, 2, 2)
    assert matched_objects(shifted * 7, truth) == (1, 2, 2)  # numbers may have gaps
    assert matched_objects(truth, truth) == (2, 2, 2)
    assert matched_objects(truth * 0, truth) == (0, 0, 2)
    merged = (truth > 0).astype(int)
    assert matched_objects(merged, truth) == (0, 1, 2)


def test_f1_of_counts():
    assert f1(3, 4, 6) == pytest.approx(2 / (4 / 3 + 6 / 3))
    assert f1(0, 0, 0) == 1
    assert f1(0, 0, 5) == f1(0, 5, 0) == 0
