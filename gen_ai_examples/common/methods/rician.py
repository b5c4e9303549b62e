"""Noise of magnetic resonance magnitude images, and removing it without a network.

A scanner measures a complex image with Gaussian noise in both parts; what it shows is the
magnitude, |A + n|, which follows the Rice distribution (Gudbjartsson & Patz 1995,
https://doi.org/10.1002/mrm.1910340618). Its mean lies above A, in air at 1.25 sigma instead of 0,
and its spread depends on A. Filters made for additive noise therefore work on a transform of the
image, and what they return is mapped to the A whose transform has that mean: an exact unbiased
inverse, after Foi 2011, https://doi.org/10.1109/ISBI.2011.5872758.
"""

import functools
import itertools
from collections.abc import Callable, Iterable

import numpy as np
from scipy.fft import dctn, idctn
from scipy.ndimage import gaussian_filter, median_filter
from scipy.special import ive
from skimage.restoration import denoise_nl_means, denoise_tv_chambolle

Filter = Callable[[np.ndarray], np.ndarray]


def rician(clean: np.ndarray, sigma: float, rng: np.random.Generator) -> np.ndarray:
    """The magnitude of `clean` with complex Gaussian noise of `sigma` in each part; float32."""
    real, imaginary = rng.normal(scale=sigma, size=(2, *clean.shape))
    return np.hypot(clean + real, imaginary).astype(np.float32)


def rician_mean(clean: np.ndarray) -> np.ndarray:
    """The mean of the magnitude at unit noise, for `clean` of at least 0."""
    x = np.square(clean) / 4
    return np.sqrt(np.pi / 2) * ((1 + 2 * x) * ive(0, x) + 2 * x * ive(1, x))


def rician_variance(clean: np.ndarray) -> np.ndarray:
    """The variance of the magnitude at unit noise, for `clean` of at least 0."""
    return np.square(clean) + 2 - np.square(rician_mean(clean))


@functools.cache
def _tables() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Clean values, the means at them; magnitudes, and their variance-stabilising transform."""
    clean = np.concatenate([np.linspace(0, 8, 801), np.geomspace(8, 2000, 801)[1:]])
    mean = rician_mean(clean)
    # By the delta method the slope is 1 / standard deviation at the value with that mean. From
    # 8 sigma on the variance is 1 to a hundredth; cancellation would spoil it further up.
    slope = np.where(clean < 50, 1 / np.sqrt(rician_variance(np.minimum(clean, 50))), 1)
    steps = np.diff(mean) * (slope[1:] + slope[:-1]) / 2
    magnitude = np.concatenate([[0], mean])
    stable = np.concatenate([[-mean[0] * slope[0]], [0], np.cumsum(steps)])
    return clean, mean, magnitude, stable


def stabilised(magnitude: np.ndarray) -> np.ndarray:
    """A transform of magnitudes at unit noise after which the noise is near 1 everywhere."""
    _, _, table, stable = _tables()
    return np.interp(magnitude, table, stable)


@functools.cache
def _stabilised_mean() -> np.ndarray:
    """The mean of `stabilised` magnitudes at the clean values of the tables, by quadrature."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(48)
    weights /= weights.sum()
    clean = _tables()[0][:, None, None]
    values = stabilised(np.hypot(clean + nodes[:, None], nodes))  # (clean, real, imaginary)
    return np.einsum("crs,r,s->c", values, weights, weights)


def corrected(smooth: Filter, noisy: np.ndarray, sigma: float, stabilise: bool) -> np.ndarray:
    """Filter a magnitude image (H, W) and take the bias of the Rice distribution out.

    Args:
        smooth: a filter for additive noise of standard deviation 1.
        noisy: magnitudes.
        sigma: of the noise in each part of the complex image.
        stabilise: filter the variance-stabilised image, else the magnitude.

    Returns:
        (H, W) float32, at least 0.
    """
    clean, mean, _, _ = _tables()
    unit = noisy.astype(np.float64) / sigma
    filtered = smooth(stabilised(unit) if stabilise else unit)
    # Below the least mean, which no clean value has, it is 0.
    return (sigma * np.interp(filtered, _stabilised_mean() if stabilise else mean, clean)).astype(
        np.float32
    )


