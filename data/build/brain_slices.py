"""Build data/brain_slices.webp from two heads in magnetic resonance images.

    apt-get download mricron-data   # 1.2.20211006+dfsg-4
    dpkg-deb -x mricron-data_*.deb mricron
    pip download --no-deps --no-binary :all: pycortex==1.4.0
    tar xzf pycortex-1.4.0.tar.gz
    pip install numpy==2.4.6 pillow==13.0.0
    python data/build/brain_slices.py mricron/usr/share/mricron/templates/ch2.nii.gz \
        pycortex-1.4.0/filestore/db/S1/anatomicals/raw.nii.gz

Axial slices of 1 mm, the nose upwards, 192x224 pixels each, ten to a row: 84 of the first head
from the level of the brow upwards, then 8 of the second, 4 mm apart. The face is left out. Pixels
are as in the originals: both have white matter near 110. The originals and the result are checked
against their sha256.
"""

import argparse
import gzip
import hashlib
from pathlib import Path

import numpy as np
from PIL import Image

ORIGINALS = {
    "first": "a009051127f64dc3dd554d5f5b589870ea72106d9642c21b4e7093e478cfc309",
    "second": "1a480d10e8c07fbca58e069efce2a11d477e180beb43f88bdad825b750055a28",
}
HEADER = 352  # bytes of a NIfTI header without extensions
COLUMNS, WIDTH, HEIGHT = 10, 192, 224


def volume(file: Path, digest: str, shape: tuple[int, int, int]) -> np.ndarray:
    data = file.read_bytes()
    if hashlib.sha256(data).hexdigest() != digest:
        raise SystemExit(f"{file} is not the expected original: its sha256 differs")
    return np.frombuffer(gzip.decompress(data)[HEADER:], np.uint8).reshape(shape)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("first", type=Path)
    parser.add_argument("second", type=Path)
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parents[1])
    arguments = parser.parse_args()

    # Axes (bottom to top, back to front, left to right); front at the top of the picture.
    first = volume(arguments.first, ORIGINALS["first"], (181, 217, 181))[58:142, ::-1]
    first = np.pad(first, ((0, 0), (3, 4), (5, 6)))
    # Axes (back to front, top to bottom, right to left).
    second = volume(arguments.second, ORIGINALS["second"], (256, 256, 256))
    second = second.transpose(1, 0, 2)[128:96:-4, ::-1][:, 26:250, 30:222]

    slices = np.concatenate([first, second])
    rows = -(-len(slices) // COLUMNS)
    empty = np.zeros((rows * COLUMNS - len(slices), HEIGHT, WIDTH), np.uint8)
    sheet = np.concatenate([slices, empty]).reshape(rows, COLUMNS, HEIGHT, WIDTH)
    sheet = sheet.transpose(0, 2, 1, 3).reshape(rows * HEIGHT, COLUMNS * WIDTH)
    target = arguments.out / "brain_slices.webp"
    Image.fromarray(sheet).save(target, lossless=True, method=6)
    print(hashlib.sha256(target.read_bytes()).hexdigest(), target.name)


if __name__ == "__main__":
    main()
