import base64
import io

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image, ImageSequence

from gen_ai_examples.common.media import (
    Clip,
    Picture,
    Sound,
    Text,
    curves,
    data_uri,
    image_grid,
    save,
    side_by_side,
    to_uint8,
)

random = np.random.default_rng(0)


def opened(medium):
    return Image.open(io.BytesIO(medium.encode()))


# Each kind, read back by somebody else's reader


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 3), (1, 1)])
def test_a_picture_is_a_png_of_its_very_pixels(shape):
    pixels = random.integers(0, 256, shape, np.uint8)
    image = opened(Picture(pixels))
    assert image.format == "PNG"
    np.testing.assert_array_equal(np.asarray(image), pixels)


def test_a_sound_is_a_16_bit_wav():
    samples = np.sin(np.arange(800) / 20).astype(np.float32)
    content = Sound(samples, 16000).encode()
    info = soundfile.info(io.BytesIO(content))
    assert (info.samplerate, info.channels, info.frames) == (16000, 1, 800)
    assert (info.format, info.subtype) == ("WAV", "PCM_16")
    np.testing.assert_allclose(soundfile.read(io.BytesIO(content))[0], samples, atol=1e-4)


def test_a_sound_too_loud_is_clipped_and_does_not_wrap_around():
    samples = np.array([-3.0, -1.0, 0.0, 1.0, 1.5], np.float32)
    heard, _ = soundfile.read(io.BytesIO(Sound(samples, 8000).encode()), dtype="int16")
    assert heard.tolist() == [-32767, -32767, 0, 32767, 32767]


def test_a_clip_is_a_gif_of_its_frames_that_loops():
    frames = random.integers(0, 256, (4, 6, 9), np.uint8)
    image = opened(Clip(frames, fps=20))
    assert image.format == "GIF" and image.info["loop"] == 0
    shown = [np.asarray(frame.convert("L")) for frame in ImageSequence.Iterator(image)]
    np.testing.assert_array_equal(np.stack(shown), frames)
    assert image.info["duration"] == 50  # milliseconds


def test_a_clip_keeps_its_colours():
    frames = np.zeros((2, 4, 4, 3), np.uint8)
    frames[0, ..., 0] = frames[1, ..., 2] = 255
    red, blue = (f.convert("RGB") for f in ImageSequence.Iterator(opened(Clip(frames, 5))))
    assert red.getpixel((1, 1)) == (255, 0, 0) and blue.getpixel((1, 1)) == (0, 0, 255)


def test_a_text_is_utf_8():
    assert Text("naïve 数字\n").encode().decode("utf-8") == "naïve 数字\n"


@pytest.mark.parametrize(
    ("medium", "name", "kind"),
    [
        (Picture(np.zeros((2, 2), np.uint8)), "v1.5 net.png", "image/png"),
        (Sound(np.zeros(4), 8000), "v1.5 net.wav", "audio/wav"),
        (Clip(np.zeros((2, 2, 2), np.uint8), 5), "v1.5 net.gif", "image/gif"),
        (Text("words"), "v1.5 net.txt", "text/plain"),
    ],
)
def test_a_medium_is_saved_under_its_name_or_put_in_a_page(medium, name, kind, tmp_path):
    path = save(medium, tmp_path / "v1.5 net")
    assert path == tmp_path / name and path.read_bytes() == medium.encode()
    head, content = data_uri(medium).split(",")
    assert head == f"data:{kind};base64" and base64.b64decode(content) == medium.encode()


# Pixels


@given(arrays.arrays(np.uint8, (3, 3)))
def test_pixels_survive_the_way_to_minus_one_to_one_and_back(pixels):
    np.testing.assert_array_equal(to_uint8(pixels / np.float32(127.5) - 1), pixels)


def test_pixels_out_of_range_are_clipped():
    assert to_uint8(np.array([-9, -1, 0, 1, 9])).tolist() == [0, 0, 128, 255, 255]


