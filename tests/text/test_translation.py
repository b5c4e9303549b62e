import numpy as np
import pytest

from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.sources.verses import Pair
from gen_ai_examples.text import translation
from gen_ai_examples.text.translation import (
    HELD_OUT,
    NGRAM,
    OURS,
    SMOKE,
    by_length,
    read_pairs,
    shown,
)


def test_whole_books_are_held_out_and_nothing_of_them_is_learned():
    train, test = read_pairs(None, 100_000, 1_000)
    assert {pair.book for pair in test} == set(HELD_OUT) and len(test) > 600
    assert not {pair.book for pair in train} & set(HELD_OUT)
    assert 29_000 < len(train) < 30_500
    assert not {pair.source for pair in train} & {p.source for p in test if len(p.source) > 40}


def test_fewer_pairs_are_taken_from_everywhere():
    train, test = read_pairs(None, 500, 10)
    assert 400 < len(train) <= 500 and len(test) <= 10
    assert len({pair.book for pair in train}) > 40 and len({pair.book for pair in test}) >= 4


def own(tmp_path, n=1000):
    rng = np.random.default_rng(0)
    names = ["".join(rng.permutation(list("aeioulmnrst"))[:4]) for _ in range(40)]
    words = {name: f"x{name[::-1]}" for name in names}
    path, rows = tmp_path / "own.tsv", []
    for _ in range(n):
        chosen = rng.choice(list(words), 7)
        rows.append(" ".join(chosen) + ".\t" + " ".join(words[word] for word in chosen) + ".")
    path.write_text("\n".join(rows), "utf-8")
    return path


def test_of_own_pairs_the_last_tenth_is_held_out(tmp_path):
    path = own(tmp_path)
    train, test = read_pairs(path, 100_000, 1_000)
    assert [pair.reference for pair in test] == [f"line {i}" for i in range(901, 1001)]
    assert len(train) <= 900


def test_it_translates_the_users_own_pairs(tmp_path, eager_training):
    answer = translation.main(**SMOKE, pairs=str(own(tmp_path)))
    assert np.isfinite([claim.value for claim in answer.claims]).all()
    assert answer.claims[0].baselines["word by word"] > 90  # each word has one translation


def test_too_few_pairs_are_refused(tmp_path):
    with pytest.raises(InputError, match="at least 1,000"):
        translation.main(**SMOKE, pairs=str(own(tmp_path, 900)))


@pytest.mark.parametrize("same", [True, False])
def test_pairs_that_leave_nothing_to_learn_from_or_to_measure_are_refused(tmp_path, same):
    path, most = own(tmp_path), 100 if same else 2
    if same:
        path.write_text("one two three four five six\tuno dos tres cuatro cinco seis\n" * 1000)
    with pytest.raises(InputError, match=r"no copies .* larger --test-pairs"):
        read_pairs(path, 100_000, most)


def test_thirds_are_by_the_length_of_the_source():
    test = [Pair(f"line {n}", "s" * n, "a b") for n in (5, 1, 3, 2, 6, 4)]
    good = ["a b" if len(pair.source) < 3 else "x" for pair in test]
    scores = by_length(test, {OURS: good, NGRAM: ["a b"] * 6})
    assert [scores[f"chrF, {part} third, {OURS}"] for part in ("shortest", "longest")] == [100, 0]
    assert scores[f"chrF, longest third, {NGRAM}"] == 100


def test_shown_sentences_are_at_equal_distances():
    names = (OURS, NGRAM, translation.WORDS, translation.NEAREST)
    test = [Pair(f"Book {i}", f"source {i}", f"target {i}") for i in range(9)]
    text = shown(test, {name: [f"{name} {i}" for i in range(9)] for name in names}, n=3).text
    assert [f"Book {i}\n" in text for i in range(9)] == [True, *[False] * 3] * 2 + [True]
