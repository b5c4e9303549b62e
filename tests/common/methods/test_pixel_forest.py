import numpy as np

from gen_ai_examples.common.methods.pixel_forest import PixelForest, surroundings


def drawings(n, size=32):
    """Frames of ink: some around a large area, some around a small one."""
    pictures = np.ones((n, size, size, 1), "float32")
    for i in range(n):
        a, b = (4, 28) if i % 2 else (11, 21)
        pictures[i, a:b, a:b] = -1
        pictures[i, a + 2 : b - 2, a + 2 : b - 2] = 1
    return pictures


def test_surroundings_of_each_pixel():
    drawing = drawings(2)[1:]
    known = surroundings(drawing)
    assert known.shape == (1, 32, 32, 60) and np.isfinite(known).all()
    # First: the nine pixels themselves, in reading order, the middle one being the pixel.
    np.testing.assert_array_equal(known[0, ..., 4], drawing[0, ..., 0])
    np.testing.assert_array_equal(known[0, 1:-1, 1:-1, 5], drawing[0, 1:-1, 2:, 0])
    np.testing.assert_array_equal(known[0, 1:-1, 1:-1, 7], drawing[0, 2:, 1:-1, 0])
    y, x, off_middle, to_paper, to_ink = known[0, 16, 10, 45:50]
    np.testing.assert_allclose([y, x, off_middle], [16 / 32, 10 / 32, 6 / 32])
    np.testing.assert_allclose([to_paper, to_ink], [0, 5 / 32])  # ink ends at column 5


def test_the_closed_region_of_a_pixel_is_known():
    known = surroundings(drawings(2)[1:])[0]
    inside, outside = known[16, 16, 50:], known[0, 0, 50:]
    np.testing.assert_allclose(inside[0], 20**2 / 32**2, rtol=1e-6)
    np.testing.assert_allclose(inside[1:3], 15.5 / 32, rtol=1e-6)
    np.testing.assert_allclose(inside[3:6], [20 / 32, 20 / 32, 1], rtol=1e-6)
    assert inside[8] == 0 and outside[8] == 1
    ink = (24**2 - 20**2) / 32**2
    np.testing.assert_allclose([inside[9], outside[9]], ink, rtol=1e-6)


def test_a_drawing_without_ink_and_one_of_ink_alone_are_fine():
    blank = np.stack([np.full((16, 16, 1), shade, "float32") for shade in (-1, 1)])
    assert np.isfinite(surroundings(blank)).all()


def test_a_forest_learns_to_fill_areas_by_their_size():
    given = drawings(40)
    wanted = np.ones((40, 32, 32, 3), "float32")
    for i in range(40):
        a, b = (6, 26) if i % 2 else (13, 19)
        wanted[i, a:b, a:b] = (1, -1, -1) if i % 2 else (-1, -1, 1)
    forest = PixelForest(given[:30], wanted[:30], per_picture=100, trees=10, leaf=2)
    coloured = forest(given[30:])
    assert coloured.shape == (10, 32, 32, 3) and coloured.dtype == np.float32
    assert np.abs(coloured - wanted[30:]).mean() < 0.05
    again = PixelForest(given[:30], wanted[:30], per_picture=100, trees=10, leaf=2)(given[30:])
    np.testing.assert_array_equal(coloured, again)
