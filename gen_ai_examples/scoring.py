"""`score`: judge a set of generated images, or of feature vectors, against real ones."""

import dataclasses
import pathlib
import warnings
from collections import Counter
from collections.abc import Iterator

import numpy as np

from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.metrics import image as metrics
from gen_ai_examples.common.sources import image

BATCH = 250
SOME = 500  # images are enough for the likeness of pairs
CHANCE = 50  # with fewer images every score is mostly chance
FEW_FOR_FID = 10_000  # below, published FIDs are not comparable (Heusel et al. 2017)


@dataclasses.dataclass(frozen=True)
class Row:
    """One line of the table."""

    name: str
    value: float
    better: str  # "lower", "higher" or ""
    meaning: str
    spread: float | None = None


@dataclasses.dataclass(frozen=True)
class Report:
    """Scores with what must be known to read them."""

    rows: list[Row]
    n_real: int
    n_fake: int
    features: str
    warnings: list[str]

    def to_json(self) -> dict:
        return dataclasses.asdict(self)


def score(
    real: pathlib.Path,
    fake: pathlib.Path,
    features: str = "inception",
    train: pathlib.Path | None = None,
    size: int | None = None,
    save_features: pathlib.Path | None = None,
) -> Report:
    """Compute all scores that apply to two folders of images, or two files of arrays.

    Args:
        real, fake: folders of images; or `.npy`/`.npz` files of images (N, H, W[, C]), integers
            0 to 255 or floats in [0, 1] or [-1, 1], or of feature vectors (N, D).
        features: "inception", "trained" (a small classifier of `real`, its subfolders being the
            classes), "pixels", or the file of a classifier that `save_features` kept.
        train: the images the generator was trained on, if `real` are others: looks for copies.
        size: bring all images to so many pixels; without it they must agree.
        save_features: where to keep the trained classifier, so that later scores compare.

    Raises:
        InputError: whatever makes a score impossible, in one sentence.
    """
    if save_features and features != "trained":
        raise InputError("--save-features keeps a classifier: use it with --features trained.")
    paths = [path for path in (real, fake, train) if path]
    loaded = [_load(path) for path in paths]
    vectors = [x for x in loaded if isinstance(x, np.ndarray) and x.ndim == 2]
    if vectors and len(vectors) < len(loaded):
        raise InputError("Feature vectors and images cannot be compared: give sets of one kind.")
    if vectors:
        rows, notes = _vector_rows(*vectors[:2], "given features", is_inception=False)
        rows += _copies(*vectors[2:], *vectors[:2]) if train else []
        return Report(rows, len(vectors[0]), len(vectors[1]), "given features", notes)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        rows, counts, name, notes = _image_rows(_sets(paths, loaded, size), features, save_features)
    skipped = [str(w.message) for w in caught if issubclass(w.category, UserWarning)]
    return Report(rows, *counts, name, [*dict.fromkeys(skipped), *notes])


def _load(path: pathlib.Path):
    """An array of images in [-1, 1] or of vectors; the path itself if it is a folder."""
    if not path.exists():
        raise InputError(f"There is no {path}: check how it is spelled.")
    if path.is_dir():
        return path
    if path.suffix not in (".npy", ".npz"):
        raise InputError(f"{path} is neither a folder of images nor a .npy or .npz file.")
    try:
        loaded = np.load(path, allow_pickle=False)
        array = loaded if path.suffix == ".npy" else _only_array(loaded, path)
    except InputError:
        raise
    except Exception as error:  # zipfile, numpy and the disk each raise their own
        raise InputError(f"{path} cannot be read as an array ({error}).") from None
    if array.ndim not in (2, 3, 4) or len(array) < 2:
        raise InputError(
            f"{path} holds an array of shape {array.shape}: give at least two images "
            "(N, H, W[, C]) or feature vectors (N, D)."
        )
    if not np.issubdtype(array.dtype, np.number) or not np.isfinite(array).all():
        raise InputError(f"{path} holds values that are no finite numbers.")
    return array if array.ndim == 2 else _signed(array, path)


def _only_array(loaded, path):
    for name in ("images", "features", "arr_0"):
        if name in loaded:
            return loaded[name]
    if len(loaded.files) == 1:
        return loaded[loaded.files[0]]
    raise InputError(
        f"{path} holds the arrays {', '.join(loaded.files)}: call the one to score 'images' or "
        "'features'."
    )


