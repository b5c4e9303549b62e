"""Images as sequences of tokens: each patch becomes the nearest entry of a codebook.

Vector quantisation with k-means (Linde, Buzo & Gray 1980,
https://doi.org/10.1109/TCOM.1980.1094577): the classical, linear form of what a VQ-VAE learns (van
den Oord et al. 2017, https://arxiv.org/abs/1711.00937).
"""

import numpy as np
from sklearn.cluster import MiniBatchKMeans

from gen_ai_examples.common.errors import InputError


class PatchCodebook:
    """The patches that stand for all patches of `images`.

    Args:
        images: (N, H, W, C) to fit the codebook to.
        size: number of entries, at most that of the patches.
        patch: side of a patch in pixels; divides H and W.
        seed: of the clustering.

    Raises:
        InputError: `patch` does not divide the sides, or `size` is out of range.
    """

    def __init__(self, images: np.ndarray, size: int = 256, patch: int = 4, seed: int = 0):
        _, height, width, channels = images.shape
        if height % patch or width % patch:
            raise InputError(f"Patches of {patch} pixels do not tile {height}x{width} images.")
        self._grid = (height // patch, width // patch, patch, channels)
        pieces = self._cut(images)
        if not 1 <= size <= len(pieces):
            raise InputError(f"A codebook of {size} entries needs 1 to {len(pieces)} patches.")
        self._clusters = MiniBatchKMeans(size, batch_size=4096, n_init=1, random_state=seed)
        self._clusters.fit(pieces)

    @property
    def length(self) -> int:
        """Tokens per image."""
        return self._grid[0] * self._grid[1]

    def encode(self, images: np.ndarray) -> np.ndarray:
        """Tokens (N, length) int32 of images (N, H, W, C), row by row."""
        tokens = self._clusters.predict(self._cut(images))
        return tokens.reshape(len(images), self.length).astype(np.int32)

    def decode(self, tokens: np.ndarray) -> np.ndarray:
        """Images (N, H, W, C) float32 of `tokens` (N, length)."""
        rows, columns, patch, channels = self._grid
        pieces = self._clusters.cluster_centers_.astype(np.float32)[tokens]
        pieces = pieces.reshape(-1, rows, columns, patch, patch, channels)
        images = pieces.transpose(0, 1, 3, 2, 4, 5)
        return images.reshape(-1, rows * patch, columns * patch, channels)

    def _cut(self, images):
        """Patches (N length, patch^2 C)."""
        rows, columns, patch, channels = self._grid
        pieces = images.reshape(-1, rows, patch, columns, patch, channels)
        return pieces.transpose(0, 1, 3, 2, 4, 5).reshape(-1, patch**2 * channels)
