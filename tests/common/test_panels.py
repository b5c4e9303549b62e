import numpy as np

from gen_ai_examples.common.panels import largest_square, panels


def test_panels_show_every_picture_in_its_place():
    red, green, blue = (np.full((8, 12, 3), 255 * np.eye(3, dtype=np.uint8)[i]) for i in range(3))
    grey = np.full((8, 12), 128, np.uint8)
    pixels = panels([{"a": red, "b": green}, {"c": blue, "d": grey}]).pixels
    rows, columns = (n // 2 for n in pixels.shape[:2])
    expected = [[(255, 0, 0), (0, 255, 0)], [(0, 0, 255), (128, 128, 128)]]
    for i, j in np.ndindex(2, 2):
        middle = pixels[i * rows + rows * 6 // 10, j * columns + columns // 2]
        np.testing.assert_allclose(middle, expected[i][j], atol=1)


def test_largest_square_is_where_the_sum_is():
    rng = np.random.default_rng(0)
    values = rng.random((30, 43)).astype("float32")
    values[13:18, 21:26] += 10
    assert largest_square(values, 5) == (slice(13, 18), slice(21, 26))
    assert largest_square(values, 5, grid=4) == (slice(12, 17), slice(20, 25))
    assert largest_square(values, 30) == (
        slice(0, 30),
        slice(
            *(n + int(np.argmax([values[:, i : i + 30].sum() for i in range(14)])) for n in (0, 30))
        ),
    )
