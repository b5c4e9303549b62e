import pytest
from hypothesis import given
from hypothesis import strategies as st

from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.sources.text import moby_dick, read_text, split_text, tang_poems


def test_the_novel_is_whole():
    text = moby_dick()
    assert len(text) == 1_191_354 and len(set(text)) == 81
    assert text.startswith("CHAPTER 1. Loomings.\n\nCall me Ishmael.")
    assert text.rstrip().endswith("only found another orphan.")
    assert all(f"\nCHAPTER {n}. " in text for n in range(2, 136))


def test_the_poems_are_whole():
    poems = tang_poems()
    assert len(poems) == 313 and len({(p.title, p.author, p.lines) for p in poems}) == 313
    thought = next(poem for poem in poems if "床前明月光" in poem.lines[0])
    assert thought.author == "李白" and len(thought.lines) == 2
    characters = "".join(line for poem in poems for line in poem.lines)
    assert (len(characters), len(set(characters))) == (23_080, 2_499)


@given(st.text(alphabet="ab\n", min_size=3, max_size=300), st.floats(0.05, 0.95))
def test_a_split_loses_nothing_and_keeps_the_order(text, share):
    try:
        train, held_out = split_text(text, share)
    except InputError:
        assert round(share * len(text)) in (0, len(text))
    else:
        assert train + held_out == text and train and held_out
        assert abs(len(held_out) - share * len(text)) <= 1 + len(text) / 50


def test_a_split_falls_between_paragraphs():
    train, held_out = split_text(moby_dick())
    assert train.endswith("\n\n") and held_out[0] != "\n"
    assert len(held_out) / len(moby_dick()) == pytest.approx(0.1, abs=0.02)


@pytest.mark.parametrize(("text", "share"), [("abc", 0.0), ("abc", 1.0), ("a", 0.5)])
def test_a_split_that_leaves_nothing_is_refused(text, share):
    with pytest.raises(InputError, match=r"share between|too few"):
        split_text(text, share)


def test_the_users_own_text_may_have_a_byte_order_mark(tmp_path):
    path = tmp_path / "own.txt"
    path.write_bytes(b"\xef\xbb\xbf" + "静夜思".encode() * 40)
    assert read_text(path, at_least=100) == "静夜思" * 40


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "There is no text file"),
        ("静夜思".encode("gb18030") * 50, "not in UTF-8 .*iconv"),
        (b"text\0" * 50, "binary data"),
        (b"   short   ", "holds 5 characters: give at least 100"),
        (b"", "holds 0 characters"),
    ],
)
def test_a_file_that_is_no_text_is_refused(content, message, tmp_path):
    path = tmp_path / "own.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_text(path, at_least=100)
