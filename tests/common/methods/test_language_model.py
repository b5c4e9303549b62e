import keras
import numpy as np
import pytest

from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.fit import fit
from gen_ai_examples.common.methods import language_model
from gen_ai_examples.common.methods.language_model import (
    LanguageModel,
    sample_recomputing,
    speed_up,
    text_optimizer,
    windows,
)
from gen_ai_examples.common.nets.gpt import GPT
from gen_ai_examples.common.strategy import strategy

VOCABULARY, LENGTH = 6, 8
TEXT = np.tile(np.arange(VOCABULARY), 40).astype("int32")  # each token is followed by one alone


def model(scope=None, spread=0.0, optimizer=None, depth=2):
    keras.utils.set_random_seed(0)
    with (scope or strategy(["CPU:0"])).scope():
        net = GPT(VOCABULARY, LENGTH, dim=16, depth=depth, heads=2)
        rng = np.random.default_rng(0)
        net.set_weights([w + rng.normal(0, spread, w.shape) for w in net.get_weights()])
        trained = LanguageModel(net)
        trained.compile(optimizer() if optimizer else keras.optimizers.Adam(1e-2))
    return trained


def muon():
    return text_optimizer(0.02, 150)


def data(dropout=0.1, batch_size=4, depth=2):
    return windows(TEXT, LENGTH, batch_size, (1 + 2 * depth, 16), dropout, seed=0)


def test_the_loss_of_a_head_of_zeros_is_log_vocabulary(replicas):
    frozen = model(replicas, optimizer=lambda: keras.optimizers.SGD(0.0))
    history = fit(frozen, data(), 1, progress=False).history
    assert history["loss"][0] == pytest.approx(np.log(VOCABULARY), rel=1e-6)


@pytest.mark.parametrize("xla", [False, True])
def test_it_learns_what_is_certain(xla):
    """log 6 nats for the first token of a window and none for the others."""
    ours = model(optimizer=muon)
    fit(ours, data(), 150, jit_compile=xla, progress=False)
    nats = ours.nats(next(iter(data()))["tokens"]).numpy()
    assert nats[:, 0].mean() == pytest.approx(np.log(VOCABULARY), abs=0.3)
    assert nats[:, 1:].mean() < 0.1


def test_muon_gets_the_matrices_and_adam_the_words():
    ours = model(optimizer=muon)
    by_adam = [
        variable.path
        for variable, velocity in zip(
            ours.trainable_variables, ours.optimizer.adam_velocities, strict=True
        )
        if velocity is not None
    ]
    assert len(by_adam) == 2 and len(ours.trainable_variables) == 2 + 2 * 6
    assert any("embedding" in path for path in by_adam)
    assert any("head" in path for path in by_adam)


def test_windows_are_stretches_of_the_text_from_everywhere():
    text = np.arange(30, dtype="int32")
    seen = [batch["tokens"].numpy() for batch in windows(text, 5, 2, (3, 4), 0.5, 0).take(13)]
    begins = np.concatenate(seen)[:, 0]
    np.testing.assert_array_equal(np.concatenate(seen), begins[:, None] + np.arange(5))
    assert set(begins) == set(range(26))


def test_masks_drop_a_share_and_keep_the_mean():
    masks = np.concatenate([batch["masks"] for batch in data(0.25, batch_size=64).take(8)])
    assert masks.shape == (512, 5, 16)
    assert set(np.unique(masks)) == {np.float32(0), np.float32(1 / 0.75)}
    assert np.mean(masks == 0) == pytest.approx(0.25, abs=0.01)
    first, again = (next(iter(data()))["masks"].numpy() for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert (first[0] != first[1]).any()


def test_a_text_shorter_than_a_window_is_refused():
    with pytest.raises(InputError, match="batch size"):
        windows(TEXT[: LENGTH + 1], LENGTH, 4, (5, 16), 0.1, 0)


def test_training_uses_the_masks():
    ours = model(spread=0.3, optimizer=lambda: keras.optimizers.SGD(0.0))
    losses = [
        fit(ours, data(dropout), 1, progress=False).history["loss"][0] for dropout in (0.0, 0.5)
    ]
    batch = next(iter(data(0.0)))
    assert losses[0] == pytest.approx(float(np.mean(ours.nats(batch["tokens"]))), rel=1e-4)
    assert abs(losses[1] - losses[0]) > 1e-3


@pytest.mark.parametrize("temperature", [0.0, 0.7, 1.0])
def test_recomputing_draws_what_the_memory_draws(temperature):
    ours = model(spread=0.5)
    labels = np.zeros(5, int)
    drawn = sample_recomputing(ours, labels, LENGTH, temperature, seed=3)
    np.testing.assert_array_equal(drawn, ours.sample(labels, LENGTH, None, temperature, seed=3))
    assert (drawn != sample_recomputing(ours, labels, LENGTH, 1.0, seed=4)).any()


def test_the_gain_is_the_time_without_the_memory_over_that_with_it(monkeypatch):
    ours, clock = model(), [0.0]

    def drawing(seconds, token):
        def draw(labels, length, seed):
            clock[0] += seconds * length
            return np.full((len(labels), length), token) * (np.arange(length) > 1)

        return draw

    monkeypatch.setattr("time.perf_counter", lambda: clock[0])
    monkeypatch.setattr(ours, "sample", drawing(1, 2))
    monkeypatch.setattr(
        language_model, "sample_recomputing", lambda _, *a, **o: drawing(5, 3)(*a, **o)
    )
    assert speed_up(ours, 3, length=8) == (5.0, 0.25)


@pytest.mark.parametrize("optimizer", [None, muon], ids=["adam", "muon"])
def test_two_devices_end_with_the_weights_of_one(optimizer):
    one = model(optimizer=optimizer, depth=1)
    two = model(strategy(["CPU:0", "CPU:1"]), optimizer=optimizer, depth=1)
    fit(one, data(depth=1), 5, progress=False)
    fit(two, data(depth=1), 5, progress=False)
    for a, b in zip(one.get_weights(), two.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)


def test_the_network_trains_in_training_mode():
    modes = []

    class Spy(GPT):
        def call(self, tokens, training=False, masks=None):
            modes.append(training)
            return super().call(tokens, masks=masks)

    ours = LanguageModel(Spy(VOCABULARY, LENGTH, dim=16, depth=2, heads=2))
    ours.compile(keras.optimizers.SGD())
    ours.train_step(next(iter(data())))
    assert modes == [True]
