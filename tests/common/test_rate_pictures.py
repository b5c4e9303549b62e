import dataclasses

import numpy as np
import pytest

from gen_ai_examples.common.rate_pictures import Panel, by_rate, courses

PANEL = Panel(
    "Title", "Rate", "Quality", {"a": {1e-3: 1.0, 1e-2: 3.0, 1e-1: 2.0}}, {}, "higher", (0.5, 4)
)
BLACK = {"digits": np.full((3, 8, 8, 1), -1.0)}


def drawn(strips=BLACK, **changes):
    return by_rate(dataclasses.replace(PANEL, **changes), strips).pixels.astype(int)


def column_of_ring(pixels):
    """The column around which most pixels of the left half have the colour of the line."""
    blue = (abs(pixels - (31, 119, 180)).sum(-1) < 60)[:, : pixels.shape[1] // 2]
    counts = blue.sum(0)
    return np.argmax(np.convolve(counts, np.ones(15), "same"))


@pytest.mark.parametrize("log", [False, True])
def test_the_ring_is_where_the_best_is(log):
    flat = {1e-3: 2.0, 1e-2: 2.0, 1e-1: 2.0}
    places = [
        column_of_ring(drawn(lines={"a": flat | {rate: 2.01}}, log=log)) for rate in sorted(flat)
    ]
    assert places == sorted(set(places))
    lowest = drawn(lines={"a": flat | {1e-1: 1.99}}, log=log, better="lower")
    assert column_of_ring(lowest) == pytest.approx(places[2], abs=3)


def test_what_lies_beyond_the_limits_is_shown_at_the_limit():
    inside = drawn(lines={"a": {1e-3: 1.0, 1e-2: 3.0, 1e-1: 0.5}})
    below = drawn(lines={"a": {1e-3: 1.0, 1e-2: 3.0, 1e-1: -99.0}})
    far_below = drawn(lines={"a": {1e-3: 1.0, 1e-2: 3.0, 1e-1: -1e9}})
    assert (inside != below).any() and (below == far_below).all()


def test_the_pictures_are_on_the_right_and_marks_on_the_left():
    plain = drawn()
    middle = plain.shape[1] * 6 // 11
    white = drawn(strips={"digits": np.ones((3, 8, 8, 1))})
    assert (plain[:, :middle] == white[:, :middle]).all()
    assert (plain[:, middle:] != white[:, middle:]).any()
    marked = drawn(marks={"baseline": 1.5})
    assert (plain[:, :middle] != marked[:, :middle]).any()


def test_every_schedule_has_its_course_and_its_quality():
    rates = {"a": [1.0, 0.5, 0.0], "b": [1.0, 1.0, 1.0]}
    qualities = {"a": [1.0, 2.0, 3.0], "b": [1.0, 1.5, 2.5]}
    both = courses(rates, qualities, 10, "ELBO", 0.0).pixels
    other = courses(rates, qualities | {"b": [1.0, 1.5, 1.6]}, 10, "ELBO", 0.0).pixels
    middle = both.shape[1] // 2
    assert (both[:, :middle] == other[:, :middle]).all()
    assert (both[:, middle:] != other[:, middle:]).any()
