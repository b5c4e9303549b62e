import shutil
import subprocess
import sys
import types

import numpy as np
import pytest
from PIL import Image
from skimage.filters import sobel

from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.sources import bundle, image
from gen_ai_examples.common.sources.image import ImageSet, folder

RED, BLUE = (255, 0, 0), (0, 0, 255)


@pytest.fixture(scope="module")
def pairs():
    return image.emoji_pairs(32)


@pytest.fixture
def copied_data(tmp_path, monkeypatch):
    """A copy of the bundled data that may be damaged."""
    sums = bundle.bundled("mnist_5k.npz").parent / "SHA256SUMS"
    shutil.copy(sums, tmp_path)
    shutil.copy(bundle.bundled("mnist_5k.npz"), tmp_path)
    monkeypatch.setattr(bundle, "_FOLDERS", (tmp_path,))
    return tmp_path


def save(path, colour, size=(20, 20), **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = {2: "LA", 3: "RGB", 4: "RGBA"}[len(colour)]
    Image.new(mode, size, colour).save(path, **options)


# The bundled files


def test_every_bundled_file_is_what_was_shipped():
    for name in ("mnist_5k.npz", "fluent_emoji.json", "fluent_emoji_line.webp"):
        assert bundle.bundled(name).stat().st_size < 3_000_000


def test_one_changed_byte_is_refused(copied_data):
    path = copied_data / "mnist_5k.npz"
    content = bytearray(path.read_bytes())
    content[1000] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match="sha256 differs"):
        image.mnist()


def test_an_intact_copy_is_accepted(copied_data):
    assert bundle.bundled("mnist_5k.npz") == copied_data / "mnist_5k.npz"


@pytest.mark.parametrize("name", ["nothing.npz", "../README.md", "SHA256SUMS"])
def test_a_file_that_is_not_listed_is_refused(name):
    with pytest.raises(InputError, match=r"mnist_5k\.npz"):
        bundle.bundled(name)


def test_a_missing_file_or_folder_is_named(copied_data):
    with pytest.raises(InputError, match=r"fluent_emoji\.json is missing"):
        bundle.bundled("fluent_emoji.json")
    (copied_data / "SHA256SUMS").unlink()
    with pytest.raises(InputError, match="install"):
        bundle.bundled("mnist_5k.npz")


def test_importing_the_module_loads_no_framework():
    check = (
        "import sys, gen_ai_examples.common.sources.image\n"
        "assert not {'tensorflow', 'keras', 'pooch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", check], check=True)


# Digits


@pytest.mark.parametrize(
    ("load", "shape"), [(image.digits, (1797, 8, 8, 1)), (image.mnist, (5000, 28, 28, 1))]
)
def test_digits_have_the_stated_shape_and_range(load, shape):
    data = load()
    assert data.images.shape == shape
    assert len(data) == shape[0]
    assert data.images.dtype == np.float32 and data.labels.dtype == np.int64
    assert data.images.min() == -1 and data.images.max() == 1
    assert data.names == tuple("0123456789")
    assert data.images[:, 0, 0].mean() < -0.95  # the background is black


def test_mnist_has_500_of_each_digit_and_labels_that_fit():
    data = image.mnist()
    assert np.bincount(data.labels).tolist() == [500] * 10
    # A nearest-mean classifier only works if images and labels belong together.
    train, held_out = data.split()
    means = np.stack([train.images[train.labels == k].mean(0).ravel() for k in range(10)])
    flat = held_out.images.reshape(len(held_out), 1, -1)
    nearest = ((flat - means) ** 2).sum(-1).argmin(1)
    assert (nearest == held_out.labels).mean() > 0.75
    assert means[0].reshape(28, 28)[14, 14] < -0.5  # the hole of a zero
    assert means[1].reshape(28, 28)[14, 14] > 0.5  # the stroke of a one


# Splitting


def numbered(labels, groups=None):
    """Every image holds its own number."""
    images = np.arange(len(labels), dtype=np.float32).reshape(-1, 1, 1, 1)
    names = tuple(str(k) for k in range(max(labels) + 1))
    captions = tuple(f"image {i}" for i in range(len(labels)))
    return ImageSet(images, np.array(labels), names, captions, groups)