def sliding_dct(image: np.ndarray, threshold: float, side: int = 8, wiener: bool = True):
    """Shrink the cosine transforms of all overlapping squares and average what comes back.

    Args:
        image: (H, W) with additive noise of standard deviation 1.
        threshold: coefficients below it, mean excepted, become 0.
        side: of the squares.
        wiener: a second pass with the Wiener gains that the first result gives.

    Source: Yu & Sapiro 2011, https://doi.org/10.5201/ipol.2011.ys-dct; the second pass as in BM3D
    (Dabov et al. 2007, https://doi.org/10.1109/TIP.2007.901238), which also matches squares.
    """
    padded = np.pad(image.astype(np.float32), side - 1, mode="reflect")
    spectra = _spectra(padded, side)
    keep = np.abs(spectra) >= threshold
    keep[..., 0, 0] = True
    first = _aggregate(spectra * keep, 1 / keep.sum((-2, -1)), padded.shape)
    if wiener:
        power = np.square(_spectra(first, side))
        gain = power / (power + 1)
        gain[..., 0, 0] = 1
        first = _aggregate(spectra * gain, 1 / np.square(gain).sum((-2, -1)), padded.shape)
    return first[side - 1 : 1 - side, side - 1 : 1 - side]


def _spectra(image, side):
    squares = np.lib.stride_tricks.sliding_window_view(image, (side, side))
    return dctn(squares, axes=(-2, -1), norm="ortho")


def _aggregate(spectra, weights, shape):
    squares = idctn(spectra, axes=(-2, -1), norm="ortho") * weights[..., None, None]
    total, weight = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    rows, columns, side = squares.shape[:3]
    for y, x in itertools.product(range(side), repeat=2):
        total[y : y + rows, x : x + columns] += squares[..., y, x]
        weight[y : y + rows, x : x + columns] += weights
    return total / weight


def _settings(smooth, **options) -> list[Filter]:
    names, values = options.keys(), itertools.product(*options.values())
    return [functools.partial(smooth, **dict(zip(names, its, strict=True))) for its in values]


def classical() -> dict[str, list[Filter]]:
    """By method the filters for additive unit noise, one for each setting to choose from."""
    return {
        "Gaussian filter": _settings(gaussian_filter, sigma=(0.4, 0.5, 0.6, 0.7, 0.8, 1.0, 1.2)),
        "median filter": _settings(median_filter, size=(2, 3, 4, 5)),
        "total variation": _settings(denoise_tv_chambolle, weight=(0.4, 0.5, 0.6, 0.7, 0.8)),
        "non-local means": _settings(
            denoise_nl_means,
            h=(0.5, 0.6, 0.7, 0.8),
            patch_size=(5, 7),
            patch_distance=(9,),
            sigma=(1.0,),
        ),
        "sliding DCT": _settings(sliding_dct, threshold=(2.2, 2.6, 3.0), side=(8, 11)),
    }


def best_setting(
    filters: Iterable[Filter],
    clean: np.ndarray,
    noisy: np.ndarray,
    sigma: float,
    counts: np.ndarray | None = None,
) -> Filter:
    """The filter, with or without stabilising, that comes closest to `clean`.

    Args:
        filters: to choose from.
        clean, noisy: images (N, H, W).
        sigma: of their noise.
        counts: pixels that do (N, H, W) bool, all by default.

    Returns:
        From a noisy image (H, W) to a clean one.
    """
    choices = [
        functools.partial(corrected, smooth, sigma=sigma, stabilise=stabilise)
        for smooth in filters
        for stabilise in (False, True)
    ]
    counts = np.full(np.shape(clean), True) if counts is None else counts
    errors = [np.mean(np.square([choice(x) for x in noisy] - clean)[counts]) for choice in choices]
    return choices[int(np.argmin(errors))]


def estimated_sigma(noisy: np.ndarray) -> float:
    """The noise of one magnitude image (H, W) by itself, from the finest diagonal differences.

    Of bright pixels only, where the magnitude's noise is that of its real part. Edges enter, so
    that it is a little too large where there is little noise.

    Source: Donoho & Johnstone 1994, https://doi.org/10.1093/biomet/81.3.425, section 3.1.1.
    """
    squares = np.stack([noisy[y::2, x::2] for y in (0, 1) for x in (0, 1)])  # even H and W
    diagonal = (squares[0] - squares[1] - squares[2] + squares[3]) / 2
    bright = squares.mean(0) > noisy.mean()
    return float(np.median(np.abs(diagonal[bright])) / 0.6745)
