"""Pictures of any size side by side under titles, and the part of them worth a close look."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from gen_ai_examples.common.media import Picture, render


def panels(rows: list[dict[str, np.ndarray]], width: float = 2.3) -> Picture:
    """One picture of rows of titled pictures.

    Args:
        rows: title to pixels (H, W) or (H, W, 3), uint8; equally many in every row. Small pictures
            are enlarged without smoothing.
        width: of each, in inches of 110 pixels.
    """
    return render(panel_figure(rows, width)[0])


def panel_figure(
    rows: list[dict[str, np.ndarray]], width: float = 2.3
) -> tuple[Figure, list[AxesImage]]:
    """As `panels`, before it is drawn, with its pictures row by row."""
    height, length = next(iter(rows[0].values())).shape[:2]
    size = (width * len(rows[0]), (width * height / length + 0.25) * len(rows))
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(len(rows), len(rows[0]), squeeze=False)
    shown = []
    for axes_of_row, row in zip(grid, rows, strict=True):
        for axes, (title, pixels) in zip(axes_of_row, row.items(), strict=True):
            shown.append(
                axes.imshow(pixels, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
            )
            axes.set_title(title, fontsize=10)
            axes.axis("off")
    return figure, shown


def largest_square(values: np.ndarray, side: int, grid: int = 1) -> tuple[slice, slice]:
    """Where in (H, W) the square with the largest sum lies.

    Args:
        values: such as squared errors, (H, W).
        side: of the square, at most H and W.
        grid: the corner is on a multiple of it.
    """
    sums = np.pad(values, ((1, 0), (1, 0))).cumsum(0, np.float64).cumsum(1)
    squares = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    squares = squares[::grid, ::grid]
    top, left = (grid * int(n) for n in np.unravel_index(squares.argmax(), squares.shape))
    return slice(top, top + side), slice(left, left + side)
