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


def closest_picture(pictures: np.ndarray, hole: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """The pixels of the candidate (M, H, W, C) that differs least in what is known.

    Source: the idea of Hays & Efros 2007, https://doi.org/10.1145/1275808.1276382.
    """
    n, known = len(pictures), 1 - hole
    flat = candidates.reshape(len(candidates), -1)
    weights = np.broadcast_to(known, pictures.shape).reshape(n, -1)
    seen = (pictures * known).reshape(n, -1)
    # Squared differences over known pixels, without what is the same for all candidates.
    distances = weights @ (flat**2).T - 2 * seen @ flat.T
    return np.where(hole > 0, candidates[distances.argmin(1)], pictures)
