import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from gen_ai_examples.common.batches import batches
from gen_ai_examples.common.fit import fit
from gen_ai_examples.common.methods.vae import (
    VAE,
    gaussian_log_density,
    kl_to_prior,
    vae_randomness,
)
from gen_ai_examples.common.sources import image
from gen_ai_examples.common.strategy import strategy

LATENT_DIM = 4
SHAPE = (8, 8, 1)


def build_encoder(head="glorot_uniform"):
    picture = keras.Input(SHAPE)
    x = keras.layers.Dense(32, "silu")(keras.layers.Flatten()(picture))
    return keras.Model(picture, keras.layers.Dense(2 * LATENT_DIM, kernel_initializer=head)(x))


def build_decoder(head="glorot_uniform"):
    z = keras.Input((LATENT_DIM,))
    x = keras.layers.Dense(32, "silu")(z)
    x = keras.layers.Dense(64, kernel_initializer=head)(x)
    return keras.Model(z, keras.layers.Reshape(SHAPE)(x))


def vae(scope=None, rate=1e-3, head="glorot_uniform", **options):
    keras.utils.set_random_seed(0)
    with (scope or strategy(["CPU:0"])).scope():
        model = VAE(build_encoder(head), build_decoder(head), **options)
        model.compile(keras.optimizers.Adam(rate))
    return model


def data(batch_size=20):
    return batches({"images": image.digits().images}, batch_size, 0, vae_randomness(LATENT_DIM))


def linear_vae(weights, scale):
    """Decoder W z and the exact posterior of that model, so that the bound is tight.

    Probabilistic principal components (Tipping & Bishop 1999): x is N(0, W W^T + scale^2 I).
    """
    n_pixels, latent_dim = weights.shape
    precision = weights.T @ weights / scale**2 + np.eye(latent_dim)  # diagonal in the test
    to_means = weights @ np.linalg.inv(precision) / scale**2  # (n_pixels, latent_dim)
    kernel = np.concatenate([to_means, np.zeros_like(to_means)], axis=1)
    bias = np.concatenate([np.zeros(latent_dim), -np.log(np.diag(precision))])
    x, z = keras.Input((n_pixels,)), keras.Input((latent_dim,))
    encoder = keras.Model(x, keras.layers.Dense(2 * latent_dim, name="posterior")(x))
    encoder.set_weights([kernel, bias])
    decoder = keras.Model(z, keras.layers.Dense(n_pixels, use_bias=False)(z))
    decoder.set_weights([weights.T])
    return VAE(encoder, decoder, scale=scale)


def test_the_bound_is_tight_where_the_posterior_is_exact():
    rng = np.random.default_rng(0)
    weights = np.linalg.qr(rng.normal(size=(6, 2)))[0] * [2.0, 0.5]  # orthogonal columns
    scale = 0.3
    x = stats.multivariate_normal(np.zeros(6), weights @ weights.T + scale**2 * np.eye(6))
    images = x.rvs(5, random_state=0).astype("float32")
    noise = rng.normal(size=(20000, 2)).astype("float32")
    model = linear_vae(weights, scale)
    for picture in images:
        log_likelihoods, kls = model.elbo_terms(np.tile(picture, (len(noise), 1)), noise)
        assert np.mean(log_likelihoods - kls) == pytest.approx(x.logpdf(picture), abs=0.05)


def test_another_posterior_lowers_the_bound_by_its_divergence_from_the_exact_one():
    rng = np.random.default_rng(0)
    weights = np.linalg.qr(rng.normal(size=(6, 2)))[0]
    noise = rng.normal(size=(20000, 2)).astype("float32")
    images = np.zeros((len(noise), 6), "float32")
    model = linear_vae(weights, 0.5)
    exact = np.mean(np.subtract(*model.elbo_terms(images, noise)))
    kernel, bias = model.encoder.get_weights()
    variance, shift = np.exp(bias[2]), 0.4
    model.encoder.set_weights([kernel, bias + np.array([shift, 0, 0, 0])])
    shifted = np.mean(np.subtract(*model.elbo_terms(images, noise)))
    assert exact - shifted == pytest.approx(shift**2 / (2 * variance), rel=0.05)


