"""Numbers that judge generated images against held-out ones.

The features come from a classifier trained on the data at hand, so every score's name says
"digit features" or whatever they are; none of them is the Inception-v3 FID.
"""

import keras
import numpy as np
from keras import layers
from scipy.spatial.distance import cdist
from sklearn.cluster import KMeans

from gen_ai_examples.common.batches import batches
from gen_ai_examples.common.fit import fit
from gen_ai_examples.common.sources.image import ImageSet
from gen_ai_examples.common.strategy import strategy


def frechet_distance(
    mean_a: np.ndarray, cov_a: np.ndarray, mean_b: np.ndarray, cov_b: np.ndarray
) -> float:
    """Frechet (2-Wasserstein) distance, squared, between two Gaussians.

    |m_a - m_b|^2 + tr(A + B - 2 (A^1/2 B A^1/2)^1/2), in squared units of the features. Square
    roots of symmetric matrices only, so that singular covariances are fine.

    Args:
        mean_a, mean_b: (D,).
        cov_a, cov_b: (D, D), symmetric, positive semi-definite.

    Source: Dowson & Landau 1982; as an image score Heusel et al. 2017,
    https://arxiv.org/abs/1706.08500.
    """
    values, vectors = np.linalg.eigh(cov_a)
    root_a = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    trace_root = np.sqrt(np.linalg.eigvalsh(root_a @ cov_b @ root_a).clip(0)).sum()
    distance = ((mean_a - mean_b) ** 2).sum() + np.trace(cov_a) + np.trace(cov_b) - 2 * trace_root
    return float(max(distance, 0.0))


def features_frechet(features_a: np.ndarray, features_b: np.ndarray) -> float:
    """Frechet distance between the Gaussians fitted to two sets of features (N, D), (M, D).

    Biased upward for small sets: compare scores at equal N and M only.
    """
    a, b = (np.asarray(f, np.float64) for f in (features_a, features_b))
    return frechet_distance(a.mean(0), np.cov(a, rowvar=False), b.mean(0), np.cov(b, rowvar=False))


def copying_rate(fake: np.ndarray, train: np.ndarray, held_out: np.ndarray) -> float:
    """Share of `fake` images that are copies of training images, beyond what chance explains.

    If training and held-out images are draws from one distribution, and a model does not copy, the
    nearest real image of a generated one is a training image with probability M / (M + K). The
    excess over that, scaled: 0 for a model that generalises (or a little below, by chance), 1 for
    one that copies.

    Args:
        fake, train, held_out: (N, ...), (M, ...), (K, ...).

    Source: the idea of Meehan et al. 2020, https://arxiv.org/abs/2004.05675, in pixels.
    """
    chance = len(train) / (len(train) + len(held_out))
    share = np.mean(nearest(fake, train)[0] < nearest(fake, held_out)[0])
    return float((share - chance) / (1 - chance))


def nearest(images: np.ndarray, candidates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Euclidean distance (N,) from each image to its nearest candidate, and which one (N,)."""
    flat = [x.reshape(len(x), -1) for x in (images, candidates)]
    distances = cdist(*flat)
    return distances.min(1), distances.argmin(1)


class Judge:
    """A classifier trained on labelled images: its features compare sets, its classes check labels.

    Always trained from seed 0, whatever the run's seed, so that scores compare between runs.

    Args:
        train: the images (N, H, W, C) and labels it learns from; images of a single class are
            clustered first, and the clusters are the classes (as in Caron et al. 2018,
            https://arxiv.org/abs/1807.05520).
        steps, batch_size: of its training.
    """

    def __init__(self, train: ImageSet, steps: int = 600, batch_size: int = 64):
        # Shuffled by seed, initialised by seed: the caller's global random state is not touched.
        labels = train.labels if len(np.unique(train.labels)) > 1 else _clusters(train.images)
        n_classes = int(labels.max()) + 1
        with strategy().scope():
            self._network = _build_classifier(train.images.shape[1:], n_classes, seed=0)
            decay = keras.optimizers.schedules.CosineDecay(2e-3, steps)
            self._network.compile(
                keras.optimizers.AdamW(decay),
                keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            )
        columns = {"images": train.images, "labels": labels}
        pairs = batches(columns, min(batch_size, len(train)), seed=0)
        fit(self._network, pairs.map(lambda b: (b["images"], b["labels"])), steps)
        self._features = keras.Model(
            self._network.input, self._network.get_layer("features").output
        )

    def features(self, images: np.ndarray) -> np.ndarray:
        """Activations (N, 64) of the last hidden layer."""
        return self._features.predict(images, batch_size=500, verbose=0)

    def labels(self, images: np.ndarray) -> np.ndarray:
        """Most likely class (N,) of each image."""
        return self._network.predict(images, batch_size=500, verbose=0).argmax(1)

    def frechet(self, real: np.ndarray, fake: np.ndarray) -> float:
        """`features_frechet` of two sets of images."""
        return features_frechet(self.features(real), self.features(fake))


def _clusters(images: np.ndarray) -> np.ndarray:
    flat = images.reshape(len(images), -1)
    return KMeans(min(10, len(flat)), n_init=1, random_state=0).fit_predict(flat).astype("int64")


def _build_classifier(image_shape, n_classes, seed):
    seeds = iter(range(seed, seed + 100))

    def initializer():
        return keras.initializers.HeNormal(seed=next(seeds))

    x = image = keras.Input(image_shape)
    for channels in (32, 64, 64):
        x = layers.Conv2D(
            channels, 3, 2, padding="same", activation="relu", kernel_initializer=initializer()
        )(x)
    x = layers.Flatten()(x)
    x = layers.Dense(64, "relu", kernel_initializer=initializer(), name="features")(x)
    logits = layers.Dense(n_classes, kernel_initializer=initializer())(x)
    return keras.Model(image, logits, name="judge")
