"""Photographs at their own size: their luminance, smaller copies of them, and pairs of tiles.

What is learned on the luminance alone works for colour and grey alike; the eye hardly sees that
colour stays as smooth as interpolation leaves it.
"""

import itertools
from pathlib import Path

import numpy as np
from PIL import Image

from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.media import to_uint8
from gen_ai_examples.common.sources.bundle import bundled
from gen_ai_examples.common.sources.image import folder_batches, folder_sizes

# Of a larger folder every n-th picture is taken: tiles take 6 MB a picture.
MOST = 100

BLACK, WHITE = (level / 127.5 - 1 for level in (16, 235))  # of `luminance`
_WEIGHTS = np.float32([65.481, 128.553, 24.966]) / 255


# fmt: off
_BUNDLED = (
    "brushes", "dandelions", "dogs", "drum", "fig", "mountain", "peaks", "stream", "sunset",
)
# fmt: on


def bundled_photographs() -> dict[str, np.ndarray]:
    """Nine bundled photographs of 640 pixels on the longer side: everyday things, landscapes.

    Returns:
        By name, (H, W, 3) uint8.

    Raises:
        InputError: a bundled file is missing or damaged.

    Credit and licence (CC BY 4.0 or CC0) of each photograph: `data/README.md`.
    """
    return {name: np.asarray(Image.open(bundled(f"photo_{name}.jpg"))) for name in _BUNDLED}


def own_photographs(
    path: str | Path, smallest: int = 256, largest: int = 512, fewest: int = 5
) -> dict[str, np.ndarray]:
    """The user's own pictures as central squares, reduced to one size, none of them enlarged.

    Args:
        path: a folder, as `image.folder` reads it; its subfolders do not matter.
        smallest: pixels that the shorter side of every picture must have.
        largest: pixels per side of the squares, unless the smallest picture has fewer.
        fewest: pictures that are needed.

    Returns:
        By number, in the order of their paths, (size, size, 3) uint8, size a multiple of 8. At
        most 100: of a larger folder every n-th.

    Raises:
        InputError: no such folder, too few pictures, or pictures that are too small.
    """
    sizes = folder_sizes(path)
    n, n_small = sizes.total(), sum(n for size, n in sizes.items() if min(size) < smallest)
    if n < fewest:
        raise InputError(
            f"{path} holds {n} readable picture(s): give at least {fewest}, "
            "since some are held out whole."
        )
    if n_small:
        raise InputError(
            f"{n_small} of the {n} pictures in {path} are smaller than {smallest} pixels on their "
            "shorter side: take them out, or give larger ones."
        )
    size = min(largest, *map(min, sizes)) // 8 * 8
    pictures = itertools.chain.from_iterable(folder_batches(path, size, batch_size=16))
    taken = itertools.islice(pictures, 0, None, -(-n // MOST))
    return {f"picture {i}": to_uint8(picture) for i, picture in enumerate(taken, start=1)}


def luminance(photo: np.ndarray) -> np.ndarray:
    """Y of BT.601, on which PSNR is measured: (H, W, 1 or 3) uint8 to (H, W) float32.

    Black is 16 and white 235, then scaled as 0..255 to [-1, 1], so that the peak is 2.
    """
    colour = np.broadcast_to(photo, (*photo.shape[:2], 3)).astype(np.float32)
    return (16 + colour @ _WEIGHTS) / 127.5 - 1


def with_luminance(photo: np.ndarray, y: np.ndarray) -> np.ndarray:
    """`photo` (H, W, 3) uint8 with its luminance replaced by y (H, W) and its colour kept."""
    # Adding as much to red, green and blue leaves the colour differences as they are.
    change = (y - luminance(photo)) * 127.5 / _WEIGHTS.sum()
    return (photo + change[..., None]).round().clip(0, 255).astype(np.uint8)


def resize(
    picture: np.ndarray, height: int, width: int, kernel=Image.Resampling.BICUBIC
) -> np.ndarray:
    """Pillow's resize: when it shrinks, the kernel widens, so that nothing aliases.

    Args:
        picture: (H, W) or (H, W, 3) uint8, whose result is rounded and clipped; or (H, W) float32.
        height, width: of the result.
        kernel: bicubic is the cubic convolution with a = -0.5, as of Matlab's `imresize`.

    Source: Keys 1981, https://doi.org/10.1109/TASSP.1981.1163711.
    """
    return np.asarray(Image.fromarray(picture).resize((width, height), kernel))


def whole_blocks(photo: np.ndarray, factor: int) -> np.ndarray:
    """`photo` (H, W, 1 or 3) in three channels, without the rest below or right of the blocks."""
    height, width = (n // factor * factor for n in photo.shape[:2])
    return np.broadcast_to(photo[:height, :width], (height, width, 3))


def shrink(photo: np.ndarray, factor: int) -> np.ndarray:
    """The bicubic reduction, H and W being multiples of `factor`: a smaller photograph.

    Args:
        photo: (H, W, 3) uint8; the result is rounded, as in a saved file. Or (H, W) float32.
    """
    return resize(photo, photo.shape[0] // factor, photo.shape[1] // factor)


def enlarge(picture: np.ndarray, factor: int, kernel=Image.Resampling.BICUBIC) -> np.ndarray:
    """(H, W) float32 or (H, W, 3) uint8 to `factor` times its height and width."""
    return resize(picture, factor * picture.shape[0], factor * picture.shape[1], kernel)


def tiles(
    photo: np.ndarray, factor: int, side: int, scales: tuple[float, ...] = (1.0,)
) -> tuple[np.ndarray, np.ndarray]:
    """Cut a shrunken photograph, and the detail its bicubic enlargement lacks, into tiles.

    Args:
        photo: (H, W, 1 or 3) uint8.
        factor: by which it is shrunk.
        side: of the small tiles; neighbours overlap by half.
        scales: at which the photograph is taken, as a first reduction; smaller copies of it are
            sharper and hold other structures.

    Returns:
        Luminance of the small picture (N, side, side, 1), and what the bicubic enlargement lacks
        (N, factor side, factor side, 1); both float32, N = 0 for a photograph that is too small.
    """
    lows, details = [], []
    for scale in scales:
        full = whole_blocks(photo, 1)
        scaled = resize(full, *(int(scale * n) for n in full.shape[:2])) if scale != 1 else full
        scaled = whole_blocks(scaled, factor)
        if min(scaled.shape[:2]) < factor * side:
            continue
        low = luminance(shrink(scaled, factor))
        detail = luminance(scaled) - enlarge(low, factor)
        lows.append(_windows(low, side, side // 2))
        details.append(_windows(detail, factor * side, factor * (side // 2)))
    if not lows:
        return tuple(np.zeros((0, n, n, 1), np.float32) for n in (side, factor * side))
    return np.concatenate(lows), np.concatenate(details)


def _windows(picture, side, stride):
    windows = np.lib.stride_tricks.sliding_window_view(picture, (side, side))
    return windows[::stride, ::stride].reshape(-1, side, side, 1)
