"""Figures of trainings that collapse or not, many seeds at once."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from gen_ai_examples.common.media import Picture, render
from gen_ai_examples.common.metrics.collapse import (
    COLLAPSED,
    Ending,
    share_collapsed,
    share_diverged,
)


def recall_over_training(
    panels: dict[str, list[tuple[Sequence[float], Ending]]], every: int
) -> Picture:
    """Recall over the steps, a line for every seed and a panel for every way of training.

    Args:
        panels: by title, the recall of each seed, one value every `every` steps, and its ending.
        every: steps.
    """
    figure = Figure(figsize=(8.5, 3.6), layout="constrained")
    all_axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axes, (title, runs) in zip(all_axes, panels.items(), strict=True):
        for recall, ending in runs:
            color = "tab:red" if ending.collapsed else "tab:blue"
            axes.plot(every * np.arange(1, len(recall) + 1), recall, color=color, lw=1.2, alpha=0.7)
        axes.axhline(COLLAPSED, color="black", lw=0.8, ls="--")
        n_fell = sum(ending.collapsed for _, ending in runs)
        axes.set(title=f"{title}: {n_fell} of {len(runs)} seeds collapsed", xlabel="steps")
        axes.grid(alpha=0.3)
    all_axes[0].set(ylabel="recall of held-out digits", ylim=(-0.02, 1))
    key = {
        "held to the end": Line2D([], [], color="tab:blue"),
        "collapsed": Line2D([], [], color="tab:red"),
        "limit of collapse": Line2D([], [], color="black", lw=0.8, ls="--"),
    }
    all_axes[0].legend(key.values(), key.keys(), loc="upper left", fontsize=9)
    return render(figure)


def shares_of_collapse(endings: dict[str, list[Ending]], untrained: float) -> Picture:
    """Bars: the share of seeds that collapsed, and of these the ones that diverged.

    Args:
        endings: of each seed, by way of training.
        untrained: the Frechet distance before training.
    """
    names = sorted(endings, key=lambda name: -share_collapsed(endings[name]))
    collapsed = [share_collapsed(endings[name]) for name in names]
    diverged = [share_diverged(endings[name], untrained) for name in names]
    counts = [
        f"{sum(e.collapsed for e in endings[name])} of {len(endings[name])}" for name in names
    ]
    figure = Figure(figsize=(7.5, 0.4 * len(names) + 1.2), layout="constrained")
    axes = figure.subplots()
    bars = axes.barh(names, collapsed, color="tab:orange", label="collapsed")
    axes.barh(names, diverged, color="tab:red", label="and diverged: worse than untrained")
    axes.bar_label(bars, counts, padding=3)
    axes.set(xlabel="share of seeds", xlim=(0, 1.12))
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside upper center", ncols=2, frameon=False)
    return render(figure)
