import numpy as np
from PIL import Image

from gen_ai_examples.common.sources.picture_files import opened_one_by_one


def test_each_pass_has_every_picture_moved_by_a_few_pixels_at_most(tmp_path):
    files = [str(tmp_path / f"{i}.png") for i in range(3)]
    for i, file in enumerate(files):
        pixels = np.full((20, 20, 3), 255, np.uint8)
        pixels[6:14, 6:14] = 60 * i  # a dark square in the middle, on white
        Image.fromarray(pixels).save(file)
    pictures = opened_one_by_one(files, 4, seed=0)
    for _ in range(4):
        found = [next(pictures) for _ in files]
        assert all(image.shape == (10, 10, 3) for image in found)
        assert sorted(round((image.min() + 1) * 127.5) for image in found) == [0, 60, 120]
        for image in found:  # the square stays within, so white and dark keep their areas
            white = (1 - image[..., 0]).sum() / (1 - image.min())
            np.testing.assert_allclose(white, 16, rtol=1e-3)
