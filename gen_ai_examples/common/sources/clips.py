"""Clips: parts of film shots that come with the project, and the user's own videos in pieces."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np

from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.sources.bundle import bundled
from gen_ai_examples.common.sources.photos import luminance, resize

# fmt: off
_BUNDLED = (
    "archer", "brook", "burrow", "butterfly", "canopy", "flowers", "friends", "glide", "hand",
    "leap", "log", "meadow", "meadow_edge", "rolling", "roots", "shade", "sky", "spikes", "thrown",
    "tower", "towers", "trunk", "wood",
)
# fmt: on
_SUFFIXES = {".avi", ".gif", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".ogv", ".webm"}
_MOST = 100  # pieces of the user's own videos, 2.5 minutes in all
_COMPLETE = 0.9  # of the stated length: containers round it


@dataclasses.dataclass(frozen=True)
class Footage:
    """Frames (T, H, W, 3) uint8, at `fps` frames a second, without a cut."""

    frames: np.ndarray
    fps: float


def bundled_clips() -> dict[str, Footage]:
    """Twenty-three shots of 320x180 and 36 to 60 frames: an animated film, and a city by night.

    "tower" and "towers" are of the city, the others of Big Buck Bunny.

    Raises:
        InputError: a bundled file is missing or damaged.

    Credit and licence: `data/README.md`.
    """
    return {name: _whole(bundled(f"clip_{name}.webm")) for name in _BUNDLED}


def luminance_of(frames: np.ndarray, multiple: int) -> np.ndarray:
    """(T, H, W, 3) uint8 to luminance (T, H, W) float32 as `photos.luminance` has it.

    H and W are cut to multiples of `multiple`.
    """
    height, width = (n // multiple * multiple for n in frames.shape[1:3])
    return np.stack([luminance(frame) for frame in frames[:, :height, :width]])


def to_levels(y: np.ndarray) -> np.ndarray:
    """Luminance in [-1, 1] to its 256 levels, uint8, a quarter of the memory."""
    return ((y + 1) * 127.5).round().astype(np.uint8)


def _whole(path: Path) -> Footage:
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        return Footage(np.stack(frames), float(container.streams.video[0].average_rate))


def own_clips(
    path: str | Path, length: int = 36, height: int = 180, smallest: int = 128, fewest: int = 5
) -> dict[str, Footage]:
    """The user's own videos, reduced and cut into pieces of one size and length.

    Args:
        path: a video, or a folder of them; anything that FFmpeg reads.
        length: frames of a piece. The rest at the end of a video is left out.
        height: pixels of the pieces' shorter side, unless a video is smaller.
        smallest: pixels that the shorter side must have.
        fewest: pieces that are needed.

    Returns:
        By the name of the file and the number of the piece, in order. Width and height are
        multiples of 4, the middle being kept; at most 100 pieces, from the beginnings of the files.

    Raises:
        InputError: no such path, no video in it, one that cannot be read or breaks off, or is too
            short, too small or constant.
    """
    files = _files(Path(path))
    pieces = {}
    for file in files:
        frames, fps = _reduced(file, length * max(1, _MOST // len(files)), height, smallest)
        if np.ptp(frames) == 0:
            raise InputError(f"{file} shows one colour only: give a video of something.")
        for number in range(len(frames) // length):
            piece = frames[number * length : (number + 1) * length]
            pieces[f"{file.name} {number + 1}"] = Footage(piece, fps)
    if len(pieces) < fewest:
        raise InputError(
            f"{path} holds {len(pieces)} piece(s) of {length} frames: give videos of at least "
            f"{fewest * length} frames, since some pieces are held out."
        )
    tall, wide = (
        min(piece.frames.shape[axis] for piece in pieces.values()) // 4 * 4 for axis in (1, 2)
    )
    return {
        name: Footage(_middle(piece.frames, tall, wide), piece.fps)
        for name, piece in list(pieces.items())[:_MOST]
    }


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise InputError(f"There is no file or folder {path}.")
    files = sorted(file for file in path.rglob("*") if file.suffix.lower() in _SUFFIXES)
    if not files:
        raise InputError(f"{path} holds no video ({', '.join(sorted(_SUFFIXES))}).")
    return files


def _reduced(file: Path, most: int, height: int, smallest: int) -> tuple[np.ndarray, float]:
    """The first `most` frames, of which the shorter side has at most `height` pixels."""
    try:
        with av.open(str(file)) as container:
            if not container.streams.video:
                raise InputError(f"{file} has no video stream, only sound or data.")
            stream = container.streams.video[0]
            shorter = min(stream.width, stream.height)
            if shorter < smallest:
                raise InputError(
                    f"{file} has {stream.width}x{stream.height} pixels: give a video of at least "
                    f"{smallest} pixels on its shorter side."
                )
            fps = float(stream.average_rate or 25)
            frames = []
            for picture in _pictures(container):
                scale = min(1, height / shorter)
                size = [round(scale * n) for n in picture.shape[:2]]
                frames.append(resize(picture, *size) if scale < 1 else picture)
                if len(frames) == most:
                    break
            # FFmpeg reads what is left of a file that breaks off, and says nothing.
            stated = (container.duration or 0) / av.time_base
            if len(frames) < min(most, int(_COMPLETE * stated * fps)):
                raise InputError(
                    f"{file} breaks off after {len(frames) / fps:.1f} of {stated:.1f} seconds: "
                    "give the whole file."
                )
    except (av.FFmpegError, UnicodeDecodeError) as error:
        raise InputError(f"{file} cannot be read as a video ({error}).") from None
    if not frames:
        raise InputError(f"{file} holds no frame that can be read.")
    return np.stack(frames), fps


def _pictures(container) -> Iterator[np.ndarray]:
    for frame in container.decode(video=0):
        yield frame.to_ndarray(format="rgb24")


def _middle(frames: np.ndarray, tall: int, wide: int) -> np.ndarray:
    top, left = (frames.shape[1] - tall) // 2, (frames.shape[2] - wide) // 2
    return frames[:, top : top + tall, left : left + wide]
