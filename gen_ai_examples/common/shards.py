"""Arrays in many files: TFRecord shards with an index, written once, read in parallel.

A folder holds `index.json` (names, shapes and types of the features; count, size and sha256 of each
shard; where the data come from) and the shards, each a TFRecord file of `tf.train.Example`. Row i
of the source is in shard i modulo the number of shards, so that each holds a fair mix of a source
sorted by class, and reading all of them in turn gives the order of the source back.

A shard appears whole, by one renaming, and the index last: what was interrupted goes on where it
stopped, and a folder with an index is complete.
"""

import contextlib
import dataclasses
import errno
import hashlib
import json
import os
import pathlib
from collections.abc import Callable, Collection, Iterator, Mapping

import numpy as np
import tensorflow as tf

from gen_ai_examples.common.batches import Seed
from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.progress import Progress

VERSION = 1
INDEX, PLAN = "index.json", "unfinished.json"
_KIND = "gen_ai_examples shards"
_READERS = 16  # files open at a time, however many there are
_ROWS = 256  # between two looks at the progress, and hashed or decoded at a time
_TYPES = (
    *("bool", "float16", "float32", "float64", "int8", "int16", "int32", "int64"),
    *("uint8", "uint16", "complex64", "complex128"),
)  # that tf.io.decode_raw knows


@dataclasses.dataclass(frozen=True)
class Feature:
    """One named column: the shape and type of a row, and how it is kept ("raw" or "png")."""

    shape: tuple[int, ...]
    dtype: str
    encoding: str

    def encode(self, row: np.ndarray) -> bytes:
        if self.encoding == "png":
            return tf.io.encode_png(row).numpy()
        return np.ascontiguousarray(row).astype(np.dtype(self.dtype).newbyteorder("<")).tobytes()

    def decode(self, values: tf.Tensor) -> tf.Tensor:
        """Bytes (B,) to rows (B, *shape)."""
        if self.encoding == "png":

            def picture(value):
                return tf.ensure_shape(tf.io.decode_png(value, self.shape[-1]), self.shape)

            return tf.map_fn(picture, values, fn_output_signature=tf.uint8)
        numbers = tf.io.decode_raw(values, self.dtype)
        return tf.reshape(numbers, (-1, *self.shape))


@dataclasses.dataclass(frozen=True)
class Shard:
    """One file of a folder."""

    file: str
    count: int
    bytes: int
    sha256: str


@dataclasses.dataclass(frozen=True)
class ShardIndex:
    """What a folder of shards holds."""

    folder: pathlib.Path
    source: str
    features: dict[str, Feature]
    shards: tuple[Shard, ...]

    @property
    def count(self) -> int:
        return sum(shard.count for shard in self.shards)

    @property
    def paths(self) -> list[str]:
        return [str(self.folder / shard.file) for shard in self.shards]

    def records(self, readers: int | None = None) -> tf.data.Dataset:
        """The records of all shards, of which `readers` are read at a time; by default all of
        them, in the order of the source."""
        return tf.data.Dataset.from_tensor_slices(self.paths).interleave(
            tf.data.TFRecordDataset,
            cycle_length=min(readers or len(self.paths), len(self.paths)),
            num_parallel_calls=tf.data.AUTOTUNE,
            deterministic=True,
        )

    def decode(self, records: tf.Tensor) -> dict[str, tf.Tensor]:
        """Records (B,) of the shards to columns by name (B, ...), all at once."""
        kinds = {name: tf.io.FixedLenFeature((), tf.string) for name in self.features}
        values = tf.io.parse_example(records, kinds)
        return {name: its.decode(values[name]) for name, its in self.features.items()}


