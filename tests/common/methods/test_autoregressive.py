import keras
import numpy as np
import pytest
import tensorflow as tf

from gen_ai_examples.common.batches import batches
from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.fit import fit
from gen_ai_examples.common.methods.autoregressive import Autoregressive, draw
from gen_ai_examples.common.nets.transformer import CausalTransformer
from gen_ai_examples.common.strategy import strategy

VOCABULARY, LENGTH = 5, 8


def model(scope=None, rate=1e-3, spread=0.0, depth=1):
    keras.utils.set_random_seed(0)
    with (scope or strategy(["CPU:0"])).scope():
        net = CausalTransformer(VOCABULARY, LENGTH, starts=2, dim=16, depth=depth, heads=2)
        rng = np.random.default_rng(0)
        net.set_weights([w + rng.normal(0, spread, w.shape) for w in net.get_weights()])
        trained = Autoregressive(net)
        trained.compile(keras.optimizers.Adam(rate))
    return trained


def counting(n=64):
    """Class 0 counts up and class 1 down, from any token: all but the first is certain."""
    labels = np.arange(n) % 2
    first = np.random.default_rng(0).integers(0, VOCABULARY, n)
    steps = np.where(labels, -1, 1)[:, None] * np.arange(LENGTH)
    return {"tokens": ((first[:, None] + steps) % VOCABULARY).astype("int32"), "labels": labels}


def data(batch_size=16):
    return batches(counting(), batch_size, 0)


@pytest.fixture(scope="module")
def trained():
    ours = model(rate=1e-2)
    fit(ours, data(), 300, progress=False)
    return ours


def test_the_loss_of_a_head_of_zeros_is_log_vocabulary(replicas):
    history = fit(model(replicas, rate=0.0), data(), 1, progress=False).history
    assert history["loss"][0] == pytest.approx(np.log(VOCABULARY), rel=1e-6)


def test_training_approaches_the_entropy_of_the_source(trained):
    """log 5 nats for the first token and none for the others, which the class decides."""
    columns = counting()
    nats = trained.nats(columns["tokens"], columns["labels"]).numpy()
    assert nats[:, 0].mean() == pytest.approx(np.log(VOCABULARY), abs=0.1)
    assert nats[:, 1:].mean() < 0.05


def test_samples_follow_the_rule_of_their_class(trained):
    labels = np.array([0, 1] * 50)
    drawn = trained.sample(labels, LENGTH)
    steps = np.diff(drawn, axis=1) % VOCABULARY
    expected = np.where(labels == 1, VOCABULARY - 1, 1)[:, None]
    assert (steps == expected).mean() > 0.95
    assert set(drawn[:, 0]) == set(range(VOCABULARY))


def test_a_prefix_is_kept_and_continued(trained):
    prefix = np.array([[3, 4], [3, 2]])
    drawn = trained.sample(np.array([0, 1]), 6, prefix, temperature=0.0)
    np.testing.assert_array_equal(drawn, [[3, 4, 0, 1, 2, 3], [3, 2, 1, 0, 4, 3]])


@pytest.mark.parametrize(
    ("prefix_length", "temperature"), [(0, 1.0), (1, 0.7), (5, 0.0), (LENGTH - 1, 1.0)]
)
def test_sampling_with_its_memory_equals_reading_everything_again(prefix_length, temperature):
    ours = model(spread=0.5, depth=2)
    labels = np.array([0, 1, 1, 0])
    tokens = np.random.default_rng(1).integers(0, VOCABULARY, (4, prefix_length))
    drawn = ours.sample(labels, LENGTH, tokens, temperature, seed=3)
    uniform = np.random.default_rng(3).random((4, LENGTH - prefix_length), np.float32)
    for i in range(LENGTH - prefix_length):
        read = np.concatenate([labels[:, None] + VOCABULARY, tokens], axis=1)
        token = draw(ours.network(read)[:, -1], uniform[:, i], temperature)
        tokens = np.concatenate([tokens, token[:, None]], axis=1)
    np.testing.assert_array_equal(drawn, tokens)


def test_the_surprise_at_a_token_depends_on_those_before_it_alone():
    ours = model(spread=0.5)
    tokens = np.random.default_rng(1).integers(0, VOCABULARY, (3, LENGTH)).astype("int32")
    changed = tokens.copy()
    changed[:, 4] = (changed[:, 4] + 1) % VOCABULARY
    change = np.abs(ours.nats(tokens) - ours.nats(changed))
    np.testing.assert_allclose(change[:, :4], 0, atol=1e-5)
    assert change[:, 4:].min() > 1e-4


