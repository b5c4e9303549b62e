"""Sounds made visible: labelled spectrograms side by side."""

import librosa
import numpy as np
from matplotlib.figure import Figure

from gen_ai_examples.common.media import Picture, render

RANGE = 60  # decibels from white to black


def spectrograms(rows: dict[str, dict[str, np.ndarray]], rate: int, window: int = 256) -> Picture:
    """One picture of rows of titled spectrograms, time to the right and frequency up.

    All panels of a row share one scale, from the loudest bin of its last panel down to -60 dB.

    Args:
        rows: label at the left to the panels of a row, title to waveform (T,); equally many in
            every row, the reference last.
        rate: samples per second.
        window: samples per frame; a quarter of it from one frame to the next.
    """
    n = len(next(iter(rows.values())))
    figure = Figure(figsize=(3.1 * n, 2.2 * len(rows) + 0.4), layout="constrained")
    grid = figure.subplots(len(rows), n, squeeze=False, sharex="row", sharey=True)
    for axes_of_row, (label, row) in zip(grid, rows.items(), strict=True):
        levels = {title: _decibels(wave, window) for title, wave in row.items()}
        top = list(levels.values())[-1].max()
        for axes, (title, level) in zip(axes_of_row, levels.items(), strict=True):
            seconds = len(row[title]) / rate
            axes.imshow(
                level,
                origin="lower",
                aspect="auto",
                extent=(0, seconds, 0, rate / 2000),
                vmin=top - RANGE,
                vmax=top,
                cmap="magma",
            )
            axes.set_title(title, fontsize=10)
            axes.set_xlabel("seconds", fontsize=8)
            axes.tick_params(labelsize=8)
        axes_of_row[0].set_ylabel(f"{label}\nkHz", fontsize=9)
    return render(figure)


def _decibels(wave, window):
    spectrum = librosa.stft(np.asarray(wave, np.float32), n_fft=window, hop_length=window // 4)
    return 20 * np.log10(np.abs(spectrum) + 1e-5)