# Grids


def numbered(n, height=2, width=3, channels=1):
    """Image i is (i + 1) / 10 grey all over."""
    values = (np.arange(n) + 1) / 10
    return np.broadcast_to(values[:, None, None, None], (n, height, width, channels))


@given(
    n=st.integers(1, 9),
    columns=st.integers(1, 5),
    scale=st.integers(1, 3),
    gap=st.integers(0, 3),
    channels=st.sampled_from([1, 3]),
)
def test_a_grid_has_the_images_in_reading_order_on_white(n, columns, scale, gap, channels):
    grid = image_grid(numbered(n, 2, 3, channels), columns, scale, gap)
    rows, height, width = -(-n // columns), 2 * scale, 3 * scale
    assert grid.dtype == np.uint8
    assert grid.shape[:2] == (rows * (height + gap) - gap, columns * (width + gap) - gap)
    assert grid.shape[2:] == ((3,) if channels == 3 else ())
    expected = np.full_like(grid, 255)
    for i in range(n):
        top, left = i // columns * (height + gap), i % columns * (width + gap)
        expected[top : top + height, left : left + width] = to_uint8((i + 1) / 10)
    np.testing.assert_array_equal(grid, expected)


def test_a_grid_enlarges_without_smoothing_and_spans_black_to_white():
    image = np.array([[-1, 1], [0, -1]], np.float32)[None, :, :, None]
    grid = image_grid(image, columns=1, scale=2)
    assert grid.tolist() == [[0, 0, 255, 255]] * 2 + [[128, 128, 0, 0]] * 2


# Figures


def test_panels_stand_side_by_side_in_one_picture():
    one = side_by_side({"a": numbered(4)}, columns=2, per_row=1).pixels
    two = side_by_side({"a": numbered(4), "b": numbered(4)}, columns=2).pixels
    three = side_by_side(dict.fromkeys("abc", numbered(4)), columns=2).pixels
    assert one.dtype == np.uint8 and one.shape[2] == 3
    assert one.shape[1] == pytest.approx(4.2 * 110, abs=1)
    assert two.shape[1] == pytest.approx(2 * one.shape[1], abs=2)
    assert two.shape[0] == pytest.approx(one.shape[0], abs=2)
    assert three.shape[0] == pytest.approx(2 * two.shape[0], abs=2)
    assert three.shape[1] == two.shape[1]


def test_panels_show_their_images_in_order_and_nothing_in_the_empty_place():
    panels = {"black": -(numbered(1) ** 0), "white": numbered(1) ** 0, "grey": 0 * numbered(1)}
    pixels = side_by_side(panels, columns=1).pixels.astype(int)
    height, width = (side // 4 for side in pixels.shape[:2])
    corners = [pixels[y, x].tolist() for y in (height, 3 * height) for x in (width, 3 * width)]
    assert corners == [[0] * 3, [255] * 3, [128] * 3, [255] * 3]
    assert (pixels[-height:, -width:] == 255).all()


def test_panels_may_have_colours():
    red = np.array([1, -1, -1], np.float32) * np.ones((1, 4, 4, 1), np.float32)
    pixels = side_by_side({"red": red}, columns=1, per_row=1).pixels
    assert pixels[pixels.shape[0] // 2, pixels.shape[1] // 2].tolist() == [255, 0, 0]


def test_curves_are_drawn_with_their_labels():
    x = np.arange(10)
    plain = curves({"loss": (x, x)}, "steps", "loss").pixels
    assert plain.shape == (396, 704, 3) and plain.dtype == np.uint8
    for other in (
        curves({"loss": (x, x[::-1])}, "steps", "loss"),
        curves({"error": (x, x)}, "steps", "loss"),
        curves({"loss": (x, x)}, "epochs", "loss"),
        curves({"loss": (x, x)}, "steps", "error"),
    ):
        assert (plain != other.pixels).any()
