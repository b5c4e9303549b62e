import numpy as np
import pytest
from PIL import Image

from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.sources.microscopy import (
    MICRONUCLEUS,
    NUCLEUS,
    micrographs,
    own_micrographs,
    scaled,
)


@pytest.fixture(scope="module")
def fields():
    return micrographs()


def test_the_bundled_micrographs_are_as_documented(fields):
    assert [f.line for f in fields] == ["RPE1"] * 15 + ["U2OS"] * 3
    assert len({f.day for f in fields}) == 6
    assert sum(f.nuclei.max() for f in fields) == 791
    assert sum(f.micronuclei.max() for f in fields) == 645
    for field in fields:
        assert field.image.shape == field.nuclei.shape == field.micronuclei.shape == (512, 512)
        assert field.image.dtype == np.float32
        assert not ((field.nuclei > 0) & (field.micronuclei > 0)).any()
        assert ((field.classes == NUCLEUS) == (field.nuclei > 0)).all()
        assert ((field.classes == MICRONUCLEUS) == (field.micronuclei > 0)).all()


def test_what_is_drawn_is_brighter_than_what_is_not(fields):
    for field in fields:
        background, nuclei, micronuclei = (
            np.median(field.image[field.classes == c]) for c in range(3)
        )
        assert nuclei > micronuclei > 5 * background


def test_no_two_micrographs_show_the_same(fields):
    flat = np.stack([f.image[::4, ::4].ravel() for f in fields])
    assert np.corrcoef(flat)[~np.eye(len(flat), dtype=bool)].max() < 0.3


def test_scaled_ignores_unit_and_offset():
    pixels = np.random.default_rng(0).gamma(1, 1, (64, 64))
    np.testing.assert_allclose(scaled(pixels), scaled(300 * pixels + 1000), atol=1e-5)
    assert np.isfinite(scaled(np.zeros((64, 64)))).all()


def test_own_micrographs_of_8_and_16_bits_and_in_colour(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (70, 90), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    Image.fromarray(pixels.astype(np.uint16) * 100).save(tmp_path / "b.tif")
    blue = np.zeros((70, 90, 3), np.uint8)
    blue[..., 2] = pixels
    Image.fromarray(blue).save(tmp_path / "c.png")
    (tmp_path / "notes.txt").write_text("no picture")
    own = own_micrographs(tmp_path)
    assert list(own) == ["a.png", "b.tif", "c.png"]
    for image in own.values():
        np.testing.assert_allclose(image, scaled(pixels), atol=1e-5)


def write(path, kind):
    if kind == "broken":
        path.write_bytes(b"not a picture")
    elif kind == "small":
        Image.fromarray(np.zeros((20, 200), np.uint8)).save(path)
    elif kind == "blank":
        Image.fromarray(np.full((80, 80), 7, np.uint8)).save(path)


@pytest.mark.parametrize(
    ("kind", "says"),
    [("broken", "no readable picture"), ("small", "64 to 4096"), ("blank", "is blank"),
     ("none", "holds no micrograph")],
)  # fmt: skip
def test_what_cannot_be_used_is_told_in_a_sentence(tmp_path, kind, says):
    write(tmp_path / "one.png", kind)
    with pytest.raises(InputError, match=says):
        own_micrographs(tmp_path)


def test_a_missing_folder(tmp_path):
    with pytest.raises(InputError, match="There is no folder"):
        own_micrographs(tmp_path / "nowhere")
