import json
import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from gen_ai_examples.common import shards as module
from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.shards import open_shards, shard_batches, write_shards

RNG = np.random.default_rng(0)
COLUMNS = {
    "images": RNG.integers(0, 256, (23, 5, 6, 3), dtype=np.uint8),
    "waves": RNG.normal(size=(23, 7)).astype("float32"),
    "labels": np.arange(23),
    "marked": RNG.integers(0, 2, 23).astype(bool),
}


def write(folder, n_shards=4, columns=COLUMNS, source="a test"):
    return write_shards(columns, folder, n_shards, source, png=["images"], progress=False)


def in_turn(index):
    """All rows, in the order of the source."""
    return next(iter(index.records().batch(index.count).map(index.decode)))


@pytest.mark.parametrize("n_shards", [1, 4, 23])
def test_what_is_read_is_what_was_written_in_its_order(n_shards, tmp_path):
    index = write(tmp_path / "it", n_shards)
    assert index == open_shards(tmp_path / "it")
    assert index.count == 23 and len(index.shards) == n_shards and index.source == "a test"
    found = in_turn(index)
    assert found.keys() == COLUMNS.keys()
    for name, column in COLUMNS.items():
        assert found[name].dtype == column.dtype
        np.testing.assert_array_equal(found[name], column)


def test_every_record_is_an_example_that_tensorflow_reads_without_us(tmp_path):
    index = write(tmp_path / "it", 1)
    record = next(iter(tf.data.TFRecordDataset(index.paths)))
    features = tf.train.Example.FromString(record.numpy()).features.feature
    pixels = tf.io.decode_png(features["images"].bytes_list.value[0])
    np.testing.assert_array_equal(pixels, COLUMNS["images"][0])


def rows(batches, n):
    return [batch["labels"].tolist() for batch in batches.take(n).as_numpy_iterator()]


@pytest.mark.parametrize("cache", [False, True])
def test_batches_shuffle_every_pass_anew_and_are_the_same_in_every_run(cache, tmp_path):
    write(tmp_path / "it")
    data, other = (shard_batches(tmp_path / "it", 23, seed, cache=cache) for seed in (0, 1))
    first = rows(data, 3)
    assert first == rows(data, 3) != rows(other, 3)  # iterated a second time, too
    keras.utils.set_random_seed(0)  # of the program, which has no part in it
    assert first == rows(shard_batches(tmp_path / "it", 23, 0, cache=cache), 3)
    assert all(sorted(batch) == list(range(23)) for batch in first)
    assert len({tuple(batch) for batch in first}) == 3


def test_randomness_depends_on_the_seed_and_the_number_of_the_batch(tmp_path):
    write(tmp_path / "it")

    def noisy(batch, seed):
        return batch | {"noise": tf.random.stateless_normal((4,), seed), "seed": seed}

    found = list(shard_batches(tmp_path / "it", 4, 7, noisy).take(3).as_numpy_iterator())
    assert [batch["seed"].tolist() for batch in found] == [[7, 0], [7, 1], [7, 2]]
    assert len(np.unique([batch["noise"] for batch in found])) == 12


def interrupt_after(n, monkeypatch, error):
    """Let writing fail in the middle of the shard after the first n."""
    original, calls = module._example, []

    def example(columns, features, row):
        calls.append(row)
        if len(calls) > 6 * n + 2:
            raise error
        return original(columns, features, row)

    monkeypatch.setattr(module, "_example", example)
    return calls


def test_what_is_interrupted_goes_on_and_ends_like_what_was_not(tmp_path, monkeypatch):
    whole = write(tmp_path / "whole")
    with monkeypatch.context() as patched:
        interrupt_after(2, patched, KeyboardInterrupt)
        with pytest.raises(KeyboardInterrupt, match=r"2 of 4 shards .* the same command"):
            write(tmp_path / "it")
    there = sorted(path.name for path in (tmp_path / "it").iterdir())
    assert there == [*(shard.file for shard in whole.shards[:2]), "unfinished.json"]
    with pytest.raises(InputError, match="unfinished: write them again"):
        open_shards(tmp_path / "it")
    calls = interrupt_after(99, monkeypatch, None)
    again = write(tmp_path / "it")
    assert again.shards == whole.shards
    assert len(calls) == 23 - 12  # the two whole shards are not written again
    assert not (tmp_path / "it" / "unfinished.json").exists()
    write(tmp_path / "it")
    assert len(calls) == 23 - 12  # nor anything once it is complete


@pytest.mark.parametrize(
    "error",
    [OSError(28, "No space left on device"), tf.errors.ResourceExhaustedError(None, None, "full")],
)
def test_a_full_disk_keeps_whole_shards_and_nothing_half(error, tmp_path, monkeypatch):
    interrupt_after(1, monkeypatch, error)
    with pytest.raises(InputError, match=r"is full: make room and go on"):
        write(tmp_path)
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".json", ".tfrecord"]


def test_a_shard_that_is_missing_truncated_or_altered_is_named(tmp_path):
    path = pathlib.Path(write(tmp_path).paths[1])
    content = path.read_bytes()
    path.write_bytes(content[:-1])
    with pytest.raises(InputError, match=f"{path.name} has {len(content) - 1} bytes instead of"):
        open_shards(tmp_path, check=False)
    path.write_bytes(content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])
    open_shards(tmp_path, check=False)
    with pytest.raises(InputError, match=f"{path.name} has been altered"):
        shard_batches(tmp_path, 4, 0)
    path.unlink()
    with pytest.raises(InputError, match=f"{path.name} is missing"):
        open_shards(tmp_path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"version": 2}, "is of version 2, but version 1"),
        ({"kind": "other"}, "is damaged, or not of this program"),
        ({"shards": None}, "is damaged"),
        ({"features": {"a": {}}}, "is damaged"),
    ],
)
def test_an_index_that_is_not_ours_is_refused(change, said, tmp_path):
    write(tmp_path)
    path = tmp_path / "index.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(InputError, match=said):
        open_shards(tmp_path)


def test_a_folder_with_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(InputError, match=r"holds something else \(thesis.tex\)"):
        write(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
    with pytest.raises(InputError, match="holds no shards"):
        open_shards(tmp_path)


def test_shards_of_other_data_are_not_mixed(tmp_path):
    write(tmp_path)
    other = COLUMNS | {"labels": COLUMNS["labels"] + 1}
    with pytest.raises(InputError, match=r"other data or settings \(they differ in content\)"):
        write(tmp_path, columns=other)
    with pytest.raises(InputError, match="they differ in files"):
        write(tmp_path, n_shards=5)


@pytest.mark.parametrize(
    ("columns", "n_shards", "said"),
    [
        ({}, 1, "no rows"),
        ({"a": np.zeros((0, 3))}, 1, "no rows"),
        ({"a": np.zeros(3), "b": np.zeros(4)}, 1, "equally long"),
        ({"a": np.zeros(3)}, 4, "make 1 to 3 shards"),
        ({"a": np.array(["x", "y"])}, 1, "not numbers"),
        ({"images": np.zeros((2, 4, 4, 3))}, 1, "not pictures"),
    ],
)
def test_what_cannot_be_kept_is_refused_before_anything_is_written(
    columns, n_shards, said, tmp_path
):
    with pytest.raises(InputError, match=said):
        write(tmp_path / "it", n_shards, columns)
    assert not (tmp_path / "it").exists()


def test_a_batch_larger_than_the_data_is_refused(tmp_path):
    write(tmp_path)
    with pytest.raises(InputError, match="choose one from 1 to 23"):
        shard_batches(tmp_path, 24, 0)
