"""Scores of generated images, from their features, class probabilities or pixels.

What the published implementations compute, without PyTorch: `tests/common/metrics/published.json`
holds the values these agree with. `features.py` turns images into features; a score is worth no
more than they are. "Both" below is quality and variety.

| score                                  | looks at         | better | sees                       |
|----------------------------------------|------------------|--------|----------------------------|
| `features_frechet`, `kernel_distance`  | features         | lower  | both together              |
| `precision_recall`, `density_coverage` | features         | higher | both apart                 |
| `inception_score`                      | probabilities    | higher | never the real images      |
| `vendi_score`, `ms_ssim_diversity`     | features, pixels |        | variety alone              |
| `memorisation`                         | pixels           | lower  | copies of training images  |
| `ssim`, `psnr`                         | pixels           | higher | an image against its truth |
"""

import numpy as np
import tensorflow as tf
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from sklearn.metrics import pairwise_distances_argmin_min, pairwise_distances_chunked
from sklearn.neighbors import NearestNeighbors

from gen_ai_examples.common.errors import InputError

_MS_SSIM_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # Wang et al. 2003
_CHUNK_MB = 64  # of a matrix of distances, held at a time


class Moments:
    """Mean and covariance of feature vectors that come in batches, in memory that does not grow.

    Attributes:
        n: vectors seen.
        mean: (D,).
        cov: (D, D), unbiased.
    """

    def __init__(self):
        self.n = 0

    def update(self, features: np.ndarray) -> "Moments":
        """Add a batch (N, D).

        Raises:
            InputError: not (N, D), not finite, or of another D than before.
        """
        features = _checked(features)
        if len(features) == 0:
            return self
        if self.n == 0:
            self._shift = features.mean(0)  # sums of squares far from 0 would cancel badly
            self._sum = np.zeros_like(self._shift)
            self._products = np.zeros((len(self._shift), len(self._shift)))
        if features.shape[1] != len(self._shift):
            raise InputError(
                f"Features of {features.shape[1]} numbers follow features of {len(self._shift)}."
            )
        shifted = features - self._shift
        self.n += len(shifted)
        self._sum += shifted.sum(0)
        self._products += shifted.T @ shifted
        return self

    @property
    def mean(self) -> np.ndarray:
        self._require(1)
        return self._shift + self._sum / self.n

    @property
    def cov(self) -> np.ndarray:
        self._require(2)
        return (self._products - np.outer(self._sum, self._sum) / self.n) / (self.n - 1)

    def frechet(self, other: "Moments") -> float:
        """`frechet_distance` to the Gaussian of `other`."""
        return frechet_distance(self.mean, self.cov, other.mean, other.cov)

    def _require(self, n: int) -> None:
        if self.n < n:
            raise InputError(f"{self.n} sample(s) are too few: give at least {n}.")


def frechet_distance(
    mean_a: np.ndarray, cov_a: np.ndarray, mean_b: np.ndarray, cov_b: np.ndarray
) -> float:
    """Frechet (2-Wasserstein) distance, squared, between two Gaussians.

    |m_a - m_b|^2 + tr(A + B - 2 (A^1/2 B A^1/2)^1/2), in squared units of the features. Square
    roots of symmetric matrices only, so that singular covariances are fine.

    Args:
        mean_a, mean_b: (D,).
        cov_a, cov_b: (D, D), symmetric, positive semi-definite.

    Raises:
        InputError: the shapes differ.

    Source: Dowson & Landau 1982; as an image score Heusel et al. 2017,
    https://arxiv.org/abs/1706.08500.
    """
    shapes = {np.shape(x) for x in (mean_a, mean_b)}, {np.shape(x) for x in (cov_a, cov_b)}
    if any(len(same) > 1 for same in shapes):
        raise InputError(f"The two Gaussians differ in dimension: {shapes}.")
    try:
        root_a = np.linalg.cholesky(cov_a)  # any R with R R^T = A does, and this one is cheap
    except np.linalg.LinAlgError:  # singular
        values, vectors = np.linalg.eigh(cov_a)
        root_a = vectors * np.sqrt(values.clip(0))
    trace_root = np.sqrt(np.linalg.eigvalsh(root_a.T @ cov_b @ root_a).clip(0)).sum()
    distance = ((mean_a - mean_b) ** 2).sum() + np.trace(cov_a) + np.trace(cov_b) - 2 * trace_root
    return float(max(distance, 0.0))


