import numpy as np

from gen_ai_examples.common.batch_pictures import clocks, races


def test_the_least_of_each_panel_is_ringed_in_its_place():
    """The ring, red, moves from left to right when the least does."""
    sizes = (8, 32, 128)

    def ring(values):
        pixels = clocks({"Seconds": dict(zip(sizes, values, strict=True)), "x": {8: 1}}).pixels
        left = pixels[:, : pixels.shape[1] // 2].astype(int)
        red = (left[..., 0] > 180) & (left[..., 1] < 80) & (left[..., 2] < 80)
        return np.argwhere(red)[:, 1].mean()

    assert ring((1, 2, 3)) < ring((2, 1, 3)) < ring((3, 2, 1))


def test_every_batch_size_has_a_line_of_its_own_in_both_panels():
    values = {8: [-100.0, -50.0, -10.0], 32: [-200.0, -100.0, -20.0]}
    pixels = races(values, -15.0, "principal components", 1024, 3200).pixels
    assert pixels.dtype == np.uint8 and pixels.ndim == 3
    fewer = races({8: values[8]}, -15.0, "principal components", 1024, 3200).pixels
    middle = pixels.shape[1] // 2
    for half in (slice(None, middle), slice(middle, None)):
        assert (pixels[:, half] != fewer[:, half]).any()