def _signed(images, path):
    """Images of any usual range to float32 [-1, 1], (N, H, W, C)."""
    images = images[..., None] if images.ndim == 3 else images
    if images.shape[-1] not in (1, 3):
        raise InputError(
            f"{path} holds images of {images.shape[-1]} channels: 1 or 3, as the last axis."
        )
    low, high = images.min(), images.max()
    if np.issubdtype(images.dtype, np.integer):
        if low < 0 or high > 255:
            raise InputError(f"{path} holds integers from {low} to {high}: images need 0 to 255.")
        return images.astype(np.float32) / 127.5 - 1
    if low < -1 or high > 1:
        raise InputError(
            f"{path} holds values from {low:.3g} to {high:.3g}: images need [-1, 1], [0, 1], or "
            "integers 0 to 255."
        )
    return images.astype(np.float32) * 2 - 1 if low >= 0 else images.astype(np.float32)


@dataclasses.dataclass(frozen=True)
class _Images:
    """Images that are read batch by batch, however many there are."""

    source: pathlib.Path | np.ndarray
    shape: tuple[int, int, int]
    n: int

    def batches(self) -> Iterator[np.ndarray]:
        if isinstance(self.source, np.ndarray):
            return (self.source[i : i + BATCH] for i in range(0, self.n, BATCH))
        return image.folder_batches(self.source, self.shape[0], self.shape[2], BATCH)

    def labelled(self) -> image.ImageSet:
        """All of them in memory, to train a classifier."""
        if isinstance(self.source, np.ndarray):
            return image.ImageSet(self.source, np.zeros(self.n, np.int64), ("real",))
        return image.folder(self.source, self.shape[0], self.shape[2])


def _sets(paths, loaded, size) -> list[_Images]:
    """Arrays and folders, brought to one shape."""
    sizes = [
        Counter({x.shape[1:3]: len(x)}) if isinstance(x, np.ndarray) else image.folder_sizes(path)
        for path, x in zip(paths, loaded, strict=True)
    ]
    arrays = [x for x in loaded if isinstance(x, np.ndarray)]
    found = set().union(*sizes)
    if any(size and x.shape[1:3] != (size, size) for x in arrays):
        raise InputError("--size resizes the images of folders only: resize arrays yourself.")
    if size is None and (len(found) > 1 or any(height != width for height, width in found)):
        some = ", ".join(f"{width}x{height}" for height, width in sorted(found)[:4])
        raise InputError(
            f"The images differ in size or are not square ({some}): add --size N to crop and "
            "resize those of folders, which changes every score."
        )
    channels = {x.shape[3] for x in arrays} or {3}
    if len(channels) > 1:
        raise InputError("Grey and colour images cannot be compared: convert one of the sets.")
    side = size or next(iter(found), (0,))[0]
    shape = (side, side, *channels)
    return [_Images(x, shape, counts.total()) for x, counts in zip(loaded, sizes, strict=True)]


def _image_rows(sets: list[_Images], features: str, save_features: pathlib.Path | None):
    """Rows, (n_real, n_fake), the name of the features, and warnings."""
    from gen_ai_examples.common.metrics.features import Inception, extractor_name

    extractor = _extractor(features, sets[0], save_features)
    name = extractor_name(extractor)
    is_inception = isinstance(extractor, Inception)
    labels = ("real images", "generated images", "training images")
    passes = [_look(images, extractor, label) for images, label in zip(sets, labels, strict=False)]
    vectors = [seen[0] for seen in passes]
    rows, notes = _vector_rows(*vectors[:2], name, is_inception)
    if passes[1][1] is not None:
        rows.append(_inception_score(passes[1][1], name))
    if min(sets[0].shape[:2]) >= 4:
        in_real, in_fake = (metrics.ms_ssim_diversity(seen[2]) for seen in passes[:2])
        meaning = f"likeness among the generated; {in_real:.3f} among the real"
        rows.append(Row("MS-SSIM of pairs", in_fake, "", meaning))
    if len(sets) == 3:
        rows += _copies(vectors[2], *vectors[:2])
    n = min(map(len, vectors[:2]))
    if is_inception and n < FEW_FOR_FID:
        notes.append(
            f"Published FIDs use {FEW_FOR_FID:,} images or more, and other weights: do not compare "
            "yours with them."
        )
    return rows, (len(vectors[0]), len(vectors[1])), name, notes


