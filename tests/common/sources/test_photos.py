import numpy as np
import pytest
from PIL import Image
from skimage.color import rgb2ycbcr

from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.sources import bundle, photos
from gen_ai_examples.common.sources.photos import (
    BLACK,
    WHITE,
    enlarge,
    luminance,
    own_photographs,
    resize,
    shrink,
    tiles,
    whole_blocks,
    with_luminance,
)


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def save(folder, n, size, colour=None):
    folder.mkdir(exist_ok=True)
    for i in range(n):
        shade = (10 * i, 0, 0) if colour is None else colour
        Image.new("RGB", size, shade).save(folder / f"{size[0]}_{i:03}.png")


def test_luminance_is_the_y_of_bt_601():
    photo = noise(9, 7, 3)
    expected = rgb2ycbcr(photo)[..., 0] / 127.5 - 1
    np.testing.assert_allclose(luminance(photo), expected, atol=1e-6)
    grey = noise(9, 7, 1)
    np.testing.assert_array_equal(luminance(grey), luminance(grey.repeat(3, axis=-1)))
    ends = luminance(np.array([[[0], [255]]], np.uint8))
    np.testing.assert_allclose(ends, [[BLACK, WHITE]], atol=1e-6)


def test_new_luminance_keeps_the_colour():
    photo = noise(8, 8, 3) // 4 + 96  # far enough from black and white not to be clipped
    y = luminance(photo) + 0.1
    changed = with_luminance(photo, y)
    np.testing.assert_allclose(luminance(changed), y, atol=1 / 127.5)
    np.testing.assert_allclose(rgb2ycbcr(changed)[..., 1:], rgb2ycbcr(photo)[..., 1:], atol=0.5)
    np.testing.assert_array_equal(with_luminance(photo, luminance(photo)), photo)


@pytest.mark.parametrize("kernel", list(photos.Image.Resampling))
def test_a_constant_stays_constant_through_shrinking_and_enlarging(kernel):
    photo = np.full((12, 20, 3), 77, np.uint8)
    assert shrink(photo, 4).shape == (3, 5, 3)
    assert (shrink(photo, 4) == 77).all()
    assert (resize(photo, 3, 5, kernel) == 77).all()
    np.testing.assert_allclose(enlarge(np.full((3, 5), 0.3, np.float32), 4, kernel), 0.3, rtol=1e-6)


def test_shrinking_does_not_alias():
    stripes = np.tile(np.float32([1, -1]), (40, 20))  # finer than the small picture can show
    assert np.abs(shrink(stripes, 4)[:, 2:-2]).max() < 0.05


def test_shrinking_and_turning_commute():
    """So that a tile and its detail may be turned together."""
    y = np.random.default_rng(0).normal(size=(16, 24)).astype("float32")
    for turn in (np.flipud, np.fliplr, np.transpose):
        np.testing.assert_allclose(shrink(turn(y), 4), turn(shrink(y, 4)), atol=1e-5)


def test_whole_blocks_drop_the_rest_below_and_right():
    photo = noise(11, 14, 1)
    np.testing.assert_array_equal(whole_blocks(photo, 4), photo[:8, :12].repeat(3, axis=-1))


def test_tiles_are_cut_where_their_details_are():
    photo = noise(64, 96, 3)
    lows, details = tiles(photo, 4, side=8)
    assert lows.shape == (3 * 5, 8, 8, 1) and details.shape == (3 * 5, 32, 32, 1)
    small = luminance(shrink(photo, 4))
    missing = luminance(photo) - enlarge(small, 4)
    row, column = 1, 3
    tile = row * 5 + column
    np.testing.assert_array_equal(lows[tile, ..., 0], small[4:12, 12:20])
    np.testing.assert_allclose(details[tile, ..., 0], missing[16:48, 48:80], atol=1e-6)


def test_tiles_of_smaller_copies_are_added_where_they_fit():
    photo = noise(64, 64, 1)
    at_full = tiles(photo, 4, side=16)[0]
    both = tiles(photo, 4, side=16, scales=(1.0, 0.5))[0]
    assert len(at_full) == len(both) == 1  # 32 pixels hold no tile of 64
    assert len(tiles(photo, 4, side=8, scales=(1.0, 0.5))[0]) == 9 + 1
    lows, details = tiles(photo[:20], 4, side=8)
    assert lows.shape == (0, 8, 8, 1) and details.shape == (0, 32, 32, 1)


def test_own_photographs_are_squares_of_one_size_and_never_enlarged(tmp_path):
    save(tmp_path / "own", 4, (400, 300))
    save(tmp_path / "own", 1, (286, 900))
    own = own_photographs(tmp_path / "own")
    assert list(own) == [f"picture {i}" for i in range(1, 6)]
    assert {photo.shape for photo in own.values()} == {(280, 280, 3)}
    assert all(photo.dtype == np.uint8 for photo in own.values())
    save(tmp_path / "large", 5, (900, 700), colour=(1, 2, 3))
    own = own_photographs(tmp_path / "large")
    assert all((photo == (1, 2, 3)).all() and len(photo) == 512 for photo in own.values())


def test_of_many_photographs_some_are_taken_from_all_over_the_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(photos, "MOST", 5)
    save(tmp_path / "own", 12, (256, 256))
    shades = [photo[0, 0, 0] for photo in own_photographs(tmp_path / "own").values()]
    assert shades == [0, 30, 60, 90]


@pytest.mark.parametrize(
    ("n", "size", "says"),
    [
        (4, (300, 300), "holds 4 readable picture.*at least 5"),
        (6, (300, 255), "6 of the 6 pictures.*smaller than 256"),
    ],
)
def test_few_or_small_photographs_are_refused_in_one_sentence(tmp_path, n, size, says):
    save(tmp_path / "own", n, size)
    with pytest.raises(InputError, match=says):
        own_photographs(tmp_path / "own")


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(InputError, match="no folder"):
        own_photographs(tmp_path / "nowhere")


def test_bundled_photographs_are_as_their_readme_says():
    bundled = photos.bundled_photographs()
    readme = (bundle.bundled("photo_fig.jpg").parent / "README.md").read_text("utf-8")
    assert len(bundled) == 9
    for name, photo in bundled.items():
        height, width, channels = photo.shape
        assert max(height, width) == 640 and photo.dtype == np.uint8 and photo.std() > 30
        assert f"| {name} | {height}x{width}x{channels} |" in readme
