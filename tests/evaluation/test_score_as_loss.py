import keras
import numpy as np
import pytest

from gen_ai_examples.common.batches import batches
from gen_ai_examples.common.fit import fit
from gen_ai_examples.common.methods.gan import gan_randomness
from gen_ai_examples.common.metrics.image import Moments, features_frechet
from gen_ai_examples.common.strategy import strategy
from gen_ai_examples.evaluation.score_as_loss import ScoreAsLoss

LATENT_DIM = 3


def model(scope=None):
    """A linear generator of 2x2 images, whose pixels are the features."""
    keras.utils.set_random_seed(0)
    target = Moments().update(real())
    with (scope or strategy(["CPU:0"])).scope():
        z, picture = keras.Input((LATENT_DIM,)), keras.Input((2, 2, 1))
        drawn = keras.layers.Reshape((2, 2, 1))(keras.layers.Dense(4)(z))
        features = keras.Model(picture, keras.layers.Flatten()(picture))
        tuned = ScoreAsLoss(keras.Model(z, drawn), features, target)
        tuned.compile(keras.optimizers.Adam(0.02))
    return tuned


def real():
    return np.random.default_rng(0).normal(1.0, 0.5, (400, 4))


def data():
    images = {"images": np.zeros((64, 2, 2, 1), "float32")}  # only the latents are used
    return batches(images, 64, 0, gan_randomness(LATENT_DIM))


def test_the_loss_is_the_frechet_distance_of_the_batch():
    fake = np.random.default_rng(1).normal(0.3, 1.0, (60, 4)).astype("float32")
    expected = features_frechet(real(), fake)
    assert float(model()._frechet(fake)) == pytest.approx(expected, rel=1e-3)


def test_training_brings_the_distance_down():
    history = fit(model(), data(), 150, steps_per_epoch=50, progress=False).history["frechet"]
    assert history[-1] < 0.3 * history[0]


def test_the_features_do_not_move():
    tuned = model()
    assert not tuned.features.trainable
    assert {id(v) for v in tuned.trainable_variables} == {
        id(v) for v in tuned.generator.trainable_variables
    }
