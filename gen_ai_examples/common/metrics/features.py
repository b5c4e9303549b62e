"""What turns images into feature vectors, on which scores compare sets of images.

A score is worth no more than its features, and two scores compare only if they used the same: so
every extractor has a `name`, which the score's own name repeats. Any callable from images (N, H,
W, C) in [-1, 1] to features (N, D) is an extractor.
"""

import dataclasses
import hashlib
import pathlib
from collections.abc import Callable, Iterable, Iterator

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from sklearn.cluster import KMeans

from gen_ai_examples.common.batches import batches
from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.fit import fit
from gen_ai_examples.common.metrics.image import Moments, features_frechet, kernel_distance
from gen_ai_examples.common.sources.image import ImageSet
from gen_ai_examples.common.strategy import strategy

Extractor = Callable[[np.ndarray], np.ndarray]
Images = np.ndarray | tf.data.Dataset | Iterable[np.ndarray]
_BATCH = 250


@dataclasses.dataclass(frozen=True)
class Score:
    """A value with the name that says what it was computed on."""

    name: str
    value: float
    spread: float | None = None


def extract(images: Images, extractor: Extractor) -> np.ndarray:
    """Features (N, D) of all `images`: an array, or batches of them from `tf.data` or elsewhere.

    Raises:
        InputError: no images, or the extractor returns no (N, D).
    """
    parts = list(_feature_batches(images, extractor))
    if not parts:
        raise InputError("There are no images to extract features from.")
    return np.concatenate(parts)


def moments(images: Images, extractor: Extractor) -> Moments:
    """Mean and covariance of the features of `images`, keeping neither images nor features.

    Raises:
        InputError: as `extract`.
    """
    total = Moments()
    for features in _feature_batches(images, extractor):
        total.update(features)
    if total.n == 0:
        raise InputError("There are no images to extract features from.")
    return total


def fid(real: Images, fake: Images, extractor: Extractor) -> Score:
    """Frechet distance on the features of an extractor, in bounded memory.

    Called FID only on Inception-v3; even then compare with scores of this extractor alone.

    Args:
        real, fake: images in [-1, 1]; about equally many, far more than features.
        extractor: such as `Inception()` or a `Judge`.

    Raises:
        InputError: as `extract`.
    """
    value = moments(real, extractor).frechet(moments(fake, extractor))
    kind = "FID" if isinstance(extractor, Inception) else "Frechet distance"
    return Score(f"{kind} ({extractor_name(extractor)})", value)


def kid(real: Images, fake: Images, extractor: Extractor, **options) -> Score:
    """`kernel_distance` on the features of an extractor; `options` are its keywords.

    Raises:
        InputError: as `extract` and `kernel_distance`.
    """
    mean, spread = kernel_distance(*(extract(x, extractor) for x in (real, fake)), **options)
    kind = "KID" if isinstance(extractor, Inception) else "Kernel distance"
    return Score(f"{kind} ({extractor_name(extractor)})", mean, spread)


def extractor_name(extractor: Extractor) -> str:
    """Its `name`, else that of the function."""
    return getattr(extractor, "name", None) or getattr(extractor, "__name__", repr(extractor))


def pixels(images: np.ndarray) -> np.ndarray:
    """Raw pixels as features (N, H W C): no network, and no idea of what is seen."""
    return images.reshape(len(images), -1)


def _feature_batches(images: Images, extractor: Extractor) -> Iterator[np.ndarray]:
    parts = images
    if isinstance(images, np.ndarray):
        parts = (images[i : i + _BATCH] for i in range(0, len(images), _BATCH))
    for batch in parts:
        batch = np.asarray(batch, np.float32)
        features = np.asarray(extractor(batch))
        if features.ndim != 2 or len(features) != len(batch):
            raise InputError(
                f"The extractor {extractor_name(extractor)} made features of shape "
                f"{features.shape} from {len(batch)} images, not (N, D)."
            )
        yield features


