"""Ours against the published implementations (`make_published.py`), closed forms and laws."""

import json
import pathlib
import runpy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from gen_ai_examples.common.metrics.image import (
    Moments,
    density_coverage,
    features_frechet,
    frechet_distance,
    inception_score,
    kernel_distance,
    ms_ssim_diversity,
    precision_recall,
    psnr,
    ssim,
    vendi_score,
)

HERE = pathlib.Path(__file__).parent
MAKER = runpy.run_path(str(HERE / "make_published.py"))
PUBLISHED = json.loads((HERE / "published.json").read_text())
FEATURES, LOGITS, IMAGES = (MAKER[f]() for f in ("feature_pairs", "logits", "image_pairs"))

features_named = pytest.mark.parametrize("name", FEATURES)
both_precisions = pytest.mark.parametrize("dtype", ["float64", "float32"])
seeds = st.integers(0, 10_000)
few = settings(max_examples=30, deadline=None)


def prdc(real, fake, k):
    """Precision, recall, density, coverage, in the order of the `prdc` package."""
    return [*precision_recall(real, fake, k), *density_coverage(real, fake, k)]


def sets(seed, n=12, m=9, dim=3):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, dim)), 1.5 * rng.normal(size=(m, dim)) + 0.3


def covariance(rng, dim):
    root = rng.normal(size=(dim, dim))
    return root @ root.T


# Against the record


def test_the_inputs_are_those_of_the_record():
    assert MAKER["checksums"]() == PUBLISHED["inputs"]


@both_precisions
@features_named
def test_frechet_as_published(name, dtype):
    ours = features_frechet(*(f.astype(dtype) for f in FEATURES[name]))
    for package, theirs in PUBLISHED["frechet"][name].items():
        assert ours == pytest.approx(theirs, rel=1e-6, abs=1e-9), package


@both_precisions
@features_named
def test_kernel_distance_as_published(name, dtype):
    n = min(len(f) for f in FEATURES[name])
    real, fake = (f[:n].astype(dtype) for f in FEATURES[name])
    ours, spread = kernel_distance(real, fake, subsets=1, subset_size=n)
    for package, theirs in PUBLISHED["kernel_distance"][name]["whole"].items():
        assert ours == pytest.approx(theirs, rel=1e-9), package
    assert spread == 0


@features_named
def test_kernel_distance_over_subsets_as_published(name):
    """Drawn by another generator: the means agree within 5 standard errors of their difference."""
    theirs = PUBLISHED["kernel_distance"][name]
    mean, std = kernel_distance(*FEATURES[name], theirs["subsets"], theirs["size"])
    error = theirs["std"] * np.sqrt(2 / theirs["subsets"])
    assert mean == pytest.approx(theirs["mean"], abs=5 * error)
    assert std == pytest.approx(theirs["std"], rel=0.25)


