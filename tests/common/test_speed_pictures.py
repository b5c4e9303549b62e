import numpy as np

from gen_ai_examples.common.speed_pictures import distance_over_time

EACH = {"a GAN": 1e-4, "1 step": 1e-3, "2 steps": 2e-3}
LATENCY = {"a GAN": 1e-3, "1 step": 1e-2, "2 steps": 2e-2}
DISTANCE = {"a GAN": 20.0, "1 step": 40.0, "2 steps": 10.0}
STEPS = {"1 step": 1, "2 steps": 2}
FLOW = (255, 127, 14)  # the second line


def drawn(steps=STEPS, **changed):
    figures = dict(each=EACH, latency=LATENCY, distance=DISTANCE)
    figures = {name: its | changed.get(name, {}) for name, its in figures.items()}
    return distance_over_time(**figures, steps=steps, best=5.0).pixels.astype(int)


def test_the_steps_of_a_flow_are_joined_by_a_line():
    joined = (np.abs(drawn() - FLOW).sum(-1) < 60).sum()
    apart = (np.abs(drawn(steps={}) - FLOW).sum(-1) < 60).sum()
    assert joined > 2 * apart > 0


def test_every_number_is_drawn():
    before = drawn()
    for what, value in (("each", 3e-4), ("latency", 3e-3), ("distance", 30.0)):
        assert (drawn(**{what: {"a GAN": value}}) != before).any(), what
