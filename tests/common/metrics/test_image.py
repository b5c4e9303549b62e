import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import sqrtm

from gen_ai_examples.common.metrics.image import (
    copying_rate,
    features_frechet,
    frechet_distance,
    nearest,
)


def gaussian(rng, dim, rank):
    root = rng.normal(size=(dim, rank))
    return rng.normal(size=dim), root @ root.T


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 6))
def test_frechet_agrees_with_the_formula(seed, dim):
    rng = np.random.default_rng(seed)
    (mean_a, a), (mean_b, b) = gaussian(rng, dim, dim + 2), gaussian(rng, dim, dim + 2)
    expected = ((mean_a - mean_b) ** 2).sum() + np.trace(a + b - 2 * sqrtm(a @ b).real)
    assert frechet_distance(mean_a, a, mean_b, b) == pytest.approx(expected, rel=1e-6, abs=1e-8)
    assert frechet_distance(mean_b, b, mean_a, a) == pytest.approx(expected, rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("rank", [0, 1, 3])
def test_frechet_of_singular_covariances(rank):
    mean, cov = gaussian(np.random.default_rng(0), 5, rank)
    assert frechet_distance(mean, cov, mean, cov) == pytest.approx(0, abs=1e-6)
    assert frechet_distance(mean, cov, mean + 2, cov) == pytest.approx(20, rel=1e-6)
    # against N(m, I): sum over eigenvalues of (sqrt(l) - 1)^2
    expected = ((np.sqrt(np.linalg.eigvalsh(cov).clip(0)) - 1) ** 2).sum()
    assert frechet_distance(mean, cov, mean, np.eye(5)) == pytest.approx(expected, rel=1e-6)


def test_features_frechet_is_biased_upward_for_few_samples():
    rng = np.random.default_rng(0)
    scores = [features_frechet(*rng.normal(size=(2, n, 16))) for n in (50, 500, 5000)]
    assert scores[0] > 3 * scores[1] > 9 * scores[2] > 0


def test_nearest_finds_the_nearest():
    rng = np.random.default_rng(0)
    candidates = rng.normal(size=(30, 4, 4, 1))
    distances, which = nearest(candidates[[7, 3]] + 0.01, candidates)
    assert which.tolist() == [7, 3]
    assert distances == pytest.approx([0.04, 0.04])


def test_copying_rate_is_1_for_copies_and_about_0_for_fresh_draws():
    rng = np.random.default_rng(0)
    train, held_out, fresh = (rng.normal(size=(n, 5)) for n in (800, 200, 2000))
    assert copying_rate(train[:300] + 1e-3, train, held_out) == 1
    assert copying_rate(fresh, train, held_out) == pytest.approx(0, abs=0.15)
    half = np.concatenate([train[:500], fresh[:500]])
    assert copying_rate(half, train, held_out) == pytest.approx(0.5, abs=0.15)
