import numpy as np
import pytest
from PIL import Image

from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.sources.pairs import own_pairs


def write(path, shades):
    path.mkdir(parents=True)
    for name, shade in shades.items():
        Image.new("RGB", (20, 16), (shade, shade, 255 - shade)).save(path / name)


def test_pairs_are_matched_by_name_whatever_the_ending(tmp_path):
    write(tmp_path / "input", {f"{i:02}.png": 10 * i for i in range(12)})
    write(tmp_path / "target", {f"{i:02}.bmp": 10 * i for i in reversed(range(12))})
    given, wanted = own_pairs(tmp_path, 8)
    assert given.images.shape == (12, 8, 8, 1) and wanted.images.shape == (12, 8, 8, 3)
    red = (wanted.images[:, 0, 0, 0] + 1) * 127.5
    np.testing.assert_allclose(red, 10 * np.arange(12), atol=1e-3)
    assert (np.diff(given.images[:, 0, 0, 0]) > 0).all()


def test_pictures_without_a_partner_are_named(tmp_path):
    write(tmp_path / "input", {f"{i:02}.png": i for i in range(12)})
    write(tmp_path / "target", {f"{i:02}.png": i for i in range(11)})
    with pytest.raises(InputError, match=r"1 picture\(s\) .* such as 11 in input"):
        own_pairs(tmp_path, 8)


def test_names_that_are_not_unique_are_refused(tmp_path):
    names = {f"{i:02}.png": i for i in range(12)}
    write(tmp_path / "input", names)
    write(tmp_path / "target", names | {"03.bmp": 3})
    with pytest.raises(InputError, match="same name"):
        own_pairs(tmp_path, 8)


def test_missing_folders_and_few_pairs_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"no folder .*input"):
        own_pairs(tmp_path, 8)
    for side in ("input", "target"):
        write(tmp_path / side, {"a.png": 1, "b.png": 2})
    with pytest.raises(InputError, match="holds 2 pairs: give at least 10"):
        own_pairs(tmp_path, 8)
