"""How far the colours of a clip are from the true ones, and how restless they are."""

import numpy as np

from gen_ai_examples.common.metrics.video import flicker


def measure_colour(ab: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Scores of a clip whose first frame was given and does not count.

    Errors are distances in the plane of a and b of CIELAB; since lightness is given, these are the
    colour differences of CIE 1976, of which about 2.3 is just noticed.

    Args:
        ab, truth: (T, H, W, 2), T at least 3.

    Returns:
        error: the root of the mean square, in which false colours count and noise does not.
        error at the end: the same, of the last frame, where drift shows.
        mean error: the mean, which noise decides as much as false colours.
        flicker: error of the change from frame to frame, per channel (`metrics.video.flicker`).
    """
    distances = np.linalg.norm(np.subtract(ab, truth, dtype=np.float64)[1:], axis=-1)
    return {
        "error": float(np.sqrt((distances**2).mean())),
        "error at the end": float(np.sqrt((distances[-1] ** 2).mean())),
        "mean error": float(distances.mean()),
        "flicker": flicker(ab, truth),
    }
