import keras
import numpy as np
import pytest

from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.methods.colour_propagation import to_lab
from gen_ai_examples.common.methods.colouring import Colouring
from gen_ai_examples.common.nets.colouring import build_colouring
from gen_ai_examples.common.sources.clips import Footage
from gen_ai_examples.video import colorization
from gen_ai_examples.video.colorization import (
    HELD_OUT,
    MOVING,
    OURS,
    STILL,
    UNSTEADY,
    colourings,
    footage,
    pictures,
    to_learn_from,
)

# In one process, where the shots are decoded once.
pytestmark = pytest.mark.xdist_group("colorization")


@pytest.fixture(scope="module")
def shots():
    return footage(None)


@pytest.fixture(scope="module")
def clip(shots):
    """Five frames of a corner of a training shot, (5, 64, 80, 3)."""
    return Footage(shots[0]["leap"].frames[:5, 60:124, 100:180], 24.0)


def test_shots_are_held_out_whole(shots):
    known, held_out = shots
    assert set(held_out) == set(HELD_OUT) and len(known) == 18 and not set(known) & set(held_out)


def test_examples_are_made_from_either_end(clip):
    forwards, backwards = (to_learn_from(clip, 5, way) for way in (1, -1))
    lab = to_lab(clip.frames, 2)
    np.testing.assert_array_equal(forwards.first, lab[0])
    np.testing.assert_array_equal(forwards.lab, lab[[2]])
    np.testing.assert_array_equal(backwards.first, lab[4])
    np.testing.assert_array_equal(backwards.lab, lab[[2]])


def test_every_method_but_grey_keeps_the_first_frame_and_sees_no_other_colour(clip):
    model = Colouring(build_colouring(8))
    lab = to_lab(clip.frames, 2)
    methods = colourings(model, lab)
    hidden = lab.copy()
    hidden[1:, ..., 1:] = 0
    blind = colourings(model, hidden)
    assert set(methods) == {*STILL, *MOVING, UNSTEADY, OURS}
    assert not methods["grey"].any()
    for name, ab in methods.items():
        assert ab.shape == (5, 32, 40, 2)
        np.testing.assert_array_equal(ab, blind[name])
        if name != "grey":
            np.testing.assert_allclose(ab[0], lab[0, ..., 1:])
    error = {name: np.abs(ab - lab[..., 1:]).mean() for name, ab in methods.items()}
    assert error[MOVING[-1]] < 0.8 * error["colours left in place"] < error["grey"]


def test_pictures_have_the_lightness_of_the_frames(clip):
    lab = to_lab(clip.frames, 2)
    coloured = dict.fromkeys((*STILL, *MOVING, OURS), lab[..., 1:])
    shown = pictures(clip, coloured, range(0, 60, 2))
    np.testing.assert_array_equal(shown["original"], clip.frames[::2])
    last = pictures(clip, coloured, [-1])
    np.testing.assert_array_equal(last["original"], clip.frames[-1:])
    assert shown[OURS].dtype == np.uint8 and shown[OURS].shape == (3, 64, 80, 3)
    lightness = [to_lab(x)[..., 0] for x in (shown[OURS], clip.frames[::2])]
    assert np.abs(np.subtract(*lightness)).mean() < 1
    assert np.abs(np.subtract(shown[OURS], clip.frames[::2], dtype=float)).mean() < 6


def test_a_missing_video_is_named():
    keras.utils.set_random_seed(0)
    with pytest.raises(InputError, match="no file or folder"):
        colorization.main(video="nowhere", **colorization.SMOKE)
