"""Build the Fluent emoji pairs (flat colour, line art) from two npm packages of SVG drawings.

    npm pack @iconify-json/fluent-emoji-flat@1.2.6 @iconify-json/fluent-emoji-high-contrast@1.2.6
    pip install numpy pillow==13.0.0 resvg-py==0.5.0
    python data/build/fluent_emoji.py iconify-json-fluent-emoji-flat-1.2.6.tgz \
        iconify-json-fluent-emoji-high-contrast-1.2.6.tgz

Writes fluent_emoji_colour.webp (RGBA) and fluent_emoji_line.webp (black on white), two sheets of
64x64 pictures, 40 to a row, losslessly compressed, and fluent_emoji.json with the name and the
category of each, in the order of the sheets. The packages are checked against their sha256; with
the versions above (libwebp 1.6.0 inside Pillow) the result is the same bytes every time.
"""

import argparse
import hashlib
import io
import json
import tarfile
from pathlib import Path

import numpy as np
import resvg_py
from PIL import Image

FLAT_SHA256 = "7d064769dee690815f823bc5bcc511d957198caf9f5edd8dd9c1aa48a6aeb175"
LINE_SHA256 = "0b92d48c90d2200bd499e3cdd09a127ca6a8c8ddefd34c35eb5a1e4994012ae0"
SIZE = 64
COLUMNS = 40


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def read_package(path: Path, expected: str) -> tuple[dict, dict]:
    """Returns the drawings and the categories of one npm package."""
    package = path.read_bytes()
    if sha256(package) != expected:
        raise SystemExit(f"{path} is not the package this was written for: sha256 differs")
    with tarfile.open(fileobj=io.BytesIO(package)) as archive:
        icons, metadata = (
            json.load(archive.extractfile(f"package/{name}.json")) for name in ("icons", "metadata")
        )
    return icons["icons"], metadata["categories"]


def draw(icon: dict, height: int) -> np.ndarray:
    """Returns (64, 64, 4) uint8, not premultiplied."""
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 {height}"'
        f' width="{SIZE}" height="{SIZE}">{icon["body"]}</svg>'
    )
    png = bytes(resvg_py.svg_to_bytes(svg_string=svg))
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGBA"))


def sheet(pictures: np.ndarray, filler: int) -> Image.Image:
    """Lays (N, 64, 64, C) out in rows of 40."""
    rows = -(-len(pictures) // COLUMNS)
    grid = np.full((rows * COLUMNS, *pictures.shape[1:]), filler, np.uint8)
    grid[: len(pictures)] = pictures
    grid = grid.reshape(rows, COLUMNS, SIZE, SIZE, -1).swapaxes(1, 2)
    return Image.fromarray(grid.reshape(rows * SIZE, COLUMNS * SIZE, -1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("flat", type=Path)
    parser.add_argument("line", type=Path)
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parents[1])
    arguments = parser.parse_args()

    flat, _ = read_package(arguments.flat, FLAT_SHA256)
    line, categories = read_package(arguments.line, LINE_SHA256)
    names = sorted(flat.keys() & line.keys())
    # Three drawings are 33 units high instead of 32. Both partners get the taller frame, or the
    # pair would be out of register.
    heights = [max(icons[name].get("height", 32) for icons in (flat, line)) for name in names]
    colour = np.stack([draw(flat[name], h) for name, h in zip(names, heights, strict=True)])
    black = np.stack([draw(line[name], h) for name, h in zip(names, heights, strict=True)])
    # Line art is pure black, so its coverage is the whole picture. WebP has no grey mode; three
    # equal channels cost nothing there.
    white_paper = np.repeat(255 - black[..., 3:], 3, axis=-1)
    category_of = {name: category for category in categories for name in categories[category]}

    for name, picture in {
        "fluent_emoji_colour.webp": sheet(colour, filler=0),
        "fluent_emoji_line.webp": sheet(white_paper, filler=255),
    }.items():
        picture.save(arguments.out / name, lossless=True, quality=100, method=6)
    index = {"names": names, "categories": [category_of[name] for name in names]}
    (arguments.out / "fluent_emoji.json").write_text(json.dumps(index, indent=0) + "\n", "utf-8")
    for name in ("fluent_emoji_colour.webp", "fluent_emoji_line.webp", "fluent_emoji.json"):
        print(sha256((arguments.out / name).read_bytes()), name)


if __name__ == "__main__":
    main()