def write_shards(
    columns: Mapping[str, np.ndarray],
    folder: str | pathlib.Path,
    n_shards: int,
    source: str,
    png: Collection[str] = (),
    progress: bool = True,
) -> ShardIndex:
    """Write `columns` into `folder`, or what is still missing there of the same columns.

    Args:
        columns: by name, (N, ...) each; arrays, or what is sliced like them (`numpy.memmap`).
        folder: made if it does not exist.
        n_shards: files, 1 to N; a few times as many as are read in parallel, of 100 MB or more
            each where there is so much.
        source: where the data come from, kept in the index.
        png: names of the columns to keep as PNG: (N, H, W, 1 to 4) uint8.
        progress: show how far it is, and the time left.

    Returns:
        The index. A folder that holds the same columns already is left as it is.

    Raises:
        InputError: no rows; columns of different lengths or of a type that cannot be kept; the
            folder holds something else or cannot be written; the disk is full.
        KeyboardInterrupt: Ctrl-C; says what is written.
    """
    folder = pathlib.Path(folder).expanduser()
    features, count = _features(columns, png), _count(columns, n_shards)
    files = [f"{i:05d}-of-{n_shards:05d}.tfrecord" for i in range(n_shards)]
    plan = {
        "kind": _KIND,
        "version": VERSION,
        "source": source,
        "features": {name: dataclasses.asdict(its) for name, its in features.items()},
        "content": _digest(columns, count),
        "files": files,
    }
    plan = json.loads(json.dumps(plan))  # tuples as lists, as they come back
    try:
        if _claim(folder, plan):
            return open_shards(folder)
        shards = []
        with Progress("shards", count, shown=progress) as bar, _counted(folder, shards, files):
            for i, file in enumerate(files):
                rows = range(i, count, n_shards)
                if not (folder / file).exists():
                    _write_shard(folder / file, columns, features, rows)
                shards.append(Shard(file, len(rows), *_size_and_sha256(folder / file)))
                bar.update(sum(shard.count for shard in shards), {})
        _write_json(folder / INDEX, plan | {"shards": [dataclasses.asdict(s) for s in shards]})
        (folder / PLAN).unlink(missing_ok=True)
    except (OSError, tf.errors.OpError) as error:
        raise InputError(_cannot_write(folder, error)) from None
    return ShardIndex(folder, source, features, tuple(shards))


def open_shards(folder: str | pathlib.Path, check: bool = True) -> ShardIndex:
    """Read the index of a folder, and make sure that its shards are what was written.

    Args:
        check: compare the sha256 of every shard, which reads all of them once; otherwise sizes.

    Raises:
        InputError: there is no index, it is of another version or damaged, or a shard is missing,
            truncated or altered.
    """
    folder = pathlib.Path(folder).expanduser()
    path = folder / INDEX
    if (folder / PLAN).exists() and not path.exists():
        raise InputError(f"The shards in {folder} are unfinished: write them again to go on.")
    content = _read_json(path)
    try:
        shards = tuple(Shard(**its) for its in content["shards"])
        features = {
            name: Feature(tuple(its["shape"]), its["dtype"], its["encoding"])
            for name, its in content["features"].items()
        }
        source = content["source"]
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path} is damaged ({error!r}): write the shards again into an empty folder."
        ) from None
    for shard in shards:
        _check_shard(folder / shard.file, shard, check)
    return ShardIndex(folder, source, features, shards)


def shard_batches(
    folder: str | pathlib.Path,
    batch_size: int,
    seed: int,
    randomness: Callable[[dict[str, tf.Tensor], Seed], dict[str, tf.Tensor]] | None = None,
    *,
    cache: bool = False,
    buffer: int = 10_000,
    check: bool = True,
) -> tf.data.Dataset:
    """Endless shuffled batches out of shards, the same in every run.

    Files are read in parallel, and shuffled while they are still small: before they are decoded, a
    batch at a time.

    Args:
        folder: with an index.
        batch_size: examples per batch; a batch may span two passes.
        seed: of the order and of the randomness.
        randomness: as of `common.batches.batches`.
        cache: keep what is decoded in memory, for data that fit.
        buffer: rows among which the next one is drawn; smaller than the data, it mixes little of
            what is far apart.
        check: compare the sha256 of every shard first.

    Returns:
        An infinite dataset of dicts, (B, ...) each.

    Raises:
        InputError: as `open_shards`; or more examples per batch than there are.
    """
    index = open_shards(folder, check)
    if not 1 <= batch_size <= index.count:
        raise InputError(
            f"A batch size of {batch_size} does not fit {index.count} examples: "
            f"choose one from 1 to {index.count}."
        )
    data = index.records(_READERS)
    if cache:
        data = data.batch(_ROWS).map(index.decode, tf.data.AUTOTUNE).unbatch().cache()

    def passes(_):
        tf.compat.v1.set_random_seed(seed)  # of this graph alone, in place of the program's
        return data.shuffle(min(buffer, index.count), seed).repeat()

    # Within `flat_map`, or their order would go on where the last iteration of the data set ended.
    result = tf.data.Dataset.range(1).flat_map(passes).batch(batch_size, drop_remainder=True)
    if not cache:
        result = result.map(index.decode, tf.data.AUTOTUNE)
    if randomness:
        result = with_seeds(result, seed).map(randomness, tf.data.AUTOTUNE)
    return result.prefetch(tf.data.AUTOTUNE)


def with_seeds(data: tf.data.Dataset, seed: int) -> tf.data.Dataset:
    """Each element with a seed (2,) of its own, which depends on `seed` and its number alone."""
    numbers = tf.data.Dataset.range(tf.int64.max)
    seeds = numbers.map(lambda number: tf.stack([tf.cast(seed, tf.int64), number]))
    return tf.data.Dataset.zip(data, seeds)


