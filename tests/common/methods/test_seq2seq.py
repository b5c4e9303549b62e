import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.fit import fit
from gen_ai_examples.common.methods.seq2seq import (
    PADDING,
    Translation,
    beam_search,
    packed,
    packed_batches,
)
from gen_ai_examples.common.nets.seq2seq import Seq2Seq
from gen_ai_examples.common.strategy import strategy

VOCABULARY, END = 8, 0
RNG = np.random.default_rng(0)
SOURCES = [RNG.integers(1, VOCABULARY, n) for n in RNG.integers(1, 7, 200)]
TARGETS = [source[::-1] for source in SOURCES]


def model(scope=None, optimizer=None, smoothing=0.0, spread=0.0):
    keras.utils.set_random_seed(0)
    with (scope or strategy(["CPU:0"])).scope():
        net = Seq2Seq(VOCABULARY, dim=16, depth=(1, 1), heads=2, lexicon=np.eye(VOCABULARY))
        rng = np.random.default_rng(0)
        net.set_weights([w + rng.normal(0, spread, w.shape) for w in net.get_weights()])
        ours = Translation(net, END, smoothing)
        ours.compile(optimizer or keras.optimizers.Adam(1e-2))
    return ours


def data(batch_size=8):
    return packed_batches(SOURCES, TARGETS, 16, batch_size, END, seed=0)


def table(seed, depth, vocabulary=3):
    """Chances of the next token after every beginning of up to `depth` tokens."""
    rng = np.random.default_rng(seed)
    return {
        beginning: np.log(rng.dirichlet(np.full(vocabulary, 0.5)))
        for n in range(depth + 1)
        for beginning in itertools.product(range(vocabulary), repeat=n)
    }


