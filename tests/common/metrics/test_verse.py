import numpy as np
import pytest
import tensorflow as tf

from gen_ai_examples.common.methods.ngram import KneserNey
from gen_ai_examples.common.metrics.verse import (
    MARKS,
    end_nats_by_network,
    end_nats_by_ngram,
    end_nats_by_place,
    following,
    is_mark,
    verses,
    written_out,
)
from gen_ai_examples.common.sources.text import tang_poems

POEM = next(poem for poem in tang_poems() if "床前明月光" in poem.lines[0])


def test_a_poem_is_a_line_each_and_ends_in_an_empty_one():
    text = written_out([POEM], [POEM])
    assert text == 2 * "床前明月光，疑是地上霜。\n举头望明月，低头思故乡。\n\n"
    assert verses(text) == 2 * ["床前明月光", "疑是地上霜", "举头望明月", "低头思故乡"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\n\n床前明月光，疑是地上霜。\n举头", ["疑是地上霜"]),
        ("\n\n床前明月光，疑是地上霜。\n\n举头望明月，", ["疑是地上霜"]),
        ("\n\n床前明月光，疑是地上霜", []),
        ("\n\n床前明月光，", []),
        ("\n\n床前明月光，疑是。", ["疑是"]),
    ],
)
def test_what_follows_is_whole_and_of_the_same_poem(text, expected):
    assert following(text) == expected


def test_most_verses_of_the_poems_are_as_long_as_their_first():
    same = [
        len(verse) == len(verses(written_out([poem]))[0])
        for poem in tang_poems()
        for verse in following(written_out([poem]))
    ]
    assert 0.75 < np.mean(same) < 1


class Fixed:
    """A network that has one answer, the chances (V,) of what is next, and keeps the question."""

    def __init__(self, chances):
        self.chances = np.array(chances, "float32")
        self.vocabulary = len(chances)

    def __call__(self, tokens):
        self.asked = tokens.numpy()
        logits = np.log(self.chances) + 3.0  # which is the same to a softmax
        return tf.constant(np.tile(logits, (*self.asked.shape, 1)), tf.float32)


def test_the_surprise_of_a_network_at_a_mark_or_none():
    network = Fixed([0.1, 0.2, 0.3, 0.4])
    tokens = tf.constant([[0, 1, 2, 3], [3, 3, 0, 0]])
    nats = end_nats_by_network(network, marks=[1, 3])(tokens).numpy()
    expected = -np.log([[0.4, 0.6, 0.4, 0.6], [0.6, 0.6, 0.4, 0.4]])
    np.testing.assert_allclose(nats, expected, rtol=1e-5)
    np.testing.assert_array_equal(network.asked, [[4, 0, 1, 2], [4, 3, 3, 0]])


def test_the_surprise_of_an_ngram_adds_up_over_the_marks():
    tokens = np.random.default_rng(0).integers(0, 5, 400)
    ngram, marks = KneserNey(tokens, 5, 3), [1, 4]
    unseen = np.array([2, 1, 1, 4, 0, 3, 4])
    nats = end_nats_by_ngram(ngram, unseen, marks)
    for i, token in enumerate(unseen):
        # Of each mark in the place of the token, the chance that the n-gram gives to it.
        instead = [np.append(unseen[:i], mark) for mark in marks]
        chance = sum(np.exp(-ngram.nats(its)[-1]) for its in instead)
        assert nats[i] == pytest.approx(-np.log(chance if token in marks else 1 - chance))


def test_counted_by_place_verses_of_a_fixed_form_hold_no_surprise():
    line = "甲乙丙丁戊，甲乙丙丁戊。\n"
    poem = 2 * line + "\n"
    other = 2 * "甲乙丙丁戊己庚，甲乙丙丁戊己庚。\n" + "\n"
    train = 60 * poem + 60 * other
    nats = end_nats_by_place(train, poem + other)
    # All but the first verse, whose length nobody can know, and the end of the poem.
    known = np.ones(len(nats), bool)
    known[[5, 7, len(poem) - 1, len(poem) + 5, len(poem) + 7]] = False
    assert nats[known].max() < 0.7 and np.median(nats) < 0.02
    # After five characters of a first verse one in two ends.
    np.testing.assert_allclose(nats[[5, len(poem) + 5]], np.log(2), rtol=0.02)


def test_what_was_never_counted_is_even():
    np.testing.assert_allclose(end_nats_by_place("甲，", "甲乙丙")[2], np.log(2))


def test_marks_are_found():
    assert is_mark("甲，乙\n").tolist() == [False, True, False, True]
    assert len(MARKS) == len(set(MARKS))
