import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from gen_ai_examples.common.metrics.pipelines import delivered, distinct
from gen_ai_examples.common.shards import write_shards
from gen_ai_examples.training.input_pipeline import (
    FULL,
    LATENTS,
    NAIVE,
    REACH,
    SIZE,
    augmented,
    frozen,
    halved,
    pipelines,
)

PICTURES = np.random.default_rng(0).integers(0, 256, (12, SIZE, SIZE, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stored")
    files = [str(folder / f"{i}.png") for i in range(len(PICTURES))]
    for file, pixels in zip(files, PICTURES, strict=True):
        Image.fromarray(pixels).save(file)
    columns = {"images": PICTURES, "rows": np.arange(len(PICTURES))}
    index = write_shards(columns, folder / "shards", 3, "a test", ["images"], progress=False)
    return files, index


def moves(picture):
    """Every result that augmentation may have, by its bytes."""
    wide = np.pad(picture / 127.5 - 1, [(REACH, REACH)] * 2 + [(0, 0)], constant_values=1)
    for down in range(2 * REACH + 1):
        for right in range(2 * REACH + 1):
            moved = wide[down : down + SIZE, right : right + SIZE]
            for image in (moved, moved[:, ::-1]):
                yield image.reshape(SIZE // 2, 2, SIZE // 2, 2, 3).mean((1, 3))


def test_every_pipeline_delivers_pictures_moved_in_one_of_the_allowed_ways(stored):
    allowed = np.stack([image[::8, ::8].ravel() for its in PICTURES for image in moves(its)])
    for name, data in pipelines(*stored, PICTURES, 4, seed=0).items():
        found = delivered(data, 3)
        assert found["images"].shape == (12, SIZE // 2, SIZE // 2, 3), name
        assert found["noise"].shape == (12, LATENTS) and distinct(found["noise"]) == 1, name
        for image in found["images"]:
            nearest = np.abs(allowed - image[::8, ::8].ravel()).max(1).min()
            assert nearest < 1e-5, name


def test_a_cache_behind_the_augmentation_repeats_itself_and_one_before_it_does_not(stored):
    index = stored[1]
    fresh = pipelines(*stored, PICTURES, 4, seed=0)[FULL]
    for data, pictures, noise in (
        (fresh, 1, 1),
        (frozen(index, 4, 0, noise_too=False), 1 / 4, 1),
        (frozen(index, 4, 0, noise_too=True), 1 / 4, 1 / 4),
    ):
        found = delivered(data, 12)  # four passes
        assert np.bincount(found["rows"]).tolist() == [4] * 12
        assert distinct(found["images"]) == pytest.approx(pictures, abs=0.05)
        assert distinct(found["noise"]) == pytest.approx(noise)


def test_augmentation_depends_on_the_seed_alone():
    first, again, other = (augmented({"images": PICTURES}, [0, n])["images"] for n in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.1


def test_halving_averages_two_by_two_pixels():
    picture = np.zeros((1, SIZE, SIZE, 3), np.uint8)
    picture[0, 0, 0] = 255
    values = halved(tf.constant(picture)).numpy()
    assert values[0, 0, 0, 0] == pytest.approx(-0.5) and values[0, 1, 1, 0] == -1


def test_the_naive_loop_brings_every_picture_once_a_pass(stored):
    found = delivered(pipelines(*stored, PICTURES, 4, seed=0)[NAIVE], 3)
    assert distinct(found["images"]) == 1
