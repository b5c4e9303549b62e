import numpy as np
import pytest
from keras import layers

from gen_ai_examples.common.nets.dense_gan import build_discriminator, build_generator


@pytest.mark.parametrize("batch_norm", [False, True])
def test_every_latent_moves_the_image_which_stays_within_its_limits(batch_norm):
    generator = build_generator(4, batch_norm)
    latents = np.zeros((5, 4), "float32")
    latents[range(1, 5), range(4)] = 100.0
    images = np.asarray(generator(latents))
    assert images.shape == (5, 8, 8, 1) and np.abs(images).max() <= 1
    assert all(np.abs(images[i] - images[0]).max() > 0.1 for i in range(1, 5))


def test_with_batch_norm_the_size_of_the_latents_does_not_matter():
    generator = build_generator(4, batch_norm=True)
    latents = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
    once, tenfold = (np.asarray(generator(k * latents, training=True)) for k in (10, 100))
    # Beside the variance of latents of 10, what normalisation adds to it is little.
    np.testing.assert_allclose(once, tenfold, atol=0.02)
    plain = build_generator(4)
    once, tenfold = (np.asarray(plain(k * latents, training=True)) for k in (1, 10))
    assert np.abs(once - tenfold).max() > 0.5


def test_the_spectral_norm_bounds_every_layer():
    picture = np.zeros((1, 8, 8, 1), "float32")
    for norm, bounded in ((False, False), (True, True)):
        discriminator = build_discriminator(norm)
        dense = [
            its.layer if norm else its
            for its in discriminator.layers
            if isinstance(its, layers.SpectralNormalization if norm else layers.Dense)
        ]
        assert len(dense) == 3
        for its in dense:
            its.kernel.assign(3 * its.kernel)
        for _ in range(30):  # each call comes nearer to the largest singular value
            assert discriminator(picture, training=True).shape == (1, 1)
        largest = [np.linalg.svd(its.kernel.numpy(), compute_uv=False)[0] for its in dense]
        assert (max(largest) < 1.05) == bounded
