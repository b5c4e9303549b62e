"""What an example shows: pictures, figures, sounds, clips and texts, saved or put in a page."""

import base64
import dataclasses
import html
import io
import pathlib
import wave

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from PIL import Image


@dataclasses.dataclass(frozen=True)
class Picture:
    """Pixels (H, W) or (H, W, 3), uint8."""

    pixels: np.ndarray
    suffix = ".png"

    def encode(self) -> bytes:
        file = io.BytesIO()
        Image.fromarray(self.pixels).save(file, "PNG", optimize=True)
        return file.getvalue()

    def html(self, source: str, alt: str) -> str:
        return f'<img src="{source}" alt="{html.escape(alt)}">'


@dataclasses.dataclass(frozen=True)
class Sound:
    """Samples (T,) in [-1, 1] at `rate` Hz, kept as 16-bit WAV."""

    samples: np.ndarray
    rate: int
    suffix = ".wav"

    def encode(self) -> bytes:
        file = io.BytesIO()
        with wave.open(file, "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(self.rate)
            out.writeframes((self.samples.clip(-1, 1) * 32767).round().astype("<i2").tobytes())
        return file.getvalue()

    def html(self, source: str, alt: str) -> str:
        return f'<audio controls src="{source}" aria-label="{html.escape(alt)}"></audio>'


@dataclasses.dataclass(frozen=True)
class Clip:
    """Frames (T, H, W) or (T, H, W, 3), uint8, at `fps` frames a second, kept as looping GIF."""

    frames: np.ndarray
    fps: float
    suffix = ".gif"

    def encode(self) -> bytes:
        file = io.BytesIO()
        first, *rest = [Image.fromarray(frame) for frame in self.frames]
        first.save(file, "GIF", save_all=True, append_images=rest, duration=1000 / self.fps, loop=0)
        return file.getvalue()

    html = Picture.html


@dataclasses.dataclass(frozen=True)
class Text:
    """Words."""

    text: str
    suffix = ".txt"

    def encode(self) -> bytes:
        return self.text.encode()

    def html(self, source: str, alt: str) -> str:
        return f"<pre>{html.escape(self.text)}</pre>"


Media = Picture | Sound | Clip | Text


def save(media: Media, stem: pathlib.Path) -> pathlib.Path:
    """Write `media` to `stem` plus its suffix; returns the path."""
    path = stem.with_name(stem.name + media.suffix)
    path.write_bytes(media.encode())
    return path


def data_uri(media: Media) -> str:
    """`media` as a URI for a page that stands alone, such as a notebook."""
    kinds = {".png": "image/png", ".gif": "image/gif", ".wav": "audio/wav", ".txt": "text/plain"}
    return f"data:{kinds[media.suffix]};base64,{base64.b64encode(media.encode()).decode()}"


def to_uint8(images: np.ndarray) -> np.ndarray:
    """Images in [-1, 1] (clipped) to pixels of 0..255."""
    return ((np.asarray(images, np.float32).clip(-1, 1) + 1) * 127.5).round().astype(np.uint8)


def image_grid(images: np.ndarray, columns: int, scale: int = 1, gap: int = 2) -> np.ndarray:
    """Tile images row by row.

    Args:
        images: (N, H, W, 1 or 3) in [-1, 1].
        columns: per row; the last row is filled up with white.
        scale: whole-number enlargement without smoothing.
        gap: pixels of white between the images.

    Returns:
        (rows * (H scale + gap) - gap, ...) uint8, (H, W) for one channel or (H, W, 3).
    """
    tiles = to_uint8(images).repeat(scale, 1).repeat(scale, 2)
    n, height, width, channels = tiles.shape
    rows = -(-n // columns)
    tiles = np.concatenate([tiles, np.full((rows * columns - n, *tiles.shape[1:]), 255, np.uint8)])
    tiles = np.pad(tiles, ((0, 0), (0, gap), (0, gap), (0, 0)), constant_values=255)
    grid = tiles.reshape(rows, columns, height + gap, width + gap, channels)
    grid = grid.transpose(0, 2, 1, 3, 4).reshape(rows * (height + gap), -1, channels)
    grid = grid[: -gap or None, : -gap or None]
    return grid[..., 0] if channels == 1 else grid


def side_by_side(panels: dict[str, np.ndarray], columns: int, per_row: int = 2) -> Picture:
    """One picture of several labelled grids.

    Args:
        panels: title to images (N, H, W, 1 or 3) in [-1, 1].
        columns: images per row of each grid.
        per_row: grids beside each other.
    """
    grids = {title: image_grid(images, columns, scale=2) for title, images in panels.items()}
    rows = -(-len(grids) // per_row)
    height, width = next(iter(grids.values())).shape[:2]
    size = (4.2 * per_row, (4.2 * height / width + 0.4) * rows)
    figure = Figure(figsize=size, layout="constrained")
    all_axes = list(figure.subplots(rows, per_row, squeeze=False).flat)
    for axes in all_axes:
        axes.axis("off")
    for axes, (title, grid) in zip(all_axes, grids.items(), strict=False):
        axes.imshow(grid, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        axes.set_title(title, fontsize=11)
    return render(figure)


def curves(lines: dict[str, tuple[np.ndarray, np.ndarray]], x: str, y: str) -> Picture:
    """A line plot: label to (x values, y values)."""
    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    axes = figure.subplots()
    for label, (xs, ys) in lines.items():
        axes.plot(xs, ys, label=label)
    axes.set(xlabel=x, ylabel=y)
    axes.grid(alpha=0.3)
    axes.legend()
    return render(figure)


def render(figure: Figure, dpi: int = 110) -> Picture:
    """Draw a matplotlib figure; it needs no screen and no pyplot."""
    file = io.BytesIO()
    with matplotlib.rc_context({"font.family": "DejaVu Sans"}):  # ships with matplotlib
        figure.savefig(file, dpi=dpi)
    file.seek(0)
    return Picture(np.asarray(Image.open(file).convert("RGB")))
