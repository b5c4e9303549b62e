import keras
import numpy as np
import pytest

from gen_ai_examples.training.learning_rate import (
    AVERAGED,
    CONSTANT,
    COSINE,
    PLATEAU,
    SCHEDULES,
    WARM,
    halved,
    train_vae,
)

pytestmark = pytest.mark.usefixtures("one_device")


def course(schedule, steps=100):
    """The rate before each update, and after the last, (steps + 1,); it peaks at 2."""
    return np.array([float(SCHEDULES[schedule](2.0, steps)(step)) for step in range(steps + 1)])


def test_warm_up_rises_along_a_line_and_ends_at_zero_with_the_last_update():
    rates = course(WARM)
    np.testing.assert_allclose(rates[:11], np.linspace(0, 2, 11), atol=1e-6)
    assert (np.diff(rates[10:]) < 0).all()
    assert rates[-1] == pytest.approx(0, abs=1e-6)


def test_cosine_falls_all_the_way_and_the_periodic_one_rises_twice_more():
    cosine, periodic = course(COSINE), course("periodic")
    assert cosine[0] == periodic[0] == 2
    assert (np.diff(cosine) < 0).all()
    assert (np.diff(periodic) > 0).sum() == 2
    assert cosine[-1] == pytest.approx(0, abs=1e-6) and periodic[-1] < 0.05


def test_steps_go_down_to_a_64th():
    rates = course("three steps down")
    assert [rates[i] for i in (0, 60, 61, 81, 91, 100)] == [2, 2, 2 / 4, 2 / 16, 2 / 64, 2 / 64]


@pytest.fixture
def sets():
    rng = np.random.default_rng(0)
    images = rng.uniform(-1, 1, (24, 4, 4, 1)).astype("float32")
    noise = rng.normal(size=(24, 2)).astype("float32")
    return {name: (images, noise) for name in ("training", "set aside", "held out")}


def test_a_plateau_lowers_the_rate_and_progress_does_not(sets):
    """So small a rate changes nothing, which is a plateau."""
    rates = train_vae(sets, PLATEAU, 1e-12, 40, 2, 8, seed=0)[1]["rate"]
    assert rates[0] == pytest.approx(1e-12) and rates[-1] < 1e-15
    rates = train_vae(sets, PLATEAU, 1e-3, 40, 2, 8, seed=0)[1]["rate"]
    assert rates == pytest.approx([1e-3] * 20)


def test_averaging_changes_the_weights_of_the_end_and_not_the_training(sets):
    raw, of_raw, _ = train_vae(sets, CONSTANT, 1e-2, 40, 2, 8, seed=0)
    averaged, of_averaged, _ = train_vae(sets, AVERAGED, 1e-2, 40, 2, 8, seed=0)
    np.testing.assert_allclose(of_raw["held out"], of_averaged["held out"], rtol=1e-5)
    assert raw["held out"] == pytest.approx(of_raw["held out"][-1], rel=1e-5)
    assert abs(averaged["held out"] - raw["held out"]) > 1e-2


def test_a_training_that_diverges_counts_as_none(sets):
    ends, _, restored = train_vae(sets, CONSTANT, 1e30, 40, 2, 8, seed=0)
    untrained, _, untouched = train_vae(sets, CONSTANT, 0.0, 1, 1, 8, seed=0)
    assert ends == pytest.approx(untrained)
    np.testing.assert_allclose(restored, untouched, atol=1e-6)


def test_four_pixels_become_their_mean():
    picture = np.arange(16.0).reshape(1, 4, 4, 1)
    assert halved(picture)[0, :, :, 0].tolist() == [[2.5, 4.5], [10.5, 12.5]]


def test_compile_takes_no_learning_rate_as_the_article_has_it():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    with pytest.raises(TypeError, match="learning_rate"):
        model.compile(optimizer="adam", loss="binary_crossentropy", learning_rate=0.001)
