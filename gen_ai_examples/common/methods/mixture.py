"""A Gaussian mixture on principal components: the strongest classical density model of images.

Tipping & Bishop 1999, https://doi.org/10.1162/089976699300016728; that it rivals GANs at covering
small images: Richardson & Weiss 2018, https://arxiv.org/abs/1805.12462.
"""

import numpy as np
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture

from gen_ai_examples.common.sources.image import ImageSet


class PixelMixture:
    """One mixture per class, fitted to `train` in closed form and by expectation-maximisation.

    Args:
        train: images (N, H, W, C) in [-1, 1] with labels.
        principal_components: kept of the pixels; at most N.
        components: Gaussians per class, each with a full covariance; at most a quarter of the
            class's images.
        seed: of the initialisation and of what is drawn.
    """

    def __init__(
        self, train: ImageSet, principal_components: int = 100, components: int = 10, seed: int = 0
    ):
        # float64, or EM's covariances stop being positive definite.
        pixels = train.images.reshape(len(train), -1).astype(np.float64)
        self._shape = train.images.shape[1:]
        self._pca = PCA(min(principal_components, *pixels.shape), random_state=seed).fit(pixels)
        codes = self._pca.transform(pixels)
        self._mixtures = {
            label: GaussianMixture(
                int(np.clip(np.sum(train.labels == label) // 4, 1, components)),
                reg_covar=1e-2,
                random_state=seed,
            ).fit(codes[train.labels == label])
            for label in np.unique(train.labels)
        }
        # Once, where scikit-learn's own `sample` factorises every covariance at every call.
        self._roots = {
            label: np.linalg.cholesky(mixture.covariances_)
            for label, mixture in self._mixtures.items()
        }
        self._rng = np.random.default_rng(seed)

    def sample(self, labels: np.ndarray) -> np.ndarray:
        """Images (N, H, W, C) in [-1, 1] float32 of the classes `labels` (N,), new at each call."""
        images = np.empty((len(labels), *self._shape), np.float32)
        for label in np.unique(labels):
            rows = labels == label
            codes = self._draw(label, rows.sum())
            pixels = self._pca.inverse_transform(codes).reshape(-1, *self._shape)
            images[rows] = pixels.clip(-1, 1)
        return images

    def _draw(self, label, n):
        """Codes (n, principal components) of one class."""
        mixture, roots = self._mixtures[label], self._roots[label]
        which = self._rng.choice(len(roots), size=n, p=mixture.weights_)
        noise = self._rng.normal(size=(n, roots.shape[-1]))
        codes = mixture.means_[which]
        for i in np.unique(which):
            codes[which == i] += noise[which == i] @ roots[i].T
        return codes