@pytest.mark.parametrize("splits", [1, 10])
@pytest.mark.parametrize("name", LOGITS)
def test_inception_score_as_published(name, splits):
    ours = inception_score(MAKER["softmax"](LOGITS[name]), splits, seed=None)
    theirs = PUBLISHED["inception_score"][name][str(splits)]
    assert ours == pytest.approx(theirs, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("k", MAKER["NEIGHBOURS"])
@features_named
def test_precision_recall_density_coverage_as_published(name, k):
    real, fake = FEATURES[name]
    ours = prdc(real.astype("float32"), fake, k)
    assert ours == pytest.approx([*PUBLISHED["prdc"][name][str(k)].values()], rel=1e-9)


@both_precisions
@features_named
def test_vendi_score_as_published(name, dtype):
    ours = [vendi_score(f.astype(dtype)) for f in FEATURES[name]]
    assert ours == pytest.approx(PUBLISHED["vendi"][name], rel=1e-6)


@both_precisions
@pytest.mark.parametrize("name", IMAGES)
def test_ssim_and_psnr_as_published(name, dtype):
    a, b = (images.astype(dtype) for images in IMAGES[name])
    assert ssim(a, b) == pytest.approx(PUBLISHED["images"][name]["ssim"], rel=1e-4, abs=1e-5)
    assert psnr(a, b) == pytest.approx(PUBLISHED["images"][name]["psnr"], rel=1e-6)


@both_precisions
@pytest.mark.parametrize("name", ["one scale", "five scales"])
def test_ms_ssim_of_two_images_as_published(name, dtype):
    pairs = (np.stack(pair).astype(dtype) for pair in zip(*IMAGES[name], strict=True))
    ours = [ms_ssim_diversity(pair, pairs=1) for pair in pairs]
    assert ours == pytest.approx(PUBLISHED["images"][name]["ms_ssim"], rel=1e-4, abs=1e-5)


# Frechet distance


def test_frechet_of_known_gaussians():
    mean, other = np.zeros(2), np.array([3.0, 4])
    # Commuting covariances: a sum over the axes of (s - t)^2.
    a, b = np.diag([4.0, 9.0]), np.diag([1.0, 25.0])
    assert frechet_distance(mean, a, other, b) == pytest.approx(25 + 1 + 4)
    # Others, in two dimensions: tr (AB)^1/2 = (tr AB + 2 (det AB)^1/2)^1/2.
    a, b = np.array([[2.0, 1], [1, 3]]), np.array([[5.0, -2], [-2, 1]])
    root = np.sqrt(np.trace(a @ b) + 2 * np.sqrt(np.linalg.det(a @ b)))
    assert frechet_distance(mean, a, other, b) == pytest.approx(25 + 5 + 6 - 2 * root)


def test_frechet_of_features_divides_by_n_minus_1():
    # Variances 2 and 8.
    assert features_frechet([[-1.0], [1]], [[1.0], [5]]) == pytest.approx(
        9 + (2**0.5 - 8**0.5) ** 2
    )


@few
@given(seeds, st.integers(1, 6), st.floats(0.1, 10))
def test_frechet_laws(seed, dim, scale):
    rng = np.random.default_rng(seed)
    a, b, c = ((rng.normal(size=dim), covariance(rng, dim)) for _ in range(3))
    distance = frechet_distance(*a, *b)
    same = pytest.approx(distance, rel=1e-5, abs=1e-5)
    assert frechet_distance(*b, *a) == same
    assert frechet_distance(*a, *a) == pytest.approx(0, abs=1e-5)
    rotation, _ = np.linalg.qr(rng.normal(size=(dim, dim)))
    rotated = ((rotation @ mean, rotation @ cov @ rotation.T) for mean, cov in (a, b))
    assert frechet_distance(*(x for gaussian in rotated for x in gaussian)) == same
    scaled = ((scale * mean, scale**2 * cov) for mean, cov in (a, b))
    by_scale = frechet_distance(*(x for gaussian in scaled for x in gaussian)) / scale**2
    assert by_scale == pytest.approx(distance, rel=1e-5, abs=1e-5)
    around = frechet_distance(*a, *c) ** 0.5 + frechet_distance(*c, *b) ** 0.5
    assert distance**0.5 <= around + 1e-3


@few
@given(seeds, st.lists(st.integers(1, 40), min_size=1, max_size=8), st.floats(-1e6, 1e6))
def test_moments_do_not_depend_on_the_batches(seed, sizes, offset):
    rng = np.random.default_rng(seed)
    features = offset + rng.normal(size=(sum(sizes) + 1, 4)) * [1, 1, 0, 5]
    total = Moments()
    for batch in np.split(features, np.cumsum(sizes)):
        total.update(batch)
    assert total.n == len(features)
    np.testing.assert_allclose(total.mean, features.mean(0), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(total.cov, np.cov(features, rowvar=False), rtol=1e-6, atol=1e-7)


def test_moments_take_an_empty_batch():
    features = np.arange(8.0).reshape(4, 2)
    total = Moments().update(features[:0]).update(features).update(features[:0])
    np.testing.assert_allclose(total.mean, [3, 4])


# Kernel distance


def test_kernel_distance_by_hand():
    # (x y + 1)^3: 1 within real, 343 within fake, mean of 1, 1, 27, 64 between.
    real, fake = [[0.0], [1]], [[2.0], [3]]
    assert kernel_distance(real, fake, subsets=3) == pytest.approx((1 + 343 - 2 * 93 / 4, 0))


def test_kernel_distance_of_equal_distributions_is_0_on_average():
    rng = np.random.default_rng(0)
    values = [kernel_distance(*rng.normal(size=(2, 20, 4)), subsets=1)[0] for _ in range(400)]
    assert abs(np.mean(values)) < 4 * np.std(values) / 20
    assert min(values) < 0


@few
@given(seeds)
def test_kernel_distance_laws(seed):
    real, fake = sets(seed, n=9)
    distance, _ = kernel_distance(real, fake, subsets=1)
    same = pytest.approx(distance, rel=1e-9, abs=1e-9)
    order = np.random.default_rng(seed).permutation(9)
    assert kernel_distance(real[order], fake, subsets=1)[0] == same
    assert kernel_distance(real, fake[order], subsets=1)[0] == same
    assert kernel_distance(fake, real, subsets=1)[0] == same
    rotation, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    assert kernel_distance(real @ rotation, fake @ rotation, subsets=1)[0] == same


# Inception score


def distribution(draw, n, classes):
    return np.random.default_rng(draw).dirichlet(np.full(classes, 0.2), n)


@few
@given(seeds, st.integers(2, 12), st.integers(1, 4))
def test_inception_score_lies_between_1_and_the_number_of_classes(seed, classes, splits):
    p = distribution(seed, 24, classes)
    mean, spread = inception_score(p, splits)
    assert 1 - 1e-9 <= mean <= classes + 1e-9 and 0 <= spread <= (classes - 1) / 2 + 1e-9
    renamed = p[:, np.random.default_rng(seed).permutation(classes)]
    assert inception_score(renamed, splits) == pytest.approx((mean, spread))


@few
@given(st.lists(st.integers(0, 6), min_size=2, max_size=8).filter(any))
def test_inception_score_of_sure_predictions_is_exp_of_the_entropy_of_classes(counts):
    """So it is the number of classes where all occur equally often."""
    shares = np.array([c for c in counts if c]) / sum(counts)
    sure = np.eye(len(counts))[np.repeat(np.arange(len(counts)), counts)]
    expected = np.exp(-(shares * np.log(shares)).sum())
    assert inception_score(sure, splits=1) == pytest.approx((expected, 0))


def test_inception_score_of_known_predictions():
    assert inception_score(np.repeat(np.eye(7), 5, 0), splits=1)[0] == pytest.approx(7)
    assert inception_score(np.tile(distribution(0, 1, 7), (20, 1))) == pytest.approx((1, 0))


def test_inception_score_of_parts_in_order_sees_less_variety_than_of_shuffled_ones():
    p = np.repeat(np.eye(5), 40, 0)
    assert inception_score(p, splits=5, seed=None) == pytest.approx((1, 0))
    shuffled = inception_score(p, splits=5, seed=0)
    assert 4.5 < shuffled[0] < 5
    assert inception_score(p, splits=5, seed=0) == shuffled != inception_score(p, 5, seed=1)


# Precision, recall, density, coverage


def by_definition(real, fake, k):
    """As `prdc`, from distances (by differences, so equal ones are equal in every bit)."""
    reach_real, reach_fake = (np.sort(cdist(x, x), 1)[:, k] for x in (real, fake))
    distances = cdist(real, fake)
    inside = distances < reach_real[:, None]
    recall = (distances < reach_fake).any(1).mean()
    coverage = (distances.min(1) < reach_real).mean()
    return [inside.any(0).mean(), recall, inside.sum(0).mean() / k, coverage]


@few
@given(seeds, st.integers(1, 4), st.integers(1, 4))
def test_neighbourhoods_by_definition_on_a_lattice(seed, k, side):
    """Few points of a lattice: many duplicates and distances equal to a radius."""
    rng = np.random.default_rng(seed)
    real, fake = (rng.integers(0, side, (n, 2)).astype(float) for n in (14, 9))
    assert prdc(real, fake, k) == pytest.approx(by_definition(real, fake, k))


@pytest.mark.parametrize("dim", [4, 64, 300])
@pytest.mark.parametrize("k", [1, 3, 5])
def test_neighbourhoods_by_definition_with_copies_among_the_fakes(dim, k):
    """A copy is exactly as far from its neighbours as its original: no matter of rounding."""
    rng = np.random.default_rng(dim)
    real = 3 + rng.normal(size=(200, dim))
    half = np.concatenate([real[:100], 3 + rng.normal(size=(100, dim))])
    for fake in (real.copy(), half, real[:40].repeat(5, 0)):
        assert prdc(real, fake, k) == pytest.approx(by_definition(real, fake, k))


@settings(few, max_examples=10)
@given(seeds, st.integers(1, 6))
def test_neighbourhood_laws(seed, k):
    real, fake = sets(seed)
    scores = prdc(real, fake, k)
    same = pytest.approx(scores)
    precision, recall, density, coverage = scores
    assert precision_recall(fake, real, k) == pytest.approx((recall, precision))
    rng = np.random.default_rng(seed)
    assert prdc(rng.permutation(real), rng.permutation(fake), k) == same
    assert prdc(4 * real + 2, 4 * fake + 2, k) == same
    assert 0 <= density <= len(real) / k and density <= precision * len(real) / k
    assert all(0 <= share <= 1 for share in (precision, recall, coverage))
    # A wider reach never loses a point.
    wider = prdc(real, fake, k + 1)
    assert [wider[i] >= scores[i] for i in (0, 1, 3)] == [True] * 3


@pytest.mark.parametrize("k", [1, 3, 5])
def test_neighbourhoods_of_identical_sets_and_of_sets_far_apart(k):
    real, fake = sets(0, n=50, m=50)
    assert prdc(real, real.copy(), k) == pytest.approx([1, 1, 1, 1])
    assert prdc(real, fake + 1000, k) == [0, 0, 0, 0]


# Vendi score


@pytest.mark.parametrize("n", [1, 3, 8])
def test_vendi_score_of_known_sets(n):
    rng = np.random.default_rng(n)
    orthogonal = np.linalg.qr(rng.normal(size=(8, 8)))[0][:n] * rng.uniform(0.1, 10, (n, 1))
    assert vendi_score(orthogonal) == pytest.approx(n)
    assert vendi_score(np.tile(orthogonal[:1], (5, 1))) == pytest.approx(1)


def test_vendi_score_of_groups_and_of_an_angle():
    groups = np.eye(3)[[0, 0, 0, 0, 1, 1, 1, 2]]
    shares = np.array([4, 3, 1]) / 8
    assert vendi_score(groups) == pytest.approx(np.exp(-(shares * np.log(shares)).sum()))
    # Two unit vectors: the eigenvalues of the kernel are (1 +- cos) / 2.
    shares = (1 + np.cos(0.7) * np.array([1, -1])) / 2
    pair = [[1, 0], [np.cos(0.7), np.sin(0.7)]]
    assert vendi_score(pair) == pytest.approx(np.exp(-(shares * np.log(shares)).sum()))


@few
@given(seeds, st.integers(1, 9), st.integers(1, 5))
def test_vendi_score_laws(seed, n, dim):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n, dim)) + 0.1
    score = vendi_score(features)
    assert 1 - 1e-6 <= score <= min(n, dim) + 1e-6
    same = pytest.approx(score, rel=1e-6)
    assert vendi_score(rng.permutation(features)) == same
    assert vendi_score(features * rng.uniform(0.1, 10, (n, 1))) == same
    assert vendi_score(features.repeat(3, 0)) == same


