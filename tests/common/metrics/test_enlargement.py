import numpy as np
import pytest
from skimage.color import rgb2ycbcr

from gen_ai_examples.common.metrics.enlargement import coloured, measure
from gen_ai_examples.common.sources import image
from gen_ai_examples.common.sources.photos import enlarge, luminance, shrink, whole_blocks


@pytest.fixture(scope="module")
def photo():
    return whole_blocks(image.photographs()["chelsea"][:160, :200], 4)


def test_the_original_is_perfect_and_its_mean_is_not(photo):
    truth = luminance(photo)
    perfect = measure(photo, truth, 4)
    assert perfect["PSNR"] == np.inf and perfect["SSIM"] == perfect["sharpness"] == 1
    assert perfect["PSNR of the input"] > 50  # the input was rounded to 8 bits
    assert perfect["PSNR of RGB"] < 60  # the colour was not given
    flat = measure(photo, np.full_like(truth, truth.mean()), 4)
    assert flat["PSNR"] < 20 and flat["SSIM"] < 0.5 and flat["sharpness"] == 0


def test_the_border_does_not_count(photo):
    y = luminance(photo).copy()
    y[:4] = y[-4:] = y[:, :4] = y[:, -4:] = 0
    assert measure(photo, y, 4)["PSNR"] == np.inf
    y[4, 4] += 0.5
    n = (y.shape[0] - 8) * (y.shape[1] - 8)
    expected = 10 * np.log10(2**2 / (0.5**2 / n))
    assert measure(photo, y, 4)["PSNR"] == pytest.approx(expected, abs=1e-3)


def test_coloured_has_the_luminance_given_and_the_colour_of_the_small_photograph(photo):
    picture = coloured(photo, luminance(photo), 4)
    assert np.abs(luminance(picture) - luminance(photo)).mean() < 0.5 / 127.5
    smooth = enlarge(shrink(photo, 4), 4)
    difference = rgb2ycbcr(picture)[..., 1:] - rgb2ycbcr(smooth)[..., 1:]
    assert np.abs(difference).mean() < 0.3