def test_split_is_complete_disjoint_stratified_and_fixed():
    data = numbered([0] * 50 + [1] * 30 + [2] * 20)
    train, held_out = data.split(0.2)
    rows = [part.images.ravel().astype(int).tolist() for part in (train, held_out)]
    assert sorted(rows[0] + rows[1]) == list(range(100))
    assert np.bincount(held_out.labels).tolist() == [10, 6, 4]
    assert held_out.captions == tuple(f"image {i}" for i in rows[1])
    assert rows[0] != sorted(rows[0])  # shuffled, so that a slice has every class
    # Written down, since a split that changes makes recorded results incomparable.
    assert rows[1][:8] == [50, 54, 9, 56, 71, 19, 84, 98]
    np.random.seed(1)
    assert data.split(0.2)[1].captions == held_out.captions


def test_split_works_where_a_class_is_too_small_to_stratify():
    train, held_out = numbered([0] * 9 + [1]).split(0.2)
    assert (len(train), len(held_out)) == (8, 2)


def test_split_keeps_groups_together():
    groups = np.repeat(np.arange(25), 4)[::-1]
    train, held_out = numbered([0] * 100, groups).split(0.2)
    assert len(held_out) == 20
    assert not set(train.groups) & set(held_out.groups)


@pytest.mark.parametrize("share", [0, 1, -0.2, 1.5])
def test_split_refuses_an_impossible_share(share):
    with pytest.raises(InputError, match="between 0 and 1"):
        numbered([0, 0, 0]).split(share)


def test_split_refuses_a_single_image():
    with pytest.raises(InputError, match="too few"):
        numbered([0]).split()


# Emoji


@pytest.mark.parametrize("size", [32, 64])
def test_emoji_pairs_have_the_stated_shape_and_range(size):
    line, colour = image.emoji_pairs(size)
    assert line.images.shape == (1594, size, size, 1)
    assert colour.images.shape == (1594, size, size, 3)
    for part in (line, colour):
        assert part.images.dtype == np.float32
        assert part.images.min() >= -1 and part.images.max() == 1
        assert part.images.std((1, 2, 3)).min() > 0.1  # none is empty
        assert np.median(part.images[:, 0, 0]) == 1  # drawn on white
    assert len(line.names) == 9 and len(set(line.captions)) == 1594
    assert np.bincount(line.labels).min() == 8  # flags


def test_the_small_emoji_are_the_large_ones():
    for small, large in zip(image.emoji_pairs(32), image.emoji_pairs(64), strict=True):
        corners = [large.images[:, i::2, j::2] for i in (0, 1) for j in (0, 1)]
        np.testing.assert_allclose(small.images, np.mean(corners, 0), atol=1e-5)


def test_emoji_refuses_another_size():
    with pytest.raises(InputError, match="64 and 32"):
        image.emoji_pairs(48)


def test_line_art_fits_its_own_colour_picture_best(pairs):
    """Edges of a line drawing correlate with those of its colour picture."""
    line, colour = (
        np.stack([sobel(picture.mean(-1)).ravel() for picture in part.images]) for part in pairs
    )
    line, colour = (
        (edges - edges.mean(1, keepdims=True)) / edges.std(1, keepdims=True)
        for edges in (line, colour)
    )
    own = (line * colour).mean(1)
    shifted = (line * np.roll(colour, 1, axis=0)).mean(1)
    assert (own > shifted).mean() > 0.95
    assert own.mean() > shifted.mean() + 0.2
    assert pairs[0].captions == pairs[1].captions


def test_red_apple_is_red(pairs):
    red, green, blue = pairs[1].images[pairs[1].captions.index("red apple")].mean((0, 1))
    assert red > max(green, blue) + 0.3


def test_emoji_pairs_split_alike_and_without_near_copies(pairs):
    (line_train, line), (colour_train, colour) = (part.split() for part in pairs)
    assert line.captions == colour.captions and line_train.captions == colour_train.captions
    assert not set(line.groups) & set(line_train.groups)
    assert 0.15 < len(line) / len(pairs[0]) < 0.25
    groups = dict(zip(pairs[0].captions, pairs[0].groups, strict=True))
    assert groups["man cook"] == groups["woman cook"] == groups["cook"]
    assert groups["ten oclock"] == groups["two thirty"] != groups["alarm clock"]
    assert groups["left arrow"] == groups["up right arrow"] != groups["bow and arrow"]
    assert groups["small blue diamond"] == groups["large blue diamond"]
    assert groups["magnifying glass tilted left"] == groups["magnifying glass tilted right"]
    assert groups["woman walking facing right"] == groups["person walking"]
    assert groups["man"] == groups["woman red hair"]


