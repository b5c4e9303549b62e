"""Micrographs with the outlines of what was found drawn on them."""

import numpy as np
from skimage.segmentation import find_boundaries

from gen_ai_examples.common.media import Picture, to_uint8
from gen_ai_examples.common.metrics.nuclei import separate
from gen_ai_examples.common.panels import largest_square, panels
from gen_ai_examples.common.sources.microscopy import Field

BLUE, ORANGE = (86, 180, 233), (230, 159, 0)  # told apart by colour-blind readers too


def grey(image: np.ndarray) -> np.ndarray:
    """Brightness (H, W), the background at 0 and bright nuclei near 1, to (H, W, 3) uint8."""
    # Dim nuclei would be black beside bright ones.
    shown = np.sqrt((image + 0.02).clip(0, 1.2) / 1.22)
    return np.repeat(to_uint8(2 * shown - 1)[..., None], 3, axis=2)


def outlined(
    image: np.ndarray, nuclei: np.ndarray, micronuclei: np.ndarray, scale: int = 3
) -> np.ndarray:
    """The picture with blue outlines around nuclei and orange ones around micronuclei.

    Args:
        image: brightness (H, W), as for `grey`.
        nuclei, micronuclei: (H, W) int, 0 for none, else the number of the object.
        scale: whole-number enlargement, so that an outline hides little.

    Returns:
        (scale H, scale W, 3) uint8.
    """
    picture = np.kron(grey(image), np.ones((scale, scale, 1), np.uint8))
    for objects, colour in ((nuclei, BLUE), (micronuclei, ORANGE)):
        large = np.kron(objects, np.ones((scale, scale), objects.dtype))
        picture[find_boundaries(large, mode="outer" if scale > 1 else "inner")] = colour
    return picture


def side_by_side(field: Field, found: dict[str, np.ndarray], width: float = 5.0) -> Picture:
    """A micrograph without and with outlines: as each method found them, and as they were drawn.

    Args:
        field: the micrograph.
        found: classes (H, W) by method.
        width: of each picture, in inches of 110 pixels.
    """
    return panels([_row(field, found, np.s_[:, :], scale=1)], width)


def close_ups(
    fields: list[Field], found: dict[str, list[np.ndarray]], interest: list[np.ndarray], side=128
) -> Picture:
    """As `side_by_side`, of each day the square with the most interest.

    Args:
        fields: the micrographs.
        found: classes (H, W), one for each field, by method.
        interest: (H, W), one for each field.
        side: of the squares, in pixels.
    """
    squares = [largest_square(values, side) for values in interest]
    amounts = [values[square].sum() for values, square in zip(interest, squares, strict=True)]
    best = {}  # by day the number of the field
    for i, field in enumerate(fields):
        if amounts[i] > amounts[best.setdefault(field.day, i)]:
            best[field.day] = i
    rows = [
        _row(fields[i], {m: its[i] for m, its in found.items()}, squares[i], scale=3)
        for i in best.values()
    ]
    return panels(rows, width=3.6)  # no smaller than the outlines, which would break into dots


def _row(field, found, square, scale):
    image = field.image[square]
    nothing = np.zeros(image.shape, int)
    row = {f"{field.line}, {field.day}": outlined(image, nothing, nothing, scale)}
    for method, classes in found.items():
        row[method] = outlined(image, *(part[square] for part in separate(classes)), scale)
    drawn = outlined(image, field.nuclei[square], field.micronuclei[square], scale)
    return row | {"drawn by hand": drawn}
