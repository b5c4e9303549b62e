import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.sources.text import moby_dick, tang_poems
from gen_ai_examples.common.sources.tokens import BytePairs, Characters

NOVEL = moby_dick()[:100_000]


@pytest.fixture(scope="module")
def pairs():
    return BytePairs(NOVEL, 300)


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"])))
@example("a  b \n\n c\r\n\t\0d ")
@example("静夜思 <0x41><unk>")
@example(" \u2581 \u2581\u2581x")  # what SentencePiece takes for a blank
@example("")
def test_any_text_comes_back(pairs, text):
    numbers = pairs.encode(text)
    assert numbers.dtype == np.int32 and np.all((numbers >= 0) & (numbers < pairs.vocabulary))
    assert pairs.decode(numbers) == text


def test_the_vocabulary_has_the_pieces_the_bytes_the_end_of_a_line_and_the_unknown(pairs):
    assert pairs.vocabulary == 300 + 256 + 1 + 1
    assert len({pairs.decode([n]) for n in range(pairs.vocabulary)}) > 300


def test_frequent_words_are_one_piece_and_unseen_characters_their_bytes(pairs):
    assert len(pairs.encode(" the")) == len(pairs.encode(" of")) == 1
    assert len(pairs.encode("静")) == 3
    assert len(pairs.encode(NOVEL)) < len(NOVEL) / 1.8


def test_more_pieces_make_a_text_shorter():
    lengths = [len(BytePairs(NOVEL, pieces).encode(NOVEL)) for pieces in (200, 400, 800)]
    assert lengths[0] > lengths[1] > lengths[2]


def test_half_a_character_is_marked(pairs):
    assert pairs.decode(pairs.encode("静")[:2]) == "\ufffd"


def test_a_script_of_more_characters_than_pieces_is_encoded_all_the_same():
    poems = "\n".join(line for poem in tang_poems() for line in poem.lines)
    pairs = BytePairs(poems, 1000)
    assert pairs.decode(pairs.encode(poems)) == poems
    assert len(pairs.encode("，")) == 1 and len(pairs.encode(poems)) < 2 * len(poems)


def test_the_same_text_gives_the_same_pieces(pairs):
    np.testing.assert_array_equal(BytePairs(NOVEL, 300).encode(NOVEL), pairs.encode(NOVEL))


@pytest.mark.parametrize("text", ["", "\n\n", "ab" * 40])
def test_a_text_without_so_many_pieces_is_refused(text):
    with pytest.raises(InputError, match="300 pieces cannot be learned"):
        BytePairs(text, 300)


@given(st.text("abcdexyz"))
def test_known_characters_come_back_and_others_are_one(text):
    characters = Characters("edcba")
    assert (characters.vocabulary, characters.unknown) == (6, 5)
    numbers = characters.encode(text)
    assert numbers.dtype == np.int32 and len(numbers) == len(text)
    for letter in "xyz":
        text = text.replace(letter, "\ufffd")
    assert characters.decode(numbers) == text


def test_rare_characters_can_be_unknown():
    characters = Characters("abcabca", at_least=3)
    assert characters.decode(characters.encode("abc")) == "a\ufffd\ufffd"
