import numpy as np

from gen_ai_examples.common.pipeline_pictures import overview


def test_the_bars_show_waiting_and_training_in_proportion():
    strips = {name: np.zeros((3, 8, 8, 3), "float32") for name in "abc"}
    curves = {"it": (np.array([1, 2]), np.array([0.0, 1.0]))}

    def red(waited):
        pixels = overview({"one": (0.4, waited)}, curves, "Quality", strips).pixels
        return np.all(pixels == (0xC4, 0x4E, 0x52), axis=-1).sum()

    assert overview({"one": (0.4, 0.1)}, curves, "Quality", strips).pixels.shape[2] == 3
    legend = red(0.0)
    assert red(0.2) - legend > 1.7 * (red(0.1) - legend) > 0
