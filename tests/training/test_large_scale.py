import numpy as np
import pytest

from gen_ai_examples.common.errors import InputError
from gen_ai_examples.training import large_scale
from gen_ai_examples.training.large_scale import (
    CONTEXT,
    build,
    main,
    plan,
    state_of,
    train,
    weights_of,
)

TEXT = np.random.default_rng(0).integers(0, 20, 4000).astype(np.int32)


def test_weights_are_those_that_features_meet():
    network = build(20, 32, 2, 0.01).network
    blocks = 2 * (4 * 32 * 32 + 2 * 4 * 32 * 32)
    assert weights_of(network) == blocks + 32 * 20
    assert network.heads == 2  # of 16 features each


def test_the_plan_says_what_it_takes():
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
