"""How well classes of pixels match micrographs with nuclei and micronuclei drawn by hand."""

import numpy as np
from scipy import ndimage

from gen_ai_examples.common.methods.segmenting import split_touching
from gen_ai_examples.common.metrics.segmentation import boundary_distance, dice, f1, matched_objects
from gen_ai_examples.common.sources.microscopy import MICRONUCLEUS, NUCLEUS, Field


def separate(classes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Classes (H, W) to numbered nuclei, split where they touch, and numbered micronuclei."""
    micronuclei, _ = ndimage.label(classes == MICRONUCLEUS)
    return split_touching(classes == NUCLEUS), micronuclei


def measure(found: list[np.ndarray], fields: list[Field]) -> dict[str, float]:
    """Compare classes (H, W), one array for each field, with what was drawn.

    Returns:
        Dice over the pixels of all fields, and F1 over their objects, of an intersection over union
        above one half, for nuclei and micronuclei; the boundary distance of the nuclei in pixels,
        a mean over fields; and of micronuclei also precision (of those found, how many were drawn)
        and recall (of those drawn, how many were found).
    """
    classes, truth = np.stack(found), np.stack([field.classes for field in fields])
    objects = [separate(its) for its in found]
    nuclei = [matched_objects(o[0], f.nuclei) for o, f in zip(objects, fields, strict=True)]
    small = [matched_objects(o[1], f.micronuclei) for o, f in zip(objects, fields, strict=True)]
    outlines = zip(classes == NUCLEUS, truth == NUCLEUS, strict=True)
    n_matched, n_found, n_drawn = np.sum(small, axis=0)
    return {
        "Dice of nuclei": dice(classes == NUCLEUS, truth == NUCLEUS),
        "boundary distance of nuclei": float(np.mean([boundary_distance(*o) for o in outlines])),
        "F1 of nuclei": f1(*np.sum(nuclei, axis=0)),
        "Dice of micronuclei": dice(classes == MICRONUCLEUS, truth == MICRONUCLEUS),
        "F1 of micronuclei": f1(n_matched, n_found, n_drawn),
        "precision of micronuclei": float(n_matched / max(n_found, 1)),
        "recall of micronuclei": float(n_matched / max(n_drawn, 1)),
    }
