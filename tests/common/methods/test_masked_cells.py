from dataclasses import replace

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gen_ai_examples.common.batches import batches
from gen_ai_examples.common.fit import fit
from gen_ai_examples.common.methods.masked_cells import MaskedCells, Standardiser, masking
from gen_ai_examples.common.sources import tabular
from gen_ai_examples.common.strategy import precision, strategy

THYROID = tabular.thyroid()


def numbers(n=64, wrong=0.0):
    """Three columns: x, 2 x and noise; a share of the second is absurd."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=n)
    x = np.column_stack([x, 2 * x, rng.normal(size=n)]).astype(np.float32)
    x[rng.uniform(size=n) < wrong, 1] = 50.0
    return x, np.zeros((n, 1), np.float32)


def trained(x, codes, steps, loss="laplace", devices=("CPU:0",), dtype="float32"):
    keras.utils.set_random_seed(0)
    with strategy(devices).scope(), precision(dtype):
        model = MaskedCells(3, 1, loss, units=32)
        model.compile(keras.optimizers.Adam(5e-3))
    columns = {"numbers": np.nan_to_num(x), "known": ~np.isnan(x), "codes": codes}
    fit(model, batches(columns, 32, 0, masking()), steps, progress=False)
    return model


@pytest.mark.parametrize("loss", ["laplace", "normal"])
def test_an_ignorant_model_expects_the_median_with_scale_one(loss):
    x, codes = numbers()
    model = MaskedCells(3, 1, loss)
    locations, scales = model.predict_cells(x, codes)
    assert (locations == 0).all() and (scales == 1).all()
    model.compile(keras.optimizers.SGD(0.0))
    batch = {"numbers": x, "known": np.ones_like(x, bool), "codes": codes}
    hidden = np.zeros_like(x, bool)
    hidden[:, 1] = True
    expected = np.abs(x[:, 1]) if loss == "laplace" else x[:, 1] ** 2 / 2
    logs = model.train_step(batch | {"hidden": hidden})
    np.testing.assert_allclose(float(logs["loss"]), expected.mean(), rtol=1e-5)


def test_a_number_does_not_see_itself_nor_what_is_missing():
    x, codes = numbers()
    model = trained(x, codes, 20)
    before, _ = model.predict_cells(x, codes)
    changed = x.copy()
    changed[:, 1] += 3
    after, _ = model.predict_cells(changed, codes)
    assert (after[:, 1] == before[:, 1]).all()
    assert np.abs(after[:, 0] - before[:, 0]).max() > 1e-3
    missing = x.copy()
    missing[:, 1] = np.nan
    unseen, _ = model.predict_cells(missing, codes)
    assert np.isfinite(unseen).all() and np.abs(unseen[:, 0] - before[:, 0]).max() > 1e-3


def test_it_learns_what_the_other_columns_tell_and_the_robust_loss_withstands_errors():
    x, codes = numbers(512, wrong=0.1)
    sound = x[:, 1] != 50
    errors = {}
    for loss in ("laplace", "normal"):
        locations, _ = trained(x, codes, 300, loss).predict_cells(x, codes)
        errors[loss] = np.abs(locations[sound, 1] - x[sound, 1]).mean()
    ignorant = np.abs(x[sound, 1]).mean()
    assert errors["laplace"] < 0.4 * ignorant < ignorant < errors["normal"]


def test_two_devices_end_with_the_weights_of_one():
    x, codes = numbers()
    x[::3, 0] = np.nan  # replicas see different numbers of known cells
    weights = [
        trained(x, codes, 20, devices=devices, dtype="float64").get_weights()
        for devices in (["CPU:0"], ["CPU:0", "CPU:1"])
    ]
    for one, two in zip(*weights, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-6)


def test_standardised_numbers_come_back_and_wrong_ones_change_nothing():
    standard = Standardiser(THYROID)
    z = standard(THYROID)
    known = ~np.isnan(THYROID.numeric)
    np.testing.assert_allclose(
        standard.inverse(z)[known], THYROID.numeric[known], rtol=1e-4, atol=1e-5
    )
    assert (np.isnan(z) == ~known).all()
    np.testing.assert_allclose(np.nanmedian(z, axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(np.subtract(*np.nanquantile(z, [0.75, 0.25], axis=0)), 1, rtol=1e-5)
    absurd = THYROID.numeric.copy()
    absurd[:20] = 1e12
    moved = Standardiser(replace(THYROID, numeric=absurd))(THYROID)
    assert np.nanmean(np.abs(moved - z)) < 0.02


def test_a_constant_column_is_left_unscaled():
    flat = replace(THYROID, numeric=np.zeros_like(THYROID.numeric))
    assert (Standardiser(flat)(flat) == 0).all()


@given(st.integers(0, 2**31), st.floats(0, 1))
def test_the_share_that_is_hidden(seed, share):
    batch = masking(share)({"numbers": np.zeros((400, 5), np.float32)}, (seed, 0))
    assert abs(np.mean(batch["hidden"]) - share) < 0.12
