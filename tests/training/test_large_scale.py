import numpy as np
import pytest

from gen_ai_examples.common.errors import InputError
from gen_ai_examples.training import large_scale
from gen_ai_examples.training.large_scale import (
    CONTEXT,
    build,
    main,
    on_line,
    plan,
    state_of,
    tokens_needed,
    train,
    weights_of,
)

TEXT = np.random.default_rng(0).integers(0, 20, 4000).astype(np.int32)


def test_weights_are_those_that_features_meet():
    network = build(20, 32, 2, 0.01).network
    blocks = 2 * (4 * 32 * 32 + 2 * 4 * 32 * 32)
    assert weights_of(network) == blocks + 32 * 20
    assert network.heads == 2  # of 16 features each


def test_lines_go_on_as_they_went():
    sizes = [1e3, 1e4, 1e5, 1e6]
    losses = [np.array([4 - 0.5 * n, 3 - 0.25 * n]) for n in range(3)]
    np.testing.assert_allclose(on_line(sizes, [*losses, None]), [2.5, 2.25])
    losses = [np.array([9.0, 3.0]) * 0.8**n for n in range(3)]
    np.testing.assert_allclose(
        on_line(sizes, [*losses, None], in_logarithms=True), np.array([9.0, 3.0]) * 0.8**3
    )


def test_the_tokens_that_a_loss_takes():
    def loss_after(tokens):
        return 2 + 100 * tokens**-0.5

    assert tokens_needed(loss_after, 2.1) == pytest.approx(1e6, rel=0.02)
    assert tokens_needed(loss_after, 2.0) == float("inf")
    assert "more weights are needed" in plan("9", 1.5, float("inf"), float("inf"), 100)
    told = plan("9", 2.125, 3e6, 4.25, 4e5)
    assert "2.125 bits" in told and "3,000,000 tokens, 7.5 times" in told and "4.2 minutes" in told


def test_a_model_that_starts_anew_trains_as_it_did(one_device):
    model = build(20, 16, 1, 0.02)
    fresh = [variable.numpy() for variable in state_of(model)]

    def sum_of_weights(model):
        return float(sum(np.abs(v.numpy()).sum() for v in model.trainable_variables))

    first = train(model, TEXT, sum_of_weights, 6, 3, 2, 0)
    assert len(set(first)) == 3
    for variable, value in zip(state_of(model), fresh, strict=True):
        variable.assign(value)
    np.testing.assert_array_equal(train(model, TEXT, sum_of_weights, 6, 3, 2, 0), first)
    assert len(TEXT) > CONTEXT


def test_a_short_text_is_refused(tmp_path):
    (tmp_path / "own.txt").write_text("short " * 100)
    with pytest.raises(InputError, match="at least 300,000"):
        main(**large_scale.SMOKE, text=str(tmp_path / "own.txt"))