# Pixels


def test_ssim_of_constant_images():
    """Without contrast only brightness counts, in [0, 1]: (2 m n + c) / (m^2 + n^2 + c)."""
    a, b = np.full((1, 8, 8, 1), -0.5), np.full((1, 8, 8, 1), 0.5)
    m, n, c = 0.25, 0.75, 0.01**2
    assert ssim(a, b) == pytest.approx([(2 * m * n + c) / (m**2 + n**2 + c)])


def test_equal_images():
    images = IMAGES["colour"][0]
    assert ssim(images, images) == pytest.approx(np.ones(len(images)))
    assert np.isposinf(psnr(images, images)).all()


def test_pixel_scores_laws():
    a, b = IMAGES["grey"]
    for score in (ssim, psnr):
        assert score(a, b) == pytest.approx(score(b, a))
    # Half the difference is 20 log10 2 dB.
    closer = a + (b - a) / 2
    assert psnr(a, closer) - psnr(a, b) == pytest.approx(np.full(len(a), 20 * np.log10(2)))


def test_ms_ssim_diversity_averages_pairs():
    """Over all pairs of three images it is the mean of three values."""
    images = IMAGES["one scale"][1][:3]
    pairs = [ms_ssim_diversity(images[[i, j]], pairs=1) for i, j in [(0, 1), (0, 2), (1, 2)]]
    many = ms_ssim_diversity(images, pairs=3000)
    assert many == pytest.approx(np.mean(pairs), abs=4 * np.std(pairs) / np.sqrt(3000))
    assert ms_ssim_diversity(images, pairs=7) == ms_ssim_diversity(images, pairs=7, seed=0)
    assert ms_ssim_diversity(images[:1].repeat(4, 0), pairs=5) == pytest.approx(1, abs=1e-5)
