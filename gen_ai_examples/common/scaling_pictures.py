"""Figures of laws that small models tell, and of the large model that they foretell."""

from collections.abc import Callable

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from gen_ai_examples.common.media import Picture, render


def forecasts(
    losses: dict[str, tuple[np.ndarray, np.ndarray, Callable]],
    costs: dict[str, tuple[float, float]],
    cost: Callable,
    peak: float,
    foretold: str,
    mark: tuple[str, float],
) -> Picture:
    """Losses over tokens and seconds over operations: dots measured, lines foretold.

    Args:
        losses: by model, tokens (N,), measured losses (N,), and the law from tokens to losses.
        costs: by model, floating point operations and seconds of a step.
        cost: the law from operations to seconds.
        peak: operations per second of this machine's matrix product.
        foretold: the model that the laws have not seen, drawn in red.
        mark: what else is to be compared with, and its loss.
    """
    figure = Figure(figsize=(9.6, 4.0), layout="constrained")
    left, right = figure.subplots(1, 2)
    blues = iter(np.linspace(0.35, 0.95, len(losses) - 1))
    for name, (tokens, measured, law) in losses.items():
        unseen = name == foretold
        colour = "tab:red" if unseen else (0.1, 0.3, 0.6, next(blues))
        every = np.geomspace(tokens[0], tokens[-1], 50)
        left.plot(every, law(every), "--" if unseen else "-", color=colour, lw=1.2)
        left.plot(tokens, measured, "o", color=colour, ms=4, label=name)
        right.loglog(*costs[name], "o", color=colour)
    left.axhline(mark[1], color="black", lw=1, ls=":")
    above = dict(xytext=(4, 3), textcoords="offset points", fontsize=8)
    first = min(tokens[0] for tokens, *_ in losses.values())
    left.annotate(mark[0], (first, mark[1]), **above)
    left.set(xscale="log", xlabel="Tokens read", ylabel="Bits per held-out character")
    left.set_title("Loss: dots measured, lines the law", fontsize=10)
    left.legend(title="Weights", frameon=False, fontsize=8, title_fontsize=8)
    flops = np.array([work for work, _ in costs.values()])
    every = np.geomspace(flops.min(), flops.max(), 50)
    right.loglog(every, cost(every), color="tab:blue", lw=1.2, label="law of the small models")
    right.loglog(every, every / peak, color="grey", lw=1.2, ls=":", label="peak of matrix products")
    right.set(xlabel="Floating point operations of a step", ylabel="Seconds of a step")
    right.set_title("Cost", fontsize=10)
    right.legend(frameon=False, fontsize=8)
    for axis in (left.xaxis, right.xaxis, right.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_minor_formatter(NullFormatter())
    left.xaxis.set_major_formatter("{x:,.0f}")
    right.xaxis.set_major_formatter("{x:.0e}")
    right.yaxis.set_major_formatter("{x:g}")
    return render(figure)
