"""Build the nine photographs photo_*.jpg from the wallpapers that a Debian package ships.

    apt-get download lomiri-wallpapers-16.04=20.04.0-2
    dpkg -x lomiri-wallpapers-16.04_20.04.0-2_all.deb wallpapers
    pip install pillow==13.0.0
    python data/build/photographs.py wallpapers/usr/share/backgrounds

Each is reduced to 640 pixels on its longer side, which makes it sharp to the pixel, and saved as
JPEG without subsampled colour. The originals are checked against their sha256; with the version
above (libjpeg-turbo inside Pillow) the result is the same bytes every time.
"""

import argparse
import hashlib
import io
from pathlib import Path

from PIL import Image

SIDE = 640
ORIGINALS = {
    "brushes": (
        "Picture_1A_by_freespace.jpg",
        "89e86af38d04daaef975665dc2127e9fa76f0fd68f4eea105a2d0ae3390b010b",
    ),
    "dandelions": (
        "seeding_by_Clements_Engelhardt.jpg",
        "a5634d1ab5e41a3568e92d4a894a500c92b891f9ff734e50bd224d6e185a605f",
    ),
    "dogs": (
        "friends_by_Aitzol_Berasategi.jpg",
        "cc40e313c74e421edffe3403def413c16878ce14661cce7ec5915baeab35538d",
    ),
    "drum": (
        "Wine_by_Jakkub_Mede.jpg",
        "d2e96e6d4da40dd804b3d0ce295e94de04a2d7d9b6785d42cd9d92ba58bced74",
    ),
    "fig": (
        "Picture_0B_by_freespace.jpg",
        "c8c0ab18e48d9e0419fe42881112137f3afafc27dfddc29ec3a6d54c56d225ad",
    ),
    "mountain": (
        "aitzgorri_by_Aitzol_Berasategi.jpg",
        "66268e7b48f8854d36a28765fac6e23ec1aee251daa6da1f64715f201020ad36",
    ),
    "peaks": (
        "picosdeeuropa_by_Aitzol_Berasategi.jpg",
        "414d0072b2f6f2c555deafeaef6e45c4fed6fa9ad26eba6560ca8803959cf97a",
    ),
    "stream": (
        "life_by_Aitzol_Berasategi.jpg",
        "4c119350ead80201fe256850c3d316309ddfb4bdf10b235ce982dcde0c667c05",
    ),
    "sunset": (
        "sunset_by_Aitzol_Berasategi.jpg",
        "474dab6a4b9f94dc76c29dfe30e9f5db4af0fd2e33fe5d695f8152b371efca18",
    ),
}


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wallpapers", type=Path)
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parents[1])
    arguments = parser.parse_args()

    for name, (file, digest) in ORIGINALS.items():
        original = (arguments.wallpapers / file).read_bytes()
        if sha256(original) != digest:
            raise SystemExit(f"{file} is not the expected file: its sha256 is {sha256(original)}")
        with Image.open(io.BytesIO(original)) as picture:
            scale = SIDE / max(picture.size)
            size = [round(scale * n) for n in picture.size]
            small = picture.convert("RGB").resize(size, Image.Resampling.BICUBIC)
        target = arguments.out / f"photo_{name}.jpg"
        small.save(target, quality=92, subsampling=0, optimize=True)
        print(sha256(target.read_bytes()), target.name)


if __name__ == "__main__":
    main()
