"""How far the colours of a clip are from the true ones, and how restless they are."""

import numpy as np

from gen_ai_examples.common.metrics.video import flicker


def colour_errors(ab: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Distance in the plane of a and b of CIELAB, mean over each frame.

    Since lightness is given, this is the colour difference of CIE 1976: about 2.3 is just noticed.

    Args:
        ab, truth: (T, H, W, 2).

    Returns:
        (T,) float64.
    """
    return np.linalg.norm(np.subtract(ab, truth, dtype=np.float64), axis=-1).mean((1, 2))


def measure_colour(ab: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Scores of a clip whose first frame was given and does not count.

    Args:
        ab, truth: (T, H, W, 2), T at least 3.

    Returns:
        error: mean of `colour_errors`.
        error at the end: of the last frame, where drift shows.
        flicker: error of the change from frame to frame, per channel (`metrics.video.flicker`).
    """
    errors = colour_errors(ab[1:], truth[1:])
    return {
        "error": float(errors.mean()),
        "error at the end": float(errors[-1]),
        "flicker": flicker(ab, truth),
    }
