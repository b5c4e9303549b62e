import numpy as np
import pytest
from PIL import Image

from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.sources.holes import fixed_strokes
from gen_ai_examples.image import inpainting
from gen_ai_examples.image.inpainting import distance, hole_psnr


def test_the_hole_alone_is_measured():
    truth = np.zeros((3, 16, 16, 1), "float32")
    hole = fixed_strokes(0.5, 3, 16, 0)
    off = truth + 0.2 * hole + 0.7 * (1 - hole)
    assert distance(off, truth, hole) == pytest.approx(0.2)
    assert hole_psnr(off, truth, hole) == pytest.approx(20)


def test_own_pictures_are_filled(tmp_path, eager_training, monkeypatch):
    monkeypatch.setattr(inpainting, "WIDTHS", (8,))
    rng = np.random.default_rng(0)
    for i in range(50):
        pixels = rng.integers(0, 256, (40, 36, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{i}.png")
    answer = inpainting.main(images=str(tmp_path), **inpainting.SMOKE)
    assert np.isfinite([claim.value for claim in answer.claims]).all()
    assert answer.media.keys() == {"completed", "several_answers", "least_recognised"}


def test_pictures_that_are_not_there_are_told_of(tmp_path):
    with pytest.raises(InputError, match="no folder"):
        inpainting.main(images=str(tmp_path / "nowhere"), **inpainting.SMOKE)
    for i in range(6):
        Image.fromarray(np.zeros((30, 30), "uint8")).save(tmp_path / f"{i}.png")
    with pytest.raises(InputError):
        inpainting.main(images=str(tmp_path), **inpainting.SMOKE)
