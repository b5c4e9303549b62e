import keras
import numpy as np
import pytest
import tensorflow as tf

from gen_ai_examples.training import batch_size as module
from gen_ai_examples.training.batch_size import best_rate, build, crossing, gradient


@pytest.mark.parametrize(
    ("values", "seen"),
    [
        ([3.0], 100.0),  # above the mark at the first look
        ([0.0, 4.0], 150.0),  # half way between two looks
        ([0.0, 1.0, 3.0, 0.0], 250.0),
        ([0.0, 1.0], float("inf")),
        ([], float("inf")),
    ],
)
def test_the_crossing_lies_between_two_looks(values, seen):
    assert crossing(values, mark=2.0, step=100) == seen


def test_the_rate_is_chosen_on_the_digits_set_aside():
    runs = {
        (8, 0.1): {"set aside": 5, "held out": 9},
        (8, 0.2): {"set aside": 6, "held out": 1},
        (16, 0.3): {"set aside": 1, "held out": 1},
    }
    assert best_rate(runs, 8) == 0.1


def test_the_mark_and_training_use_separate_digits():
    train, held_out = module.image.mnist().split()
    fitted, chosen_on = train.split()
    sets = [{x.tobytes() for x in its.images} for its in (fitted, chosen_on, held_out)]
    assert not (sets[0] & sets[1] or sets[0] & sets[2] or sets[1] & sets[2])


def test_the_gradient_of_all_examples_is_the_mean_of_its_parts():
    model = build((4, 4, 1), 2, 1e-3, seed=0)
    images = np.random.default_rng(0).normal(size=(6, 4, 4, 1)).astype("float32")
    whole, *parts = (
        gradient(model, images, 2, tf.constant(rows))
        for rows in (range(6), range(0, 3), range(3, 6))
    )
    np.testing.assert_allclose(whole, np.mean(parts, axis=0), rtol=1e-3, atol=1e-4)
    assert whole.shape == (sum(keras.ops.size(w) for w in model.trainable_weights),)


def test_a_rate_that_diverges_never_reaches_the_mark(monkeypatch):
    def diverging(*_, **__):
        raise module.TrainingDiverged("elbo became nan")

    monkeypatch.setattr(module, "fit", diverging)
    history = module.race(None, None, 1, 1, {"held out": None}, {"held out": 0.0})
    assert crossing(history["held out"], 0.0, 100) == float("inf")
