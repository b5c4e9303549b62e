"""Picture files read as many programs read them, to show what that costs."""

from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image


def opened_one_by_one(files: Sequence[str], reach: int, seed: int) -> Iterator[np.ndarray]:
    """Open, decode and augment one picture after another, for ever, each pass in a new order.

    Args:
        files: of colour pictures whose height and width are even.
        reach: pixels by which a picture is moved at most; white comes in from outside.
        seed: of order, moves and mirroring.

    Yields:
        (H / 2, W / 2, 3) float in [-1, 1].
    """
    rng = np.random.default_rng(seed)
    while True:
        for i in rng.permutation(len(files)):
            with Image.open(files[i]) as picture:
                pixels = np.asarray(picture, np.float32) / 127.5 - 1
            height, width, channels = pixels.shape
            down, right = rng.integers(0, 2 * reach + 1, 2)
            wide = np.pad(pixels, [(reach, reach)] * 2 + [(0, 0)], constant_values=1)
            moved = wide[down : down + height, right : right + width]
            moved = moved[:, ::-1] if rng.random() < 0.5 else moved
            yield moved.reshape(height // 2, 2, width // 2, 2, channels).mean((1, 3))
