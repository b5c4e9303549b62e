import keras
import numpy as np
import pytest
from keras import layers, ops

from gen_ai_examples.common.nets.segmenting import (
    build_segmenting_unet,
    class_probabilities,
    overlap_and_entropy,
)
from gen_ai_examples.common.strategy import precision

EQUAL = (1.0, 1.0, 1.0)


def loss(classes, logits, weights=EQUAL, **options):
    return ops.convert_to_numpy(overlap_and_entropy(classes, logits, weights, **options))


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_a_picture_of_any_size_keeps_it(policy):
    with precision(policy):
        network = build_segmenting_unet(3, widths=(4, 8, 12))
    for shape in ((16, 16), (32, 48)):
        logits = network(np.zeros((2, *shape, 1), "float32"))
        assert logits.shape == (2, *shape, 3) and logits.dtype == "float32"


def test_the_levels_see_as_far_as_they_are_deep():
    keras.utils.set_random_seed(0)
    network = build_segmenting_unet(2, widths=(4, 8, 8))
    picture = np.random.default_rng(0).normal(size=(1, 64, 64, 1)).astype("float32")
    changed = picture.copy()
    changed[0, 32, 32] += 5
    difference = np.abs(network(picture) - network(changed)).max((0, 3))
    y, x = np.nonzero(difference > 1e-6)
    assert 12 < np.abs(y - 32).max() < 32 and 12 < np.abs(x - 32).max() < 32


def test_the_loss_of_knowing_nothing():
    classes = np.zeros((1, 20, 20), int)
    classes[0, :4, :5], classes[0, 10, :10] = 1, 2
    logits = np.zeros((1, 20, 20, 3), "float32")
    overlap = [1 - (2 * n / 3 + 10) / (n + 400 / 3 + 10) for n in (20, 10)]
    assert loss(classes, logits) == pytest.approx(np.log(3) + np.mean(overlap), rel=1e-5)
    # The weights count in the entropy alone.
    weighted = np.log(3) * (370 + 20 + 10 * 10) / 400 + np.mean(overlap)
    assert loss(classes, logits, (1.0, 1.0, 10.0)) == pytest.approx(weighted, rel=1e-5)


def test_the_loss_of_the_truth_is_zero_and_of_its_opposite_large():
    classes = np.random.default_rng(0).integers(0, 3, (4, 16, 16))
    right = 50 * np.eye(3, dtype="float32")[classes]
    np.testing.assert_allclose(loss(classes, right), np.zeros(4), atol=1e-5)
    assert (loss(classes, -right) > 10).all()


def test_a_class_that_is_not_there_is_asked_for_nowhere():
    nothing = np.zeros((1, 16, 16), int)
    sure = np.zeros((1, 16, 16, 3), "float32")
    sure[..., 0] = 50
    assert loss(nothing, sure) == pytest.approx(0, abs=1e-5)
    somewhere = sure.copy()
    somewhere[0, :4, :4] = (0, 0, 50)
    assert loss(nothing, somewhere) > 0.3


def test_each_pixel_of_the_rare_class_raises_its_own_score():
    classes = np.zeros((1, 16, 16), int)
    classes[0, 3, 3] = 2
    logits = np.zeros((1, 16, 16, 3), "float32")
    better, worse = logits.copy(), logits.copy()
    better[0, 3, 3, 2], worse[0, 3, 3, 2] = 1, -1
    assert loss(classes, better) < loss(classes, logits) < loss(classes, worse)


def test_probabilities_of_any_size_do_not_depend_on_the_orientation():
    keras.utils.set_random_seed(0)
    network = build_segmenting_unet(3, widths=(4, 8))
    picture = np.random.default_rng(0).normal(size=(37, 50)).astype("float32")
    shares = class_probabilities(network, picture)
    assert shares.shape == (37, 50, 3)
    np.testing.assert_allclose(shares.sum(-1), np.ones((37, 50)), rtol=1e-5)
    square = picture[:32, :32]
    shares = class_probabilities(network, square)
    for turn in (np.fliplr, np.flipud, np.rot90, lambda x: x.swapaxes(0, 1)):
        turned = class_probabilities(network, np.ascontiguousarray(turn(square)))
        np.testing.assert_allclose(turned, turn(shares), atol=1e-5)


def test_probabilities_belong_to_their_pixels():
    image = keras.Input((None, None, 1))
    network = keras.Model(image, layers.Concatenate()([image, -image]))
    picture = np.random.default_rng(0).normal(size=(33, 40)).astype("float32")
    shares = class_probabilities(network, picture)
    np.testing.assert_allclose(shares[..., 0], 1 / (1 + np.exp(-2 * picture)), rtol=1e-4)
