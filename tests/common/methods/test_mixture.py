import numpy as np
import pytest

from gen_ai_examples.common.methods.mixture import PixelMixture
from gen_ai_examples.common.sources.image import ImageSet


def two_classes(n=400):
    """Class 0 around a dark line of 16 pixels, class 1 around a bright one."""
    rng = np.random.default_rng(0)
    labels = np.arange(n) % 2
    images = (labels - 0.5)[:, None, None, None] + rng.normal(0, 0.1, (n, 4, 4, 1))
    return ImageSet(images.astype("float32"), labels, ("dark", "bright"))


def test_samples_have_the_mean_and_spread_of_their_class():
    data = two_classes()
    labels = np.array([0] * 1000 + [1] * 1000)
    drawn = PixelMixture(data, principal_components=16, components=1).sample(labels)
    assert drawn.shape == (2000, 4, 4, 1) and drawn.dtype == np.float32
    for label in (0, 1):
        real = data.images[data.labels == label]
        np.testing.assert_allclose(drawn[labels == label].mean(0), real.mean(0), atol=0.05)
        # 0.1 of the data and the 1e-2 that keeps covariances regular
        assert drawn[labels == label].std(0).mean() == pytest.approx(np.sqrt(0.02), rel=0.1)


def test_samples_stay_in_range_and_follow_the_seed():
    labels = np.array([0, 1, 1])
    one, two = (PixelMixture(two_classes(), seed=0).sample(labels) for _ in range(2))
    assert np.abs(one).max() <= 1
    np.testing.assert_array_equal(one, two)


def test_every_call_draws_anew_with_the_covariance_of_scikit_learn():
    mixture = PixelMixture(two_classes(), principal_components=6, components=1)
    first, second = mixture._draw(0, 5000), mixture._draw(0, 5000)
    assert (first != second).all()
    expected = mixture._mixtures[0].covariances_[0]
    np.testing.assert_allclose(np.cov(first, rowvar=False), expected, atol=0.002)


def test_classes_of_a_few_images_are_no_problem():
    few = two_classes(6)
    assert PixelMixture(few).sample(np.array([0, 1])).shape == (2, 4, 4, 1)
