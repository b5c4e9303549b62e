import numpy as np
import pytest

from gen_ai_examples.common.methods.speaking import Speaking, build_speaker
from gen_ai_examples.common.methods.vocoder import BINS
from gen_ai_examples.common.methods.voice import AverageVoice, NeuralVoice, corpus
from gen_ai_examples.common.sources.audio import RATE
from gen_ai_examples.common.sources.prompts import bundled_prompts


@pytest.fixture(scope="module")
def data():
    return corpus(bundled_prompts()[:20], RATE)


def test_recordings_are_taken_apart_by_frames(data):
    n = sum(phrase.frames.sum() for phrase in data.phrases)
    assert data.features.shape == (n, BINS + 3) and data.phones.shape == (n,)
    assert [len(x) for x in data.spectra()] == [p.frames.sum() for p in data.phrases]
    assert np.isfinite(data.features).all() and data.scale.min() > 0
    assert 150 < 2 ** data.mean[BINS] < 260


def test_excerpts_are_standardised_and_each_phone_counts_once(data):
    its = data.excerpts(40)
    assert {len(x) for x in its.values()} == {(len(data.phones) - 40) // 10 + 1}
    np.testing.assert_allclose(its["targets"][..., :BINS].mean((0, 1)), 0, atol=0.1)
    first = data.phrases[0]
    np.testing.assert_allclose(its["weights"][0, : first.frames[0], 1], 8 / first.frames[0])


def test_the_average_voice_lasts_as_long_as_half_of_the_phones_do(data):
    voice = AverageVoice(data)
    spoken = [(p, f) for x in data.phrases for p, f in zip(x.phones, x.frames, strict=True)]
    expected = np.median([f for p, f in spoken if p == "T"])
    assert voice.durations(["T", "T"]) == pytest.approx([expected] * 2)
    assert len(voice.speak(["SIL", "T", "SIL"], RATE)) % 80 == 0


def test_the_neural_voice_gives_the_spread_of_speech_back(data):
    model = Speaking(build_speaker(2 * len(data.inventory) + 1, 8, 1))
    voice = NeuralVoice(model, data)
    phones, starts = data.phrases[0].phones, data.phrases[0].starts_word
    assert voice.durations(phones, starts).min() > 0
    wave = voice.speak(phones, starts, RATE)
    assert np.isfinite(wave).all() and wave.std() > 0
    plain = NeuralVoice(model, data, sharpening=0.0).speak(phones, starts, RATE)
    assert len(plain) == len(wave) and np.abs(plain - wave).max() > 0
