"""Small spots put into clean images, to see what a denoiser leaves of them and what it invents.

A spot is a disc blurred by the scanner's resolution, a unit bright; times a contrast it is added to
the tissue.
"""

from collections.abc import Callable

import numpy as np
from scipy.ndimage import correlate, gaussian_filter, maximum_filter, uniform_filter
from skimage.metrics import structural_similarity

from gen_ai_examples.common.sources.brain import inside

SIDE = 15  # of the window around a spot
RADII = {"small": 1.5, "large": 3.0}  # pixels
CONTRASTS = (0.1, 0.2, 0.3, 0.4)


def spot(radius: float, blur: float = 0.6) -> np.ndarray:
    """A disc of `radius` pixels blurred by a Gaussian of `blur` pixels: (SIDE, SIDE), near 0..1."""
    fine = 9  # so that the rim is smooth
    position = (np.arange(SIDE * fine) + 0.5) / fine - SIDE / 2
    disc = (np.hypot(position[:, None], position) <= radius).astype(np.float64)
    return gaussian_filter(disc, blur * fine).reshape(SIDE, fine, SIDE, fine).mean((1, 3))


def even_places(
    clean: np.ndarray, gap: int, low: float = 0.6, high: float = 1.1, spread: float = 0.04
) -> list[tuple[int, int]]:
    """Middles (row, column) of even tissue, far from each other.

    Args:
        clean: image (H, W).
        gap: pixels that lie between them, at least, down or across.
        low, high: brightness of the tissue.
        spread: largest standard deviation of brightness within 9x9 pixels.

    Returns:
        As many as are found, the most even tissue first.
    """
    mean = uniform_filter(clean.astype(np.float64), 9)
    deviation = np.sqrt(
        np.maximum(uniform_filter(np.square(clean, dtype=np.float64), 9) - mean**2, 0)
    )
    fits = (mean > low) & (mean < high) & (deviation < spread)
    fits[: SIDE // 2] = fits[-(SIDE // 2) :] = fits[:, : SIDE // 2] = fits[:, -(SIDE // 2) :] = (
        False
    )
    rows, columns = np.nonzero(fits)
    order = np.argsort(deviation[rows, columns], kind="stable")
    found: list[tuple[int, int]] = []
    for y, x in zip(rows[order], columns[order], strict=True):
        if all(max(abs(y - v), abs(x - u)) > gap for v, u in found):
            found.append((int(y), int(x)))
    return found


def windows(image: np.ndarray, places: list[tuple[int, int]]) -> np.ndarray:
    """The windows of (H, W) around `places`: (N, SIDE, SIDE)."""
    half = SIDE // 2
    return np.stack([image[y - half : y + half + 1, x - half : x + half + 1] for y, x in places])


def implanted(
    clean: np.ndarray, places: list[tuple[int, int]], shape: np.ndarray, contrasts: np.ndarray
) -> np.ndarray:
    """A copy of (H, W) with the `shape` of a spot, times its contrast, added at each place."""
    image, half = clean.copy(), SIDE // 2
    for (y, x), contrast in zip(places, contrasts, strict=True):
        image[y - half : y + half + 1, x - half : x + half + 1] += contrast * shape
    return np.maximum(image, 0)


def contrast_kept(
    with_spots: np.ndarray, without: np.ndarray, shape: np.ndarray, contrasts: np.ndarray
) -> np.ndarray:
    """The share of each spot's contrast that is left: 1 all, 0 nothing; (N,).

    Args:
        with_spots, without: windows (N, SIDE, SIDE) of two denoised images whose noise is the same
            and of which one has the spots.
        shape: of the spots at contrast 1.
        contrasts: of the spots (N,).
    """
    differences = ((with_spots - without) * shape).sum((1, 2))
    return differences / np.square(shape).sum() / contrasts


def seen(with_spots: np.ndarray, without: np.ndarray, shape: np.ndarray, signs: np.ndarray):
    """How well an observer tells images with a spot from others, who knows its shape and place.

    A matched filter against the mean of the window, so that uneven tissue around it disturbs too.
    The area under the curve of true over false positives: 1 always, 0.5 by guessing.

    Args:
        with_spots, without: windows (N, SIDE, SIDE), each with noise of its own.
        shape: of the spots.
        signs: 1 for bright spots, -1 for dark ones (N,).
    """
    template = shape - shape.mean()
    yes, no = (signs * (w * template).sum((1, 2)) for w in (with_spots, without))
    differences = yes[:, None] - no
    return float((differences > 0).mean() + (differences == 0).mean() / 2)


def false_spots(error: np.ndarray, shape: np.ndarray, contrast: float, where: np.ndarray) -> int:
    """How many places of an error image look like a spot of at least `contrast`, bright or dark.

    Args:
        error: a denoised image less the clean one, both without spots (H, W).
        shape: of the spot.
        contrast: that a least-squares fit of the spot must reach.
        where: places that count (H, W) bool.
    """
    template = shape - shape.mean()
    fitted = np.abs(correlate(error.astype(np.float64), template)) / np.square(template).sum()
    peaks = (fitted == maximum_filter(fitted, SIDE // 2)) & (fitted >= contrast) & where
    return int(peaks.sum())


def quality(results: list[np.ndarray], clean: np.ndarray) -> dict[str, float]:
    """Mean "PSNR" and "SSIM" inside the head of images (N, H, W); white matter is 1."""
    squares, similarities = [], []
    for image, truth in zip(results, clean, strict=True):
        head = inside(truth)
        squares.append(np.mean(np.square(image - truth)[head]))
        _, local = structural_similarity(truth, image, data_range=1, full=True)
        similarities.append(local[head].mean())
    psnr = float(np.mean(-10 * np.log10(squares)))
    return {"PSNR": psnr, "SSIM": float(np.mean(similarities))}


def spot_scores(
    method: Callable[[np.ndarray], np.ndarray],
    clean: np.ndarray,
    noisy: Callable[[list[np.ndarray], int], list[np.ndarray]],
) -> dict[tuple[str, str, float], float]:
    """What a method does to spots in even tissue, and where it shows some that are not there.

    Args:
        method: from a noisy image (H, W) to a clean one.
        clean: images without spots (N, H, W).
        noisy: `noisy(images, draw)` adds noise that depends on nothing but the number of the image
            and `draw`.

    Returns:
        By (score, size of RADII, contrast of CONTRASTS): "kept", the mean of `contrast_kept`;
        "seen", as `seen`, with spots in one draw of noise and without in another; "false", the mean
        of `false_spots` inside the head.
    """
    places = [even_places(image, gap=24) for image in clean]
    signs = [np.where(np.arange(len(its)) % 2, 1, -1) for its in places]
    every_sign = np.concatenate(signs)

    def cut(images):
        return np.concatenate(list(map(windows, images, places)))

    without, again = (list(map(method, noisy(clean, draw))) for draw in (2, 3))
    scores = {}
    for size, radius in RADII.items():
        shape = spot(radius)
        for contrast in CONTRASTS:
            spotted = [
                implanted(image, its, shape, contrast * sign)
                for image, its, sign in zip(clean, places, signs, strict=True)
            ]
            found = cut(map(method, noisy(spotted, 2)))
            kept = contrast_kept(found, cut(without), shape, contrast * every_sign)
            counts = [
                false_spots(image - truth, shape, contrast, inside(truth))
                for image, truth in zip(without, clean, strict=True)
            ]
            scores["kept", size, contrast] = float(kept.mean())
            scores["seen", size, contrast] = seen(found, cut(again), shape, every_sign)
            scores["false", size, contrast] = float(np.mean(counts))
    return scores
