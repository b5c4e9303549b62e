"""Translate drawings pixel by pixel: a forest that looks at the surroundings of each pixel.

The classical way to colour line art by example, without a network. What it is told of a pixel is
what a person would use: the strokes around it at five scales, where it lies in the picture, how far
the next stroke is, and the closed region that it belongs to. It answers with a mean of what it has
seen in such places: near the truth on average, and mud wherever several colours were possible.
"""

import numpy as np
from scipy import ndimage
from sklearn.ensemble import ExtraTreesRegressor

SCALES = (0, 1, 2, 4, 8)  # standard deviations of the blurs, in pixels of a picture of 64


def surroundings(drawings: np.ndarray) -> np.ndarray:
    """What is known of every pixel: (N, H, W, 1) in [-1, 1], ink dark, to (N, H, W, 60) float32.

    Nine places around it at each of five scales; its place; its distance to ink and to paper; of
    its connected region of ink or paper: size, middle, extent, and whether it touches the border;
    the drawing's share of ink.
    """
    return np.stack([_surroundings(drawing[..., 0]) for drawing in drawings])


def _surroundings(drawing):
    height, width = drawing.shape
    unit = height / 64
    features = []
    for scale in SCALES:
        blurred = ndimage.gaussian_filter(drawing, scale * unit, mode="nearest")
        reach = max(1, round(2 * scale * unit))
        padded = np.pad(blurred, reach, mode="edge")
        features += [
            padded[i : i + height, j : j + width]
            for i in (0, reach, 2 * reach)
            for j in (0, reach, 2 * reach)
        ]
    y, x = np.mgrid[:height, :width]
    ink = drawing < 0
    features += [y / height, x / width, np.abs(x / width - 0.5)]
    features += [ndimage.distance_transform_edt(side) / height for side in (ink, ~ink)]
    region = np.zeros((height, width, 10), np.float32)
    for side in (ink, ~ink):
        labels, _ = ndimage.label(side)
        for label, (rows, columns) in enumerate(ndimage.find_objects(labels), start=1):
            inside = labels == label
            ys, xs = np.nonzero(inside)
            touches = (
                rows.start == 0
                or columns.start == 0
                or rows.stop == height
                or columns.stop == width
            )
            region[inside] = [
                len(ys) / inside.size,
                ys.mean() / height,
                xs.mean() / width,
                (rows.stop - rows.start) / height,
                (columns.stop - columns.start) / width,
                len(ys) / ((rows.stop - rows.start) * (columns.stop - columns.start)),
                rows.start / height,
                columns.start / width,
                touches,
                ink.mean(),
            ]
    return np.concatenate([np.stack(features, -1), region], -1, dtype=np.float32)


class PixelForest:
    """Extremely randomised trees from the surroundings of a pixel to its colour.

    Args:
        drawings: (N, H, W, 1) in [-1, 1], ink dark.
        pictures: what they became, (N, H, W, C) in [-1, 1].
        per_picture: pixels drawn of each, at random.
        trees: of the forest.
        leaf: pixels that a leaf holds at least; fewer memorise the training pictures.
        seed: of pixels and trees.

    Source: Geurts et al. 2006, https://doi.org/10.1007/s10994-006-6226-1.
    """

    def __init__(self, drawings, pictures, per_picture=200, trees=24, leaf=3, seed=0):
        rng = np.random.default_rng(seed)
        n_pixels = pictures.shape[1] * pictures.shape[2]
        seen, colours = [], []
        for drawing, picture in zip(drawings, pictures, strict=True):
            chosen = rng.choice(n_pixels, min(per_picture, n_pixels), replace=False)
            seen.append(_flat(surroundings(drawing[None]))[chosen])
            colours.append(_flat(picture[None])[chosen])
        self._forest = ExtraTreesRegressor(
            trees, min_samples_leaf=leaf, max_features=0.4, n_jobs=-1, random_state=seed
        ).fit(np.concatenate(seen), np.concatenate(colours))

    def __call__(self, drawings: np.ndarray, chunk: int = 64) -> np.ndarray:
        """(N, H, W, 1) to (N, H, W, C) float32."""
        n, height, width, _ = drawings.shape
        parts = [
            self._forest.predict(_flat(surroundings(drawings[i : i + chunk])))
            for i in range(0, n, chunk)  # the features of all pixels would take gigabytes
        ]
        return np.concatenate(parts).reshape(n, height, width, -1).astype(np.float32)


def _flat(images):
    return images.reshape(-1, images.shape[-1])
