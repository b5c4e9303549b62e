import keras
import numpy as np
import pytest
from PIL import Image

from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.media import Picture
from gen_ai_examples.common.sources import image
from gen_ai_examples.common.strategy import precision
from gen_ai_examples.image import translation
from gen_ai_examples.image.translation import (
    SIZE,
    build_discriminator,
    build_generator,
    space_to_depth,
    strips,
)


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_networks_end_in_full_precision_and_in_range(policy):
    with precision(policy):
        generator, discriminator = build_generator(8), build_discriminator(8)
    line = np.random.default_rng(0).normal(size=(2, SIZE, SIZE, 1)).astype("float32")
    colour = generator(line)
    assert colour.shape == (2, SIZE, SIZE, 3) and colour.dtype == "float32"
    assert np.abs(colour).max() <= 1
    logits = discriminator([keras.ops.convert_to_tensor(line), colour])
    assert logits.shape == (2, 8, 8, 1) and logits.dtype == "float32"


def test_a_logit_sees_a_patch_of_38_pixels():
    discriminator = build_discriminator(8)
    line = np.zeros((1, SIZE, SIZE, 1), "float32")
    seen = set()
    base = np.zeros((1, SIZE, SIZE, 3), "float32")
    before = discriminator.predict([line, base], verbose=0)[0, 4, 4, 0]
    for x in range(SIZE):
        picture = base.copy()
        picture[0, :, x] = 1
        if discriminator.predict([line, picture], verbose=0)[0, 4, 4, 0] != before:
            seen.add(x)
    assert len(seen) == 38 and max(seen) - min(seen) == 37


def test_every_pixel_of_the_line_art_reaches_the_last_layers_at_its_place():
    line = np.arange(2 * SIZE * SIZE, dtype="float32").reshape(2, SIZE, SIZE, 1)
    quarters = np.asarray(space_to_depth(keras.ops.convert_to_tensor(line)))
    assert quarters.shape == (2, SIZE // 2, SIZE // 2, 4)
    np.testing.assert_array_equal(quarters[1, 5, 7].reshape(2, 2), line[1, 10:12, 14:16, 0])


def test_near_copies_are_on_one_side_and_pairs_stay_pairs():
    line, colour = image.emoji_pairs(SIZE)
    parts = [*zip(line.split(), colour.split(), strict=True)]
    for drawn, painted in parts:
        assert drawn.captions == painted.captions
    assert not {*parts[0][0].groups} & {*parts[1][0].groups}


def test_strips_show_the_chosen_pictures_of_every_method():
    pictures = {name: np.full((5, 8, 8, 3), x, "float32") for name, x in [("a", -1), ("b", 0)]}
    picture = strips(pictures, [0, 3])
    assert isinstance(picture, Picture)
    dark, grey = ((picture.pixels == shade).all(-1).sum() for shade in (0, 128))
    assert dark > 0.5 * grey > 1000


def test_own_pairs_are_translated(tmp_path):
    rng = np.random.default_rng(0)
    for side in ("input", "target"):
        (tmp_path / side).mkdir()
        for i in range(15):
            pixels = rng.integers(0, 256, (20, 24, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / side / f"{i}.png")
    answer = translation.main(images=str(tmp_path), **translation.SMOKE)
    assert np.isfinite([claim.value for claim in answer.claims]).all()
    with pytest.raises(InputError, match="no folder"):
        translation.main(images=str(tmp_path / "nowhere"), **translation.SMOKE)
