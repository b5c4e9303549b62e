import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from gen_ai_examples.common.batches import batches
from gen_ai_examples.common.fit import fit
from gen_ai_examples.common.methods.pix2pix import Pix2Pix
from gen_ai_examples.common.strategy import strategy

SIZE = 8


def build_generator():
    given = keras.Input((SIZE, SIZE, 1))
    x = layers.Conv2D(8, 3, padding="same", use_bias=False)(given)
    x = layers.ReLU()(layers.BatchNormalization(synchronized=True)(x))
    return keras.Model(given, layers.Conv2D(3, 3, padding="same", activation="tanh")(x))


def build_discriminator(head="glorot_uniform"):
    given, picture = keras.Input((SIZE, SIZE, 1)), keras.Input((SIZE, SIZE, 3))
    x = layers.Conv2D(16, 3, 2, padding="same")(layers.Concatenate()([given, picture]))
    logits = layers.Conv2D(1, 1, kernel_initializer=head)(layers.LeakyReLU(0.2)(x))
    return keras.Model([given, picture], logits)


def pix2pix(scope=None, g_rate=1e-3, d_rate=1e-3, head="glorot_uniform", l1_weight=10.0):
    keras.utils.set_random_seed(0)
    with (scope or strategy(["CPU:0"])).scope():
        model = Pix2Pix(build_generator(), build_discriminator(head), l1_weight)
        model.compile(keras.optimizers.Adam(g_rate), keras.optimizers.Adam(d_rate))
    return model


def columns(n=40):
    """Red where the input is dark, blue where it is light."""
    given = np.sign(np.random.default_rng(0).normal(size=(n, SIZE, SIZE, 1))).astype("float32")
    return {"inputs": given, "targets": np.concatenate([-given, -np.ones_like(given), given], -1)}


def data(batch_size=8):
    return batches(columns(), batch_size, 0)


def test_losses_of_a_discriminator_that_knows_nothing(replicas):
    model = pix2pix(replicas, 0.0, 0.0, head="zeros")
    history = fit(model, data(), 2, progress=False).history
    assert history["d_loss"][0] == pytest.approx(2, abs=1e-6)
    assert history["g_loss"][0] == pytest.approx(0, abs=1e-6)


def test_l1_of_known_pictures(replicas):
    """A generator that draws grey is 1 away from targets of -1 and 1."""
    model = pix2pix(replicas, 0.0, 0.0)
    model.generator.layers[-1].set_weights(
        [np.zeros_like(w) for w in model.generator.layers[-1].get_weights()]
    )
    assert fit(model, data(), 2, progress=False).history["l1"][0] == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(("player", "sign"), [("generator", 1), ("discriminator", -1)])
def test_each_player_alone_pushes_its_own_way(player, sign):
    """The generator raises the score of what it makes above the targets', D lowers it."""
    rates = {"generator": (1e-2, 0.0), "discriminator": (0.0, 1e-2)}[player]
    model = pix2pix(None, *rates, l1_weight=0.0)
    given, targets = map(tf.constant, columns().values())

    def lead():
        made = model.generator(given, training=True)
        scores = [model.discriminator([given, x]) for x in (made, targets)]
        return float(tf.reduce_mean(scores[0]) - tf.reduce_mean(scores[1]))

    before = lead()
    fit(model, data(), 20, progress=False)
    assert sign * (lead() - before) > 0


def test_the_generator_learns_the_translation_and_its_statistics():
    model = pix2pix(g_rate=1e-2)
    given, targets = columns().values()
    untrained = np.abs(model.translate(given) - targets).mean()
    fit(model, data(), 300, progress=False)
    made = model.translate(given)
    assert made.shape == targets.shape and made.dtype == np.float32
    assert np.abs(made - targets).mean() < 0.2 * untrained


def test_the_discriminator_sees_the_input_beside_the_picture():
    """Pictures alike in themselves, but of another input, become unlike for it."""
    model = pix2pix(g_rate=0.0, d_rate=1e-2)
    model.generator = keras.Sequential(  # the targets, mirrored: real pictures, wrong inputs
        [
            keras.Input((SIZE, SIZE, 1)),
            layers.Lambda(lambda x: x[:, :, ::-1] * tf.constant([-1.0, 0, 1]) + [0.0, -1, 0]),
        ]
    )
    d_loss = fit(model, data(), 300, progress=False).history["d_loss"]
    assert d_loss[-1] < 0.5  # 2 for one that sees the picture alone


def test_two_devices_end_with_the_weights_of_one():
    one, two = pix2pix(), pix2pix(strategy(["CPU:0", "CPU:1"]))
    for model in (one, two):
        fit(model, data(), 10, progress=False)
    for a, b in zip(one.get_weights(), two.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)
