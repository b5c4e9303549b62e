import pytest
from hypothesis import given
from hypothesis import strategies as st

from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.sources.verses import (
    Pair,
    alike,
    bundled_verses,
    by_clauses,
    clauses,
    own_pairs,
    without_copies,
)


def test_the_verses_are_whole():
    verses = bundled_verses()
    assert len(verses) == len({pair.reference for pair in verses}) == 31_077
    assert len({pair.book for pair in verses}) == 66
    first = verses[0]
    assert first.reference == "Gen 1:1" and first.book == "Gen"
    assert first.source == "In the beginning, God created the heavens and the earth."
    assert first.target == "En el principio crió Dios los cielos y la tierra."
    assert not any(mark in pair.source + pair.target for pair in verses for mark in "<>¶")


@given(st.text("ab .;:?!”", max_size=60))
def test_clauses_lose_nothing_but_blanks(text):
    assert "".join(clauses(text)).replace(" ", "") == text.replace(" ", "")


def test_a_clause_ends_after_its_mark_and_the_quotes_that_close_there():
    assert clauses("He said: “Go!” And it was 3.5; so.") == [
        "He said:", "“Go!”", "And it was 3.5;", "so.",
    ]  # fmt: skip


def test_a_pair_is_cut_where_both_sides_have_as_many_clauses_of_like_length():
    even = Pair("a", "one; two.", "uno: dos.")
    uneven = Pair("b", "one; two.", "uno, dos.")
    long = Pair("c", "one; " + "two " * 20 + "end.", "uno " * 20 + "fin; dos.")
    assert by_clauses([even, uneven, long]) == [
        Pair("a", "one;", "uno:"), Pair("a", "two.", "dos."), uneven, long,
    ]  # fmt: skip


def test_sides_of_unlike_length_are_no_pair():
    assert alike(Pair("a", "short", "x" * 22)) and not alike(Pair("a", "short", "x" * 23))


def test_what_the_held_out_part_has_too_is_left_out_in_either_language():
    held = [Pair("h", "then the king said to them all", "entonces dijo el rey á todos ellos")]
    other = Pair("1", "he went up into the far mountain", "y subió él al monte muy lejano")
    english = Pair("2", "Then the king said to them!", other.target)
    spanish = Pair("3", other.source, "Entonces dijo el rey á todos.")
    short = Pair("4", "Amen.", "Amén.")
    assert without_copies([other, english, spanish, short], held) == [other, short]


def lines(n=1000):
    return [f"sentence {i}\tfrase {i}" for i in range(n)]


def test_own_pairs_are_read_by_the_line(tmp_path):
    path = tmp_path / "pairs.tsv"
    path.write_text("\n\n".join(lines()) + "\n", "utf-8-sig")
    pairs = own_pairs(path)
    assert len(pairs) == 1000
    assert pairs[1] == Pair("line 3", "sentence 1", "frase 1")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("\n".join(lines(999)), "999 pairs: give at least 1,000"),
        ("\n".join([*lines(), "no tab"]), "Line 1001 .* has 0 tabs"),
        ("\n".join([*lines(), "a\tb\tc"]), "has 2 tabs"),
        ("\n".join(["a\t ", *lines()]), "Line 1 .* empty side"),
        ("", "0 pairs"),
    ],
)
def test_broken_pairs_are_refused(tmp_path, content, message):
    path = tmp_path / "pairs.tsv"
    path.write_text(content, "utf-8")
    with pytest.raises(InputError, match=message):
        own_pairs(path)


def test_other_files_are_refused(tmp_path):
    with pytest.raises(InputError, match="no file of pairs"):
        own_pairs(tmp_path / "none.tsv")
    (tmp_path / "latin.tsv").write_bytes("señor\tlord\n".encode("latin-1") * 1000)
    with pytest.raises(InputError, match="not in UTF-8"):
        own_pairs(tmp_path / "latin.tsv")
