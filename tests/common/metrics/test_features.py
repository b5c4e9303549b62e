import numpy as np
import pytest

from gen_ai_examples.common.metrics.features import Judge
from gen_ai_examples.common.sources import image


def test_the_judge_knows_digits_and_orders_corruption():
    train, held_out = image.digits().split()
    judge = Judge(train, steps=200)
    assert np.mean(judge.labels(held_out.images) == held_out.labels) > 0.9
    rng = np.random.default_rng(0)
    noise = rng.normal(size=held_out.images.shape).astype("float32")
    clean, *noisy = (
        judge.frechet(held_out.images, held_out.images + amount * noise) for amount in (0, 0.3, 1)
    )
    assert clean == pytest.approx(0, abs=1e-4) and clean < noisy[0] < noisy[1]
    assert judge.features(held_out.images).shape == (len(held_out), 64)


def test_the_judge_is_the_same_whatever_the_seed_of_the_run():
    import keras

    train, held_out = image.digits().split()
    features = []
    for seed in (1, 2):
        keras.utils.set_random_seed(seed)
        features.append(Judge(train, steps=5).features(held_out.images))
    np.testing.assert_array_equal(*features)
