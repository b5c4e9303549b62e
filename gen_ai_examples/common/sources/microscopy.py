"""Fluorescence micrographs of human cells with their nuclei and micronuclei drawn by hand.

A micronucleus is a fragment of chromosomes that was left outside the nucleus when the cell divided;
counting them is a standard test for damage to chromosomes (OECD test guideline 487).
"""

import dataclasses
from pathlib import Path

import numpy as np
from PIL import Image

from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.sources.bundle import bundled

BACKGROUND, NUCLEUS, MICRONUCLEUS = range(3)

SIDE = 512
# The order of the bundled sheets: cell line, day of the recording, name.
# fmt: off
FIELDS = (
    ("RPE1", "2022-03-18", "3"), ("RPE1", "2022-03-18", "4"), ("RPE1", "2022-03-18", "5"),
    ("RPE1", "2022-04-14", "2"), ("RPE1", "2022-04-14", "5"), ("RPE1", "2022-04-14", "2198"),
    ("RPE1", "2022-05-25", "1"), ("RPE1", "2022-05-25", "2"), ("RPE1", "2022-05-25", "3"),
    ("RPE1", "2022-05-26", "1"), ("RPE1", "2022-05-26", "2"), ("RPE1", "2022-05-26", "2198"),
    ("RPE1", "2022-05-27", "1"), ("RPE1", "2022-05-27", "3"), ("RPE1", "2022-05-27", "2197"),
    ("U2OS", "2022-10-14", "3"), ("U2OS", "2022-10-14", "7"), ("U2OS", "2022-10-14", "4"),
)
# fmt: on


@dataclasses.dataclass(frozen=True)
class Field:
    """One micrograph, of 20x magnification.

    Args:
        image: brightness (H, W) float32, as `scaled` returns it.
        nuclei: (H, W) int, 0 for none, else the number of the nucleus.
        micronuclei: likewise.
        line: of cells: RPE1 (retina, healthy) or U2OS (bone tumour).
        day: of the recording.
    """

    image: np.ndarray
    nuclei: np.ndarray
    micronuclei: np.ndarray
    line: str
    day: str

    @property
    def classes(self) -> np.ndarray:
        """(H, W) int: BACKGROUND, NUCLEUS or MICRONUCLEUS."""
        inside = np.where(self.nuclei > 0, NUCLEUS, BACKGROUND)
        return np.where(self.micronuclei > 0, MICRONUCLEUS, inside)


def micrographs(side: int = SIDE) -> list[Field]:
    """Eighteen bundled micrographs of 512x512 pixels: 15 of RPE1 cells on five days, 3 of U2OS.

    Args:
        side: pixels per side that are kept of each, from its upper left corner.

    Raises:
        InputError: a bundled file is missing or damaged.

    Source: mnfinder 1.2.3 (L. DiPeso, Hatch laboratory), MIT; see `data/README.md`.
    """
    pixels = np.asarray(Image.open(bundled("nuclei.webp")).convert("L"))
    labels = np.asarray(Image.open(bundled("nuclei_labels.png"))).astype(np.int64)
    fields = []
    for i, (line, day, _) in enumerate(FIELDS):
        rows = slice(SIDE * i, SIDE * (i + 1))
        image = scaled(pixels[rows])[:side, :side]
        nuclei, micronuclei = (labels[rows, :, c][:side, :side] for c in range(2))
        fields.append(Field(image, nuclei, micronuclei, line, day))
    return fields


def scaled(pixels: np.ndarray) -> np.ndarray:
    """Brightness (H, W) in any unit to float32, the background at 0 and bright nuclei near 1."""
    background, bright = np.percentile(pixels, [20, 99])
    return ((pixels - background) / max(bright - background, 1e-6)).astype(np.float32)


def own_micrographs(path: str | Path) -> dict[str, np.ndarray]:
    """The user's own micrographs by file name, at their own size, as `scaled` returns them.

    Args:
        path: a folder of pictures (PNG, TIFF or JPEG; of 8 or 16 bits, the brightest channel of
            colour, the first page of several): bright nuclei about 30 pixels wide on dark ground.

    Raises:
        InputError: no such folder, or a file in it that is broken, too small, too large or blank.
    """
    path = Path(path).expanduser()
    if not path.is_dir():
        raise InputError(f"There is no folder {path}: give the folder that holds the micrographs.")
    suffixes = (".png", ".tif", ".tiff", ".jpg", ".jpeg")
    files = sorted(file for file in path.iterdir() if file.suffix.lower() in suffixes)
    if not files:
        raise InputError(f"{path} holds no micrograph ({', '.join(suffixes)}): put some into it.")
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
        pixels = pixels[..., pixels.mean((0, 1)).argmax()]
    if not 64 <= min(pixels.shape) <= max(pixels.shape) <= 4096:
        raise InputError(
            f"{file} has {pixels.shape[1]}x{pixels.shape[0]} pixels: "
            "micrographs need 64 to 4096 on each side."
        )
    if not np.isfinite(pixels).all() or np.ptp(np.percentile(pixels, [1, 99.9])) == 0:
        raise InputError(f"{file} is blank, or not all its pixels are numbers: take it out.")
    return scaled(pixels)