class Steps:
    """Asks tables, one for each sequence, and keeps the beginnings as a network its memory."""

    def __init__(self, tables, beams):
        self.tables, self.beams, self.begun = tables, beams, None

    def __call__(self, tokens, order):
        if self.begun is None:
            self.begun = [()] * len(tokens)
        else:
            self.begun = [(*self.begun[o], int(t)) for o, t in zip(order, tokens, strict=True)]
        return np.stack([self.tables[i // self.beams][b] for i, b in enumerate(self.begun)])


def exhaustive(table, longest, alpha):
    best = (-np.inf, ())
    for n in range(longest + 1):
        for written in itertools.product((1, 2), repeat=n):
            steps = enumerate((*written, 0))
            score = sum(table[written[:i]][token] for i, token in steps) / (n + 1) ** alpha
            best = max(best, (score, written))
    return best[1]


@pytest.mark.parametrize("alpha", [0.0, 0.6, 1.0])
def test_beams_enough_find_what_an_exhaustive_search_finds(alpha):
    tables, longest = [table(seed, 4) for seed in range(12)], np.array([4, 2, 3] * 4)
    found = beam_search(Steps(tables, 16), 12, 16, 0, longest, alpha)
    for ours, its, most in zip(found, tables, longest, strict=True):
        assert tuple(ours) == exhaustive(its, most, alpha)


@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_one_beam_takes_the_likeliest_token_always_the_end_included(alpha):
    tables = [table(seed, 4) for seed in range(12)]
    lengths = set()
    for i, ours in enumerate(beam_search(Steps(tables, 1), 12, 1, 0, np.full(12, 4), alpha)):
        for n, token in enumerate(ours):
            assert token == tables[i][tuple(ours[:n])].argmax() != 0
        assert len(ours) == 4 or tables[i][tuple(ours)].argmax() == 0
        lengths.add(len(ours))
    assert {0, 4} < lengths


def test_rows_hold_each_pair_once_and_tell_them_apart():
    rows = packed(SOURCES, TARGETS, 16, 16, END)
    found = []
    for i in range(len(rows["source"])):
        for segment in range(1, rows["target_segments"][i].max() + 1):
            s, t = (rows[f"{side}_segments"][i] == segment for side in ("source", "target"))
            np.testing.assert_array_equal(rows["source_at"][i][s], np.arange(s.sum()))
            np.testing.assert_array_equal(rows["target_at"][i][t], np.arange(t.sum()))
            written = rows["target"][i][t]
            assert written[-1] == END == rows["read"][i][t][0]
            np.testing.assert_array_equal(rows["read"][i][t][1:], written[:-1])
            found.append((tuple(rows["source"][i][s]), tuple(written[:-1])))
    assert found == [(tuple(s), tuple(t)) for s, t in zip(SOURCES, TARGETS, strict=True)]
    nothing = rows["target_segments"] == 0
    assert (rows["target"][nothing] == PADDING).all() and (rows["target"][~nothing] >= 0).all()
    assert np.sum(rows["weight"][:, None] * (rows["target"] >= 0)) == pytest.approx(len(nothing))


def test_a_pair_longer_than_a_row_is_refused():
    with pytest.raises(InputError, match="longer than rows"):
        packed([np.arange(5)], [np.arange(4)], 5, 4, END)


# Smoothed, two replicas are compared with one below.
@pytest.mark.parametrize(
    ("replicas", "smoothing"), [(1, 0.0), (2, 0.0), (1, 0.1)], indirect=["replicas"]
)
def test_the_loss_of_equal_chances_is_log_vocabulary(replicas, smoothing):
    ours = model(replicas, keras.optimizers.SGD(0.0), smoothing)
    ours.network.lexicon = ours.network.lexicon * 0
    history = fit(ours, data(), 40, progress=False).history
    assert history["nats"][0] == pytest.approx(np.log(VOCABULARY), rel=2e-2)
    assert history["loss"][0] == pytest.approx(history["nats"][0], rel=1e-5)


def test_a_smoothed_loss_is_that_of_keras():
    """Over the real targets, against a published implementation."""
    ours = model(optimizer=keras.optimizers.SGD(0.0), smoothing=0.2, spread=0.5)
    rows = {name: tf.constant(its) for name, its in packed(SOURCES, TARGETS, 16, 16, END).items()}
    logits, targets = ours.network(rows)[0], rows["target"]
    real = targets != PADDING
    wanted = tf.one_hot(targets[real], VOCABULARY)
    logs = ours.train_step(rows)
    for name, smoothing in (("loss", 0.2), ("nats", 0.0)):
        loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=smoothing)
        assert float(logs[name]) == pytest.approx(float(loss(wanted, logits[real])), rel=1e-5)
    assert float(logs["loss"]) != pytest.approx(float(logs["nats"]), rel=1e-2)


def test_it_learns_to_write_backwards_and_translates_alike_alone_or_with_others():
    ours = model(optimizer=keras.optimizers.Adam(1e-2))
    fit(ours, data(32), 400, jit_compile=True, progress=False)
    known = SOURCES[:40]
    found = ours.translate(known, beams=3)
    right = [np.array_equal(a, b) for a, b in zip(found, TARGETS, strict=False)]
    assert np.mean(right) > 0.9
    for size in (1, 7):
        for one, other in zip(ours.translate(known, 3, batch_size=size), found, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("beams", [1, 3])
def test_the_memory_finds_what_recomputing_finds(beams):
    ours, sources = model(spread=0.5), SOURCES[:3]
    # Eagerly, hundreds of passes would take most of the test.
    network = tf.function(ours.network, reduce_retracing=True, autograph=False)

    class Recomputing(Steps):
        def __call__(self, tokens, order):
            self.tables = Anything(self)
            return super().__call__(tokens, order)

    class Anything:
        def __init__(self, steps):
            self.steps = steps

        def __getitem__(self, i):
            return Row(sources[i])

    class Row:
        def __init__(self, source):
            self.source = source

        def __getitem__(self, begun):
            rows = packed(
                [self.source], [np.array(begun, int)], len(self.source), len(begun) + 1, END
            )
            logits, _ = network({name: tf.constant(its) for name, its in rows.items()})
            logits = logits[0, -1].numpy()
            return logits - np.log(np.exp(logits).sum())

    longest = np.array([2 * len(source) + 10 for source in sources])
    expected = beam_search(Recomputing(None, beams), 3, beams, END, longest)
    for one, other in zip(ours.translate(sources, beams), expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_pointing_has_a_row_for_each_token_and_the_end():
    shares = model(spread=0.3).pointing(np.array([1, 2, 3]), np.array([4, 5]))
    assert shares.shape == (3, 3)
    np.testing.assert_allclose(shares.sum(1), 1, rtol=1e-5)


def test_two_devices_end_with_the_losses_and_weights_of_one():
    one, two = model(smoothing=0.1), model(strategy(["CPU:0", "CPU:1"]), smoothing=0.1)
    histories = [
        fit(ours, data(), 5, steps_per_epoch=1, progress=False).history for ours in (one, two)
    ]
    for name in ("loss", "nats"):
        np.testing.assert_allclose(*(history[name] for history in histories), rtol=1e-5)
    for a, b in zip(one.get_weights(), two.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)
