"""How well an enlarged photograph matches the original, by the measures of super-resolution.

On the luminance, without a border as wide as the factor, where every method has to guess.
"""

import numpy as np

from gen_ai_examples.common.metrics.image import psnr, ssim
from gen_ai_examples.common.sources.photos import enlarge, luminance, shrink, with_luminance


def coloured(photo: np.ndarray, y: np.ndarray, factor: int) -> np.ndarray:
    """Luminance y (H, W) with the colour of the small photograph, enlarged: (H, W, 3) uint8."""
    return with_luminance(enlarge(shrink(photo, factor), factor), y)


def measure(photo: np.ndarray, y: np.ndarray, factor: int) -> dict[str, float]:
    """Compare the luminance that was made of a shrunken photograph with the photograph.

    Args:
        photo: the original (H, W, 3) uint8, H and W multiples of `factor`.
        y: (H, W) float32, what `shrink(photo, factor)` was enlarged to.
        factor: of the enlargement.

    Returns:
        PSNR (dB) and SSIM of the luminance; PSNR of RGB, with interpolated colour; PSNR of the
        input: how well y, shrunk again, agrees with what it was made of; sharpness: the mean
        gradient as a share of the original's, which jagged edges raise as true ones do.
    """

    def inside(picture):
        height, width = picture.shape[:2]
        kept = picture[factor:-factor, factor:-factor]
        return kept.reshape(1, height - 2 * factor, width - 2 * factor, -1)

    truth = luminance(photo)
    rgb = coloured(photo, y, factor)
    return {
        "PSNR": float(psnr(inside(y), inside(truth))[0]),
        "SSIM": float(ssim(inside(y), inside(truth))[0]),
        "PSNR of RGB": float(psnr(inside(rgb / 127.5), inside(photo / 127.5))[0]),
        "PSNR of the input": float(
            psnr(shrink(y, factor)[None], luminance(shrink(photo, factor))[None])[0]
        ),
        "sharpness": float(_steepness(y) / _steepness(truth)),
    }


def _steepness(y):
    return np.mean(np.hypot(*np.gradient(y)))
