import numpy as np

from gen_ai_examples.common.clip_panels import playing, score_table, time_slices


def frames(n, shade=0):
    return (
        np.full((n, 8, 12, 3), shade, np.uint8) + np.arange(n, dtype=np.uint8)[:, None, None, None]
    )


def test_clips_play_together_as_long_as_the_shortest():
    clip = playing([{"a": frames(3), "b": frames(5)}, {"a": frames(4), "b": frames(6)}], fps=12)
    assert len(clip.frames) == 3 and clip.fps == 12 and clip.frames.dtype == np.uint8
    assert clip.frames.shape[2] > clip.frames.shape[1]


def test_a_slice_shows_one_row_of_every_frame_downwards():
    clip = frames(4, shade=10)
    clip[:, 4, 5] = 200
    (slices,) = time_slices({"x": clip}, enlargement=2).values()
    assert slices.shape == (8, 12, 3)
    assert (slices[:, 5] == 200).all()
    assert slices[:, 0, 0].tolist() == [10, 10, 11, 11, 12, 12, 13, 13]


def test_a_table_has_a_column_for_each_clip_and_a_line_for_each_method():
    scores = {
        clip: {"ours": {"PSNR": 30 + i}, "theirs": {"PSNR": i}} for i, clip in enumerate("ab")
    }
    lines = score_table(scores, {"PSNR": "dB"}).text.splitlines()
    assert lines[0] == "PSNR, dB" and lines[2].split() == ["a", "b"]
    assert [line.split() for line in lines[3:5]] == [
        ["ours", "30.00", "31.00"],
        ["theirs", "0.00", "1.00"],
    ]
