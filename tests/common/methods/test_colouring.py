import keras
import numpy as np
import pytest
import tensorflow as tf

from gen_ai_examples.common.batches import batches
from gen_ai_examples.common.fit import fit
from gen_ai_examples.common.methods.colour_propagation import Propagated
from gen_ai_examples.common.methods.colouring import Colouring, examples, recoloured
from gen_ai_examples.common.nets.colouring import GRID, build_colouring
from gen_ai_examples.common.strategy import precision, strategy


def clip(n=4, height=16, width=24, seed=0):
    """Random frames; the right colours are those of the patches, whose lightness fits no better."""
    rng = np.random.default_rng(seed)
    lab = rng.uniform(-40, 40, (n, height, width, 3)) + np.array([50, 0, 0])
    direct, chained = (lab + rng.normal(0, 20, lab.shape) for _ in range(2))
    direct[..., 0] = chained[..., 0] = lab[..., 0]
    flow = np.zeros((n, 2, height, width), np.float32)
    return Propagated(lab, lab[0].copy(), direct, chained, lab.copy(), flow, direct[..., 1:])


def build():
    model = Colouring(build_colouring(8))
    model.compile(keras.optimizers.Adam(5e-3))
    model.optimizer.build(model.network.trainable_variables)
    return model


def test_examples_are_scaled_and_know_their_places():
    propagated = clip()
    propagated.flow[:, 1] = 4.0  # pixels to the right: a place further
    given = examples(propagated)
    assert {name: x.shape[1:] for name, x in given.items()} == {
        "frame": (16, 24, 1),
        "first": (16, 24, 3),
        "moved": (16, 24, 9),
        "places": (4, 6, 2),
        "target": (16, 24, 2),
    }
    assert {x.dtype for x in given.values()} == {np.dtype(np.float32)}
    np.testing.assert_allclose(50 * given["target"], propagated.lab[..., 1:], atol=1e-4)
    np.testing.assert_allclose(50 * given["frame"] + 50, propagated.lab[..., :1], atol=1e-4)
    np.testing.assert_allclose(given["places"][1, 2, 3] * GRID, (2, 4), rtol=1e-5)


def test_hues_turn_together_and_lightness_stays():
    given = {name: tf.constant(x) for name, x in examples(clip()).items()}
    mirrored = 0
    for number in range(8):
        made = recoloured(given, tf.constant([0, number], tf.int64))
        made = {name: x.numpy() for name, x in made.items()}
        back = not np.allclose(made["frame"], given["frame"])
        mirrored += back
        made = {name: x[:, :, ::-1] if back else x for name, x in made.items()}
        np.testing.assert_array_equal(made["frame"], given["frame"])
        np.testing.assert_array_equal(made["moved"][..., ::3], given["moved"][..., ::3])
        # As complex numbers: one factor for all colours of an example, another for the next.
        factors = [
            _complex(made["target"]) / _complex(given["target"].numpy()),
            _complex(made["first"][..., 1:]) / _complex(given["first"].numpy()[..., 1:]),
            _complex(made["moved"][..., 4:6]) / _complex(given["moved"].numpy()[..., 4:6]),
        ]
        for factor in factors:
            np.testing.assert_allclose(factor, factors[0][:, :1, :1] * np.ones((16, 24)), rtol=0.02)
        assert np.ptp(np.angle(factors[0][:, 0, 0])) > 0.1
        columns = made["places"][..., 1] * GRID
        expected = given["places"][..., 1].numpy() * GRID
        np.testing.assert_allclose(5 - columns if back else columns, expected, atol=1e-4)
    assert 0 < mirrored < 8


def _complex(ab):
    return ab[..., 0] + 1j * ab[..., 1]


def test_colours_do_not_depend_on_the_truth():
    model, propagated = build(), clip()
    made = model.colour(propagated)
    assert made.shape == (4, 16, 24, 2)
    propagated.lab[..., 1:] = 0
    np.testing.assert_array_equal(model.colour(propagated), made)


def test_training_finds_the_way_that_is_right_though_it_fits_no_better():
    with strategy(["CPU:0"]).scope():
        model = build()
    propagated = clip()
    before = np.abs(model.colour(propagated) - propagated.lab[..., 1:]).mean()
    data = batches(examples(propagated), 4, 0, recoloured)
    history = fit(model, data, 40, steps_per_epoch=20, progress=False).history
    after = np.abs(model.colour(propagated) - propagated.lab[..., 1:]).mean()
    assert after < 0.5 * before
    assert history["error"][-1] < 0.6 * history["error"][0]


def test_two_devices_end_with_the_weights_of_one():
    columns, weights = examples(clip(height=8, width=16)), []
    for devices in (["CPU:0"], ["CPU:0", "CPU:1"]):
        keras.utils.set_random_seed(0)
        with strategy(devices).scope(), precision("float64"):
            model = build()
        fit(model, batches(columns, 4, 0, recoloured), 5, progress=False)
        weights.append(model.get_weights())
    for one, two in zip(*weights, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-5)


def test_the_loss_of_a_network_that_mixes_evenly_is_known():
    model, given = build(), examples(clip())
    given["moved"][..., 1::3] = given["target"][..., :1] + 0.3
    given["moved"][..., 2::3] = given["target"][..., 1:] + 0.4
    given["first"] = np.broadcast_to(given["target"][:1, :1, :1].mean(), given["first"].shape)
    given["moved"][..., ::3] = given["frame"]
    logs = model.train_step({name: tf.constant(x) for name, x in given.items()})
    # 0.5 from all but attention, which hardly counts where its lightness fits no better.
    assert float(logs["error"]) == pytest.approx(25, rel=0.1)
