"""Figures that compare learning rates and their schedules."""

import dataclasses

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from gen_ai_examples.common.media import Picture, image_grid, render


@dataclasses.dataclass(frozen=True)
class Panel:
    """How good trainings end, by learning rate.

    Attributes:
        title, x, y: words of the figure.
        lines: quality by rate, by label; the best of each line is ringed.
        marks: horizontal lines, by label.
        better: "higher" or "lower".
        limits: of the quality; what lies beyond is drawn as a triangle at the limit.
        log: the scale of the quality.
    """

    title: str
    x: str
    y: str
    lines: dict[str, dict[float, float]]
    marks: dict[str, float]
    better: str
    limits: tuple[float, float]
    log: bool = False


def by_rate(panel: Panel, strips: dict[str, np.ndarray], columns: int = 12) -> Picture:
    """Quality over the learning rate, a line for each schedule; beside it pictures, by title.

    Args:
        panel: what to draw.
        strips: images (N, H, W, 1 or 3) in [-1, 1], in rows of `columns`.
        columns: images per row.
    """
    figure = Figure(figsize=(11.5, 5), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(6, 5))
    _draw(left.subplots(), panel)
    for axes, (title, images) in zip(
        right.subplots(len(strips), 1, squeeze=False)[:, 0], strips.items(), strict=True
    ):
        axes.imshow(
            image_grid(images, columns, scale=2),
            cmap="gray",
            vmin=0,
            vmax=255,
            interpolation="nearest",
        )
        axes.set_title(title, fontsize=10, loc="left", pad=3)
        axes.axis("off")
    return render(figure)


def _draw(axes, panel):
    low, high = panel.limits
    best_of = max if panel.better == "higher" else min
    axes.set_xscale("log")
    if panel.log:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter(NullFormatter())
    for label, values in panel.lines.items():
        rates = np.array(sorted(values))
        ends = np.array([values[rate] for rate in rates])
        color = axes.plot(rates, ends.clip(low, high), ".-", label=label)[0].get_color()
        for beyond, marker, limit in ((ends < low, "v", low), (ends > high, "^", high)):
            shown = rates[beyond]
            axes.plot(shown, np.full(len(shown), limit), marker, color=color, clip_on=False)
        best = best_of(values, key=values.get)
        if low <= values[best] <= high:
            axes.plot(best, values[best], "o", ms=11, mfc="none", color=color)
    for label, value in panel.marks.items():
        axes.axhline(value, color="black", lw=1, ls=":")
        axes.annotate(
            label,
            (0.01, value),
            xycoords=("axes fraction", "data"),
            va="bottom",
            fontsize=9,
            color="0.25",
        )
    axes.set(title=panel.title, xlabel=panel.x, ylabel=panel.y, ylim=(low, high))
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, fontsize=9)


def courses(
    rates: dict[str, list[float]], qualities: dict[str, list[float]], every: int, y: str, low: float
) -> Picture:
    """The learning rate over training, and beside it the quality; both by schedule.

    Args:
        rates, qualities: after each `every` updates.
        every: updates between two values.
        y: what the quality is.
        low: the least quality to show.
    """
    figure = Figure(figsize=(11, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for name, values in rates.items():
        left.plot(every * np.arange(1, len(values) + 1), values, label=name)
        ends = qualities[name]
        right.plot(every * np.arange(1, len(ends) + 1), ends)
    left.set(xlabel="Updates", ylabel="Learning rate")
    right.set(xlabel="Updates", ylabel=y)
    right.set_ylim(bottom=low)
    figure.legend(loc="outside upper center", ncols=4, frameon=False, fontsize=9)
    right.grid(alpha=0.3)
    return render(figure)
