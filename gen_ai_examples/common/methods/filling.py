"""Filling holes in pictures without learning: flat, smoothly, or from another picture.

Holes are (N, H, W, 1) float32, 1 where the picture is missing; pictures (N, H, W, C) in [-1, 1].
What lies in the hole of a picture is never looked at.
"""

import numpy as np
from skimage.restoration import inpaint_biharmonic


def mean_fill(pictures: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """The mean colour of what is known of each picture."""
    known = 1 - hole
    mean = (pictures * known).sum((1, 2)) / np.maximum(known.sum((1, 2)), 1)
    return np.where(hole > 0, mean[:, None, None], pictures)


def biharmonic(pictures: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """The surface that bends least, of those that continue the surroundings' values and slopes.

    Clipped to [-1, 1], which it may leave inside large holes.

    Source: Damelin & Hoang 2018, https://doi.org/10.1155/2018/3950312, as in scikit-image.
    """
    filled = [
        inpaint_biharmonic(picture, missing[..., 0] > 0, channel_axis=-1)
        for picture, missing in zip(pictures * (1 - hole), hole, strict=True)
    ]
    return np.stack(filled).clip(-1, 1).astype(np.float32)


def closest_pictures(
    pictures: np.ndarray, hole: np.ndarray, candidates: np.ndarray, n: int
) -> np.ndarray:
    """The pixels of the `n` candidates (M, H, W, C) that differ least in what is known.

    Returns:
        (n, N, H, W, C), the closest first.

    Source: the idea of Hays & Efros 2007, https://doi.org/10.1145/1275808.1276382.
    """
    known = 1 - hole
    flat = candidates.reshape(len(candidates), -1)
    weights = np.broadcast_to(known, pictures.shape).reshape(len(pictures), -1)
    seen = (pictures * known).reshape(len(pictures), -1)
    # Squared differences over known pixels, without what is the same for all candidates.
    distances = weights @ (flat**2).T - 2 * seen @ flat.T
    ranked = distances.argsort(1, kind="stable")[:, :n].T
    return np.where(hole > 0, candidates[ranked], pictures)


def gaussian_mean(
    pictures: np.ndarray, hole: np.ndarray, examples: np.ndarray, ridge: float = 0.02
) -> np.ndarray:
    """What is expected in the hole, were pictures normally distributed: the best linear estimate.

    Clipped to [-1, 1], which a linear estimate may leave.

    Args:
        examples: (M, H, W, C), from which mean and covariance come.
        ridge: added to the variances, as if pixels were seen through noise.

    Source: the conditional mean of a Gaussian, e.g. Bishop 2006, section 2.3.1.
    """
    flat = examples.reshape(len(examples), -1).astype(np.float64)
    mean, covariance = flat.mean(0), np.cov(flat.T)
    covariance[np.diag_indices_from(covariance)] += ridge
    filled = pictures.copy()
    for picture, missing in zip(filled, hole, strict=True):
        hidden = np.broadcast_to(missing > 0, picture.shape).ravel()
        values = picture.reshape(-1)  # a view
        weights = np.linalg.solve(
            covariance[np.ix_(~hidden, ~hidden)], values[~hidden] - mean[~hidden]
        )
        values[hidden] = mean[hidden] + covariance[np.ix_(hidden, ~hidden)] @ weights
    return np.where(hole > 0, filled.clip(-1, 1), pictures)