# Photographs


def test_photographs_are_uint8_and_come_without_download(monkeypatch):
    def refuse(*_):
        raise AssertionError("a download was tried")

    monkeypatch.setattr("socket.socket.connect", refuse)
    monkeypatch.setattr("skimage.data._fetchers._fetch", refuse)
    photos = image.photographs()
    assert len(photos) == 17
    for photo in photos.values():
        assert photo.dtype == np.uint8 and photo.ndim == 3 and photo.shape[2] in (1, 3)
        assert photo.std() > 5
    assert photos["astronaut"].shape == (512, 512, 3)
    assert photos["china"].shape == (427, 640, 3)
    assert photos["camera"].shape == (512, 512, 1)


def test_a_photograph_that_is_not_shipped_is_named(monkeypatch):
    monkeypatch.setitem(image._PHOTOGRAPHS, "eagle", "eagle.png")
    with pytest.raises(InputError, match=r"eagle\.png"):
        image.photographs()


# The user's own folder


def test_folder_takes_subfolders_as_classes(tmp_path):
    save(tmp_path / "b" / "deep" / "1.png", RED)
    save(tmp_path / "a" / "2.JPG", BLUE)
    save(tmp_path / "a" / "1.webp", BLUE, lossless=True)
    data = folder(tmp_path, 8)
    assert data.images.shape == (3, 8, 8, 3) and data.images.dtype == np.float32
    assert data.names == ("a", "b") and data.labels.tolist() == [0, 0, 1]
    assert data.captions == ("a/1.webp", "a/2.JPG", "b/deep/1.png")
    np.testing.assert_array_equal(data.images[0, 0, 0], [-1, -1, 1])
    np.testing.assert_array_equal(data.images[2, 0, 0], [1, -1, -1])


def test_folder_without_subfolders_is_one_class(tmp_path):
    for i in range(3):
        save(tmp_path / "cats" / f"{i}.png", RED)
    data = folder(str(tmp_path / "cats"), 8)
    assert data.names == ("cats",) and data.labels.tolist() == [0, 0, 0]


def test_images_beside_subfolders_are_a_class_of_their_own(tmp_path):
    save(tmp_path / "1.png", RED)
    save(tmp_path / "dogs" / "1.png", RED)
    assert folder(tmp_path, 8).names == (".", "dogs")


def test_folder_is_deterministic_and_sorted(tmp_path):
    for i in (3, 1, 2):
        save(tmp_path / f"{i}.png", (i, i, i))
    first, second = folder(tmp_path, 4, channels=1), folder(tmp_path, 4, channels=1)
    np.testing.assert_array_equal(first.images, second.images)
    np.testing.assert_allclose(first.images[:, 0, 0, 0], np.array([1, 2, 3]) / 127.5 - 1)


def test_folder_grey_and_inverted(tmp_path):
    for i in range(2):
        save(tmp_path / f"{i}.png", (255, 255, 255))
    assert folder(tmp_path, 4, channels=1).images.tolist() == np.ones((2, 4, 4, 1)).tolist()
    assert folder(tmp_path, 4, invert=True).images.max() == -1


def test_folder_crops_the_central_square(tmp_path):
    pixels = np.zeros((20, 60, 3), np.uint8)
    pixels[:, 20:40] = RED
    for i in range(2):
        Image.fromarray(pixels).save(tmp_path / f"{i}.png")
    images = folder(tmp_path, 20).images
    np.testing.assert_array_equal(images, np.broadcast_to([1, -1, -1], images.shape))


def test_folder_resizes_with_antialiasing(tmp_path):
    stripes = np.zeros((64, 64), np.uint8)
    stripes[:, ::2] = 255
    for i in range(2):
        Image.fromarray(stripes).save(tmp_path / f"{i}.png")
    images = folder(tmp_path, 8, channels=1).images
    assert np.abs(images).max() < 0.1  # grey; without antialiasing black or white


def test_folder_turns_images_upright(tmp_path):
    pixels = np.zeros((16, 16, 3), np.uint8)
    pixels[:8] = 255  # stored with the white half on top
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned by 90 degrees clockwise: white on the right
    for i in range(2):
        Image.fromarray(pixels).save(tmp_path / f"{i}.png", exif=exif)
    shown = folder(tmp_path, 16, channels=1).images[0, :, :, 0]
    assert shown[:, 12:].min() > 0.9 and shown[:, :4].max() < -0.9


