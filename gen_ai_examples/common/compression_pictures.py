"""What a smaller network draws, and how good it is for its size."""

import numpy as np
from matplotlib.figure import Figure

from gen_ai_examples.common.media import Picture, image_grid, render


def sizes_and_samples(
    samples: dict[str, np.ndarray],
    points: dict[str, dict[str, tuple[float, float]]],
    x: str,
    y: str,
    best: float,
) -> Picture:
    """Samples of some networks on the left, size against quality of more of them on the right.

    Args:
        samples: title to images (N, H, W, 1 or 3) in [-1, 1], an even number of entries.
        points: kind of compression to name of a network to (size, quality), joined in that order.
        x, y: what size and quality are, for the axes, which are logarithmic.
        best: the best attainable quality.
    """
    rows = len(samples) // 2
    figure = Figure(figsize=(12.5, 2.05 * rows), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(1, 1.05))
    for axes, (title, images) in zip(left.subplots(rows, 2).flat, samples.items(), strict=True):
        axes.imshow(image_grid(images, 10), cmap="gray", vmin=0, vmax=255)
        axes.set_title(title, fontsize=9)
        axes.axis("off")
    axes = right.subplots()
    for i, (kind, networks) in enumerate(points.items()):
        places = [*networks.values()]
        axes.plot(*zip(*places, strict=True), marker="osD^v"[i], color=f"C{i}", label=kind)
        for name, place in networks.items():
            axes.annotate(name, place, (5, 4), textcoords="offset points", fontsize=8)
    axes.axhline(best, color="grey", linestyle="--", label="real digits")
    axes.set(xscale="log", yscale="log", xlabel=x, ylabel=y)
    axes.margins(0.12)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    return render(figure)
