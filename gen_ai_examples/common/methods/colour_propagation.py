"""Carrying the colours of a clip's first frame to the others, without a network.

Clips are in CIELAB: L of every frame is known, a and b of the first frame only.
"""

import dataclasses
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from scipy.ndimage import gaussian_filter
from skimage.color import lab2rgb, rgb2lab
from skimage.registration import optical_flow_ilk, optical_flow_tvl1
from sklearn.metrics import pairwise_distances_argmin

from gen_ai_examples.common.methods.video_enlarging import warp

_THREADS = 2  # a flow is computed on one core


def middle(frames: np.ndarray, multiple: int) -> np.ndarray:
    """(T, H, W, ...) without what exceeds multiples of `multiple`, cut off evenly."""
    height, width = (n // multiple * multiple for n in frames.shape[1:3])
    top, left = (frames.shape[1] - height) // 2, (frames.shape[2] - width) // 2
    return frames[:, top : top + height, left : left + width]


def to_lab(frames: np.ndarray, factor: int = 1) -> np.ndarray:
    """Frames (T, H, W, 3) uint8 in CIELAB, (T, H / factor, W / factor, 3) float32, L in 0..100.

    Reduced by means over squares of `factor` pixels, of which H and W are multiples.
    """
    t, height, width, _ = frames.shape
    blocks = frames.reshape(t, height // factor, factor, width // factor, factor, 3)
    return rgb2lab(blocks.mean((2, 4), dtype=np.float32) / 255).astype(np.float32)


def to_rgb(lab: np.ndarray) -> np.ndarray:
    """CIELAB (..., 3) to RGB in [0, 1]; colours that no screen has are clipped."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Conversion from CIE-LAB")
        return lab2rgb(lab)


def warp_all(picture: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """At each pixel p, `picture` (H, W, C) at p + flow (2, H, W)."""
    return np.stack([warp(channel, flow) for channel in np.moveaxis(picture, -1, 0)], -1)


def steps_back(lightness: np.ndarray) -> np.ndarray:
    """Where each pixel was one frame earlier, (T - 1, 2, H, W) float32, rows first.

    Args:
        lightness: (T, H, W) float32 in 0..100.

    Source: iterative Lucas-Kanade of Le Besnerais & Champagnat 2005,
    https://doi.org/10.1109/ICIP.2005.1529706, as in scikit-image.
    """
    y = lightness / 100

    def step(t):
        return optical_flow_ilk(y[t], y[t - 1], radius=4, num_warp=4, gaussian=True)

    with ThreadPoolExecutor(_THREADS) as threads:
        return np.stack(list(threads.map(step, range(1, len(y))))).astype(np.float32)


def chained(steps: np.ndarray) -> np.ndarray:
    """Steps (T - 1, 2, H, W) added up: (T, 2, H, W), where each pixel was in the first frame."""
    flows = [np.zeros(steps.shape[1:], np.float32)]
    for step in steps:
        flows.append(step + np.stack([warp(part, step) for part in flows[-1]]))
    return np.stack(flows)


def direct(lightness: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """The same, (N, 2, H, W), by comparing each of the `chosen` frames (N,) with the first.

    Args:
        lightness: (T, H, W) float32 in 0..100.
        chosen: numbers of frames.

    Source: TV-L1 of Zach et al. 2007, https://doi.org/10.1007/978-3-540-74936-3_22, from coarse to
    fine, as in scikit-image.
    """
    y = lightness / 100

    def flow(t):
        return optical_flow_tvl1(y[t], y[0], attachment=30, num_warp=5)

    with ThreadPoolExecutor(_THREADS) as threads:
        return np.stack(list(threads.map(flow, chosen))).astype(np.float32)


def misfits(lightness: np.ndarray, moved: np.ndarray) -> np.ndarray:
    """Squared differences of lightness, (..., H, W) each, blurred by one pixel."""
    return gaussian_filter((lightness - moved) ** 2, (*[0] * (lightness.ndim - 2), 1, 1))


def nearest_patches(
    lightness: np.ndarray, reference: np.ndarray, nearness: float = 0.3, side: int = 5
) -> np.ndarray:
    """What the first frame shows where its lightness, around a pixel, is most alike.

    Args:
        lightness: (H, W) of a frame, 0..100, H and W even.
        reference: (H, W, C), the first frame, lightness first.
        nearness: levels of lightness that a pixel of distance counts as much as.
        side: of the patches, in pixels.

    Returns:
        (H, W, C), the same in squares of 2x2 pixels.

    Source: Welsh et al. 2002, https://doi.org/10.1145/566654.566576, with all pixels of the patch
    instead of their mean and deviation, and with the place, since both frames are of one shot.
    """

    def features(y):
        around = np.pad(y, side // 2, mode="reflect")
        patches = np.lib.stride_tricks.sliding_window_view(around, (side, side))[::2, ::2]
        places = np.moveaxis(2 * np.indices(patches.shape[:2]), 0, -1)
        flat = patches.reshape(*patches.shape[:2], -1)
        joined = np.concatenate([flat / side, nearness * places], -1)
        return joined.reshape(-1, joined.shape[-1]).astype(np.float32)

    nearest = pairwise_distances_argmin(features(lightness), features(reference[..., 0]))
    half = reference[::2, ::2]
    return half.reshape(-1, half.shape[-1])[nearest].reshape(half.shape).repeat(2, 0).repeat(2, 1)


def steadied(
    ab: np.ndarray, lightness: np.ndarray, steps: np.ndarray, share: float, trust: float
) -> np.ndarray:
    """Each frame's colours averaged with those of the frame before, moved, where that fits.

    Args:
        ab: (T, H, W, 2).
        lightness: (T, H, W) float32 in 0..100.
        steps: of `steps_back`.
        share: of the past where lightness fits.
        trust: difference of lightness at which that share falls by a factor of 0.6.
    """
    steady = [ab[0]]
    for t, step in enumerate(steps, start=1):
        misfit = misfits(lightness[t], warp(lightness[t - 1], step))
        weight = share * np.exp(-0.5 * misfit / trust**2)[..., None]
        steady.append((1 - weight) * ab[t] + weight * warp_all(steady[-1], step))
    return np.stack(steady)


@dataclasses.dataclass(frozen=True)
class Propagated:
    """A clip's first frame moved onto N of its frames, in three ways.

    Args:
        lab: those frames, (N, H, W, 3); a and b are the truth, used to train and to measure only.
        first: (H, W, 3).
        direct, chained, patches: the first frame moved, (N, H, W, 3).
        flow: from each frame to the first, of the two the one that fits, (N, 2, H, W).
        better: the colours moved by it, (N, H, W, 2).
    """

    lab: np.ndarray
    first: np.ndarray
    direct: np.ndarray
    chained: np.ndarray
    patches: np.ndarray
    flow: np.ndarray
    better: np.ndarray


def propagate(
    lab: np.ndarray, steps: np.ndarray, chosen: np.ndarray, trust: float = 2.0
) -> Propagated:
    """Move the first frame of a clip onto others.

    Args:
        lab: (T, H, W, 3) float32, H and W even; of the colours, the first frame's are used.
        steps: of `steps_back`.
        chosen: (N,) numbers of frames.
        trust: of the two flows, in levels of lightness; the smaller, the harder the choice.
    """
    flows = [direct(lab[..., 0], chosen), chained(steps)[chosen]]
    moved = [np.stack([warp_all(lab[0], f) for f in flow]) for flow in flows]
    wrong = [misfits(lab[chosen, ..., 0], x[..., 0]) for x in moved]
    share = 1 / (1 + np.exp(np.clip((wrong[0] - wrong[1]) / (2 * trust**2), -30, 30)))
    patches = np.stack([nearest_patches(y, lab[0]) for y in lab[chosen, ..., 0]])
    mixed = share[..., None] * moved[0] + (1 - share[..., None]) * moved[1]
    flow = share[:, None] * flows[0] + (1 - share[:, None]) * flows[1]
    return Propagated(lab[chosen], lab[0], *moved, patches, flow, mixed[..., 1:])