def test_folder_puts_transparent_images_on_white(tmp_path):
    save(tmp_path / "a.png", (0, 0, 0, 0))
    save(tmp_path / "b.png", (0, 128))
    save(tmp_path / "c.png", (255, 0, 0), transparency=(255, 0, 0))
    images = folder(tmp_path, 4).images
    assert images[0].min() == 1
    np.testing.assert_allclose(images[1], 127 / 127.5 - 1, atol=0.01)
    assert images[2].min() == 1


def test_folder_scales_16_bit_images(tmp_path):
    for i in range(2):
        Image.fromarray(np.full((8, 8), 32768, np.uint16)).save(tmp_path / f"{i}.png")
    np.testing.assert_allclose(folder(tmp_path, 4, channels=1).images, 0, atol=0.01)


def test_folder_skips_what_is_no_image_and_says_so_once(tmp_path):
    for i in range(3):
        save(tmp_path / f"{i}.png", RED)
    (tmp_path / "notes.txt").write_text("not an image")
    (tmp_path / "empty.jpg").touch()
    cut = (tmp_path / "0.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(cut[: len(cut) // 2])
    save(tmp_path / "rare.pcx", RED)  # a format that Pillow reads and we do not let it
    (tmp_path / ".DS_Store").write_text("hidden, not worth a word")
    with pytest.warns(UserWarning, match=r"Skipped 4 of 7 .*cut\.png, empty\.jpg.*\.\.\.") as seen:
        data = folder(tmp_path, 8)
    assert len(seen) == 1 and len(data) == 3


def test_folder_skips_a_decompression_bomb(tmp_path, monkeypatch):
    for i in range(2):
        save(tmp_path / f"{i}.png", RED)
    save(tmp_path / "bomb.png", RED, size=(40, 40))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)  # Pillow itself only warns below 2000
    with pytest.warns(UserWarning, match=r"Skipped 1 of 3 .*bomb\.png"):
        assert len(folder(tmp_path, 8)) == 2


def test_folder_tells_what_is_wrong(tmp_path):
    with pytest.raises(InputError, match="There is no folder"):
        folder(tmp_path / "missing", 8)
    with pytest.raises(InputError, match="is empty"):
        folder(tmp_path, 8)
    (tmp_path / "notes.txt").write_text("not an image")
    with pytest.raises(InputError, match="is a file"):
        folder(tmp_path / "notes.txt", 8)
    with pytest.raises(InputError, match=r"Of the 1 file\(s\) .* 0 can be read"):
        folder(tmp_path, 8)
    save(tmp_path / "only.png", RED)
    with pytest.raises(InputError, match="at least two"):
        folder(tmp_path, 8)
    with pytest.raises(InputError, match="size of at least 1"):
        folder(tmp_path, 0)
    with pytest.raises(InputError, match="1 or 3 channels"):
        folder(tmp_path, 8, channels=4)


# Keras


def fake_keras(monkeypatch, load_data):
    """keras.datasets needs seconds to import and a network to load."""
    datasets = types.SimpleNamespace(cifar10=types.SimpleNamespace(load_data=load_data))
    monkeypatch.setitem(sys.modules, "keras", types.SimpleNamespace(datasets=datasets))


def test_keras_dataset_says_when_there_is_no_network(monkeypatch):
    def load_data():
        raise Exception("URL fetch failure on https://example.org: None -- no route to host")

    fake_keras(monkeypatch, load_data)
    with pytest.raises(InputError, match=r"cifar10 could not be downloaded .*no route.*network"):
        image.keras_dataset("cifar10")


def test_keras_dataset_has_the_official_parts(monkeypatch):
    def load_data():
        train = np.full((4, 32, 32, 3), 255, np.uint8), np.array([[0], [1], [9], [9]])
        test = np.zeros((2, 32, 32, 3), np.uint8), np.array([[3], [2]])
        return train, test

    fake_keras(monkeypatch, load_data)
    train, test = image.keras_dataset("cifar10")
    assert train.images.shape == (4, 32, 32, 3) and train.labels.tolist() == [0, 1, 9, 9]
    assert train.images.min() == 1 and test.images.max() == -1
    assert test.labels.dtype == np.int64 and test.names[3] == "cat"


def test_keras_dataset_lists_the_names_it_knows():
    with pytest.raises(InputError, match="fashion_mnist"):
        image.keras_dataset("imagenet")
