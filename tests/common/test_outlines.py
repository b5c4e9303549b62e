import numpy as np

from gen_ai_examples.common.outlines import BLUE, ORANGE, close_ups, grey, outlined, side_by_side
from gen_ai_examples.common.sources.microscopy import micrographs


def test_grey_rises_with_brightness_and_stays_in_range():
    shades = grey(np.array([[-1, 0, 0.1, 0.5, 1, 5]]))[0, :, 0].astype(int)
    assert (np.diff(shades) >= 0).all() and (np.diff(shades[1:5]) > 20).all()
    assert shades[0] >= 0 and shades[-1] <= 255


def test_outlines_surround_the_objects_in_their_colour():
    image = np.zeros((20, 20))
    nuclei, micronuclei = np.zeros((2, 20, 20), int)
    nuclei[2:9, 2:9], micronuclei[14:17, 14:17] = 1, 1
    picture = outlined(image, nuclei, micronuclei, scale=3)
    assert picture.shape == (60, 60, 3) and picture.dtype == np.uint8
    blue, orange = ((picture == colour).all(-1) for colour in (BLUE, ORANGE))
    y, x = np.nonzero(blue)
    assert (y.min(), y.max(), x.min(), x.max()) == (5, 27, 5, 27)
    y, x = np.nonzero(orange)
    assert (y.min(), y.max(), x.min(), x.max()) == (41, 51, 41, 51)
    assert not blue[8:25, 8:25].any() and not orange[44:49, 44:49].any()
    plain = outlined(image, nuclei * 0, micronuclei * 0, scale=1)
    np.testing.assert_array_equal(plain, grey(image))


def test_a_line_runs_between_nuclei_that_touch():
    nuclei = np.ones((10, 20), int)
    nuclei[:, 10:] = 2
    picture = outlined(np.zeros((10, 20)), nuclei, nuclei * 0, scale=2)
    assert (picture[5, 19:21] == BLUE).all()
    assert not (picture[:, :15] == BLUE).all(-1).any()


def test_panels_have_a_row_for_each_day_and_a_column_for_each_method():
    fields = micrographs()[2:5]  # of two days
    found = {"one": [f.classes for f in fields], "two": [f.classes * 0 for f in fields]}
    rows = close_ups(fields, found, [f.micronuclei > 0 for f in fields], side=64)
    single = side_by_side(fields[0], {"one": fields[0].classes})
    height, width = rows.pixels.shape[:2]
    assert 1.6 < width / height < 2.1  # four by two, and titles
    assert single.pixels.shape[1] > 1.8 * single.pixels.shape[0]
