import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from gen_ai_examples.common.audio import istft, mel_filters, stft
from gen_ai_examples.common.batches import batches
from gen_ai_examples.common.fit import fit
from gen_ai_examples.common.methods import enhancement
from gen_ai_examples.common.methods.enhancement import (
    SpeechEnhancement,
    compressed,
    envelope_correlation,
    features,
    limited_snr,
)
from gen_ai_examples.common.sources.audio import bundled_speech, mixture
from gen_ai_examples.common.strategy import strategy

RATE = 8000
T = 4000


def noise(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def constant_mask(real, imaginary):
    """A network that answers the same everywhere."""
    spectrum = keras.Input((None, 128, 3))
    answer = layers.Conv2D(2, 1, kernel_initializer="zeros")
    network = keras.Model(spectrum, answer(spectrum))
    answer.bias.assign([real, imaginary])
    return network


def pointwise():
    spectrum = keras.Input((None, 128, 3))
    x = layers.Conv2D(8, 1, activation="silu")(spectrum)
    return keras.Model(spectrum, layers.Conv2D(2, 1)(x))


def built(network, learning_rate=1e-2):
    model = SpeechEnhancement(network, RATE)
    model.compile(keras.optimizers.Adam(learning_rate))
    model.optimizer.build(network.trainable_variables)
    return model


@pytest.mark.parametrize("length", [T, T + 77])
def test_a_network_that_says_zero_changes_nothing_but_the_lowest_bin_stays_out(length):
    waves = tf.constant(noise(2, length))
    result = SpeechEnhancement(constant_mask(0, 0), RATE).enhance(waves)
    spectra = stft(tf.pad(waves, [[0, 0], [0, 128]]), 256, 128, 0.5)
    without = tf.concat([0 * spectra[..., :1], spectra[..., 1:]], axis=-1)
    np.testing.assert_allclose(result, istft(without, 256, 128, length, 0.5), atol=1e-4)
    tone = np.sin(2 * np.pi * 500 * np.arange(length) / 8000).astype("float32")[None]
    heard = SpeechEnhancement(constant_mask(0, 0), RATE).enhance(tf.constant(tone))
    np.testing.assert_allclose(heard[:, 300:-300], tone[:, 300:-300], atol=1e-3)


def test_the_mask_scales_and_turns_the_spectrum():
    t = np.arange(T) / 8000
    wave = np.cos(2 * np.pi * 1000 * t).astype("float32")[None]
    inside = slice(300, -300)
    half = SpeechEnhancement(constant_mask(-0.5, 0), RATE).enhance(tf.constant(wave)).numpy()
    np.testing.assert_allclose(half[:, inside], wave[:, inside] / 2, atol=1e-3)
    turned = SpeechEnhancement(constant_mask(-1, 1), RATE).enhance(tf.constant(wave)).numpy()
    np.testing.assert_allclose(turned[0, inside], -np.sin(2 * np.pi * 1000 * t)[inside], atol=1e-3)


def test_loudness_passes_through():
    model = SpeechEnhancement(pointwise(), RATE)
    wave = tf.constant(noise(1, T))
    np.testing.assert_allclose(
        model.enhance(100 * wave), 100 * model.enhance(wave), rtol=1e-3, atol=1e-2
    )
    assert np.isfinite(model.enhance(tf.zeros((1, T))).numpy()).all()


def test_many_waveforms_are_enhanced_as_each_alone():
    model = SpeechEnhancement(pointwise(), RATE)
    waves = noise(5, T)
    each = [model.enhance(tf.constant(wave[None]))[0] for wave in waves]
    np.testing.assert_allclose(model.enhance_all(waves, batch_size=2), each, atol=1e-5)


def test_features_are_log_magnitude_and_the_spectrum_with_compressed_magnitude():
    spectra = tf.constant([[[7j, 3 + 4j, -1]]], tf.complex64)
    expected = [[0.3 * np.log(5), 3 * 5**-0.7, 4 * 5**-0.7], [0, -1, 0]]
    np.testing.assert_allclose(features(spectra)[0, 0], expected, atol=1e-3)
    np.testing.assert_allclose(compressed(spectra)[0, 0], [7**0.3, 5**0.3, 1], rtol=1e-5)


@pytest.mark.parametrize("snr", [-10.0, 0.0, 10.0])
def test_the_snr_is_the_ratio_of_powers(snr):
    clean = noise(3, T)
    error = noise(3, T, seed=1)
    error *= np.linalg.norm(clean, axis=1, keepdims=True) / np.linalg.norm(
        error, axis=1, keepdims=True
    )
    result = limited_snr(tf.constant(clean + error * 10 ** (-snr / 20)), tf.constant(clean))
    expected = -10 * np.log10(10 ** (-snr / 10) + 1e-3)
    np.testing.assert_allclose(result, [expected] * 3, atol=1e-3)


def test_the_snr_of_a_perfect_result_is_the_limit_and_its_gradient_finite():
    clean = tf.constant(noise(2, T))
    with tf.GradientTape() as tape:
        tape.watch(clean)
        snr = limited_snr(clean, clean)
        loss = tf.reduce_sum(compressed(tf.cast(0 * clean, tf.complex64)))
    np.testing.assert_allclose(snr, 30, atol=1e-3)
    assert np.isfinite(tape.gradient(loss, clean)).all()


def envelopes(ours, truth):
    filters = mel_filters(RATE, 256, 20)
    spectra = (stft(tf.constant(x, tf.float32), 256, 128) for x in (ours, truth))
    return envelope_correlation(*spectra, filters).numpy()


def test_envelopes_correlate_with_themselves_at_any_level_and_not_with_noise():
    truth = bundled_speech()["june_fr"][:16000][None]
    np.testing.assert_allclose(envelopes(truth, truth), 1, atol=0.01)
    np.testing.assert_allclose(envelopes(3 * truth, truth), 1, atol=0.01)
    assert abs(envelopes(noise(1, 16000), truth)[0]) < 0.1
    noisy = [envelopes(mixture(truth, noise(1, 16000), snr), truth)[0] for snr in (20, 10, 0, -10)]
    assert np.all(np.diff(noisy) < -0.05)


def test_the_envelope_of_a_pause_does_not_count():
    truth = bundled_speech()["june_fr"][:24000].copy()[None]
    truth[:, 12000:] = 0
    ours = truth.copy()
    ours[:, 16000:] = 0.1 * noise(8000)
    assert envelopes(ours, truth)[0] > 0.95
    ours = truth.copy()
    ours[:, :8000] = 0.1 * noise(8000)
    assert envelopes(ours, truth)[0] < 0.7


def test_the_envelopes_of_silence_are_finite():
    assert np.isfinite(envelopes(np.zeros((1, 16000)), np.zeros((1, 16000)))).all()


def pair(n=4):
    clean = noise(n, T)
    return {"clean": tf.constant(clean), "noisy": tf.constant(clean + noise(n, T, seed=1))}


def test_an_ignorant_network_reports_the_ratio_of_its_input():
    model = built(constant_mask(0, 0))
    logs = model.train_step(pair())
    assert float(logs["snr"]) == pytest.approx(0, abs=0.3)
    silent = built(constant_mask(-1, 0)).train_step(pair())
    assert float(silent["snr"]) == pytest.approx(0, abs=0.05)


@pytest.mark.parametrize("name", ["snr", "spectrum", "envelope"])
def test_each_loss_alone_is_bettered_by_training(name, monkeypatch):
    silenced = {
        "snr": ("limited_snr", lambda ours, truth: 0 * ours[:, 0]),
        "spectrum": ("compressed", lambda spectra: 0 * tf.abs(spectra)),
        "envelope": ("envelope_correlation", lambda ours, *_: 0 * tf.abs(ours[:, 0, 0])),
    }
    for other, replacement in silenced.items():
        if other != name:
            monkeypatch.setattr(enhancement, *replacement)
    batch = pair()
    model = built(pointwise(), 1e-3)
    first = float(model.train_step(batch)[name])
    for _ in range(10):
        last = float(model.train_step(batch)[name])
    assert (last < first) if name == "spectrum" else (last > first)


def test_two_replicas_learn_what_one_learns():
    def trained(n):
        data = batches({name: x.numpy() for name, x in pair(8).items()}, 4, seed=0)
        with strategy([f"CPU:{i}" for i in range(n)]).scope():
            keras.utils.set_random_seed(0)
            model = built(pointwise())
        fit(model, data, 3, progress=False)
        return model.network.get_weights()

    for a, b in zip(trained(1), trained(2), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