def features_frechet(real: np.ndarray, fake: np.ndarray) -> float:
    """Frechet distance between the Gaussians fitted to two sets of features (N, D), (M, D).

    With the features of Inception-v3 this is the FID. Biased upward for small sets: compare
    scores at equal N and M only.

    Raises:
        InputError: as `Moments`, or fewer than two samples.
    """
    return Moments().update(real).frechet(Moments().update(fake))


def kernel_distance(
    real: np.ndarray, fake: np.ndarray, subsets: int = 100, subset_size: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """Squared maximum mean discrepancy, unbiased, with the kernel (x.y / D + 1)^3: the KID.

    Args:
        real, fake: features (N, D), (M, D).
        subsets, subset_size: the mean over random subsets bounds the work; sets smaller than
            `subset_size` are taken whole.
        seed: of the draw of the subsets.

    Returns:
        Mean and standard deviation over the subsets. The mean can be negative: its expectation
        is 0 for equal distributions, whatever the number of samples.

    Raises:
        InputError: the features differ in D, are not finite, or a set has fewer than two.

    Source: Binkowski et al. 2018, https://arxiv.org/abs/1801.01401.
    """
    real, fake = _checked_pair(real, fake)
    size = min(subset_size, len(real), len(fake))
    if size == len(real) == len(fake):
        subsets = 1  # each would be all of them
    rng = np.random.default_rng(seed)
    values = []
    for _ in range(subsets):
        x, y = (f[rng.choice(len(f), size, replace=False)] for f in (real, fake))
        values.append(_unbiased_mmd(x, y))
    return float(np.mean(values)), float(np.std(values))


def _unbiased_mmd(x, y):
    n, dim = x.shape
    within_x, within_y, between = ((a @ b.T / dim + 1) ** 3 for a, b in ((x, x), (y, y), (x, y)))
    within = sum((k.sum() - np.trace(k)) / (n * (n - 1)) for k in (within_x, within_y))
    return within - 2 * between.mean()


def inception_score(
    probabilities: np.ndarray, splits: int = 10, seed: int | None = 0
) -> tuple[float, float]:
    """exp of the mean KL(p(y|x) || p(y)): 1 to the number of classes.

    It never sees a real image: one perfect image per class, or a copied training set, scores best.

    Args:
        probabilities: (N, classes), rows that sum to 1.
        splits: the score is computed in so many parts.
        seed: of the shuffle before splitting; None keeps the order.

    Returns:
        Mean and standard deviation over the parts.

    Raises:
        InputError: rows that are no probabilities, or fewer rows than splits.

    Source: Salimans et al. 2016, https://arxiv.org/abs/1606.03498; what it misses: Barratt &
    Sharma 2018, https://arxiv.org/abs/1801.01973.
    """
    p = _checked(probabilities, "probabilities")
    if p.min() < 0 or np.abs(p.sum(1) - 1).max() > 1e-3:
        raise InputError("Class probabilities must be positive and sum to 1 for every image.")
    if not 1 <= splits <= len(p):
        raise InputError(f"{len(p)} images cannot be split in {splits} parts.")
    if seed is not None:
        p = np.random.default_rng(seed).permutation(p)
    scores = []
    bounds = np.arange(splits + 1) * len(p) // splits
    for part in np.split(p, bounds[1:-1]):
        with np.errstate(divide="ignore", invalid="ignore"):
            terms = np.where(part > 0, part * np.log(part / part.mean(0)), 0.0)
        scores.append(np.exp(terms.sum(1).mean()))
    return float(np.mean(scores)), float(np.std(scores))


def precision_recall(real: np.ndarray, fake: np.ndarray, k: int = 3) -> tuple[float, float]:
    """How much of `fake` looks real, and how much of `real` the generator can draw.

    Precision: share of fakes within the reach of a real image, which is the distance to its k-th
    nearest neighbour among the real ones. Recall: the same with the roles exchanged.

    Args:
        real, fake: features (N, D), (M, D); N and M about equal.

    Raises:
        InputError: as `kernel_distance`, or not more than k samples.

    Source: Kynkaanniemi et al. 2019, https://arxiv.org/abs/1904.06991.
    """
    real, fake = _checked_pair(real, fake, at_least=k + 1)
    real, fake = _on_a_grid(real, fake)
    precision, recall = _neighbourhoods(fake, real, k) > 0, _neighbourhoods(real, fake, k) > 0
    return float(precision.mean()), float(recall.mean())


def density_coverage(real: np.ndarray, fake: np.ndarray, k: int = 5) -> tuple[float, float]:
    """Precision and recall made robust against outliers, whose reach is too wide.

    Density: how many real neighbourhoods a fake lies in, over k (can pass 1). Coverage: share of
    real images with a fake within their own reach.

    Args:
        real, fake: features (N, D), (M, D).

    Raises:
        InputError: as `precision_recall`.

    Source: Naeem et al. 2020, https://arxiv.org/abs/2002.09797.
    """
    real, fake = _checked_pair(real, fake, at_least=k + 1)
    real, fake = _on_a_grid(real, fake)
    density = _neighbourhoods(fake, real, k) / k
    covered = pairwise_distances_argmin_min(real, fake)[1] < _reach(real, k)
    return float(density.mean()), float(covered.mean())


def _on_a_grid(real, fake):
    """Whole numbers of at most 25 bits, so that scikit-learn's squared distances are exact.

    It computes them from products: otherwise equal distances, as of copies, differ by rounding.
    """
    both = np.concatenate([real, fake])
    centre = both.mean(0)
    width = np.abs(both - centre).max()
    bits = int((51 - np.log2(both.shape[1])) / 2)
    step = 2.0 ** (np.ceil(np.log2(width)) - bits) if width else 1.0
    both = np.round(both / step) - np.round(centre / step)
    return both[: len(real)], both[len(real) :]


def _neighbourhoods(points, centres, k):
    """In how many of the centres' neighbourhoods each point lies, (len(points),)."""
    reach = _reach(centres, k)
    chunks = pairwise_distances_chunked(
        points,
        centres,
        reduce_func=lambda distances, _: (distances < reach).sum(1),
        working_memory=_CHUNK_MB,
    )
    return np.concatenate(list(chunks))


def _reach(features, k):
    """Distance (N,) of each to its k-th nearest neighbour, itself not counted."""
    neighbours = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(features)
    return neighbours.kneighbors()[0][:, -1]


def vendi_score(features: np.ndarray) -> float:
    """How many different things a set holds: exp of the entropy of its similarities' spectrum.

    Args:
        features: (N, D), compared by cosine.

    Returns:
        1 for N copies of one vector, N for N orthogonal ones.

    Raises:
        InputError: not (N, D), not finite, or a vector of length 0.

    Source: Friedman & Dieng 2023, https://arxiv.org/abs/2210.02410.
    """
    features = _checked(features)
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    if lengths.min() == 0:
        raise InputError("A feature vector of length 0 has no direction to compare.")
    unit = features / lengths
    # The smaller of the two Gram matrices, which share their non-zero eigenvalues.
    gram = unit @ unit.T if len(unit) <= unit.shape[1] else unit.T @ unit
    shares = np.linalg.eigvalsh(gram / len(unit))
    shares = shares[shares > 1e-12]
    return float(np.exp(-(shares * np.log(shares)).sum()))


def ms_ssim_diversity(images: np.ndarray, pairs: int = 500, seed: int = 0) -> float:
    """Mean multi-scale structural similarity of random pairs: the *lower*, the more varied.

    Args:
        images: (N, H, W, C) in [-1, 1]; as many of the five scales as fit into H and W.
        pairs: how many pairs of different images.
        seed: of their draw.

    Raises:
        InputError: fewer than two images, or smaller than 4 pixels.

    Source: Odena et al. 2017, https://arxiv.org/abs/1610.09585.
    """
    images = np.asarray(images)
    n, height, width, _ = images.shape
    side = min(height, width)
    if n < 2 or side < 4:
        raise InputError("Variety needs at least two images, of at least 4x4 pixels.")
    window = min(11, side)
    scales = max(1, min(5, int(np.log2(side / window)) + 1))
    weights = np.array(_MS_SSIM_WEIGHTS[:scales]) / sum(_MS_SSIM_WEIGHTS[:scales])
    rng = np.random.default_rng(seed)
    first = rng.integers(n, size=pairs)
    second = (first + rng.integers(1, n, size=pairs)) % n  # never the same image
    similar = [
        # Brightness from 0, as in `ssim`; few at a time, for every pair takes many copies.
        tf.image.ssim_multiscale(
            images[first[i : i + 16]] + 1,
            images[second[i : i + 16]] + 1,
            2.0,
            weights.tolist(),
            filter_size=window,
        )
        for i in range(0, pairs, 16)
    ]
    return float(np.mean(np.concatenate(similar)))


def ssim(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Structural similarity (N,) of images (N, H, W, C) in [-1, 1]; 1 for equal ones.

    Raises:
        InputError: the shapes differ, or are smaller than 7x7.

    Source: Wang et al. 2004, as in scikit-image (uniform 7x7 windows).
    """
    _check_same_shape(a, b)
    if min(np.shape(a)[1:3]) < 7:
        raise InputError("SSIM compares windows of 7x7 pixels: the images are smaller.")
    # Brightness from 0: SSIM compares means, so that it is not the same after a shift.
    pairs = zip(np.asarray(a) + 1, np.asarray(b) + 1, strict=True)
    return np.array(
        [structural_similarity(x, y, data_range=2.0, channel_axis=-1) for x, y in pairs]
    )


def psnr(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Peak signal-to-noise ratio (N,) in dB of images (N, H, W, C) in [-1, 1].

    Raises:
        InputError: the shapes differ.
    """
    _check_same_shape(a, b)
    with np.errstate(divide="ignore"):  # equal images: infinity
        return np.array(
            [peak_signal_noise_ratio(x, y, data_range=2.0) for x, y in zip(a, b, strict=True)]
        )


def memorisation(train: np.ndarray, fake: np.ndarray, held_out: np.ndarray) -> float:
    """Share of `fake` images that are copies of training images, beyond what chance explains.

    If training and held-out images are draws from one distribution, and a model does not copy, the
    nearest real image of a generated one is a training image with probability N / (N + K). The
    excess over that, scaled: 0 for a model that generalises (or a little below, by chance), 1 for
    one that copies.

    Args:
        train, fake, held_out: (N, ...), (M, ...), (K, ...), pixels or features.

    Source: the idea of Meehan et al. 2020, https://arxiv.org/abs/2004.05675.
    """
    chance = len(train) / (len(train) + len(held_out))
    share = np.mean(nearest(fake, train)[0] < nearest(fake, held_out)[0])
    return float((share - chance) / (1 - chance))


def nearest(images: np.ndarray, candidates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Euclidean distance (N,) from each image to its nearest candidate, and which one (N,)."""
    flat = [np.reshape(x, (len(x), -1)).astype(np.float64) for x in (images, candidates)]
    which, distances = pairwise_distances_argmin_min(*flat)
    return distances, which


def _checked(features, what="features"):
    features = np.asarray(features, np.float64)
    if features.ndim != 2:
        raise InputError(f"The {what} must have the shape (N, D), not {features.shape}.")
    if not np.isfinite(features).all():
        raise InputError(f"The {what} contain NaN or infinity.")
    return features


def _checked_pair(real, fake, at_least=2):
    real, fake = _checked(real), _checked(fake)
    if real.shape[1] != fake.shape[1]:
        raise InputError(
            f"Features of {real.shape[1]} and of {fake.shape[1]} numbers cannot be compared."
        )
    if min(len(real), len(fake)) < at_least:
        raise InputError(
            f"{min(len(real), len(fake))} sample(s) are too few: give at least {at_least}."
        )
    return real, fake


def _check_same_shape(a, b):
    if np.shape(a) != np.shape(b):
        raise InputError(f"Images of shapes {np.shape(a)} and {np.shape(b)} are no pairs.")
