import numpy as np
import pytest

from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.methods.codebook import PatchCodebook
from gen_ai_examples.common.sources import image


def test_images_made_of_few_patches_come_back_unchanged():
    patches = np.random.default_rng(0).uniform(-1, 1, (5, 2, 3, 3, 3)).astype("float32")[:, 0]
    which = np.random.default_rng(1).integers(0, 5, (20, 2, 4))  # rows and columns differ
    images = patches[which].transpose(0, 1, 3, 2, 4, 5).reshape(20, 6, 12, 3)
    codebook = PatchCodebook(images, 5, patch=3)
    tokens = codebook.encode(images)
    assert tokens.shape == (20, 8) and tokens.dtype == np.int32 and codebook.length == 8
    np.testing.assert_allclose(codebook.decode(tokens), images, atol=1e-5)
    # Row by row: the same patch, the same token.
    assert len({pair for pair in zip(which.ravel(), tokens.ravel(), strict=True)}) == 5


def test_a_larger_codebook_comes_nearer_to_images_it_has_not_seen():
    train, held_out = image.digits().split()
    errors = []
    for size in (1, 8, 64):
        codebook = PatchCodebook(train.images, size)
        again = codebook.decode(codebook.encode(held_out.images))
        errors.append(np.mean((again - held_out.images) ** 2))
    assert errors[0] > 1.5 * errors[1] > 1.5 * 1.2 * errors[2]


def test_decoding_what_was_encoded_is_stable():
    images = image.digits().images[:200]
    codebook = PatchCodebook(images, 16, seed=1)
    tokens = codebook.encode(images)
    np.testing.assert_array_equal(codebook.encode(codebook.decode(tokens)), tokens)


@pytest.mark.parametrize("options", [dict(patch=3), dict(size=0), dict(size=10**6)])
def test_bad_input_is_told(options):
    with pytest.raises(InputError):
        PatchCodebook(image.digits().images[:10], **options)
