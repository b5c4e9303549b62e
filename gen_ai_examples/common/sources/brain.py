"""Slices of heads in magnetic resonance images, with little noise of their own."""

import dataclasses
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import binary_fill_holes

from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.sources.bundle import bundled

WHITE_MATTER = 110  # its brightness in the bundled slices; 1 in what the functions return
_COLUMNS, _WIDTH, _HEIGHT = 10, 192, 224
_FIRST, _SECOND = 84, 8


@dataclasses.dataclass(frozen=True)
class Heads:
    """Axial slices (N, 224, 192) float32 of 1 mm pixels: white matter near 1, air 0, nose up.

    Args:
        first: 84 slices, 1 mm apart, from the level of the brow to near the top of the head: the
            mean of 27 scans of one person, so that its noise is below a hundredth.
        second: 8 slices, 4 mm apart, of another person's scan, after correction of its brightness;
            that has set most of the white matter to one value.
    """

    first: np.ndarray
    second: np.ndarray


def heads() -> Heads:
    """The bundled slices of two persons, T1-weighted.

    Raises:
        InputError: the bundled file is missing or damaged.

    Source: Colin27 (Holmes et al. 1998, https://doi.org/10.1097/00004728-199803000-00032; Louis
    Collins, McConnell Brain Imaging Centre) and subject S1 of pycortex; see `data/README.md`.
    """
    sheet = np.asarray(Image.open(bundled("brain_slices.webp")).convert("L"))
    slices = sheet.reshape(-1, _HEIGHT, _COLUMNS, _WIDTH).transpose(0, 2, 1, 3)
    slices = slices.reshape(-1, _HEIGHT, _WIDTH).astype(np.float32) / WHITE_MATTER
    return Heads(slices[:_FIRST], slices[_FIRST : _FIRST + _SECOND])


def inside(image: np.ndarray) -> np.ndarray:
    """Where the head is, (H, W) bool, of a slice (H, W) without noise: holes filled."""
    return binary_fill_holes(image > 0.1)


def own_slices(path: str | Path) -> dict[str, np.ndarray]:
    """The user's own noisy slices by file name, (H, W) float32, bright tissue at 1.

    Args:
        path: a folder of grey magnitude images (PNG, TIFF or JPEG; 8 or 16 bits, the mean of the
            channels of colour, the first page of several). Height and width are cut to even ones.

    Raises:
        InputError: no such folder, or a file in it that is broken, too small, too large or blank.
    """
    path = Path(path).expanduser()
    if not path.is_dir():
        raise InputError(f"There is no folder {path}: give the folder that holds the slices.")
    suffixes = (".png", ".tif", ".tiff", ".jpg", ".jpeg")
    files = sorted(file for file in path.iterdir() if file.suffix.lower() in suffixes)
    if not files:
        raise InputError(f"{path} holds no slice ({', '.join(suffixes)}): put some into it.")
    return {file.name: _own(file) for file in files}


def _own(file: Path) -> np.ndarray:
    try:
        with Image.open(file) as picture:
            if picture.mode not in ("L", "F") and not picture.mode.startswith("I"):
                picture = picture.convert("RGB")
            pixels = np.asarray(picture, dtype=np.float32)
    except Exception as error:  # on broken files the decoders raise whatever comes up
        raise InputError(f"{file} is no readable picture: take it out of the folder.") from error
    if pixels.ndim == 3:
        pixels = pixels.mean(2)
    if not 32 <= min(pixels.shape) <= max(pixels.shape) <= 2048:
        raise InputError(
            f"{file} has {pixels.shape[1]}x{pixels.shape[0]} pixels: "
            "slices need 32 to 2048 on each side."
        )
    if not np.isfinite(pixels).all() or pixels.min() < 0 or np.ptp(pixels) == 0:
        raise InputError(
            f"{file} is blank, or not all its pixels are numbers of at least 0: take it out."
        )
    height, width = (n // 2 * 2 for n in pixels.shape)
    pixels = pixels[:height, :width]
    tissue = pixels[pixels > pixels.mean()]  # darker ones are mostly air
    return pixels / np.float32(np.percentile(tissue, 75))
