import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.methods.ngram import KneserNey, _discounts, best_order
from gen_ai_examples.common.sources.text import moby_dick, split_text


def letters(text):
    return np.frombuffer(text.encode(), np.uint8).astype(int) - ord("a")


def test_bigrams_agree_with_the_formula_by_hand():
    """abacab: counts ab 2, ba 1, ac 1, ca 1; left neighbours of a 2 (b, c), b 1 (a), c 1 (a)."""
    model = KneserNey(letters("abacab"), 3, order=2)
    d2 = 3 / (3 + 2 * 1)  # three bigrams seen once, one twice
    d1 = 2 / (2 + 2 * 1)
    unigram = [(max(n - d1, 0) + d1 * 3 / 3) / 4 for n in (2, 1, 1)]
    after_a = [
        (max(n - d2, 0) + d2 * 2 * lower) / 3 for n, lower in zip((0, 2, 1), unigram, strict=True)
    ]
    np.testing.assert_allclose(model.probabilities(letters("a")), after_a)
    np.testing.assert_allclose(model.nats(letters("ab")), -np.log([unigram[0], after_a[1]]))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=6, max_size=60), st.integers(1, 5), st.data())
def test_chances_sum_to_1_after_any_context(tokens, order, data):
    model = KneserNey(np.array(tokens), 5, order)
    context = data.draw(st.lists(st.integers(0, 4), max_size=order + 1))
    p = model.probabilities(np.array(context[len(context) - order + 1 :] if order > 1 else []))
    assert p.min() > 0 and p.sum() == pytest.approx(1)


def test_each_count_loses_what_it_is_too_high_on_average():
    """By the formula of Chen & Goodman, from how many n-grams are seen so often."""
    counts = np.repeat([1, 2, 3, 4, 9], [40, 20, 10, 6, 5])
    share = 40 / (40 + 2 * 20)
    expected = [0, share, 2 - 3 * share * 10 / 20, 3 - 4 * share * 6 / 10]
    np.testing.assert_allclose(_discounts(counts), expected)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 5), min_size=1, max_size=30))
def test_no_count_loses_nothing_or_more_than_itself(counts):
    taken = _discounts(np.array(counts))[1:]
    assert np.all((taken > 0) & (taken <= [1, 2, 3]))


def test_the_surprise_of_a_sequence_is_that_of_its_tokens_one_by_one():
    rng = np.random.default_rng(0)
    model, tokens = KneserNey(rng.integers(0, 4, 300), 4, 3), rng.integers(0, 4, 20)
    one_by_one = [
        -np.log(model.probabilities(tokens[max(0, i - 2) : i])[token])
        for i, token in enumerate(tokens)
    ]
    np.testing.assert_allclose(model.nats(tokens), one_by_one)


@pytest.mark.parametrize("length", [1, 2, 3])
def test_the_last_token_of_each_row_is_as_surprising_as_in_a_sequence(length):
    model = KneserNey(letters("abracadabra"), 26, 3)
    rows = np.random.default_rng(0).integers(0, 5, (20, length))
    expected = [model.nats(row)[-1] for row in rows]
    np.testing.assert_allclose(model.nats_of_last(rows), expected)


def test_a_frequent_token_with_one_neighbour_is_no_likely_newcomer():
    """As Francisco after San: c always follows b, so after an unseen context a is likelier."""
    model = KneserNey(letters("bcbcbcbcbcadaeaf"), 6, order=2)
    after_unseen = model.probabilities(letters("f"))
    assert after_unseen[0] > after_unseen[2]


def test_samples_follow_the_chances_and_the_seed():
    model = KneserNey(letters("abab" * 20 + "ac"), 3, order=2)
    drawn = model.sample(letters("a"), 400, seed=1)
    np.testing.assert_array_equal(drawn, model.sample(letters("a"), 400, seed=1))
    after_a = drawn[1:][drawn[:-1] == 0]
    assert np.mean(after_a == 1) == pytest.approx(model.probabilities(letters("a"))[1], abs=0.05)


@pytest.mark.parametrize("temperature", [0.0, 0.01])
def test_a_low_temperature_draws_what_is_likeliest(temperature):
    model = KneserNey(letters("ab" * 20 + "acb" * 5), 3, order=2)
    drawn = model.sample(letters("a"), 4, temperature=temperature)
    np.testing.assert_array_equal(drawn, [1, 0, 1, 0])


@pytest.mark.parametrize("order", [1, 3, 7])
def test_each_draw_sees_as_much_of_the_text_as_the_order_allows(order, monkeypatch):
    model, seen = KneserNey(letters("abcd" * 30), 4, order), []
    chances = model.probabilities
    monkeypatch.setattr(model, "probabilities", lambda c: seen.append(list(c)) or chances(c))
    text = [*letters("ab"), *model.sample(letters("ab"), 8)]
    assert seen == [text[max(at - order + 1, 0) : at] for at in range(2, 10)]


def test_longer_contexts_help_on_prose():
    text = moby_dick()[:200_000]
    _, tokens = np.unique(list(text), return_inverse=True)
    train, held_out = np.split(tokens, [180_000])
    bits = [
        KneserNey(train, tokens.max() + 1, order).nats(held_out).mean() / np.log(2)
        for order in (1, 2, 4, 6)
    ]
    assert bits[0] > bits[1] + 0.5 > bits[2] + 1 and bits[3] < bits[2] < 2.6


def test_the_best_order_is_as_long_as_what_is_remembered():
    """A token is what two before it add up to: shorter contexts miss it, longer ones add none."""
    tokens = list(np.random.default_rng(0).integers(0, 5, 2))
    for noise in np.random.default_rng(1).random(4000):
        tokens.append((tokens[-1] + tokens[-2] + (noise < 0.2)) % 5)
    first, then = np.split(np.array(tokens), [3000])
    assert best_order(first, then, 5, longest=6) == 3
    assert best_order(first, then, 5, longest=2) in (1, 2)
    assert best_order(first, then, 2**30, longest=6) <= 2


@pytest.mark.parametrize(
    ("tokens", "vocabulary", "order", "message"),
    [
        ([0, 1, 5], 5, 2, "from 0 to 4"),
        ([0, -1], 5, 2, "from 0 to 4"),
        ([0], 5, 2, "at least 2 tokens"),
        ([0, 1], 5, 0, "does not go"),
        ([0, 1], 3000, 6, "does not go"),
    ],
)
def test_what_cannot_be_counted_is_refused(tokens, vocabulary, order, message):
    with pytest.raises(InputError, match=message):
        KneserNey(np.array(tokens), vocabulary, order)


def test_the_whole_novel_needs_about_two_bits_per_character():
    train, held_out = split_text(moby_dick())
    characters = sorted(set(train))
    codes = {character: i for i, character in enumerate(characters)}
    a, b = (np.array([codes[c] for c in text if c in codes]) for text in (train, held_out))
    assert KneserNey(a, len(characters), 7).nats(b).mean() / np.log(2) == pytest.approx(
        2.02, abs=0.01
    )
