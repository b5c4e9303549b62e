import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.metrics.text import (
    bits_per_character,
    known_words,
    longest_copies,
    repetition,
    surprise,
)


def places(windows):
    """As surprise, how many tokens were read before."""
    return np.tile(np.arange(windows.shape[1], dtype=float), (len(windows), 1))


@settings(deadline=None)
@given(st.integers(1, 60), st.integers(1, 12), st.data())
def test_each_token_counts_once_and_with_enough_before_it(n, length, data):
    stride = data.draw(st.integers(1, length))
    tokens = np.arange(n)
    # What each token is, if that is the surprise: none is left out, or mistaken for another.
    np.testing.assert_array_equal(surprise(lambda w: w, tokens, length, stride, 4), tokens)
    before = surprise(places, tokens, length, stride, batch_size=4)
    assert np.all(before >= np.minimum(np.arange(n), length - stride))
    assert np.all(before <= np.arange(n))


def test_windows_always_come_in_the_same_shape():
    shapes = set()

    def nats(windows):
        shapes.add((windows.shape, windows.dtype))
        return places(windows)

    for n in (1, 3, 50):
        surprise(nats, np.zeros(n), 8, 2, batch_size=5)
    assert shapes == {((5, 8), np.dtype("int32"))}


@pytest.mark.parametrize(("tokens", "stride"), [([], 1), ([1], 0), ([1], 9)])
def test_nothing_to_read_or_a_stride_that_leaves_gaps_is_refused(tokens, stride):
    with pytest.raises(InputError, match="a stride of 1 to 8"):
        surprise(places, tokens, 8, stride)


def test_bits_per_character_of_equal_chances():
    """A text of 12 characters in 4 tokens out of 8: 3 bits each."""
    assert bits_per_character(np.full(4, np.log(8)), "twelve chars") == pytest.approx(1.0)


def test_repetition_counts_what_stood_there_before():
    assert repetition(["abcdef"]) == 0
    assert repetition([list("abababab")]) == pytest.approx(3 / 5)  # abab baba abab baba abab
    assert repetition([np.array([1, 2, 3]), [7, 7, 7]], n=1) == pytest.approx((0 + 2 / 3) / 2)
    with pytest.raises(InputError, match="at least 4"):
        repetition(["abcdef", "abc"])


def test_known_words_are_those_of_the_source_whole():
    source = "Call me Ishmael. Some years ago"
    assert known_words(["x call ME, ish Some9years y"], source) == 4 / 5
    assert known_words(["a me b", "a mee b"], source) == 1 / 2
    with pytest.raises(InputError, match="no words"):
        known_words(["12 34", "a b"], source)


@settings(deadline=None)
@given(st.lists(st.text("ab", max_size=12), min_size=1, max_size=3), st.text("ab", max_size=20))
def test_the_longest_copies_are_those_that_a_search_of_all_stretches_finds(texts, source):
    expected = [
        max(
            j - i
            for i in range(len(text) + 1)
            for j in range(i, len(text) + 1)
            if text[i:j] in source
        )
        for text in texts
    ]
    assert longest_copies(texts, source) == expected
