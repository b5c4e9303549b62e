import keras
import numpy as np
import pytest
import tensorflow as tf

from gen_ai_examples.common.batches import batches
from gen_ai_examples.common.fit import fit
from gen_ai_examples.common.methods.flow import MIN_TIME_LEFT, FlowMatching, flow_randomness
from gen_ai_examples.common.nets.conv import build_unet
from gen_ai_examples.common.sources import image
from gen_ai_examples.common.strategy import strategy

SHAPE = (8, 8, 1)


def flow(rate=1e-3):
    keras.utils.set_random_seed(0)
    with strategy(["CPU:0"]).scope():
        # At least two channels to each of 8 groups: a group norm of one takes a bias away, and what
        # gradient it has is rounding, which Adam blows up.
        model = FlowMatching(build_unet(SHAPE, 10, widths=(16, 32), condition_dim=16), 10)
        model.compile(keras.optimizers.AdamW(rate, use_ema=True, ema_momentum=0.9))
    return model


def data(batch_size=16):
    digits = image.digits()
    columns = {"images": digits.images, "labels": digits.labels}
    return batches(columns, batch_size, 0, flow_randomness(10))


class OfImage(keras.Model):
    """A network with a known answer: `predict(x, t, labels)`."""

    def __init__(self, predict):
        super().__init__()
        self.predict_image = predict
        self.scale = self.add_weight(initializer="ones")  # something to train
        self.built = True

    def call(self, inputs, training=False):
        x, times, labels = inputs
        return self.scale * self.predict_image(x, times[:, None, None, None], labels)


def gaussian_flow(mean, spread):
    """For data N(mean, spread^2) the best guess of the image is linear in x_t, in closed form."""

    def expected_image(x, t, labels):
        gain = t * spread**2 / (t**2 * spread**2 + (1 - t) ** 2)
        return mean + gain * (x - t * mean)

    return FlowMatching(OfImage(expected_image), n_classes=1)


@pytest.mark.parametrize("solver", ["euler", "heun"])
def test_the_flow_of_a_gaussian_ends_in_that_gaussian(solver):
    noise = np.random.default_rng(0).normal(size=(500, 8, 8, 1)).astype("float32")
    labels = np.zeros(500, "int64")
    drawn = gaussian_flow(0.5, 0.3).sample(noise, labels, steps=200, solver=solver)
    assert drawn.mean() == pytest.approx(0.5, abs=0.01)
    assert drawn.std() == pytest.approx(0.3, abs=0.01)
    # Straight from noise to data, the exact flow is the affine map between the two.
    np.testing.assert_allclose(drawn, 0.5 + 0.3 * noise, atol=0.03)


@pytest.mark.parametrize(("solver", "order"), [("euler", 1), ("heun", 2)])
def test_the_solvers_converge_with_their_order(solver, order):
    """Half the step, half the error for Euler, a quarter for Heun."""
    noise = np.random.default_rng(0).normal(size=(20, 8, 8, 1)).astype("float32")
    model, labels = gaussian_flow(0.0, 0.7), np.zeros(20, "int64")
    exact = model.sample(noise, labels, steps=1024, solver="heun")
    errors = [
        np.abs(model.sample(noise, labels, steps=n, solver=solver) - exact).mean() for n in (8, 16)
    ]
    assert errors[0] / errors[1] == pytest.approx(2**order, rel=0.3)


def test_the_loss_of_a_network_that_answers_zero():
    """v = -x_t / (1 - t) misses x_1 - x_0 by x_1 / (1 - t), the noise cancels."""
    model = FlowMatching(OfImage(lambda x, t, labels: tf.zeros_like(x)), 10)
    model.compile(keras.optimizers.SGD(0.0))
    batch = next(iter(data(64)))
    t = batch["times"].numpy()
    squares = (batch["images"].numpy() ** 2).mean(axis=(1, 2, 3))
    assert t.max() < 1 - MIN_TIME_LEFT  # else the division is cut, and the noise does not cancel
    expected = np.mean(squares / (1 - t) ** 2)
    loss = model.train_step(batch)["loss"]
    assert float(loss) == pytest.approx(expected, rel=1e-4)


def test_the_last_step_lands_on_the_predicted_image():
    """Whatever the solver: no noise is left over."""
    model = FlowMatching(OfImage(lambda x, t, labels: tf.fill(tf.shape(x), 0.25)), 1)
    noise = np.random.default_rng(0).normal(size=(2, *SHAPE)).astype("float32")
    for solver in ("euler", "heun"):
        drawn = model.sample(noise, np.zeros(2, "int64"), steps=4, solver=solver)
        np.testing.assert_allclose(drawn, 0.25, atol=1e-5)


def test_training_lowers_the_loss():
    model = flow(rate=1e-2)
    history = fit(model, data(64), 100, steps_per_epoch=10, progress=False).history["loss"]
    assert history[-1] < 0.8 * history[0]


def test_steps_per_call_are_bit_identical(ends_bit_identical):
    ends_bit_identical(flow(), data())


def test_the_network_trains_in_training_mode():
    modes = []

    class Spy(OfImage):
        def call(self, inputs, training=False):
            modes.append(training)
            return super().call(inputs)

    model = FlowMatching(Spy(lambda x, t, labels: x), 10)
    model.compile(keras.optimizers.SGD())
    model.train_step(next(iter(data())))
    model.sample(np.zeros((2, *SHAPE), "float32"), np.zeros(2, "int64"), steps=1)
    assert modes[0] is True and not any(modes[1:])


def test_guidance_extrapolates_from_no_class_to_the_class():
    """The network answers with the label's number; 10 is "no class"."""

    def number(x, t, labels):
        return tf.zeros_like(x) + tf.cast(labels, tf.float32)[:, None, None, None]

    model = FlowMatching(OfImage(number), n_classes=10)
    x, labels = tf.zeros((2, *SHAPE)), tf.constant([3, 7], tf.int64)
    for guidance in (0.0, 1.0, 1.5):
        velocity = model.velocity(x, 0.0, labels, guidance)
        expected = 10 + guidance * (np.array([3, 7]) - 10)
        np.testing.assert_allclose(velocity[:, 0, 0, 0], expected, rtol=1e-6)


def test_samples_do_not_depend_on_the_batch_they_are_drawn_in():
    model = flow()
    noise = np.random.default_rng(0).normal(size=(5, *SHAPE)).astype("float32")
    labels = np.arange(5)
    whole = model.sample(noise, labels, steps=3, guidance=2.0)
    parts = model.sample(noise, labels, steps=3, guidance=2.0, batch_size=2)
    assert whole.shape == (5, *SHAPE)
    np.testing.assert_allclose(whole, parts, atol=1e-5)


def test_randomness_drops_a_share_of_labels_and_prefers_early_times():
    columns = {"images": np.zeros((5000, 1, 1, 1), "float32"), "labels": np.full(5000, 3)}
    (batch,) = batches(columns, 5000, 0, flow_randomness(10, drop_label=0.2)).take(1)
    labels = batch["labels"].numpy()
    assert set(labels) == {3, 10}
    assert (labels == 10).mean() == pytest.approx(0.2, abs=0.02)
    assert np.std(batch["noise"]) == pytest.approx(1, abs=0.03)
    # Logit-normal with mean -0.8: its median is sigmoid(-0.8).
    assert np.median(batch["times"]) == pytest.approx(1 / (1 + np.exp(0.8)), abs=0.02)
