import numpy as np

from gen_ai_examples.common.spectrograms import spectrograms

RATE = 8000
PITCHES = {"low": 500, "high": 3000}


def tone(pitch, seconds=1.0):
    return np.sin(2 * np.pi * pitch * np.arange(int(seconds * RATE)) / RATE)


def test_every_row_and_panel_is_drawn_with_frequency_up():
    row = {title: tone(pitch) for title, pitch in PITCHES.items()}
    one = spectrograms({"a": row}, RATE).pixels
    two = spectrograms({"a": row, "b": row}, RATE).pixels
    assert one.shape[1] == two.shape[1] and two.shape[0] > 1.6 * one.shape[0]
    # The loudest colour is a pale yellow, which white paper and grey letters are not.
    yellow = (one[..., 0] > 240) & (one[..., 2] < 215)
    middle = one.shape[1] // 2
    bright = [half.mean(1).argmax() for half in (yellow[:, :middle], yellow[:, middle:])]
    assert bright[0] > bright[1] + one.shape[0] / 4


def test_rows_may_last_differently_and_silence_is_drawn():
    rows = {"short": {"x": tone(500, 0.5)}, "long": {"x": np.zeros(2 * RATE)}}
    assert spectrograms(rows, RATE).pixels.std() > 1
