import numpy as np
import pytest

from gen_ai_examples.common.methods.stacked import StackedNetworks

pytestmark = pytest.mark.usefixtures("one_device")


def test_it_learns_to_take_its_own_noise_for_real():
    stacked = StackedNetworks((8, 8, 1), steps=150, batch_size=16, seed=0)
    drawn = stacked.sample(200, seed=1)
    assert drawn.shape == (200, 8, 8, 1)
    assert stacked.believes(drawn) > 0.9
    assert stacked.believes(drawn) > stacked.believes(np.zeros((10, 8, 8, 1), "float32"))


def test_before_any_lesson_it_believes_by_halves():
    stacked = StackedNetworks((8, 8, 1), steps=1, batch_size=16, seed=0)
    assert abs(stacked.believes(np.zeros((10, 8, 8, 1), "float32")) - 0.5) < 0.05
