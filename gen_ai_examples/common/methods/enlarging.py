"""Enlarging without a network: sharpening, back-projection, and filters fitted by least squares."""

import numpy as np
from scipy.ndimage import gaussian_filter

from gen_ai_examples.common.sources.photos import enlarge, shrink


def back_projection(low: np.ndarray, factor: int, steps: int = 16) -> np.ndarray:
    """Bicubic enlargement, corrected until it shrinks to what was given.

    Args:
        low: (H, W) float32.
        factor: of the enlargement.
        steps: corrections by the enlarged error; 8 are enough for most pictures, and sharpening
            beforehand does not help.

    Returns:
        (factor H, factor W) float32.

    Source: Irani & Peleg 1991, https://doi.org/10.1016/1049-9652(91)90045-L.
    """
    high = enlarge(low, factor)
    for _ in range(steps):
        high = high + enlarge(low - shrink(high, factor), factor)
    return high


class UnsharpMasking:
    """Bicubic enlargement, plus what a blur takes away from it; tuned on photographs.

    Args:
        pairs: small and large luminance, (H, W) and (factor H, factor W), to tune on.
        factor: of the enlargement.
        sigmas: of the blur, in pixels of the result, to choose from.
        amounts: of what is added, to choose from.
    """

    def __init__(
        self,
        pairs: list[tuple[np.ndarray, np.ndarray]],
        factor: int,
        sigmas=(1.0, 2.0, 3.0, 4.0),
        amounts=(0.25, 0.5, 0.75, 1.0, 1.5),
    ):
        self.factor = factor
        smooth = [(enlarge(low, factor), high) for low, high in pairs]
        errors = {}
        for sigma in sigmas:
            lost = [x - gaussian_filter(x, sigma) for x, _ in smooth]
            for amount in amounts:
                squares = [
                    np.mean((x + amount * change - y) ** 2)
                    for (x, y), change in zip(smooth, lost, strict=True)
                ]
                # Logarithms, as in PSNR: a photograph that is hard for all does not decide alone.
                errors[sigma, amount] = np.mean(np.log(np.add(squares, 1e-8)))
        self.sigma, self.amount = min(errors, key=errors.get)

    def __call__(self, low: np.ndarray) -> np.ndarray:
        """(H, W) float32 to (factor H, factor W)."""
        high = enlarge(low, self.factor)
        return high + self.amount * (high - gaussian_filter(high, self.sigma))


class LinearFilters:
    """The best linear enlargement: each new pixel is a weighted sum of the 7x7 pixels around it.

    Fitted to what bicubic interpolation lacks: factor^2 filters, one for each place in a block.

    Args:
        lows: small tiles (N, side, side, 1).
        details: what their bicubic enlargements lack, (N, factor side, factor side, 1).

    Source: as RAISR (Romano et al. 2016, https://arxiv.org/abs/1606.01299) with a single class.
    """

    RADIUS = 3

    def __init__(self, lows: np.ndarray, details: np.ndarray):
        n, side = lows.shape[:2]
        self.factor = f = details.shape[1] // side
        targets = details.reshape(n, side, f, side, f).swapaxes(2, 3)
        # A tile's own border is not the photograph's, so that only what lies inside counts.
        inner = slice(self.RADIUS, -self.RADIUS)
        size = (2 * self.RADIUS + 1) ** 2
        gram, projected = np.zeros((size, size)), np.zeros((size, f * f))
        for start in range(0, n, 256):  # all neighbourhoods together would take gigabytes
            chunk = slice(start, start + 256)
            a = self._neighbours(lows[chunk, ..., 0])
            gram += a.T @ a
            projected += a.T @ targets[chunk, inner, inner].reshape(-1, f * f)
        gram += 1e-7 * gram.trace() * np.eye(size)  # for pictures that are nearly flat
        self.weights = np.linalg.solve(gram, projected).astype(np.float32)

    def __call__(self, low: np.ndarray) -> np.ndarray:
        """(H, W) float32 to (factor H, factor W)."""
        (height, width), f = low.shape, self.factor
        padded = np.pad(low, self.RADIUS, mode="edge")
        detail = (self._neighbours(padded[None]) @ self.weights).reshape(height, width, f, f)
        return enlarge(low, f) + detail.swapaxes(1, 2).reshape(f * height, f * width)

    def _neighbours(self, pictures):
        """(N, H, W) to (N (H - 6) (W - 6), 49)."""
        size = 2 * self.RADIUS + 1
        windows = np.lib.stride_tricks.sliding_window_view(pictures, (size, size), axis=(1, 2))
        return windows.reshape(-1, size * size)
