import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.metrics.scaling import (
    ScalingLaw,
    StepCost,
    fit_scaling_law,
    fit_step_cost,
    on_line,
    on_power_law,
    tokens_needed,
    transformer_flops,
)

SIZES, LENGTHS = np.meshgrid([1e4, 3e4, 1e5, 3e5], [1e5, 3e5, 1e6])
# Hoffmann et al. 2022, section D.3.
CHINCHILLA = ScalingLaw(1.69, 406.4, 0.34, 410.7, 0.28)


def test_the_law_of_the_paper_has_the_loss_of_the_paper():
    # 70 billion weights and 1.4 trillion tokens, table 9 of its review: 1.94.
    assert CHINCHILLA(70e9, 1.4e12) == pytest.approx(1.69 + 0.0834 + 0.1634, abs=1e-3)


@settings(max_examples=20, deadline=None)
@given(
    st.floats(0.5, 3),
    st.floats(0.2, 0.8),
    st.floats(0.2, 0.8),
    st.floats(0.2, 2),
    st.floats(0.2, 2),
)
def test_a_law_is_found_again_and_foretells_what_lies_outside(
    floor, alpha, beta, of_size, of_length
):
    law = ScalingLaw(floor, of_size * 1e4**alpha, alpha, of_length * 1e5**beta, beta)
    found = fit_scaling_law(SIZES.ravel(), LENGTHS.ravel(), law(SIZES, LENGTHS).ravel())
    assert found(3e6, 1e7) == pytest.approx(law(3e6, 1e7), rel=2e-2)
    np.testing.assert_allclose(found(SIZES, LENGTHS), law(SIZES, LENGTHS), rtol=1e-3)


def test_one_bad_training_spoils_little():
    losses = CHINCHILLA(SIZES, LENGTHS).ravel()
    losses[5] *= 1.3
    found = fit_scaling_law(SIZES.ravel(), LENGTHS.ravel(), losses)
    others = np.delete(found(SIZES, LENGTHS).ravel() / losses, 5)
    np.testing.assert_allclose(others, 1, atol=0.02)


def test_lines_and_powers_go_on_as_they_went():
    sizes = [1e3, 1e4, 1e5, 1e6]
    straight = [np.array([4 - 0.5 * n, 3 - 0.25 * n]) for n in range(4)]
    np.testing.assert_allclose(on_line(sizes, straight[:3]), straight[3])
    powers = [np.array([9.0, 3.0]) * 0.8**n for n in range(4)]
    np.testing.assert_allclose(on_power_law(sizes, powers[:3]), powers[3])


def test_the_tokens_that_a_loss_takes():
    def loss_after(tokens):
        return 2 + 100 * tokens**-0.5

    assert tokens_needed(loss_after, 2.1) == pytest.approx(1e6, rel=0.02)
    assert tokens_needed(loss_after, 2.0) == float("inf")


def test_a_transformer_counts_its_products():
    # One block of 2 features, 3 tokens: four products of 2 by 2, two of 2 by 8, and the attention.
    products = 2 * 3 * (4 * 2 * 2 + 2 * 2 * 8) + 2 * (2 * 3 * 3 * 2)
    assert transformer_flops(4 * 2 * 2 + 2 * 2 * 8, 3, 1, 3, 2) == 3 * products


def test_a_cost_is_found_again():
    cost, flops = StepCost(2e-3, 5e10), np.array([1e6, 1e7, 3e8])
    found = fit_step_cost(flops, cost(flops))
    assert (found.overhead, found.speed) == pytest.approx((2e-3, 5e10))
    # Never below nothing, whatever was measured.
    assert fit_step_cost([1e6, 1e7], [1e-4, 2e-3]).overhead == 0
    assert fit_step_cost([1e6, 1e7], [2e-3, 1e-3])(1e9) == pytest.approx(4 / 3 * 1e-3, rel=0.3)


def test_too_little_to_tell_is_refused():
    with pytest.raises(InputError, match="five trainings"):
        fit_scaling_law([1e4] * 6, np.linspace(1e5, 1e6, 6), np.linspace(3, 2, 6))
    with pytest.raises(InputError, match="at least two models"):
        fit_step_cost([1e6, 1e6], [1e-3, 2e-3])
