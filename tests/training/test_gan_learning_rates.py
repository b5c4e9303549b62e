import functools

import keras
import numpy as np
import pytest

from gen_ai_examples.training import gan_learning_rates as module
from gen_ai_examples.training.gan_learning_rates import build_gan, median_frechet, play

pytestmark = pytest.mark.usefixtures("one_device")

RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(-1, 1, (16, 8, 8, 1)).astype("float32")
LATENTS = RNG.normal(size=(5, 4)).astype("float32")


@functools.cache
def of_other_rates():
    return build_gan(4, 0.5, 0.5)


@functools.cache
def drawn(g_rate, d_rate, falling=False, steps=3, seeds=(1,)):
    """By a GAN that was built for other rates if they are constant, as the example reuses it."""
    build = functools.partial(build_gan, 4, g_rate, d_rate, steps if falling else 0)
    gan = build() if falling else of_other_rates()
    return play(gan, build, IMAGES, LATENTS, steps, 8, seeds)


def test_the_players_have_the_shapes_and_range_of_digits():
    gan = build_gan(4, 1e-3, 1e-3)
    images = gan.sample(100 * LATENTS)
    assert images.shape == (5, 8, 8, 1) and np.abs(images).max() <= 1
    assert gan.discriminator(images).shape == (5, 1)


def test_each_player_moves_at_its_own_rate():
    """The generator stands still if its own rate is zero, whatever the discriminator's."""
    keras.utils.set_random_seed(1)
    untrained = build_gan(4, 0.0, 0.0).sample(LATENTS)
    np.testing.assert_allclose(drawn(0.0, 1e-2)[0], untrained, atol=1e-6)
    moved = drawn(1e-2, 0.0)[0]
    assert np.abs(moved - untrained).max() > 1e-2
    assert np.abs(drawn(1e-2, 1e-2)[0] - moved).max() > 1e-4


def test_falling_rates_go_less_far():
    keras.utils.set_random_seed(1)
    untrained = build_gan(4, 0.0, 0.0).sample(LATENTS)
    whole, falling = (np.abs(drawn(1e-3, 1e-3, its)[0] - untrained).sum() for its in (False, True))
    assert 0.3 * whole < falling < 0.9 * whole


def test_a_seed_gives_the_same_whichever_came_before():
    """Its optimizers begin anew too, or the rates would have fallen already."""
    alone, after = drawn(1e-2, 1e-2, True), drawn(1e-2, 1e-2, True, seeds=(0, 1))
    np.testing.assert_allclose(alone[0], after[1], atol=1e-6)
    assert np.abs(after[0] - after[1]).max() > 1e-2


def test_a_game_that_diverges_is_judged_by_what_it_draws():
    assert np.isfinite(drawn(1e30, 1e30)[0]).all()


def test_one_bad_seed_of_three_does_not_decide():
    real = RNG.normal(size=(200, 2))
    sets = [real, real + 100, real + 1]
    assert median_frechet(lambda images: images, real, sets) == pytest.approx(2)


def test_the_grid_has_both_orders_of_the_players():
    times = {game: its for game, (its, _) in module.GAMES.items()}
    assert times[module.SLOWER] < times[module.EQUAL] == 1 < times[module.FASTER]
