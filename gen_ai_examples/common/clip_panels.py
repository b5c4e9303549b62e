"""Clips side by side: playing, and as slices through time."""

import numpy as np

from gen_ai_examples.common.media import Clip, Text, render
from gen_ai_examples.common.panels import panel_figure


def playing(clips: list[dict[str, np.ndarray]], fps: float) -> Clip:
    """Rows of titled clips that play together, as long as the shortest.

    Args:
        clips: title to frames (T, H, W) or (T, H, W, 3), uint8; equally many in every row.
        fps: frames a second.
    """
    every = [frames for clip in clips for frames in clip.values()]
    first = [{name: frames[0] for name, frames in clip.items()} for clip in clips]
    figure, shown = panel_figure(first, width=1.9)
    pictures = []
    for t in range(min(map(len, every))):
        for picture, frames in zip(shown, every, strict=True):
            picture.set_data(frames[t])
        pictures.append(render(figure).pixels)
        figure.set_layout_engine("none")  # laid out once: it takes most of the time
    return Clip(np.stack(pictures), fps)


def time_slices(clip: dict[str, np.ndarray], enlargement: int = 3) -> dict[str, np.ndarray]:
    """The middle row of pixels over time, downwards: what flickers is ragged or striped.

    Args:
        clip: title to frames (T, H, W) or (T, H, W, 3).
        enlargement: pixels that a frame is high.

    Returns:
        By title, (enlargement T, W) or (enlargement T, W, 3).
    """
    return {name: x[:, x.shape[1] // 2].repeat(enlargement, 0) for name, x in clip.items()}


def score_table(scores: dict[str, dict[str, dict[str, float]]], qualities: dict[str, str]) -> Text:
    """A table of every quality, a column for each clip and a line for each method.

    Args:
        scores: by clip, by method, by quality.
        qualities: those shown, and their units.
    """
    methods = list(next(iter(scores.values())))
    wide, column = max(map(len, methods)), max(10, *map(len, scores)) + 2
    lines = []
    for quality, unit in qualities.items():
        lines += [f"{quality}, {unit}", "", " " * wide + "".join(f"{c:>{column}}" for c in scores)]
        for method in methods:
            values = "".join(f"{its[method][quality]:>{column}.2f}" for its in scores.values())
            lines.append(f"{method:<{wide}}{values}")
        lines.append("")
    return Text("\n".join(lines))
