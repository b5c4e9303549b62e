import functools

import keras
import numpy as np
import pytest
import soundfile
import tensorflow as tf

from gen_ai_examples.audio import denoising
from gen_ai_examples.audio.denoising import (
    HELD_OUT_NOISES,
    HELD_OUT_SPEAKERS,
    mixing,
    recordings,
)
from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.methods.denoising import spectral_gate
from gen_ai_examples.common.sources.audio import NOISES, RATE, SPEAKERS, bundled_speech

T = 4000


def noise(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def tone(seconds, pitch, rate=RATE):
    return 0.3 * np.sin(2 * np.pi * pitch * np.arange(int(seconds * rate)) / rate)


def test_speakers_and_kinds_of_noise_are_held_out_whole():
    (speech, noises), (other_speech, other_noises) = recordings(None)
    assert set(other_speech) == set(HELD_OUT_SPEAKERS)
    assert set(other_noises) == set(HELD_OUT_NOISES)
    assert set(speech) == set(SPEAKERS) - set(HELD_OUT_SPEAKERS)
    assert set(noises) == set(NOISES) - set(HELD_OUT_NOISES)
    people, places = (
        [{name.split("_")[0] for name in part} for part in parts]
        for parts in ((speech, other_speech), (noises, other_noises))
    )
    assert not people[0] & people[1] and not places[0] & places[1]


def test_of_own_speech_the_last_by_name_is_held_out(tmp_path):
    for i in range(11):
        soundfile.write(tmp_path / f"{i:02}.wav", tone(6, 200 + i), RATE)
    (speech, noises), (other_speech, other_noises) = recordings(tmp_path)
    assert list(speech) == [f"{i:02}.wav" for i in range(9)]
    assert list(other_speech) == ["09.wav", "10.wav"]
    assert set(other_noises) == set(HELD_OUT_NOISES) and "rain" in noises


def pointwise_network(width):
    spectrum = keras.Input((None, 128, 3))
    return keras.Model(spectrum, keras.layers.Conv2D(2, 1)(spectrum))


def batch_of(n, clean=None):
    return {"clean": tf.constant(noise(n, T) if clean is None else clean)}


def test_what_is_added_has_a_ratio_between_the_bounds():
    mix = mixing(noise(5, T, seed=1))
    ratios = []
    for number in range(20):
        batch = mix(batch_of(16), tf.constant([0, number], tf.int64))
        added = (batch["noisy"] - batch["clean"]).numpy()
        with np.errstate(divide="ignore"):
            power = np.mean(added**2, 1)
            ratios.extend(10 * np.log10(np.mean(batch["clean"].numpy() ** 2, 1) / power))
    ratios = np.array(ratios)
    noisy = ratios[np.isfinite(ratios)]
    assert -8.1 < noisy.min() < -7 and 14 < noisy.max() < 15.1
    assert noisy.mean() == pytest.approx(3.5, abs=1)
    assert 0 < len(ratios) - len(noisy) < 0.1 * len(ratios)


def test_noise_is_fresh_in_each_batch_and_the_same_in_each_run():
    mix = mixing(noise(5, T, seed=1))
    a, again, other = (
        mix(batch_of(4), tf.constant([0, number], tf.int64))["noisy"] for number in (3, 3, 4)
    )
    np.testing.assert_array_equal(a, again)
    assert np.abs(a - other).max() > 0.1


def test_silent_excerpts_stay_finite():
    mixed = mixing(np.zeros((2, T), np.float32))(
        batch_of(4, np.zeros((4, T), np.float32)), tf.constant([0, 0], tf.int64)
    )
    assert np.isfinite(mixed["noisy"]).all()


def test_a_recording_of_ones_own_is_cleaned(tmp_path, monkeypatch, eager_training):
    gate = functools.partial(spectral_gate, rate=RATE)
    monkeypatch.setattr(denoising, "CLASSICAL", {"gate": (gate, dict(threshold=(1.0,)))})
    monkeypatch.setattr(denoising, "spectrogram_unet", pointwise_network)
    speech = {name: wave[: 10 * RATE] for name, wave in bundled_speech().items()}
    monkeypatch.setattr(denoising, "bundled_speech", lambda: speech)
    path = tmp_path / "meeting.wav"
    soundfile.write(path, tone(2.5, 300, 16000) + 0.05 * noise(40000), 16000)
    answer = denoising.main(noisy=str(path), **denoising.SMOKE)
    for name in ("own_1_noisy", "own_2_network"):
        assert answer.media[name].samples.shape == (int(2.5 * RATE),)
    assert "own_spectrograms" in answer.media
    with pytest.raises(InputError, match="no file"):
        denoising.main(noisy=str(tmp_path / "nowhere.wav"), **denoising.SMOKE)
    with pytest.raises(InputError, match="no folder"):
        denoising.main(audio=str(tmp_path / "nowhere"), **denoising.SMOKE)
    with pytest.raises(InputError, match="16 kinds"):
        denoising.main(test_mixtures=15)
