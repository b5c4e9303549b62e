"""What turns images into feature vectors, on which scores compare sets of images.

A score is worth no more than its features, so each extractor has a `name`, and every score says
which it used.
"""

import keras
import numpy as np
from keras import layers
from sklearn.cluster import KMeans

from gen_ai_examples.common.batches import batches
from gen_ai_examples.common.fit import fit
from gen_ai_examples.common.metrics.image import features_frechet
from gen_ai_examples.common.sources.image import ImageSet
from gen_ai_examples.common.strategy import strategy


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
