"""Build nuclei.webp and nuclei_labels.png from the micrographs that mnfinder ships.

    pip download --no-deps --no-binary :all: --no-build-isolation mnfinder==1.2.3
    tar xzf mnfinder-1.2.3.tar.gz
    pip install numpy==2.4.6 scikit-image==0.26.0 pillow==13.0.0
    python data/build/nuclei.py mnfinder-1.2.3/src/mnfinder

The middle 512x512 pixels of eighteen micrographs, one below the other, in 8 bits: 0 is the darkest
pixel of the crop, 255 its 99.9th percentile; the noise spans about two levels. The labels count
nuclei in red and micronuclei in green, from 1 in each micrograph. Originals and results are checked
against their sha256. One image of the package's test part is left out, since it is the training
image 2022-05-26_RPE1/1 again.
"""

import argparse
import hashlib
from pathlib import Path

import numpy as np
from PIL import Image
from skimage.measure import label

SIDE = 512
# The order of gen_ai_examples.common.sources.microscopy.FIELDS.
FIELDS = (
    "training-data/2022-03-18_RPE1/images/3.tif",
    "training-data/2022-03-18_RPE1/images/4.tif",
    "training-data/2022-03-18_RPE1/images/5.tif",
    "training-data/2022-04-14_RPE1/images/2.tif",
    "training-data/2022-04-14_RPE1/images/5.tif",
    "training-data/2022-04-14_RPE1/images/2198.tif",
    "training-data/2022-05-25_RPE1/images/1.tif",
    "training-data/2022-05-25_RPE1/images/2.tif",
    "training-data/2022-05-25_RPE1/images/3.tif",
    "training-data/2022-05-26_RPE1/images/1.tif",
    "training-data/2022-05-26_RPE1/images/2.tif",
    "validation-data/2022-05-26_RPE1/images/2198.tif",
    "training-data/2022-05-27_RPE1/images/1.tif",
    "training-data/2022-05-27_RPE1/images/3.tif",
    "training-data/2022-05-27_RPE1/images/2197.tif",
    "training-data/2022-10-14_U2OS/images/3.tif",
    "training-data/2022-10-14_U2OS/images/7.tif",
    "test-data/2022-10-14_U2OS/images/4.tif",
)
ORIGINALS = "cb2ffd552da5440ed4e4f5321637111873afb88d019dab211d181cb218b18033"


def middle(pixels: np.ndarray) -> np.ndarray:
    top, left = ((n - SIDE) // 2 for n in pixels.shape[:2])
    return pixels[top : top + SIDE, left : left + SIDE]


def to_8_bits(pixels: np.ndarray) -> np.ndarray:
    low, high = pixels.min(), np.percentile(pixels, 99.9)
    return ((pixels.astype(np.float64) - low) / (high - low) * 255).round().clip(0, 255)


def objects(file: Path) -> np.ndarray:
    """The objects of a mask whose colours tell neighbours apart, numbered from 1."""
    colours = np.asarray(Image.open(file).convert("RGB")).astype(np.int64) @ (1, 256, 65536)
    # Micronuclei have the colour of their nucleus: what does not touch is another object.
    numbered = label(middle(colours), background=0, connectivity=2)
    if numbered.max() > 255:
        raise SystemExit(f"{file} has more than 255 objects")
    return numbered


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("mnfinder", type=Path)
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parents[1])
    arguments = parser.parse_args()

    digest, pictures, labels = hashlib.sha256(), [], []
    for field in FIELDS:
        image = arguments.mnfinder / field
        masks = [
            Path(str(image).replace("/images/", f"/{kind}_masks/")).with_suffix(".png")
            for kind in ("nucleus", "mn")
        ]
        for file in (image, *masks):
            digest.update(file.read_bytes())
        pictures.append(to_8_bits(middle(np.asarray(Image.open(image)))))
        nuclei, micronuclei = map(objects, masks)
        # Where both are drawn, the smaller lies on the larger.
        nuclei = np.where(micronuclei > 0, 0, nuclei)
        labels.append(np.stack([nuclei, micronuclei, np.zeros_like(nuclei)], axis=-1))
        print(field, nuclei.max(), "nuclei,", micronuclei.max(), "micronuclei")
    if digest.hexdigest() != ORIGINALS:
        raise SystemExit(f"Not the expected originals: their sha256 is {digest.hexdigest()}")
    for name, sheet in (("nuclei.webp", pictures), ("nuclei_labels.png", labels)):
        picture = Image.fromarray(np.concatenate(sheet).astype(np.uint8))
        options = dict(lossless=True, method=6) if name.endswith("webp") else dict(optimize=True)
        picture.save(arguments.out / name, **options)
        print(hashlib.sha256((arguments.out / name).read_bytes()).hexdigest(), name)


if __name__ == "__main__":
    main()
