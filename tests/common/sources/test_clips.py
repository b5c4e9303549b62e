import av
import numpy as np
import pytest

from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.sources import bundle, clips
from gen_ai_examples.common.sources.clips import bundled_clips, own_clips


def write(path, frames, fps=24):
    """A film of frames (T, H, W, 3)."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libvpx-vp9", rate=fps)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv444p"
        stream.options = {"crf": "20", "b": "0", "cpu-used": "8", "deadline": "realtime"}
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())


def moving(n, height=132, width=200):
    """A bright square on a gradient that moves by a pixel a frame."""
    frames = np.zeros((n, height, width, 3), np.uint8)
    frames += np.linspace(0, 200, width, dtype=np.uint8)[None, None, :, None]
    for t, frame in enumerate(frames):
        frame[40:80, 10 + t % 100 : 50 + t % 100] = (255, 40, 10)
    return frames


def sound(path):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libopus", rate=48000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 960), np.int16), "s16", "mono")
        frame.rate, frame.pts = 48000, 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode())


@pytest.fixture(scope="module")
def found():
    return bundled_clips()


@pytest.mark.xdist_group("clips")  # in one process, where they are decoded once
def test_bundled_clips_are_as_their_readme_says(found):
    readme = (bundle.bundled("clip_brook.webm").parent / "README.md").read_text("utf-8")
    assert len(found) == 23
    for name, clip in found.items():
        assert clip.frames.dtype == np.uint8 and clip.frames.shape[1:] == (180, 320, 3)
        assert clip.frames.std() > 20 and clip.fps in (24, 25)
        assert f"| clip_{name} | {len(clip.frames)} |" in readme


@pytest.mark.xdist_group("clips")
def test_no_bundled_clip_holds_a_cut(found):
    for name, clip in found.items():
        small = clip.frames[:, ::8, ::8].astype(np.float32)
        change = np.abs(np.diff(small, axis=0)).mean((1, 2, 3))
        assert change.max() < 40, name


def test_a_video_comes_back_in_pieces_in_order(tmp_path):
    frames = moving(66)
    write(tmp_path / "film.webm", frames)
    pieces = own_clips(tmp_path / "film.webm", length=12)
    assert list(pieces) == [f"film.webm {i}" for i in range(1, 6)]
    for number, piece in enumerate(pieces.values()):
        assert piece.fps == 24
        expected = frames[12 * number : 12 * (number + 1)].astype(np.float32)
        assert np.abs(piece.frames - expected).mean() < 4


def test_videos_of_a_folder_are_reduced_to_one_size(tmp_path):
    write(tmp_path / "a.webm", moving(24, 360, 400))
    write(tmp_path / "b.webm", moving(40, 180, 220))
    (tmp_path / "notes.txt").write_text("not a film")
    pieces = own_clips(tmp_path, length=12)
    assert [name.split()[0] for name in pieces] == ["a.webm"] * 2 + ["b.webm"] * 3
    assert {piece.frames.shape for piece in pieces.values()} == {(12, 180, 200, 3)}


@pytest.mark.parametrize(
    ("name", "make", "says"),
    [
        ("nothing.webm", None, "no file or folder"),
        ("text.webm", lambda p: p.write_text("hello"), "cannot be read as a video"),
        ("empty.webm", lambda p: p.write_bytes(b""), "cannot be read as a video"),
        ("sound.webm", sound, "no video stream"),
        ("short.webm", lambda p: write(p, moving(30)), "2 piece.*at least 60 frames"),
        ("small.webm", lambda p: write(p, moving(60, 96, 200)), "200x96 pixels.*at least 128"),
        ("grey.webm", lambda p: write(p, np.full((60, 132, 200, 3), 90, np.uint8)), "one colour"),
        ("folder", lambda p: p.mkdir(), "holds no video"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_sentence(tmp_path, name, make, says):
    path = tmp_path / name
    if make:
        make(path)
    with pytest.raises(InputError, match=says) as caught:
        own_clips(path, length=12)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", ["webm", "mp4"])
def test_a_truncated_video_is_refused(tmp_path, suffix):
    write(tmp_path / f"film.{suffix}", moving(72))
    data = (tmp_path / f"film.{suffix}").read_bytes()
    (tmp_path / f"film.{suffix}").write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match=r"breaks off|cannot be read"):
        own_clips(tmp_path, length=12)


def test_of_a_long_video_the_beginning_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(clips, "_MOST", 5)
    write(tmp_path / "film.webm", moving(90))
    assert len(own_clips(tmp_path, length=12)) == 5
