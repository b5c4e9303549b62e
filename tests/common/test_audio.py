import librosa
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from gen_ai_examples.common.audio import istft, log_mel, mel_filters, stft


def noise(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


@pytest.mark.parametrize(("window", "hop"), [(256, 64), (256, 128), (512, 100)])
@pytest.mark.parametrize("length", [1000, 2048, 4001])
def test_spectra_are_librosas(window, hop, length):
    waves = noise(2, length)
    expected = librosa.stft(waves, n_fft=window, hop_length=hop, pad_mode="constant")
    spectra = stft(tf.constant(waves), window, hop).numpy()
    assert spectra.dtype == np.complex64
    np.testing.assert_allclose(spectra, expected.swapaxes(1, 2), atol=1e-4)


@pytest.mark.parametrize(("window", "hop"), [(256, 64), (256, 128), (512, 100)])
def test_any_spectra_become_the_waveform_that_librosa_makes_of_them(window, hop):
    spectra = (noise(2, 20, window // 2 + 1) + 1j * noise(2, 20, window // 2 + 1, seed=1)).astype(
        "complex64"
    )
    length = 19 * hop
    expected = librosa.istft(spectra.swapaxes(1, 2), hop_length=hop, n_fft=window, length=length)
    waves = istft(tf.constant(spectra), window, hop, length).numpy()
    np.testing.assert_allclose(waves, expected, atol=1e-4)


@settings(max_examples=20, deadline=None)
@given(length=st.integers(300, 3000), hop=st.sampled_from([32, 64, 128]), seed=st.integers(0, 99))
def test_there_and_back_changes_nothing_up_to_the_last_frame(length, hop, seed):
    waves = noise(1, length, seed=seed)
    back = istft(stft(tf.constant(waves), 256, hop), 256, hop, length).numpy()
    assert back.shape == waves.shape
    heard = length // hop * hop
    np.testing.assert_allclose(back[:, :heard], waves[:, :heard], atol=1e-4)


@pytest.mark.parametrize("power", [0.5, 1.0])
def test_the_window_may_have_another_power(power):
    waves = noise(2, 2048)
    window = np.hanning(257)[:-1] ** power
    options = dict(hop_length=128, n_fft=256, window=window)
    expected = librosa.stft(waves, pad_mode="constant", **options)
    spectra = stft(tf.constant(waves), 256, 128, power)
    np.testing.assert_allclose(spectra, expected.swapaxes(1, 2), atol=1e-4)
    halved = spectra * (tf.random.stateless_uniform(spectra.shape, (0, 0)) < 0.5).numpy()
    back = istft(halved, 256, 128, 2048, power)
    expected = librosa.istft(halved.numpy().swapaxes(1, 2), length=2048, **options)
    np.testing.assert_allclose(back, expected, atol=1e-4)


def test_more_samples_than_frames_hold_are_silence():
    spectra = stft(tf.constant(noise(1, 512)), 256, 128)
    assert istft(spectra, 256, 128, 2000).shape == (1, 2000)
    np.testing.assert_array_equal(istft(spectra, 256, 128, 2000)[0, 900:], 0)


def test_a_tone_is_where_it_belongs():
    tone = np.sin(2 * np.pi * 1000 * np.arange(8000) / 8000).astype("float32")[None]
    powers = tf.abs(stft(tf.constant(tone), 256, 64)).numpy()[0, 50]
    assert powers.argmax() == 1000 / (8000 / 256)


@pytest.mark.parametrize("rate", [8000, 16000])
def test_log_mel_is_librosas(rate):
    waves = noise(2, 3000)
    expected = librosa.feature.melspectrogram(
        y=waves, sr=rate, n_fft=256, hop_length=64, n_mels=30, pad_mode="constant"
    )
    levels = log_mel(tf.constant(waves), rate, 256, 64, bands=30).numpy()
    np.testing.assert_allclose(levels, 10 * np.log10(expected).swapaxes(1, 2), atol=1e-2)
    assert mel_filters(rate, 256, 30).shape == (129, 30)


def test_silence_has_a_level():
    np.testing.assert_allclose(log_mel(tf.zeros((1, 1000)), 8000), -100)


def test_gradients_flow_through_there_and_back():
    wave = tf.Variable(noise(1, 1024))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(istft(stft(wave, 256, 128), 256, 128, 1024) ** 2)
    np.testing.assert_allclose(tape.gradient(loss, wave), 2 * wave, atol=1e-3)


def test_the_frames_of_one_wave_do_not_depend_on_the_others():
    waves = noise(3, 1000)
    together = stft(tf.constant(waves), 256, 64)[1]
    np.testing.assert_allclose(together, stft(tf.constant(waves[1:2]), 256, 64)[0], atol=1e-5)