class Inception:
    """Inception-v3 as Keras ships it, with ImageNet weights: 2,048 features, 1,000 classes.

    Its weights are not those of the original FID (a TensorFlow graph of 2015), so its scores
    compare among themselves only. Images are enlarged to 299 pixels, bicubic, antialiased.

    Args:
        weights: "imagenet" downloads 92 MB once and keeps them in `~/.keras/models`; or a file
            of weights; or None for random ones, which no score should use.

    Raises:
        InputError: the weights are neither cached nor to be had.

    Source: Szegedy et al. 2016, https://arxiv.org/abs/1512.00567.
    """

    name = "Keras Inception-v3"

    def __init__(self, weights: str | None = "imagenet"):
        try:
            network = keras.applications.InceptionV3(weights=weights)
        except Exception as error:  # Keras raises a plain one when a download fails
            raise InputError(
                "The ImageNet weights of Inception-v3 are not in the cache and could not be "
                f"downloaded ({' '.join(str(error).split())[:100]}): connect to a network once, "
                "or use other features (--features trained)."
            ) from None
        self._network = keras.Model(
            network.input, [network.get_layer("avg_pool").output, network.output]
        )

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Features (N, 2048)."""
        return self.describe(images)[0]

    def describe(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Features (N, 2048) and class probabilities (N, 1000), for the Inception Score."""
        colours = np.repeat(images, 3, axis=-1) if images.shape[-1] == 1 else images
        parts = [
            self._network(
                tf.image.resize(colours[i : i + 32], (299, 299), "bicubic", antialias=True)
            )
            for i in range(0, len(colours), 32)
        ]
        features, probabilities = (np.concatenate(outputs) for outputs in zip(*parts, strict=True))
        return features, probabilities


class Judge:
    """A classifier of the data at hand: its features compare sets, its classes check labels.

    Its `name` carries a hash of its weights, since scores of two classifiers do not compare: save
    it to score later images by the same one.

    Args:
        network: images to logits, with a layer called "features".

    Attributes:
        name: what its scores are called after.
        features: the network from images (B, H, W, C) to features (B, 64), for use in a graph.
    """

    def __init__(self, network: keras.Model):
        self._network = network
        self.features = keras.Model(network.input, network.get_layer("features").output)
        weights = b"".join(np.ascontiguousarray(w).tobytes() for w in network.get_weights())
        self.name = f"classifier {hashlib.sha256(weights).hexdigest()[:8]}"

    @classmethod
    def load(cls, path: str | pathlib.Path) -> "Judge":
        """Read what `save` wrote.

        Raises:
            InputError: there is no such file, or it is no classifier of this kind.
        """
        try:
            return cls(keras.saving.load_model(path, compile=False, safe_mode=True))
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            reason = " ".join(str(error).split())[:100]
            raise InputError(f"{path} is no saved classifier ({reason}).") from None

    def save(self, path: str | pathlib.Path) -> None:
        """Write a `.keras` file."""
        self._network.save(path)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(H, W, C) of the images it takes."""
        return self._network.input.shape[1:]

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Activations (N, 64) of the last hidden layer."""
        return self.features.predict(images, batch_size=500, verbose=0)

    def describe(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Features (N, 64) and class probabilities (N, n_classes), for the Inception Score."""
        return self(images), self.probabilities(images)

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Of the classes, (N, n_classes)."""
        logits = self._network.predict(images, batch_size=500, verbose=0)
        return np.asarray(keras.ops.softmax(logits.astype("float64")))

    def labels(self, images: np.ndarray) -> np.ndarray:
        """Most likely class (N,) of each image."""
        return self._network.predict(images, batch_size=500, verbose=0).argmax(1)

    def frechet(self, real: np.ndarray, fake: np.ndarray) -> float:
        """`features_frechet` of two sets of images."""
        return features_frechet(self(real), self(fake))


def train_judge(train: ImageSet, steps: int = 600, batch_size: int = 64, seed: int = 0) -> Judge:
    """Train a `Judge`: the same for the same arguments, so that the scores of runs compare.

    Args:
        train: the images (N, H, W, C) and labels it learns from; images of a single class are
            clustered first, and the clusters are the classes (as in Caron et al. 2018,
            https://arxiv.org/abs/1807.05520).
        steps, batch_size: of its training.
        seed: of its weights and batches; leave it alone, but for a second, independent judge.
    """
    # Shuffled by seed, initialised by seed: the caller's global random state is not touched.
    if len(np.unique(train.labels)) > 1:
        labels, n_classes = train.labels, len(train.names)  # one of them may be held out altogether
    else:
        labels = _clusters(train.images)
        n_classes = int(labels.max()) + 1
    with strategy().scope():
        network = _build_classifier(train.images.shape[1:], n_classes, seed)
        decay = keras.optimizers.schedules.CosineDecay(2e-3, steps)
        network.compile(
            keras.optimizers.AdamW(decay),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )
    columns = {"images": train.images, "labels": labels}
    pairs = batches(columns, min(batch_size, len(train)), seed)
    fit(network, pairs.map(lambda b: (b["images"], b["labels"])), steps)
    return Judge(network)


def _clusters(images: np.ndarray) -> np.ndarray:
    flat = images.reshape(len(images), -1)
    return KMeans(min(10, len(flat)), n_init=1, random_state=0).fit_predict(flat).astype("int64")


def _build_classifier(image_shape, n_classes, seed):
    seeds = iter(range(100 * seed, 100 * seed + 100))

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