def test_the_probabilities_of_all_sequences_add_up_to_one():
    ours = model(spread=0.5)
    every = np.stack(np.meshgrid(*[np.arange(VOCABULARY)] * 4), -1).reshape(-1, 4).astype("int32")
    log_probabilities = -ours.nats(every, np.ones(len(every))).numpy().sum(1)
    assert np.exp(log_probabilities).sum() == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_draws_are_as_frequent_as_they_are_probable(temperature):
    logits = np.array([0.0, 2.0, -1.0, 1.0], "float32")
    uniform = np.random.default_rng(0).random(20000, np.float32)
    tokens = draw(tf.tile(logits[None], (20000, 1)), uniform, temperature)
    weights = np.exp(logits / temperature)
    np.testing.assert_allclose(
        np.bincount(tokens, minlength=4) / 20000, weights / weights.sum(), atol=0.01
    )


def test_draws_at_the_ends():
    """The greatest uniform number is no token beyond the last; impossible tokens are not drawn."""
    logits = tf.constant([[0.0, 0.0, 0.0], [-1e9, 0.0, -1e9]])
    for uniform in (0.0, np.nextafter(np.float32(1), np.float32(0))):
        tokens = draw(logits, tf.fill((2,), uniform), 1.0).numpy()
        assert tokens[0] in (0, 2) and tokens[1] == 1
    assert draw(1e4 * logits[:1] + [0.0, 1.0, 0.5], tf.constant([0.99]), 0.0).numpy() == 1


def test_samples_depend_on_the_seed_and_not_on_the_batch():
    ours = model(spread=0.5)
    labels = np.zeros(7, int)
    whole = ours.sample(labels, LENGTH, seed=1)
    np.testing.assert_array_equal(whole, ours.sample(labels, LENGTH, seed=1, batch_size=2))
    assert (whole != ours.sample(labels, LENGTH, seed=2)).any()


def test_only_the_first_call_is_traced():
    ours = model()
    for n, length, prefix in [(3, LENGTH, None), (2, 5, None), (1, 4, [[1, 2]])]:
        ours.sample(np.zeros(n, int), length, prefix, temperature=1 / n)
    assert ours._traced.experimental_get_tracing_count() == 1


@pytest.mark.parametrize(
    ("said", "options"),
    [
        ("labels", dict(labels=[2])),
        ("labels", dict(labels=[-1])),
        ("labels", dict(labels=[[0]])),
        ("prefix", dict(prefix=[[VOCABULARY]])),
        ("prefix", dict(prefix=[[0], [0]])),
        ("length", dict(length=LENGTH + 1)),
        ("length", dict(length=0)),
        ("length", dict(length=1, prefix=[[0]])),
        ("temperature", dict(temperature=-1.0)),
        ("temperature", dict(temperature=np.nan)),
    ],
)
def test_bad_input_is_told(said, options):
    arguments = dict(labels=[0], length=LENGTH) | options
    with pytest.raises(InputError, match=said):
        model().sample(**arguments)


def test_two_devices_end_with_the_weights_of_one():
    one, two = model(), model(strategy(["CPU:0", "CPU:1"]))
    fit(one, data(), 20, progress=False)
    fit(two, data(), 20, progress=False)
    for a, b in zip(one.get_weights(), two.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_steps_per_call_are_bit_identical(ends_bit_identical):
    ends_bit_identical(model(), data())


def test_it_trains_without_classes_and_with_plain_model_fit():
    ours = model()
    ours.jit_compile = False
    tokens = {"tokens": counting()["tokens"]}
    history = ours.fit(batches(tokens, 16, 0), steps_per_epoch=2, verbose=0).history
    assert np.isfinite(history["loss"]).all()


def test_the_network_trains_in_training_mode():
    modes = []

    class Spy(CausalTransformer):
        def call(self, tokens, training=False):
            modes.append(training)
            return super().call(tokens)

    ours = Autoregressive(Spy(VOCABULARY, LENGTH, starts=2, dim=16, depth=1, heads=2))
    ours.compile(keras.optimizers.SGD())
    ours.train_step(next(iter(data())))
    assert modes == [True]
