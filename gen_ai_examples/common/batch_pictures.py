"""Figures that compare trainings with batches of several sizes."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from gen_ai_examples.common.media import Picture, render


def clocks(panels: dict[str, dict[int, float]]) -> Picture:
    """What each batch size costs, a panel for each way to count, the least of each ringed.

    Args:
        panels: by title, positive values by batch size, all of the same sizes.
    """
    figure = Figure(figsize=(2.75 * len(panels), 3.2), layout="constrained")
    for axes, (title, values) in zip(figure.subplots(1, len(panels)), panels.items(), strict=True):
        sizes, least = list(values), min(values, key=values.get)
        axes.loglog(sizes, list(values.values()), "o-")
        axes.plot(least, values[least], "o", ms=11, mfc="none", color="C3")
        axes.set(title=title, xlabel="Batch size", xticks=sizes, xticklabels=sizes)
        axes.tick_params(axis="x", which="minor", bottom=False)
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter(NullFormatter())
    return render(figure)


def races(
    histories: dict[int, list[float]], mark: float, mark_name: str, every: int, n_examples: int
) -> Picture:
    """The ELBO over updates, and over passes over the data, down to 250 nats below the mark.

    Args:
        histories: by batch size, nats after every `every` examples.
        mark: nats to reach.
        mark_name: what has them.
        every: examples between two values.
        n_examples: of the data, in one pass.
    """
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    by_updates, by_passes = figure.subplots(1, 2, sharey=True)
    for size, values in histories.items():
        seen = every * np.arange(1, len(values) + 1)
        by_updates.semilogx(seen / size, values, label=f"batches of {size}")
        by_passes.semilogx(seen / n_examples, values)
    for axes, label in ((by_updates, "Updates"), (by_passes, "Passes over the data")):
        axes.axhline(mark, color="black", lw=1, ls=":")
        axes.set(xlabel=label, ylim=(mark - 250, mark + 40))
    by_updates.set_xlim(left=20)
    above = dict(xytext=(4, 4), textcoords="offset points")
    by_updates.annotate(mark_name, (20, mark), **above)
    by_updates.set_ylabel("ELBO of held-out digits, nats")
    by_updates.legend(frameon=False, loc="lower right")
    return render(figure)
