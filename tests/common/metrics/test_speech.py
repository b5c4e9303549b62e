import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gen_ai_examples.common.metrics.speech import (
    edit_distance,
    mel_cepstral_distortion,
    word_error_rate,
)
from gen_ai_examples.common.sources.audio import RATE, bundled_speech


@pytest.mark.parametrize(
    ("a", "b", "distance"),
    [("kitten", "sitting", 3), ("", "abc", 3), ("abc", "", 3), ("flaw", "lawn", 2), ("a", "a", 0)],
)
def test_the_edit_distance_of_known_words(a, b, distance):
    assert edit_distance(a, b) == distance


@given(st.text("ab", max_size=8), st.text("ab", max_size=8))
def test_the_edit_distance_is_symmetric_and_bounded(a, b):
    distance = edit_distance(a, b)
    assert distance == edit_distance(b, a)
    assert abs(len(a) - len(b)) <= distance <= max(len(a), len(b))


def test_word_errors_are_counted_over_all_sentences():
    said = [["press", "one"], ["thank", "you", "now"]]
    assert word_error_rate(said, said) == 0
    assert word_error_rate([["press"], ["thank", "me", "now", "now"]], said) == 60
    assert word_error_rate([[], []], said) == 100


def test_distortion_ignores_loudness_and_pace_but_not_the_voice():
    speech = bundled_speech()
    her, other = speech["allison_en"][: 2 * RATE], speech["june_fr"][: 2 * RATE]
    assert mel_cepstral_distortion(her, her, RATE) == 0
    assert mel_cepstral_distortion(0.1 * her, her, RATE) < 0.05
    longer = np.concatenate([her[:RATE], np.zeros(800), her[RATE:]])
    assert mel_cepstral_distortion(longer, her, RATE) < 1
    assert mel_cepstral_distortion(other, her, RATE) > 4


def test_distortion_of_one_tilted_coefficient_is_the_textbook_number():
    """A filter that is a line in the cepstrum: every frame is off by the same amount."""
    wave = np.random.default_rng(0).normal(size=RATE)
    filtered = np.convolve(wave, [1, 0.5], "same")
    half = mel_cepstral_distortion(np.convolve(wave, [1, 0.2], "same"), wave, RATE)
    assert 0 < half < mel_cepstral_distortion(filtered, wave, RATE)