def _features(columns, png):
    features = {}
    for name, column in columns.items():
        shape, dtype = tuple(column.shape[1:]), np.dtype(column.dtype).name
        picture = dtype == "uint8" and len(shape) == 3 and 1 <= shape[-1] <= 4
        if dtype not in _TYPES or (name in png and not picture):
            wanted = "pictures (N, H, W, 1 to 4) of uint8" if name in png else "numbers"
            raise InputError(f"The column {name!r} holds {dtype} of shape {shape}, not {wanted}.")
        features[name] = Feature(shape, dtype, "png" if name in png else "raw")
    return features


def _count(columns, n_shards):
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        raise InputError(f"The columns of a data set must be equally long, not {lengths}.")
    count = next(iter(lengths.values()), 0)
    if not count:
        raise InputError("There is nothing to write: the source has no rows.")
    if not 1 <= n_shards <= count:
        raise InputError(f"{count} rows make 1 to {count} shards, not {n_shards}.")
    return count


def _digest(columns, count):
    digest = hashlib.sha256()
    for name, column in columns.items():
        digest.update(name.encode())
        for start in range(0, count, _ROWS):
            digest.update(np.ascontiguousarray(column[start : start + _ROWS]).data)
    return digest.hexdigest()


def _claim(folder, plan):
    """Make the folder this plan's; returns whether it is complete already."""
    folder.mkdir(parents=True, exist_ok=True)
    known = next((folder / n for n in (INDEX, PLAN) if (folder / n).exists()), None)
    there = _read_json(known) if known else plan
    differ = [name for name in plan if there.get(name) != plan[name]]
    if differ:
        raise InputError(
            f"{folder} holds shards of other data or settings (they differ in "
            f"{', '.join(differ)}): choose an empty folder."
        )
    ours = {INDEX, PLAN, *plan["files"], *(f"{file}.partial" for file in plan["files"])}
    names = {path.name for path in folder.iterdir()}
    if others := sorted(names - ours if known else names):
        raise InputError(
            f"{folder} holds something else ({', '.join(others[:3])}): choose an empty folder."
        )
    if known is None:
        _write_json(folder / PLAN, plan)
    return known == folder / INDEX


def _write_shard(path, columns, features, rows):
    partial = path.with_name(path.name + ".partial")
    try:
        with tf.io.TFRecordWriter(str(partial)) as writer:
            for row in rows:
                writer.write(_example(columns, features, row))
        with open(partial, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def _example(columns, features, row):
    kept = {
        name: tf.train.Feature(
            bytes_list=tf.train.BytesList(value=[feature.encode(columns[name][row])])
        )
        for name, feature in features.items()
    }
    return tf.train.Example(features=tf.train.Features(feature=kept)).SerializeToString()


@contextlib.contextmanager
def _counted(folder, shards, files) -> Iterator[None]:
    """Say at Ctrl-C what is there."""
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"Interrupted; {len(shards)} of {len(files)} shards are written in {folder}. "
            "Go on with the same command."
        ) from None


def _size_and_sha256(path):
    with open(path, "rb") as file:
        return path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest()


def _check_shard(path, shard, thoroughly):
    if not path.exists():
        raise InputError(f"The shard {path} is missing: restore it, or write the shards again.")
    size = path.stat().st_size
    if size != shard.bytes:
        raise InputError(
            f"The shard {path} has {size} bytes instead of {shard.bytes}: restore it, or write the "
            "shards again into an empty folder."
        )
    if thoroughly and _size_and_sha256(path)[1] != shard.sha256:
        raise InputError(
            f"The shard {path} has been altered, since its sha256 is another: restore it, or write "
            "the shards again into an empty folder."
        )


def _read_json(path):
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        kind, version = content["kind"], content["version"]
    except FileNotFoundError:
        raise InputError(
            f"{path.parent} holds no shards: write them with `gen-ai-examples shard`."
        ) from None
    except (ValueError, KeyError, TypeError):
        kind = None
    if kind != _KIND:
        raise InputError(f"{path} is damaged, or not of this program: choose another folder.")
    if version != VERSION:
        raise InputError(
            f"{path} is of version {version}, but version {VERSION} is needed: write the shards "
            "again into an empty folder."
        )
    return content


def _write_json(path, content):
    partial = path.with_name(path.name + ".partial")
    try:
        partial.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def _cannot_write(folder, error):
    full = getattr(error, "errno", None) == errno.ENOSPC or isinstance(
        error, tf.errors.ResourceExhaustedError
    )
    if full:
        return (
            f"The disk of {folder} is full: make room and go on with the same command; "
            "whole shards stay."
        )
    return f"Cannot write to {folder} ({getattr(error, 'strerror', None) or error})."
