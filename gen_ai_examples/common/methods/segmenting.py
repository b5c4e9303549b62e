"""Segmenting nuclei and micronuclei without a network: thresholds, watershed, a random forest."""

import itertools
from collections.abc import Callable

import numpy as np
from scipy import ndimage
from skimage.feature import multiscale_basic_features, peak_local_max
from skimage.filters import gaussian, threshold_otsu
from skimage.morphology import disk, white_tophat
from skimage.segmentation import watershed
from sklearn.ensemble import RandomForestClassifier

from gen_ai_examples.common.metrics.segmentation import dice
from gen_ai_examples.common.sources.microscopy import BACKGROUND, MICRONUCLEUS, NUCLEUS, Field

SMALLEST = 5  # pixels of a micronucleus


def tuned(method: Callable[..., np.ndarray], settings: dict[str, tuple], inputs, fields, names):
    """The settings under which `method(input, **settings)` matches the drawings best.

    Args:
        method: an input and one keyword for each setting to classes (H, W).
        settings: by keyword, the values to choose from.
        inputs: one per field, such as its picture.
        fields: whose `classes` are matched.
        names: the classes whose Dice, over all pixels of all fields, are added.
    """
    truth = np.stack([field.classes for field in fields])
    scores = {}
    for values in itertools.product(*settings.values()):
        chosen = dict(zip(settings, values, strict=True))
        classes = np.stack([method(x, **chosen) for x in inputs])
        scores[values] = sum(dice(classes == name, truth == name) for name in names)
    return dict(zip(settings, max(scores, key=scores.get), strict=True))


class Thresholds:
    """Otsu's threshold for nuclei, and a top-hat for the small bright spots outside of them.

    The logarithm of the brightness, its smoothing and a factor on Otsu's threshold are tuned for
    the nuclei, the size of the top-hat and its threshold for the micronuclei.

    Args:
        fields: to tune on.

    Source: Otsu 1979, https://doi.org/10.1109/TSMC.1979.4310076.
    """

    def __init__(self, fields: list[Field]):
        images = [field.image for field in fields]
        self.nuclei = tuned(
            _bright_objects,
            dict(log=(False, True), sigma=(0.5, 1.0), factor=(0.4, 0.5, 0.6, 0.75, 0.9, 1.0)),
            images,
            fields,
            names=[NUCLEUS],
        )
        self.spots = tuned(
            _with_spots,
            dict(radius=(3, 5), level=(0.05, 0.08, 0.12, 0.18)),
            [(image, _bright_objects(image, **self.nuclei)) for image in images],
            fields,
            names=[NUCLEUS, MICRONUCLEUS],
        )

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Brightness (H, W) to classes (H, W)."""
        return _with_spots((image, _bright_objects(image, **self.nuclei)), **self.spots)


def _bright_objects(image, log, sigma, factor):
    smooth = gaussian(np.log1p(image.clip(0)) if log else image, sigma)
    mask = ndimage.binary_fill_holes(smooth > factor * threshold_otsu(smooth))
    return np.where(without_small(mask, 100), NUCLEUS, BACKGROUND)


def _with_spots(image_and_nuclei, radius, level):
    image, classes = image_and_nuclei
    bright = white_tophat(gaussian(image, 0.7), disk(radius)) > level
    spots = without_small(bright & (classes == BACKGROUND), SMALLEST)
    # The rim of a nucleus is no spot: what is larger than the top-hat's disk goes.
    spots &= ~without_small(spots, 4 * radius**2)
    return np.where(spots, MICRONUCLEUS, classes)


class PixelForest:
    """A random forest that sees brightness, edges and texture of each pixel at five scales.

    Args:
        fields: to learn from.
        trees: of the forest.
        samples: pixels of nuclei and of the background, each; all pixels of micronuclei are taken.
        seed: of the pixels and of the trees.

    Source: Arganda-Carreras et al. 2017 (Trainable Weka Segmentation),
    https://doi.org/10.1093/bioinformatics/btx180; ilastik does the same.
    """

    def __init__(self, fields: list[Field], trees: int, seed: int, samples: int = 15_000):
        rng = np.random.default_rng(seed)
        rows, targets = [], []
        for field in fields:
            features = self._features(field.image)
            classes = field.classes
            for name in (BACKGROUND, NUCLEUS, MICRONUCLEUS):
                places = np.flatnonzero(classes == name)
                most = len(places) if name == MICRONUCLEUS else samples // len(fields)
                taken = rng.permutation(places)[:most]
                rows.append(features.reshape(-1, features.shape[-1])[taken])
                targets.append(np.full(len(taken), name))
        self.forest = RandomForestClassifier(
            trees, min_samples_leaf=4, random_state=seed, n_jobs=2
        ).fit(np.concatenate(rows), np.concatenate(targets))

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Brightness (H, W) to the share of the trees for each class, (H, W, 3)."""
        features = self._features(image)
        flat = features.reshape(-1, features.shape[-1])
        return self.forest.predict_proba(flat).reshape(*image.shape, -1)

    def _features(self, image):
        return multiscale_basic_features(image, sigma_min=1, sigma_max=16)


def decided(shares: np.ndarray, nucleus: float, micronucleus: float) -> np.ndarray:
    """Classes (H, W) from shares (H, W, 3), a class being taken from its threshold on.

    Specks are left out, and holes in nuclei filled.
    """
    inside = shares[..., NUCLEUS] + shares[..., MICRONUCLEUS] > nucleus
    small = shares[..., MICRONUCLEUS] > micronucleus
    nuclei = ndimage.binary_fill_holes(without_small(inside & ~small, 60))
    small = without_small(small & ~nuclei, SMALLEST)
    return np.where(small, MICRONUCLEUS, np.where(nuclei, NUCLEUS, BACKGROUND))


THRESHOLDS = dict(
    nucleus=(0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9),
    micronucleus=(0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95),
)


def split_touching(mask: np.ndarray, distance: int = 13) -> np.ndarray:
    """Number the objects of a mask (H, W); touching ones are split at their waist by watershed.

    Args:
        mask: (H, W) bool.
        distance: pixels between the centres of two objects, at least; 13 tells the nuclei
            apart that are drawn in the micrographs of the training days, with an F1 of 0.98.

    Returns:
        (H, W) int, 0 for the background.
    """
    depth = gaussian(ndimage.distance_transform_edt(mask), 1.5)
    numbered, _ = ndimage.label(mask)
    centres = peak_local_max(depth, min_distance=distance, labels=numbered, exclude_border=False)
    markers = np.zeros(mask.shape, np.int64)
    markers[tuple(centres.T)] = np.arange(1, len(centres) + 1)
    return watershed(-depth, markers, mask=mask)


def without_small(mask: np.ndarray, smallest: int) -> np.ndarray:
    """The mask (H, W) without objects of fewer than `smallest` pixels."""
    numbered, n = ndimage.label(mask)
    areas = np.bincount(numbered.ravel(), minlength=n + 1)
    return mask & (areas >= smallest)[numbered]
