"""How well a mask matches a mask: overlap, distance of the outlines, and objects found."""

import numpy as np
from scipy.ndimage import binary_erosion, distance_transform_edt


def dice(mask: np.ndarray, truth: np.ndarray) -> float:
    """Twice the common area over the sum of both areas, 1.0 where both are empty.

    Args:
        mask, truth: bool, of one shape.

    Source: Dice 1945, https://doi.org/10.2307/1932409.
    """
    both = mask.sum() + truth.sum()
    return float(2 * (mask & truth).sum() / both) if both else 1.0


def boundary_distance(mask: np.ndarray, truth: np.ndarray) -> float:
    """Average symmetric distance between the outlines of two masks, in pixels.

    From every pixel of either outline to the nearest of the other one. Where only one of the masks
    is empty, the diagonal of the picture.

    Args:
        mask, truth: (H, W) bool.

    Source: Heimann et al. 2009, https://doi.org/10.1109/TMI.2009.2013851.
    """
    outlines = [m & ~binary_erosion(m, border_value=1) for m in (mask, truth)]
    if not (mask.any() and truth.any()):
        return float(np.hypot(*mask.shape)) if mask.any() or truth.any() else 0.0
    if not all(outline.any() for outline in outlines):  # a mask that fills the picture has none
        return 0.0 if np.array_equal(mask, truth) else float(np.hypot(*mask.shape))
    distances = [
        distance_transform_edt(~other)[outline]
        for outline, other in zip(outlines, outlines[::-1], strict=True)
    ]
    return float(np.concatenate(distances).mean())


def matched_objects(
    objects: np.ndarray, truth: np.ndarray, overlap: float = 0.5
) -> tuple[int, int, int]:
    """Pair the objects of two label images that overlap enough.

    Args:
        objects, truth: (H, W) int, 0 for the background; numbers may have gaps.
        overlap: intersection over union that a pair must exceed; at least 0.5, so that an object
            has at most one partner.

    Returns:
        How many pairs, how many objects, how many true ones.

    Source: Caicedo et al. 2019, https://doi.org/10.1038/s41592-019-0612-7.
    """
    names, found = np.unique(objects, return_inverse=True)
    true_names, true = np.unique(truth, return_inverse=True)
    shared = np.zeros((len(names), len(true_names)), np.int64)
    np.add.at(shared, (found.ravel(), true.ravel()), 1)
    union = shared.sum(1, keepdims=True) + shared.sum(0, keepdims=True) - shared
    pairs = (shared / union > overlap) & (names[:, None] > 0) & (true_names[None] > 0)
    return int(pairs.sum()), int((names > 0).sum()), int((true_names > 0).sum())


def f1(pairs: int, n_objects: int, n_true: int) -> float:
    """Harmonic mean of precision and recall, 1.0 where nothing is there and nothing was found."""
    return float(2 * pairs / (n_objects + n_true)) if n_objects + n_true else 1.0
