import numpy as np
import pytest
import tensorflow as tf

from gen_ai_examples.common.nets.pix2pix import build_patch_discriminator, build_translator
from gen_ai_examples.common.strategy import precision


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize(("size", "stem_stride"), [(16, 2), (16, 1)])
def test_a_translator_keeps_the_size_and_ends_in_full_precision(policy, size, stem_stride):
    with precision(policy):
        network = build_translator((size, size, 4), 3, 8, stem_stride)
    picture = network(np.zeros((2, size, size, 4), "float32"))
    assert picture.shape == (2, size, size, 3) and picture.dtype == "float32"


@pytest.mark.parametrize("stem_stride", [1, 2])
def test_every_pixel_given_reaches_its_own_place_and_the_whole_picture(stem_stride):
    network = build_translator((32, 32, 1), 1, 8, stem_stride)
    given = tf.constant(np.random.default_rng(0).normal(size=(1, 32, 32, 1)), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(given)
        middle = network(given)[0, 13, 17, 0]
    slopes = np.abs(tape.gradient(middle, given)[0, ..., 0])
    y, x = np.unravel_index(slopes.argmax(), slopes.shape)
    assert max(abs(y - 13), abs(x - 17)) <= 2
    # Not all corners at once: rectifiers are shut somewhere.
    assert (slopes[[0, 0, -1, -1], [0, -1, 0, -1]] > 0).any()


def test_a_logit_judges_a_patch_of_38_pixels():
    discriminator = build_patch_discriminator((64, 64, 1), 8)
    given = tf.zeros((1, 64, 64, 1))
    picture = tf.random.stateless_normal((1, 64, 64, 3), (0, 0))
    with tf.GradientTape() as tape:
        tape.watch(picture)
        logits = discriminator([given, picture])
        logit = logits[0, 4, 4, 0]
    assert logits.shape == (1, 8, 8, 1)
    seen = np.flatnonzero(np.abs(tape.gradient(logit, picture)).sum((0, 1, 3)))
    assert len(seen) == 38 and np.ptp(seen) == 37


def test_the_judge_sees_what_was_given():
    discriminator = build_patch_discriminator((16, 16, 1), 8)
    picture = tf.zeros((1, 16, 16, 3))
    one, other = (discriminator([tf.fill((1, 16, 16, 1), x), picture]) for x in (-1.0, 1.0))
    assert np.abs(one - other).max() > 1e-4