def test_divergence_from_the_prior():
    zeros = np.zeros((3, LATENT_DIM), "float32")
    np.testing.assert_array_equal(kl_to_prior(zeros, zeros), 0)
    # One dimension of mean 2 and deviation 3, the others are the prior.
    means, log_variances = zeros.copy(), zeros.copy()
    means[:, 0], log_variances[:, 0] = 2, np.log(9)
    np.testing.assert_allclose(
        kl_to_prior(means, log_variances), (4 + 9 - 1) / 2 - np.log(3), rtol=1e-6
    )


def test_gaussian_log_density_is_that_of_scipy_in_nats_per_image():
    x, means = np.random.default_rng(0).normal(size=(2, 3, *SHAPE)).astype("float32")
    expected = stats.norm(means, 0.2).logpdf(x).sum(axis=(1, 2, 3))
    log_scale = tf.constant(np.log(0.2), tf.float32)
    density = gaussian_log_density(tf.constant(x), tf.constant(means), log_scale)
    np.testing.assert_allclose(density, expected, rtol=1e-5)


def test_the_loss_of_networks_that_know_nothing(replicas):
    """Means of 0 and the prior for a posterior: no divergence, pixels under N(0, 0.5^2)."""
    model = vae(replicas, rate=0.0, head="zeros", scale=0.5)
    logs = {name: v[0] for name, v in fit(model, data(), 1, progress=False).history.items()}
    images = next(iter(data()))["images"].numpy()
    expected = -stats.norm(0, 0.5).logpdf(images).sum() / len(images)
    assert logs["kl"] == 0
    assert logs["loss"] == pytest.approx(expected, rel=1e-5)
    assert logs["elbo"] == pytest.approx(-expected, rel=1e-5)


def test_training_raises_the_bound_and_learns_the_scale():
    model = vae(rate=1e-2)
    history = fit(model, data(64), 300, steps_per_epoch=50, progress=False).history
    assert history["elbo"][-1] > history["elbo"][0] + 20
    assert history["kl"][-1] > 1  # the latents are used
    images = image.digits().images
    error = np.sqrt(np.mean((model.reconstruct(images) - images) ** 2))
    assert error < 0.85 * images.std(axis=0).mean()  # better than the mean image
    assert float(tf.exp(model.log_scale)) == pytest.approx(error, rel=0.2)


def test_a_larger_beta_pulls_the_posterior_to_the_prior():
    kls = []
    for beta in (0.1, 1.0, 10.0):
        model = vae(rate=1e-2, beta=beta)
        kls.append(fit(model, data(64), 200, steps_per_epoch=50, progress=False).history["kl"][-1])
    assert kls[0] > kls[1] > kls[2]


def test_two_devices_end_with_the_weights_of_one():
    one, two = vae(), vae(strategy(["CPU:0", "CPU:1"]))
    fit(one, data(), 20, progress=False)
    fit(two, data(), 20, progress=False)
    for a, b in zip(one.get_weights(), two.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_steps_per_call_are_bit_identical(ends_bit_identical):
    ends_bit_identical(vae(), data())


def test_both_networks_train_in_training_mode():
    modes = []

    class Mode(keras.layers.Layer):
        def call(self, x, training=False):
            modes.append(training)
            return x

    picture, z = keras.Input(SHAPE), keras.Input((LATENT_DIM,))
    model = VAE(
        keras.Model(picture, build_encoder()(Mode()(picture))),
        keras.Model(z, build_decoder()(Mode()(z))),
    )
    model.compile(keras.optimizers.Adam())
    modes.clear()
    model.train_step(next(iter(data())))
    assert len(modes) == 2 and all(modes)
    modes.clear()
    model.reconstruct(image.digits().images[:2])
    assert len(modes) == 2 and not any(modes)


def test_it_trains_with_plain_model_fit(replicas):
    model = vae(replicas)
    model.jit_compile = False
    history = model.fit(data(), steps_per_epoch=2, verbose=0).history
    assert np.isfinite(history["loss"]).all()


def test_samples_and_reconstructions_have_the_shape_of_the_images():
    model = vae()
    assert model.sample(np.zeros((3, LATENT_DIM), "float32")).shape == (3, *SHAPE)
    assert model.reconstruct(image.digits().images[:3]).shape == (3, *SHAPE)


def test_the_noise_is_standard_normal():
    (batch,) = batches({"images": np.zeros((4000, 1))}, 4000, 0, vae_randomness(LATENT_DIM)).take(1)
    assert batch["noise"].shape == (4000, LATENT_DIM)
    assert np.mean(batch["noise"]) == pytest.approx(0, abs=0.05)
    assert np.std(batch["noise"]) == pytest.approx(1, abs=0.05)
