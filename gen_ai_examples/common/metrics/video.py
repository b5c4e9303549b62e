"""How well a restored clip matches the original, frame by frame and from frame to frame."""

import numpy as np

from gen_ai_examples.common.metrics.image import psnr, ssim


def flicker(frames: np.ndarray, truth: np.ndarray) -> float:
    """How far the changes from frame to frame are from the true ones.

    The mean of |(x[t + 1] - x[t]) - (y[t + 1] - y[t])|: 0 if every error stands still, so that a
    clip that is too smooth, or wrong in the same way throughout, does not flicker.

    Args:
        frames, truth: (T, H, W) or (T, H, W, C), T at least 2.

    Source: tLP of Chu et al. 2020, https://arxiv.org/abs/1811.09393, which compares how much two
    consecutive frames differ, here pixel by pixel and without a network.
    """
    return float(np.abs(np.diff(np.subtract(frames, truth, dtype=np.float32), axis=0)).mean())


def measure(frames: np.ndarray, truth: np.ndarray, border: int) -> dict[str, float]:
    """Scores of a clip's luminance, means over its frames.

    Args:
        frames, truth: (T, H, W) float32 in [-1, 1].
        border: pixels at the edges that do not count, where every method has to guess.

    Returns:
        PSNR (dB), SSIM, and flicker in levels of 255.
    """
    inside = (slice(None), slice(border, -border), slice(border, -border))
    x, y = frames[inside], truth[inside]
    return {
        "PSNR": float(psnr(x, y).mean()),
        "SSIM": float(ssim(x[..., None], y[..., None]).mean()),
        "flicker": 127.5 * flicker(x, y),
    }
