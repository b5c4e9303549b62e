import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import sqrtm

from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.metrics.image import (
    Moments,
    density_coverage,
    features_frechet,
    frechet_distance,
    inception_score,
    kernel_distance,
    memorisation,
    ms_ssim_diversity,
    nearest,
    precision_recall,
    psnr,
    ssim,
    vendi_score,
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


@pytest.mark.parametrize(("n", "told"), [(50, 44), (5000, 0.4)])
def test_how_far_few_samples_lead_astray_is_what_the_corrected_answers_say(n, told):
    """Two samples of one Gaussian: see questions 1 and 13."""
    same = [np.random.default_rng(seed).normal(size=(2, n, 64)) for seed in range(4)]
    assert np.mean([features_frechet(*its) for its in same]) == pytest.approx(told, rel=0.12)


def test_nearest_finds_the_nearest():
    rng = np.random.default_rng(0)
    candidates = rng.normal(size=(30, 4, 4, 1))
    distances, which = nearest(candidates[[7, 3]] + 0.01, candidates)
    assert which.tolist() == [7, 3]
    assert distances == pytest.approx([0.04, 0.04])


def test_memorisation_is_1_for_copies_and_about_0_for_fresh_draws():
    rng = np.random.default_rng(0)
    train, held_out, fresh = (rng.normal(size=(n, 5)) for n in (800, 200, 2000))
    assert memorisation(train, train[:300] + 1e-3, held_out) == 1
    assert memorisation(train, fresh, held_out) == pytest.approx(0, abs=0.15)
    half = np.concatenate([train[:500], fresh[:500]])
    assert memorisation(train, half, held_out) == pytest.approx(0.5, abs=0.15)


def pictures(n=40, side=32, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (n, side, side, 1)).astype("float32")


def test_psnr_and_ssim_of_known_differences():
    images = pictures(2)
    assert psnr(images * 0, images * 0 + 0.2) == pytest.approx([20, 20])  # 10 log10(2^2 / 0.2^2)
    assert ssim(images, images) == pytest.approx([1, 1])
    assert (ssim(images, -images) < 0).all()


@pytest.mark.parametrize("side", [4, 8, 28, 64, 200])
def test_ms_ssim_orders_variety_at_any_size(side):
    varied, alike = pictures(20, side), pictures(1, side).repeat(20, 0)
    assert ms_ssim_diversity(alike, pairs=30) == pytest.approx(1, abs=1e-5)
    assert ms_ssim_diversity(varied, pairs=30) < 0.6


def test_moments_far_from_zero_keep_their_digits():
    features = 1e6 + np.random.default_rng(0).normal(size=(1000, 4))
    total = Moments()
    for part in np.split(features, 10):
        total.update(part)
    np.testing.assert_allclose(total.cov, np.cov(features, rowvar=False), rtol=1e-6, atol=1e-9)


def test_precision_recall_tells_collapse_from_blur():
    rng = np.random.default_rng(0)
    real = rng.normal(size=(500, 4))
    collapsed, spread_out = real[:3].repeat(100, 0), 4 * rng.normal(size=(500, 4))
    precision, recall = precision_recall(real, collapsed)
    assert precision == 1 and recall < 0.05
    precision, recall = precision_recall(real, spread_out)
    assert precision < 0.6 < recall


BAD_FEATURES = {
    "of 3 and of 4 numbers": (np.ones((5, 3)), np.ones((5, 4))),
    "NaN or infinity": (np.ones((5, 3)), np.full((5, 3), np.nan)),
    r"shape \(N, D\)": (np.ones((5, 3, 1)), np.ones((5, 3, 1))),
    "too few": (np.ones((5, 3)), np.ones((1, 3))),
}


@pytest.mark.parametrize("message", BAD_FEATURES)
@pytest.mark.parametrize("score", [kernel_distance, precision_recall, density_coverage])
def test_scores_refuse_bad_features(message, score):
    with pytest.raises(InputError, match=message):
        score(*BAD_FEATURES[message])


def test_the_frechet_distance_refuses_bad_features():
    good = np.random.default_rng(0).normal(size=(5, 3))
    for bad, message in [(good[:1], "too few"), (good * np.inf, "NaN"), (good[:, 0], "shape")]:
        with pytest.raises(InputError, match=message):
            features_frechet(good, bad)
    with pytest.raises(InputError, match="differ in dimension"):
        features_frechet(good, good[:, :2])
    with pytest.raises(InputError, match="follow features of 3"):
        Moments().update(good).update(good[:, :2])


def test_constant_features_have_a_distance_but_no_reach():
    constant = np.ones((10, 3))
    assert features_frechet(constant, constant + 1) == pytest.approx(3)
    assert precision_recall(constant, constant) == (0, 0)  # no neighbour is nearer than 0
    with pytest.raises(InputError, match="length 0"):
        vendi_score(np.zeros((4, 2)))


@pytest.mark.parametrize(
    ("probabilities", "message"),
    [
        (np.full((10, 4), 0.3), "sum to 1"),
        (np.tile([1.5, -0.5], (10, 1)), "positive"),
        (np.full((3, 2), 0.5), "cannot be split in 10"),
        (np.full((10, 2), np.nan), "NaN"),
    ],
)
def test_the_inception_score_refuses_what_are_no_probabilities(probabilities, message):
    with pytest.raises(InputError, match=message):
        inception_score(probabilities)


def test_pairs_must_be_pairs():
    for score in (ssim, psnr):
        with pytest.raises(InputError, match="no pairs"):
            score(pictures(2), pictures(3))
    with pytest.raises(InputError, match="at least two images"):
        ms_ssim_diversity(pictures(1))
