import numpy as np
import pytest

from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.methods.word_alignment import WordAlignment, _numbered

# the house, the book, a book: das Haus, das Buch, ein Buch
SOURCES = [np.array(s) for s in ([0, 1], [0, 2], [3, 2])]
TARGETS = [np.array(t) for t in ([0, 1], [0, 2], [3, 2])]


def written_out(iterations, null):
    """Model 1, cell by cell."""
    t = {(s, f): 1.0 for s in range(5) for f in range(4)}
    for _ in range(iterations):
        counts = dict.fromkeys(t, 0.0)
        for source, target in zip(SOURCES, TARGETS, strict=True):
            for f in target:
                prior = {4: null} | {int(s): (1 - null) / len(source) for s in source}
                total = sum(prior[s] * t[s, f] for s in prior)
                for s in prior:
                    counts[s, int(f)] += prior[s] * t[s, f] / total
        for s in range(5):
            total = sum(counts[s, f] for f in range(4))
            t |= {(s, f): counts[s, f] / total for f in range(4)}
    return t


@pytest.mark.parametrize("iterations", [1, 2, 7])
def test_without_a_diagonal_it_is_model_1(iterations):
    model = WordAlignment(SOURCES, TARGETS, 4, 4, iterations, diagonal=0.0, null=0.1)
    found = {(int(s), int(f)): c for s, f, c in zip(*model.table(), strict=True)}
    expected = written_out(iterations, 0.1)
    assert found == pytest.approx({cell: c for cell, c in expected.items() if c > 0})


def test_chances_of_each_source_add_up_to_one():
    rows, _, chances = WordAlignment(SOURCES, TARGETS, 4, 4).table()
    sums = np.bincount(rows, chances, 5)
    np.testing.assert_allclose(sums, 1)


def test_it_finds_which_word_became_which():
    model = WordAlignment(SOURCES, TARGETS, 4, 4, 30, diagonal=0.0)
    for source, target in zip(SOURCES, TARGETS, strict=True):
        shares = model.align(source, target)
        np.testing.assert_allclose(shares.sum(1), 1)
        np.testing.assert_array_equal(shares.argmax(1), [1, 2])


def test_the_diagonal_decides_where_nothing_else_does():
    model = WordAlignment([np.array([0, 1])], [np.array([0, 1])], 2, 2, 1, diagonal=4.0)
    shares = model.align(np.array([0, 1]), np.array([0, 1]))
    assert shares[0, 1] > shares[0, 2] and shares[1, 2] > shares[1, 1]


def test_what_was_learned_from_is_as_unaligned_as_it_is_aligned():
    model = WordAlignment(SOURCES, TARGETS, 4, 4, 3)
    rows = [model.align(*pair)[:, 0] for pair in zip(SOURCES, TARGETS, strict=True)]
    np.testing.assert_allclose(model.unaligned, np.concatenate(rows))


@pytest.mark.parametrize("height", [7, 2**16, 2**16 + 1])
@pytest.mark.parametrize("width", [5, 2**16, 2**16 + 1])
def test_pairs_are_numbered_as_numpy_numbers_them(height, width):
    """With and without digits of 16 bits, the largest number included."""
    rng = np.random.default_rng(0)
    rows, columns = (
        rng.choice([0, 1, most - 2, most - 1], 99).astype(np.int64) for most in (height, width)
    )
    expected = np.unique(rows * width + columns, return_inverse=True)
    for ours, theirs in zip(_numbered(rows, columns, height, width), expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("change", "message"),
    [([], "no empty"), ([0, 4], "from 0 to 3"), ([-1], "from 0 to 3")],
)
def test_empty_sentences_and_numbers_that_are_no_tokens_are_refused(change, message):
    changed = [np.array(change, int), *SOURCES[1:]]
    for pair in ((changed, TARGETS), (SOURCES, changed)):
        with pytest.raises(InputError, match=message):
            WordAlignment(*pair, 4, 4)


def test_unequal_numbers_of_sentences_are_refused():
    with pytest.raises(InputError, match="equally many"):
        WordAlignment(SOURCES, TARGETS[:2], 4, 4)
