import numpy as np
import pytest

from gen_ai_examples.common.methods.vocoder import analyse, synthesise
from gen_ai_examples.common.metrics.speech import mel_cepstral_distortion
from gen_ai_examples.common.sources.audio import RATE, bundled_speech


def buzz(pitch, seconds=1.0):
    t = np.arange(int(seconds * RATE)) / RATE
    return 0.1 * sum(np.cos(2 * np.pi * k * pitch * t) for k in range(1, int(3500 / pitch)))


@pytest.mark.parametrize("pitch", [130, 180.5, 233, 350])
def test_the_pitch_of_a_buzz_is_found_and_made_again(pitch):
    its = analyse(buzz(pitch).astype("float32"), RATE)
    inside = slice(5, -5)
    np.testing.assert_allclose(2 ** its["pitch"][inside], pitch, rtol=0.01)
    assert its["voicing"][inside].min() > 0.6  # from where it counts as voiced
    again = analyse(synthesise(**its, rate=RATE), RATE)
    np.testing.assert_allclose(2 ** again["pitch"][inside], pitch, rtol=0.02)


def test_noise_has_no_voice_and_keeps_its_level():
    noise = (0.1 * np.random.default_rng(0).normal(size=2 * RATE)).astype("float32")
    its = analyse(noise, RATE)
    assert np.median(its["voicing"]) < 0.4
    again = synthesise(**its, rate=RATE)
    assert again.std() == pytest.approx(0.1, rel=0.2)


def test_speech_survives_the_vocoder():
    speech = bundled_speech()["allison_en"][: 3 * RATE]
    its = analyse(speech, RATE)
    assert its["envelope"].shape == (300, 65) and its["pitch"].shape == (300,)
    again = synthesise(**its, rate=RATE)
    assert again.shape == speech.shape and np.abs(again).max() < 2
    assert mel_cepstral_distortion(again, speech, RATE) < 2
    assert again.std() == pytest.approx(speech.std(), rel=0.25)


def test_silence_stays_silent():
    its = analyse(np.zeros(RATE, np.float32), RATE)
    assert all(np.isfinite(x).all() for x in its.values())
    assert np.abs(synthesise(**its, rate=RATE)).max() < 1e-2
