import numpy as np

from gen_ai_examples.common.compression_pictures import sizes_and_samples


def test_samples_stand_left_and_the_plot_right():
    black = np.full((20, 8, 8, 1), -1, "float32")
    points = {"rounded": {"8 bits": (2.0, 31.0)}, "cut": {"x": (3.0, 90.0), "y": (1.0, 91.0)}}
    samples = dict.fromkeys("abcd", black)
    pixels = sizes_and_samples(samples, points, (9.0, 30.0), "kB", "distance", best=3.0).pixels
    left, right = np.array_split(pixels, 2, axis=1)
    shares = [(half.max(2) < 5).mean() for half in (left, right)]
    assert shares[0] > 0.1 and shares[1] < 0.05