def _look(images: _Images, extractor, label: str):
    """Features (N, D), class probabilities or None, and some of the images, in one pass."""
    from rich.console import Console
    from rich.progress import track

    features, probabilities, some = [], [], []
    every = -(-images.n // SOME)
    batches = track(images.batches(), label, -(-images.n // BATCH), console=Console(stderr=True))
    for batch in batches:
        if hasattr(extractor, "describe"):
            vectors, classes = extractor.describe(batch)
            probabilities.append(classes)
        else:
            vectors = extractor(batch)
        features.append(vectors)
        some.append(batch[::every])
    return (
        np.concatenate(features),
        np.concatenate(probabilities) if probabilities else None,
        np.concatenate(some),
    )


def _extractor(features: str, real: _Images, save_to: pathlib.Path | None):
    from gen_ai_examples.common.metrics.features import Inception, Judge, pixels, train_judge

    if features == "pixels":
        return pixels
    if features == "inception":
        return Inception()
    if features == "trained":
        judge = train_judge(real.labelled())
        if save_to:
            judge.save(save_to)
        return judge
    judge = Judge.load(features)
    if judge.image_shape != real.shape:
        raise InputError(
            f"The classifier {features} takes images of shape {judge.image_shape}, not "
            f"{real.shape}: add --size {judge.image_shape[0]}, or train another."
        )
    return judge


def _inception_score(probabilities, name) -> Row:
    splits = 10 if len(probabilities) >= 1000 else 1
    mean, spread = metrics.inception_score(probabilities, splits)
    return Row(
        f"Inception Score ({name})",
        mean,
        "higher",
        "sure and varied classes; never looks at the real",
        spread if splits > 1 else None,
    )


def _copies(train, real, fake) -> list[Row]:
    copied = metrics.memorisation(train, fake, real)
    return [Row("Copies beyond chance", copied, "lower", "share that repeats the training set")]


def _vector_rows(real, fake, name, is_inception):
    """Rows of scores on features, and warnings about them."""
    n = min(len(real), len(fake))
    kinds = ("FID", "KID") if is_inception else ("Frechet distance", "Kernel distance")
    # Subsets of half a set or less: of whole sets all would be the same, and show no spread.
    mean, spread = metrics.kernel_distance(real, fake, subset_size=min(1000, max(2, n // 2)))
    rows = [
        Row(f"{kinds[0]} ({name})", metrics.features_frechet(real, fake), "lower",
            "quality and variety together; biased upward for few images"),
        Row(f"{kinds[1]} ({name})", mean, "lower",
            "the same, unbiased; 0 for a perfect generator", spread),
    ]  # fmt: skip
    if n > 5:
        precision, recall = metrics.precision_recall(real, fake)
        density, coverage = metrics.density_coverage(real, fake)
        rows += [
            Row("Precision", precision, "higher", "share of the generated that look real"),
            Row("Recall", recall, "higher", "share of the real that could be generated"),
            Row("Density", density, "higher", "precision, robust against outliers; may pass 1"),
            Row("Coverage", coverage, "higher", "share of the real with a generated one near"),
        ]
    if all(np.linalg.norm(x, axis=1).min() > 0 for x in (real, fake)):
        of_real = metrics.vendi_score(real)
        rows.append(Row("Vendi score", metrics.vendi_score(fake), "",
                        f"how many different things; {of_real:.2f} in the real"))  # fmt: skip
    return rows, _vector_warnings(real, fake, n)


def _vector_warnings(real, fake, n):
    notes = []
    if n < CHANCE:
        notes.append(f"With {n} images every score is mostly chance: give hundreds at least.")
    if n <= real.shape[1]:
        notes.append(
            f"{n} images for {real.shape[1]} features: the covariances are singular and the "
            "Frechet distance is far too high; compare it only at equal counts."
        )
    if max(len(real), len(fake)) > 1.1 * n:
        notes.append(
            f"{len(real):,} real against {len(fake):,} generated: precision, recall, density and "
            "coverage need equally many."
        )
    for what, x in (("real", real), ("generated", fake)):
        if np.ptp(x, axis=0).max() == 0:
            notes.append(f"All {what} images have the same features: are they one image?")
    return notes
