"""Numbers that judge generated images against held-out ones.

The features come from a classifier trained on the data at hand, so every score's name says
"digit features" or whatever they are; none of them is the Inception-v3 FID.
"""

import numpy as np
from scipy.spatial.distance import cdist


def frechet_distance(
    mean_a: np.ndarray, cov_a: np.ndarray, mean_b: np.ndarray, cov_b: np.ndarray
) -> float:
    """Frechet (2-Wasserstein) distance, squared, between two Gaussians.

    |m_a - m_b|^2 + tr(A + B - 2 (A^1/2 B A^1/2)^1/2), in squared units of the features. Square
    roots of symmetric matrices only, so that singular covariances are fine.

    Args:
        mean_a, mean_b: (D,).
        cov_a, cov_b: (D, D), symmetric, positive semi-definite.

    Source: Dowson & Landau 1982; as an image score Heusel et al. 2017,
    https://arxiv.org/abs/1706.08500.
    """
    values, vectors = np.linalg.eigh(cov_a)
    root_a = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    trace_root = np.sqrt(np.linalg.eigvalsh(root_a @ cov_b @ root_a).clip(0)).sum()
    distance = ((mean_a - mean_b) ** 2).sum() + np.trace(cov_a) + np.trace(cov_b) - 2 * trace_root
    return float(max(distance, 0.0))


def features_frechet(features_a: np.ndarray, features_b: np.ndarray) -> float:
    """Frechet distance between the Gaussians fitted to two sets of features (N, D), (M, D).

    Biased upward for small sets: compare scores at equal N and M only.
    """
    a, b = (np.asarray(f, np.float64) for f in (features_a, features_b))
    return frechet_distance(a.mean(0), np.cov(a, rowvar=False), b.mean(0), np.cov(b, rowvar=False))


def copying_rate(fake: np.ndarray, train: np.ndarray, held_out: np.ndarray) -> float:
    """Share of `fake` images that are copies of training images, beyond what chance explains.

    If training and held-out images are draws from one distribution, and a model does not copy, the
    nearest real image of a generated one is a training image with probability M / (M + K). The
    excess over that, scaled: 0 for a model that generalises (or a little below, by chance), 1 for
    one that copies.

    Args:
        fake, train, held_out: (N, ...), (M, ...), (K, ...).

    Source: the idea of Meehan et al. 2020, https://arxiv.org/abs/2004.05675, in pixels.
    """
    chance = len(train) / (len(train) + len(held_out))
    share = np.mean(nearest(fake, train)[0] < nearest(fake, held_out)[0])
    return float((share - chance) / (1 - chance))


def nearest(images: np.ndarray, candidates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Euclidean distance (N,) from each image to its nearest candidate, and which one (N,)."""
    flat = [x.reshape(len(x), -1) for x in (images, candidates)]
    distances = cdist(*flat)
    return distances.min(1), distances.argmin(1)
