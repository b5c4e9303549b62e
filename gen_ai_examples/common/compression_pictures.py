"""What a smaller network draws, and how good it is for its size."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from gen_ai_examples.common.media import Picture, image_grid, render

# Of labels from their places: below for what tends to be best, above for the others.
_OFFSETS = ((-14, -13), (6, -12), (6, 6), (6, 6), (6, -12))


def sizes_and_samples(
    samples: dict[str, np.ndarray],
    points: dict[str, dict[str, tuple[float, float]]],
    whole: tuple[float, float],
    x: str,
    y: str,
    best: float,
) -> Picture:
    """Samples of some networks on the left, size against quality of more of them on the right.

    Args:
        samples: title to images (N, H, W, 1 or 3) in [-1, 1], an even number of entries.
        points: way to compress (five at most) to names of networks to (size, quality), joined in
            that order.
        whole: (size, quality) of the uncompressed network, from which each way leads.
        x, y: what size and quality are, for the axes, which are logarithmic.
        best: the best attainable quality.
    """
    rows = len(samples) // 2
    figure = Figure(figsize=(13, 1.6 * rows), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(1.05, 1))
    for axes, (title, images) in zip(left.subplots(rows, 2).flat, samples.items(), strict=True):
        axes.imshow(image_grid(images, 10, scale=2), cmap="gray", vmin=0, vmax=255)
        axes.set_title(title, fontsize=9)
        axes.axis("off")
    axes = right.subplots()
    for i, (way, networks) in enumerate(points.items()):
        places = [whole, *networks.values()]
        axes.plot(*zip(*places, strict=True), marker="osD^v"[i], color=f"C{i}", label=way)
        for name, place in networks.items():
            axes.annotate(
                name, place, _OFFSETS[i], textcoords="offset points", fontsize=8, color=f"C{i}"
            )
    axes.annotate("uncompressed", whole, (-34, -13), textcoords="offset points", fontsize=8)
    axes.axhline(best, color="grey", linestyle="--", label="real digits")
    axes.set(xscale="log", yscale="log", xlabel=x, ylabel=y)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:,.0f}")
        axis.set_minor_locator(NullLocator())
    axes.margins(0.1)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(0, 0.3))
    return render(figure)
