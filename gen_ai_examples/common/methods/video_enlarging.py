"""Enlarging video: the camera that makes it small, optical flow, and back-projection."""

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates
from skimage.registration import optical_flow_ilk

from gen_ai_examples.common.sources.photos import enlarge


def camera_matrix(size: int, factor: int, sigma: float) -> np.ndarray:
    """One axis of a camera: Gaussian blur, sampled in the middle of each block of `factor` pixels.

    Args:
        size: pixels along the axis, a multiple of `factor`.
        factor: of the reduction.
        sigma: of the blur, in large pixels. With 0.4 `factor` fine detail aliases, as in cameras:
            what one frame shows wrongly, the next, a fraction of a pixel on, shows otherwise.

    Returns:
        (size / factor, size) float32, rows that add up to 1; `camera @ y` reduces (size, W).

    Source: the blur and sampling of Jo et al. 2018, sigma 1.6 for a factor of 4.
    """
    centres = (np.arange(size // factor) + 0.5) * factor - 0.5
    weights = np.exp(-0.5 * ((np.arange(size) - centres[:, None]) / sigma) ** 2)
    return (weights / weights.sum(1, keepdims=True)).astype(np.float32)


def film(y: np.ndarray, factor: int, sigma: float, noise: float, seed: int) -> np.ndarray:
    """What the camera makes of a clip's luminance.

    Args:
        y: (T, H, W) float32 in [-1, 1], H and W multiples of `factor`.
        factor, sigma: of `camera_matrix`.
        noise: standard deviation, in levels of 255.
        seed: of the noise.

    Returns:
        (T, H / factor, W / factor) float32, rounded to 8 bits.
    """
    down, right = (camera_matrix(n, factor, sigma) for n in y.shape[1:])
    small = down @ y @ right.T
    small += np.random.default_rng(seed).normal(0, noise / 127.5, small.shape)
    return ((small * 127.5).round() / 127.5).astype(np.float32)


def enlarge_all(frames: np.ndarray, factor: int) -> np.ndarray:
    """Bicubic interpolation: (T, H, W) float32 to (T, factor H, factor W)."""
    return np.stack([enlarge(frame, factor) for frame in frames])


def warp(picture: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """At each pixel p, `picture` (H, W) at p + flow (2, H, W); bilinear, edges repeated."""
    places = np.indices(picture.shape, dtype=np.float32) + flow
    return map_coordinates(picture, places, order=1, mode="nearest")


class Motion:
    """Dense optical flow between the frames of a clip, also those that are not neighbours.

    Args:
        frames: (T, H, W) float32.

    Source: iterative Lucas-Kanade of Le Besnerais & Champagnat 2005,
    https://doi.org/10.1109/ICIP.2005.1529706, as in scikit-image.
    """

    def __init__(self, frames: np.ndarray):
        self._frames = frames
        self._steps = {}

    def flow(self, start: int, end: int) -> np.ndarray:
        """(2, H, W), rows first: a pixel p of frame `start` is at p + flow in frame `end`."""
        if start == end:
            return np.zeros((2, *self._frames.shape[1:]), np.float32)
        way = 1 if end > start else -1
        flow = self._step(start, start + way)
        for frame in range(start + way, end, way):
            step = self._step(frame, frame + way)
            flow = flow + np.stack([warp(part, flow) for part in step])
        return flow

    def _step(self, start, end):
        if (start, end) not in self._steps:
            flow = optical_flow_ilk(
                self._frames[start], self._frames[end], radius=4, num_warp=4, gaussian=True
            )
            self._steps[start, end] = flow.astype(np.float32)
        return self._steps[start, end]


def neighbours(t: int, radius: int, n: int) -> list[int]:
    """The frames from t - radius to t + radius, the first and the last repeated."""
    return [min(max(u, 0), n - 1) for u in range(t - radius, t + radius + 1)]


def windows(frames: np.ndarray, radius: int) -> np.ndarray:
    """Each frame amid its neighbours: (T, H, W) to (T, 2 radius + 1, H, W)."""
    n = len(frames)
    return np.stack([frames[neighbours(t, radius, n)] for t in range(n)])


def back_projected(
    low: np.ndarray, factor: int, sigma: float, radius: int, steps: int, trust: float
) -> np.ndarray:
    """Each frame enlarged so that, moved and filmed, it gives its neighbours too.

    Args:
        low: (T, H, W) float32 in [-1, 1].
        factor, sigma: of the camera, which is known.
        radius: neighbours before and after each frame; 0 for every frame by itself.
        steps: corrections by the enlarged errors.
        trust: a neighbour counts the less, the more it differs from the frame after both are
            aligned; where the difference is `trust`, by a factor of 0.6.

    Returns:
        (T, factor H, factor W) float32.

    Source: Irani & Peleg 1991, https://doi.org/10.1016/1049-9652(91)90045-L, for several frames;
    with weights as above for motion that is no more than estimated.
    """
    motion = Motion(low)
    down, right = (camera_matrix(factor * n, factor, sigma) for n in low.shape[1:])

    def enlarged(t):
        ways = []
        for u in sorted(set(neighbours(t, radius, len(low)))):
            there, back = motion.flow(t, u), motion.flow(u, t)
            misfit = gaussian_filter((warp(low[u], there) - low[t]) ** 2, 1)
            weight = enlarge(np.exp(-0.5 * misfit / trust**2), factor).clip(0, 1)
            ways.append((u, _enlarged(there, factor), _enlarged(back, factor), weight))
        x = enlarge(low[t], factor)
        for _ in range(steps):
            change = weights = 0
            for u, there, back, weight in ways:
                moved = x if u == t else warp(x, back)
                error = enlarge(low[u] - down @ moved @ right.T, factor)
                change = change + weight * (error if u == t else warp(error, there))
                weights = weights + weight
            x = x + change / weights
        return x

    return np.stack([enlarged(t) for t in range(len(low))])


def best_trust(
    pairs: list[tuple[np.ndarray, np.ndarray]],
    factor: int,
    sigma: float,
    radius: int,
    steps: int,
    choices: tuple[float, ...] = (0.02, 0.05, 0.1),
) -> float:
    """The `trust` with which `back_projected` has the least error on `pairs` of clips.

    Args:
        pairs: low (T, H, W) and original (T, factor H, factor W).
        factor, sigma, radius, steps: of `back_projected`.
        choices: to choose from.
    """

    def error(trust):
        made = ((back_projected(low, factor, sigma, radius, steps, trust), y) for low, y in pairs)
        # Logarithms, as in PSNR: a clip that is hard for all does not decide alone.
        return np.mean([np.log(np.mean((x - y) ** 2)) for x, y in made])

    return min(choices, key=error)


def _enlarged(flow, factor):
    return np.stack([factor * enlarge(part, factor) for part in flow])
