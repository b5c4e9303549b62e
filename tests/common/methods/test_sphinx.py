import numpy as np
import pytest

from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.methods.sphinx import (
    SILENCE,
    Recogniser,
    align,
    bigram_arpa,
    pronunciation,
    widened,
    words_of,
)
from gen_ai_examples.common.sources.prompts import KNOWN, bundled_prompts


def test_words_are_lower_case_and_digits_are_spoken():
    assert words_of("Press 12, that's 'it'!") == ["press", "one", "two", "that's", "it"]
    assert words_of("?! 语") == []


def test_pronunciations_come_from_the_dictionary_or_are_given():
    assert pronunciation(["press", "xylq"], {"xylq": "Z IH L"}) == [
        ["P", "R", "EH", "S"], ["Z", "IH", "L"],
    ]  # fmt: skip
    with pytest.raises(InputError, match="how 'xylq' is pronounced"):
        pronunciation(["xylq"])
    with pytest.raises(InputError, match="no words"):
        pronunciation([])


def test_hiss_is_added_above_four_kilohertz_only_where_there_was_some():
    t = np.arange(8000) / 8000
    hiss = np.random.default_rng(0).normal(size=8000)
    hum, hissing = (widened(x, 8000) for x in (np.sin(2 * np.pi * 300 * t), hiss))

    def above(wave):
        power = np.abs(np.fft.rfft(wave[2000:-2000])) ** 2
        return power[len(power) // 2 + 200 :].sum() / power.sum()

    assert len(hum) == 16000 and above(hum) < 1e-4 and above(hissing) > 1e-3
    assert widened(hiss, 16000) is hiss


def test_the_probabilities_of_the_language_model_sum_to_one():
    lines = bigram_arpa([["a", "b"], ["a", "c"], ["b", "a"]], ["a", "b", "c", "d"]).splitlines()
    unigrams, bigrams, back_off = {}, {}, {}
    for parts in map(str.split, lines):
        if len(parts) == 3 and parts[0] != "ngram" and parts[2].lstrip("-")[0].isdigit():
            unigrams[parts[1]], back_off[parts[1]] = float(parts[0]), float(parts[2])
        elif len(parts) == 3 and parts[0].startswith("-"):
            bigrams[parts[1], parts[2]] = float(parts[0])
    assert sum(10**p for w, p in unigrams.items() if w != "<s>") == pytest.approx(1, abs=1e-3)
    for first in ("<s>", "a", "d"):
        total = sum(
            10 ** bigrams.get((first, w), back_off[first] + p)
            for w, p in unigrams.items()
            if w != "<s>"
        )
        assert total == pytest.approx(1, abs=1e-3), first


@pytest.fixture(scope="module")
def phrase():
    return next(p for p in bundled_prompts() if len(p.words) == 6)


def test_an_alignment_repeats_the_bundled_one(phrase):
    found = align(phrase.wave, 8000, phrase.words, KNOWN)
    spoken = [p for p in found if p.name != SILENCE]
    assert [p.word for p in spoken if p.first_of_word] == list(phrase.words)
    starts = np.concatenate([[0], np.cumsum(phrase.frames)[:-1]])
    of_words = starts[phrase.starts_word]
    ours = [p.start for p in spoken if p.first_of_word]
    assert np.median(np.abs(np.array(ours) - of_words)) <= 3


def test_the_recogniser_hears_words_of_its_vocabulary(phrase):
    recognise = Recogniser([phrase.words], [*phrase.words, "zulu"], KNOWN)
    assert recognise(phrase.wave, 8000) == list(phrase.words)
    assert len(recognise(np.zeros(8000), 8000)) <= 1
