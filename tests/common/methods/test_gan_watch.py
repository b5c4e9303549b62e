import keras
import numpy as np
import pytest
import tensorflow as tf

from gen_ai_examples.common.batches import batches
from gen_ai_examples.common.fit import fit
from gen_ai_examples.common.methods.gan import GAN, gan_randomness, non_saturating
from gen_ai_examples.common.methods.gan_watch import GANWatch, draw, look, start_anew
from gen_ai_examples.common.sources import image
from gen_ai_examples.common.strategy import strategy

LATENT_DIM = 4


def build_gan(scope=None, seed=0, **options):
    keras.utils.set_random_seed(seed)
    with (scope or strategy(["CPU:0"])).scope():
        z, picture = keras.Input((LATENT_DIM,)), keras.Input((8, 8, 1))
        x = keras.layers.BatchNormalization(synchronized=True)(keras.layers.Dense(16)(z))
        x = keras.layers.Reshape((8, 8, 1))(keras.layers.Dense(64, activation="tanh")(x))
        y = keras.layers.Flatten()(picture)
        y = keras.layers.SpectralNormalization(keras.layers.Dense(1))(y)
        gan = GAN(keras.Model(z, x), keras.Model(picture, y), **options)
        gan.compile(keras.optimizers.Adam(1e-2, use_ema=True), keras.optimizers.Adam(1e-2))
    return gan


def data(seed=0):
    return batches({"images": image.digits().images}, 20, seed, gan_randomness(LATENT_DIM))


def latents(n=30):
    return np.random.default_rng(0).normal(size=(n, LATENT_DIM)).astype("float32")


def everything(gan):
    owners = (gan, gan.g_optimizer, gan.d_optimizer)
    return [keras.ops.convert_to_numpy(v) for owner in owners for v in owner.variables]


def test_a_model_that_starts_anew_trains_as_a_fresh_one_to_the_bit():
    used, fresh = build_gan(seed=0), build_gan(seed=7)
    fit(used, data(seed=3), 12, progress=False)
    start_anew(used, build_gan(seed=7))
    for a, b in zip(everything(used), everything(fresh), strict=True):
        np.testing.assert_array_equal(a, b)
    for gan in (used, fresh):
        fit(gan, data(seed=1), 12, progress=False)
    for a, b in zip(everything(used), everything(fresh), strict=True):
        np.testing.assert_array_equal(a, b)


def test_starting_anew_keeps_the_traced_steps():
    gan = build_gan()
    fit(gan, data(), 4, steps_per_call=2, progress=False)
    (steps,) = gan._traced_steps.values()
    traced = steps._train.experimental_get_tracing_count()
    start_anew(gan, build_gan(seed=1))
    fit(gan, data(seed=1), 4, steps_per_call=2, progress=False)
    assert list(gan._traced_steps.values()) == [steps]
    assert steps._train.experimental_get_tracing_count() == traced


def test_a_model_built_otherwise_is_refused():
    z, picture = keras.Input((LATENT_DIM,)), keras.Input((8, 8, 1))
    x = keras.layers.Reshape((8, 8, 1))(keras.layers.Dense(64)(z))
    other = GAN(
        keras.Model(z, x),
        keras.Model(picture, keras.layers.Dense(1)(keras.layers.Flatten()(picture))),
    )
    other.compile(keras.optimizers.Adam(), keras.optimizers.Adam())
    with pytest.raises(ValueError):
        start_anew(build_gan(), other)


def one_pixel_gan(slope, brightness):
    """G draws `brightness` everywhere, D scores the sum of the pixels times `slope`."""
    z, picture = keras.Input((1,)), keras.Input((2, 2, 1))
    bias = keras.initializers.Constant(brightness)
    x = keras.layers.Dense(4, kernel_initializer="zeros", bias_initializer=bias)(z)
    slopes = keras.initializers.Constant(slope)
    y = keras.layers.Dense(1, kernel_initializer=slopes)(keras.layers.Flatten()(picture))
    return GAN(
        keras.Model(z, keras.layers.Reshape((2, 2, 1))(x)), keras.Model(picture, y), non_saturating
    )


def test_score_gap_and_gradient_of_a_game_worked_out_by_hand():
    gan = one_pixel_gan(slope=3.0, brightness=0.25)
    real, z = np.full((5, 2, 2, 1), 0.5, np.float32), np.full((6, 1), 2.0, np.float32)
    seen = look(gan, real, z)
    fake_logit = 3.0 * 4 * 0.25
    assert seen["score_gap"] == pytest.approx(3.0 * 4 * 0.5 - fake_logit)
    # d softplus(-s) = -(1 - sigmoid(s)) ds, and ds is 3 for each bias, 3 z for each kernel weight.
    away = 1 - 1 / (1 + np.exp(-fake_logit))
    assert seen["gradient_norm"] == pytest.approx(away * np.sqrt(4 * 3.0**2 * (1 + 2.0**2)))


def test_looking_changes_nothing():
    gan = build_gan()
    before = everything(gan)
    look(gan, image.digits().images[:30], latents())
    draw(gan.generator, latents())
    for a, b in zip(before, everything(gan), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_watch_adds_to_the_history_of_every_epoch(replicas):
    gan = build_gan(replicas)
    watch = GANWatch(image.digits().images[:30], latents(), recall=lambda drawn: drawn.shape[0])
    history = fit(
        gan, data(), 6, callbacks=[watch], steps_per_epoch=2, steps_per_call=1, progress=False
    ).history
    assert history["recall"] == [30, 30, 30]
    seen = look(gan, watch.real, watch.latents)
    for name, value in seen.items():
        assert len(history[name]) == 3 and history[name][-1] == pytest.approx(value)


def test_draw_makes_the_images_of_sample_and_grey_ones_of_weights_that_are_not_finite():
    gan = build_gan()
    np.testing.assert_allclose(
        draw(gan.generator, latents()), gan.sample(latents()), rtol=1e-5, atol=1e-6
    )
    gan.generator.trainable_variables[0].assign(tf.fill((LATENT_DIM, 16), np.nan))
    assert (draw(gan.generator, latents()) == 0).all()
