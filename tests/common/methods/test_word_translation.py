import itertools

import numpy as np
import pytest

from gen_ai_examples.common.methods.word_translation import (
    NOTHING,
    Nearest,
    WordByWord,
    joined,
    sentence_case,
    words_of,
)

SOURCES = ["The house.", "The book.", "A book.", "A house of wood.", "He sees the wood."] * 4
TARGETS = ["La casa.", "El libro.", "Un libro.", "Una casa de madera.", "Ve la madera."] * 4


@pytest.fixture(scope="module")
def dictionary():
    return WordByWord(SOURCES, TARGETS)


def test_words_and_marks_come_back_as_they_were():
    text = "¿Por qué (dijo él), no os vais á Beth-lehem?"
    assert joined(words_of(text)) == text
    assert words_of("God’s “day”") == ["God’s", "“", "day", "”"]


@pytest.mark.parametrize(
    ("small", "written"),
    [
        ("he came. she saw; both won.", "He came. She saw; both won."),
        ("¿qué es? “no,” dijo. ¡él!", "¿Qué es? “No,” dijo. ¡Él!"),
        ("“end.” (again.) 3.5 e.g", "“End.” (Again.) 3.5 e.g"),
        ("", ""),
    ],
)
def test_sentences_begin_with_a_capital(small, written):
    assert sentence_case(small) == written


def test_each_word_becomes_its_most_frequent_counterpart(dictionary):
    assert dictionary.translate("A book of wood.").endswith("libro de madera.")


def test_unknown_words_are_copied_by_all_three_ways(dictionary):
    for way in (dictionary.translate, dictionary.gloss, dictionary.with_ngram):
        assert "Jonah" in way("The book of Jonah.")


def test_a_gloss_has_a_word_for_every_word(dictionary):
    text = "He sees the house of wood."
    assert len(words_of(dictionary.gloss(text))) == len(words_of(text))
    assert len(words_of(dictionary.translate(text))) <= len(words_of(text))


def test_the_ngram_finds_the_best_of_all_choices(dictionary):
    """Against all of them, scored one by one."""
    text = "A house of wood."
    numbers = [dictionary.source.numbers[word] for word in dictionary.source.split(text)]
    scores = {}
    for choice in itertools.product(*(dictionary._table[number][:8] for number in numbers)):
        written = [target for _, target in choice if target != NOTHING]
        row = np.array([0, 0, *(target + 1 for target in written), 0])
        score = sum(log for log, _ in choice) + 0.5 * len(written)
        score -= 0.7 * dictionary._ngram.nats(row)[2:].sum()
        found = joined([dictionary.target.words[target] for target in written], capital=False)
        scores[found] = max(score, scores.get(found, -np.inf))
    best = max(scores, key=scores.get)
    assert dictionary.with_ngram(text, weight=0.7, bonus=0.5, beams=10_000) == best


def test_the_nearest_sentence_is_itself_if_it_is_known():
    nearest = Nearest(SOURCES[:5], TARGETS[:5])
    assert nearest.translate([*SOURCES[:5], "the boook"]) == [*TARGETS[:5], TARGETS[1]]
