import numpy as np
import pytest

from gen_ai_examples.audio import speech_synthesis
from gen_ai_examples.audio.speech_synthesis import duration_error, quiet, sounds_of
from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.sources.prompts import bundled_prompts, hold_out


def test_a_sentence_becomes_phones_between_silences():
    phones, starts = sounds_of(["press", "one"])
    assert phones == ["SIL", "P", "R", "EH", "S", "W", "AH", "N", "SIL"]
    assert np.flatnonzero(starts).tolist() == [1, 5]


def test_the_error_of_durations_leaves_silence_out():
    phrase = bundled_prompts()[0]
    off = np.where(np.array(phrase.phones) == "SIL", 50, 2)
    assert duration_error([phrase], lambda p: p.frames + off) == pytest.approx(20)


def test_loud_speech_is_made_to_fit():
    assert np.abs(quiet(np.array([0.5, -2.0]))).max() == 1
    np.testing.assert_array_equal(quiet(np.array([0.5, -0.2])), [0.5, -0.2])


def test_of_few_recordings_of_ones_own_most_are_learned_from(monkeypatch):
    long = [phrase for phrase in bundled_prompts() if len(phrase.words) >= 5]
    few = hold_out(long, 32)[1]  # unlike each other
    monkeypatch.setattr(speech_synthesis, "own_phrases", lambda folder: few)
    known = []

    def stop(phrases, rate):
        known.extend(phrases)
        raise InputError("enough")

    monkeypatch.setattr(speech_synthesis, "corpus", stop)
    with pytest.raises(InputError, match="enough"):
        speech_synthesis.main(audio="mine")
    assert len(known) == 26


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (dict(text=" ?! "), "no words"),
        (dict(text="Hello xylqz"), "'xylqz' is pronounced"),
        (dict(audio="/nowhere/at/all"), "no folder"),
    ],
)
def test_what_cannot_be_said_or_read_is_refused_before_training(flags, message):
    with pytest.raises(InputError, match=message):
        speech_synthesis.main(**flags, **speech_synthesis.SMOKE)
