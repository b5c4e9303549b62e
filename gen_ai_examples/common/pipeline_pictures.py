"""What an input pipeline costs and what it delivers, in one picture."""

import numpy as np
from matplotlib.figure import Figure

from gen_ai_examples.common.media import Picture, image_grid, render


def overview(
    seconds: dict[str, tuple[float, float]],
    curves: dict[str, tuple[np.ndarray, np.ndarray]],
    y: str,
    strips: dict[str, np.ndarray],
) -> Picture:
    """Bars of time, curves of quality, and below them titled rows of pictures.

    Args:
        seconds: by pipeline, from the top: seconds of a step, and how many of them were waiting.
        curves: label to (updates, quality).
        y: what the curves show.
        strips: title to pictures (N, H, W, 1 or 3) in [-1, 1]; two titles share a row.
    """
    rows = -(-len(strips) // 2)
    figure = Figure(figsize=(10, 3.6 + 1.1 * rows), layout="constrained")
    grid = figure.add_gridspec(1 + rows, 2, height_ratios=[3.4, *[1] * rows])
    bars, lines = (figure.add_subplot(grid[0, i]) for i in range(2))
    names = list(seconds)
    total, waited = 1e3 * np.array([seconds[name] for name in names]).T
    bars.barh(names, waited, color="#c44e52", label="waiting for input")
    bars.barh(names, total - waited, left=waited, color="#8da0cb", label="training")
    bars.invert_yaxis()
    bars.set(title="Where a step spends its time", xlabel="Milliseconds")
    bars.legend(frameon=False, loc="lower right")
    for label, (xs, ys) in curves.items():
        lines.plot(xs, ys, label=label)
    lines.set(title="What comes of it", xlabel="Updates", ylabel=y)
    lines.legend(frameon=False)
    for i, (title, images) in enumerate(strips.items()):
        axes = figure.add_subplot(grid[1 + i // 2, i % 2])
        axes.imshow(image_grid(images, len(images), scale=2), cmap="gray", interpolation="nearest")
        axes.set_title(title, fontsize=10)
        axes.axis("off")
    return render(figure)
