import numpy as np
import pytest
from PIL import Image

from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.media import Picture
from gen_ai_examples.common.sources import image
from gen_ai_examples.common.strategy import precision
from gen_ai_examples.image import translation
from gen_ai_examples.image.translation import SIZE, build_generator, strips


def test_an_untrained_generator_draws_in_range():
    with precision("mixed_bfloat16"):
        generator = build_generator(8)
    line = np.random.default_rng(0).normal(size=(2, SIZE, SIZE, 1)).astype("float32")
    colour = generator(line)
    assert colour.shape == (2, SIZE, SIZE, 3) and colour.dtype == "float32"
    assert 0 < np.abs(colour).max() <= 1


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


def test_own_pairs_are_translated(tmp_path, eager_training):
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
