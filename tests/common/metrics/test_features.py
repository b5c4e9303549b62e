import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.metrics.features import (
    Inception,
    Judge,
    extract,
    fid,
    kid,
    moments,
    pixels,
    train_judge,
)
from gen_ai_examples.common.metrics.image import features_frechet, kernel_distance
from gen_ai_examples.common.sources import image
from gen_ai_examples.common.sources.image import ImageSet

pytestmark = pytest.mark.usefixtures("one_device")


@pytest.fixture(scope="module")
def digits():
    return image.digits().split()


@functools.cache
def judge_of(steps, seed_of_run=0):
    keras.utils.set_random_seed(seed_of_run)
    return train_judge(image.digits().split()[0], steps)


@pytest.fixture
def judge(one_device):
    """Trained once, but within a test: a fixture of the module would come before `one_device`."""
    return judge_of(200)


in_one_process = pytest.mark.xdist_group("judge")  # where each judge is trained once


@in_one_process
def test_the_judge_knows_digits_and_orders_corruption(judge, digits):
    held_out = digits[1]
    assert np.mean(judge.labels(held_out.images) == held_out.labels) > 0.9
    rng = np.random.default_rng(0)
    noise = rng.normal(size=held_out.images.shape).astype("float32")
    clean, *noisy = (
        judge.frechet(held_out.images, held_out.images + amount * noise) for amount in (0, 0.3, 1)
    )
    assert clean == pytest.approx(0, abs=1e-4) and clean < noisy[0] < noisy[1]
    assert judge(held_out.images).shape == (len(held_out), 64)


@in_one_process
def test_its_probabilities_are_some_and_agree_with_its_labels(judge, digits):
    probabilities = judge.probabilities(digits[1].images)
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-6)
    np.testing.assert_array_equal(probabilities.argmax(1), judge.labels(digits[1].images))


@in_one_process
def test_the_judge_is_the_same_whatever_the_seed_of_the_run(digits):
    one, other = (judge_of(5, seed)(digits[1].images) for seed in (1, 2))
    np.testing.assert_array_equal(one, other)


def test_the_judge_knows_of_classes_that_are_held_out_altogether(digits):
    few = digits[0].images[:16]
    train = ImageSet(few, np.arange(16) % 2, ("a", "b", "held out"))
    assert train_judge(train, steps=1).probabilities(few).shape == (16, 3)


@in_one_process
def test_a_saved_judge_scores_alike_under_the_same_name(judge, digits, tmp_path):
    judge.save(tmp_path / "judge.keras")
    loaded = Judge.load(tmp_path / "judge.keras")
    images = digits[1].images
    np.testing.assert_array_equal(loaded(images), judge(images))
    assert loaded.name == judge.name and loaded.image_shape == (8, 8, 1)
    assert judge_of(5, 1).name != judge.name


@pytest.mark.parametrize("content", [None, b"no model", b""])
def test_a_file_that_is_no_judge(content, tmp_path):
    path = tmp_path / "judge.keras"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"judge\.keras is no saved classifier"):
        Judge.load(path)


def test_a_model_without_features_is_no_judge(tmp_path):
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)]).save(tmp_path / "other.keras")
    with pytest.raises(InputError, match="no saved classifier"):
        Judge.load(tmp_path / "other.keras")


def test_arrays_tf_data_and_generators_are_the_same_images(digits):
    images = digits[0].images[:600]
    dataset = tf.data.Dataset.from_tensor_slices(images).batch(64)
    parts = (images[i : i + 100] for i in range(0, 600, 100))
    expected = images.reshape(600, -1)
    for given in (images, dataset, parts):
        np.testing.assert_array_equal(extract(given, pixels), expected)
    for given in (images, dataset):
        total = moments(given, pixels)
        np.testing.assert_allclose(total.mean, expected.mean(0), atol=1e-6)
        np.testing.assert_allclose(total.cov, np.cov(expected, rowvar=False), atol=1e-5)


@in_one_process
def test_scores_say_their_features_and_only_inceptions_are_called_fid(digits, judge):
    real, fake = digits[1].images[:100], digits[0].images[:100]
    plain = fid(real, fake, pixels)
    assert plain.name == "Frechet distance (pixels)"
    assert plain.value == pytest.approx(features_frechet(pixels(real), pixels(fake)), rel=1e-6)
    assert fid(real, fake, judge).name == f"Frechet distance ({judge.name})"
    kernel = kid(real, fake, pixels, subsets=3, subset_size=50)
    expected = kernel_distance(pixels(real), pixels(fake), subsets=3, subset_size=50)
    assert kernel.name == "Kernel distance (pixels)"
    assert (kernel.value, kernel.spread) == pytest.approx(expected)


def test_inception_takes_grey_images_of_any_size_and_names_its_scores(monkeypatch):
    inception = Inception(weights=None)
    images = np.random.default_rng(0).uniform(-1, 1, (3, 20, 24, 1)).astype("float32")
    features = inception(images)
    assert features.shape == (3, 2048)
    np.testing.assert_allclose(inception.describe(images)[1].sum(1), 1, atol=1e-5)
    # A distance in 2,048 dimensions takes longer than the network, and its name is looked at alone.
    monkeypatch.setattr(Inception, "__call__", lambda self, images: features[:, :8])
    assert fid(images, images, inception).name == "FID (Keras Inception-v3)"


def test_inception_without_a_network_says_what_to_do(monkeypatch):
    def refuse(*_, **__):
        raise Exception("URL fetch failure on https://example.org: no route")

    monkeypatch.setattr(keras.applications, "InceptionV3", refuse)
    with pytest.raises(InputError, match=r"could not be downloaded .*or use other features"):
        Inception()


def test_no_images_and_no_features_are_refused(digits):
    for function in (extract, moments):
        with pytest.raises(InputError, match="no images"):
            function(digits[0].images[:0], pixels)
    with pytest.raises(InputError, match=r"not \(N, D\)"):
        extract(digits[0].images, lambda images: images)
