import csv
import functools
import os
import signal
import threading

import keras
import numpy as np
import pytest
import tensorflow as tf

from gen_ai_examples.common import fit as module
from gen_ai_examples.common.batches import batches
from gen_ai_examples.common.checkpoint import Checkpoint
from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.fit import Interrupted, TrainingDiverged, checkpoints, fit
from gen_ai_examples.common.strategy import replica_logs, replica_mean, strategy

TWO = ["CPU:0", "CPU:1"]


class Regression(keras.Model):
    """A small network with its own train_step, batch norm and averaged weights included."""

    def __init__(self):
        super().__init__(name="regression")
        x = keras.Input((3,))
        h = keras.layers.Dense(8, use_bias=False)(x)
        h = keras.layers.BatchNormalization(synchronized=True)(h)
        self.network = keras.Model(x, keras.layers.Dense(1)(keras.layers.ReLU()(h)))
        self.built = True

    def compile(self, optimizer, **options):
        super().compile(optimizer=optimizer, **options)
        optimizer.build(self.trainable_variables)

    def train_step(self, batch):
        with tf.GradientTape() as tape:
            loss = replica_mean((self.network(batch["x"], training=True) - batch["y"]) ** 2)
        weights = self.trainable_variables
        self.optimizer.apply(tape.gradient(loss, weights), weights)
        return replica_logs(loss=loss)


def regression(scope=None, **options):
    keras.utils.set_random_seed(0)
    with (scope or strategy(["CPU:0"])).scope():
        model = Regression()
        model.compile(keras.optimizers.Adam(1e-2, use_ema=True, ema_momentum=0.9, **options))
    return model


def data(batch_size=8):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 3)).astype("float32")
    return batches({"x": x, "y": x[:, :1] ** 2}, batch_size, seed=0)


def quiet_fit(model, steps, dataset=None, **options):
    return fit(model, dataset or data(), steps, progress=False, **options)


def weights(model):
    return [np.asarray(v) for v in [*model.variables, *model.optimizer.variables]]


def assert_identical(one, two):
    for a, b in zip(weights(one), weights(two), strict=True):
        np.testing.assert_array_equal(a, b)


class Recorder(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.calls = []

    def on_train_batch_begin(self, batch, logs=None):
        self.calls.append(("begin", batch))

    def on_train_batch_end(self, batch, logs=None):
        self.calls.append(("end", batch))

    def on_epoch_begin(self, epoch, logs=None):
        self.calls.append(("epoch", epoch))


class StopAt(keras.callbacks.Callback):
    """Acts once `steps` steps are done."""

    def __init__(self, steps, act):
        super().__init__()
        self.steps, self.act, self.done = steps, act, 0

    def on_train_batch_end(self, batch, logs=None):
        self.done += 1
        if self.done == self.steps:
            self.act()


def test_steps_per_call_changes_nothing_but_the_number_of_calls():
    outcomes = {}
    for steps_per_call in (1, 5, 32):
        outcomes[steps_per_call], calls = regression(), Recorder()
        quiet_fit(
            outcomes[steps_per_call],
            37,
            steps_per_call=steps_per_call,
            steps_per_epoch=20,
            callbacks=[calls],
        )
        ends = [step for kind, step in calls.calls if kind == "end"]
        assert len(ends) == sum(-(-n // steps_per_call) for n in (20, 17))
        assert ends[-1] == 16 and [e for k, e in calls.calls if k == "epoch"] == [0, 1]
    assert_identical(outcomes[1], outcomes[5])
    assert_identical(outcomes[1], outcomes[32])


def test_by_default_a_call_takes_as_many_steps_as_last_a_quarter_of_a_second():
    assert module._steps_for(0.25, 1, 5.0) == 1  # slower than that, as while tracing
    assert module._steps_for(0.25, 1, 0.1) == 2
    assert module._steps_for(0.25, 10, 0.01) == 250
    calls = Recorder()
    by_default, one_by_one = regression(), regression()
    quiet_fit(by_default, 2000, steps_per_epoch=1000, callbacks=[calls])
    quiet_fit(one_by_one, 2000, steps_per_epoch=1000, steps_per_call=1)
    assert len([kind for kind, _ in calls.calls if kind == "end"]) < 1000
    assert_identical(by_default, one_by_one)


def test_two_devices_end_with_the_weights_of_one():
    one, two = regression(), regression(strategy(TWO))
    quiet_fit(one, 20)
    quiet_fit(two, 20)
    for a, b in zip(weights(one), weights(two), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_several_steps_per_call_work_on_two_devices():
    """TensorFlow's default collectives on CPUs do not survive a traced loop."""
    strategy_of = strategy(TWO)
    history = quiet_fit(regression(strategy_of), 12, steps_per_call=6).history
    assert np.isfinite(history["loss"]).all()


def test_the_same_train_step_works_with_plain_model_fit(replicas):
    ours, keras_own = regression(replicas), regression(replicas)
    quiet_fit(ours, 10)
    keras_own.jit_compile = False
    keras_own.fit(data(), steps_per_epoch=10, verbose=0)
    for a, b in zip(weights(ours), weights(keras_own), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_steps_per_execution_of_model_fit_works_under_our_strategy():
    model = regression(strategy(TWO))
    model.steps_per_execution = 4
    model.jit_compile = False
    history = model.fit(data(), steps_per_epoch=8, verbose=0).history
    assert np.isfinite(history["loss"]).all()


def test_randomness_in_the_batch_differs_between_replicas_and_keras_randomness_does_not():
    class Draws(Regression):
        def train_step(self, batch):
            layer = keras.random.normal((), seed=self.generator)
            return {
                "from_batch": tf.reduce_mean(batch["noise"]),
                "from_keras": layer,
                "batch_squared": tf.reduce_mean(batch["noise"]) ** 2,
                "keras_squared": layer**2,
            }

    def noise(batch, seed):
        return batch | {"noise": tf.random.stateless_normal((8,), seed)}

    with strategy(TWO).scope():
        model = Draws()
        model.generator = keras.random.SeedGenerator(0)
        model.compile(keras.optimizers.SGD())
    dataset = batches({"x": np.zeros((8, 3), "float32")}, 8, 0, noise)
    history = quiet_fit(model, 1, dataset).history
    spread = {  # variance over the replicas, from E[x^2] - E[x]^2
        name: history[f"{name}_squared"][0] - history[f"from_{name}"][0] ** 2
        for name in ("batch", "keras")
    }
    assert spread["batch"] > 1e-3
    assert spread["keras"] == pytest.approx(0, abs=1e-5)


def test_averaged_weights_become_the_weights_at_the_end():
    model = regression()
    quiet_fit(model, 10)
    for weight, average in zip(
        model.trainable_variables, model.optimizer._model_variables_moving_average, strict=True
    ):
        np.testing.assert_array_equal(weight, average)


def test_a_second_fit_goes_on_from_the_weights_without_tracing_again():
    traces = []

    class Counted(Regression):
        def train_step(self, batch):
            traces.append(1)
            return super().train_step(batch)

    keras.utils.set_random_seed(0)
    with strategy(["CPU:0"]).scope():
        model = Counted()
        model.compile(keras.optimizers.SGD(0.1))
    first = quiet_fit(model, 10).history["loss"]
    once = len(traces)
    second = quiet_fit(model, 10).history["loss"]
    assert len(traces) == once and second < first
    model.compile(keras.optimizers.SGD(0.0))  # another optimizer must be traced
    before = model.network.get_weights()[0]
    quiet_fit(model, 2)
    np.testing.assert_array_equal(model.network.get_weights()[0], before)


def test_epoch_logs_are_means_over_all_its_steps():
    losses = []

    class EachStep(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            losses.append(logs["loss"])

    quiet_fit(regression(), 7, steps_per_call=1, callbacks=[EachStep()])
    history = quiet_fit(regression(), 7, steps_per_call=3, steps_per_epoch=4).history
    assert history["loss"] == pytest.approx([np.mean(losses[:4]), np.mean(losses[4:])])


def test_a_plain_keras_classifier_trains_and_logs_its_metric():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 2)).astype("float32")
    with strategy(["CPU:0"]).scope():
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        model.compile(keras.optimizers.SGD(0.1), "mse")
    pairs = batches({"x": x, "y": x[:, :1]}, 16, 0).map(lambda b: (b["x"], b["y"]))
    losses = quiet_fit(model, 300, pairs).history["loss"]
    assert losses[-1] < losses[0] / 10
    assert losses[-1] == pytest.approx(model.evaluate(x, x[:, :1], verbose=0), abs=1e-3)


# Callbacks


def test_early_stopping_stops():
    stopper = keras.callbacks.EarlyStopping("loss", patience=1, min_delta=1e9)
    history = quiet_fit(regression(), 100, steps_per_epoch=5, callbacks=[stopper])
    assert history.epoch == [0, 1]


def test_learning_rate_scheduler_sets_each_epoch():
    model, seen = regression(), []
    scheduler = keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.1 / (epoch + 1))
    watch = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append(float(model.optimizer.learning_rate))
    )
    quiet_fit(model, 9, steps_per_epoch=3, callbacks=[scheduler, watch])
    assert seen == pytest.approx([0.1, 0.05, 0.1 / 3])


def test_csv_logger_writes_every_epoch(tmp_path):
    path = tmp_path / "log.csv"
    history = quiet_fit(
        regression(), 9, steps_per_epoch=3, callbacks=[keras.callbacks.CSVLogger(path)]
    )
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["0", "1", "2"]
    assert [float(row["loss"]) for row in rows] == pytest.approx(history.history["loss"])


# Checkpoints


def interrupt():
    raise KeyboardInterrupt


@functools.cache
def uninterrupted():
    """The model after 20 steps in four epochs, and its history."""
    model = regression()
    return model, quiet_fit(model, 20, steps_per_epoch=5).history


@pytest.mark.parametrize("at", [10, 13])
def test_resuming_gives_the_weights_of_a_run_that_was_not_interrupted(tmp_path, at):
    """At the end of an epoch and within one, to the bit."""
    straight, whole = uninterrupted()
    path = tmp_path / "run.npz"
    options = dict(steps_per_epoch=5, checkpoint=path)
    with pytest.raises(Interrupted, match=rf"step {at}, saved to .*run\.npz"):
        quiet_fit(regression(), 20, steps_per_call=1, callbacks=[StopAt(at, interrupt)], **options)
    resumed = regression()
    resumed.set_weights([w + 1 for w in resumed.get_weights()])  # nothing survives but the file
    history = quiet_fit(resumed, 20, **options).history
    assert_identical(straight, resumed)
    assert history["loss"] == pytest.approx(whole["loss"], rel=1e-6)


def test_what_callbacks_add_to_the_logs_survives_a_resume(tmp_path):
    class Adds(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["epoch_squared"] = epoch**2

    path = tmp_path / "run.npz"
    options = dict(steps_per_epoch=5, checkpoint=path)
    with pytest.raises(Interrupted):
        stop = StopAt(13, interrupt)
        quiet_fit(regression(), 20, steps_per_call=1, callbacks=[Adds(), stop], **options)
    history = quiet_fit(regression(), 20, callbacks=[Adds()], **options).history
    assert history["epoch_squared"] == [0, 1, 4, 9] and len(history["loss"]) == 4


class AtEpochEnd(keras.callbacks.Callback):
    """Adds to the logs, and before that calls `action` in one epoch."""

    def __init__(self, epoch, action):
        super().__init__()
        self.epoch, self.action = epoch, action

    def on_epoch_end(self, epoch, logs=None):
        if epoch == self.epoch:
            self.action()
        logs["looked"] = epoch


@pytest.mark.parametrize("action", [interrupt, lambda: signal.raise_signal(signal.SIGINT)])
@pytest.mark.parametrize("epoch", [1, 3])
def test_an_epoch_whose_callbacks_are_interrupted_is_not_lost(tmp_path, action, epoch):
    """At once, or as by Ctrl-C, which waits for them; the last epoch too."""
    straight, whole = uninterrupted()
    options = dict(steps_per_epoch=5, checkpoint=tmp_path / "run.npz")
    with pytest.raises(Interrupted, match=f"step {5 * (epoch + 1)}, saved"):
        quiet_fit(regression(), 20, callbacks=[AtEpochEnd(epoch, action)], **options)
    resumed = regression()
    history = quiet_fit(resumed, 20, callbacks=[AtEpochEnd(None, None)], **options).history
    assert history["looked"] == [0, 1, 2, 3]
    assert history["loss"] == pytest.approx(whole["loss"], rel=1e-6)
    assert_identical(straight, resumed)


def test_ctrl_c_within_a_call_loses_none_of_its_losses(tmp_path):
    def ctrl_c(steps_before):
        if steps_before == 7:
            os.kill(os.getpid(), signal.SIGINT)

    class InterruptsItself(Regression):
        """From within the graph, so that it is certain to come within a call."""

        def train_step(self, batch):
            tf.numpy_function(ctrl_c, [self.optimizer.iterations.value], [])
            return super().train_step(batch)

    keras.utils.set_random_seed(0)
    with strategy(["CPU:0"]).scope():
        model = InterruptsItself()
        model.compile(keras.optimizers.Adam(1e-2, use_ema=True, ema_momentum=0.9))
    whole = quiet_fit(regression(), 20, steps_per_epoch=12).history
    options = dict(steps_per_epoch=12, checkpoint=tmp_path / "run.npz")
    with pytest.raises(Interrupted, match="step 10, saved"):  # the end of the second call
        quiet_fit(model, 20, steps_per_call=5, **options)
    history = quiet_fit(regression(), 20, **options).history
    assert history["loss"] == pytest.approx(whole["loss"], rel=1e-6)


@pytest.mark.parametrize("at", [7, 10])
def test_a_plain_keras_model_that_resumes_has_the_means_of_whole_epochs(tmp_path, at):
    def fresh():
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        model.compile(keras.optimizers.SGD(0.01), "mse")
        return model

    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 2)).astype("float32")
    examples = tf.data.Dataset.from_tensor_slices((x, x.sum(1, keepdims=True))).batch(4).repeat()
    whole = quiet_fit(fresh(), 20, examples, steps_per_epoch=5).history
    options = dict(steps_per_epoch=5, checkpoint=tmp_path / "run.npz")
    with pytest.raises(Interrupted):
        stop = StopAt(at, interrupt)
        quiet_fit(fresh(), 20, examples, steps_per_call=1, callbacks=[stop], **options)
    history = quiet_fit(fresh(), 20, examples, **options).history
    assert history["loss"] == pytest.approx(whole["loss"], rel=1e-5)


def test_a_real_interrupt_signal_saves_and_says_so(tmp_path):
    path = tmp_path / "run.npz"
    timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
    with pytest.raises(Interrupted, match="saved to"):
        quiet_fit(regression(), 10**7, checkpoint=path, callbacks=[StopAt(1, timer.start)])
    with np.load(path, allow_pickle=False) as file:
        assert '"stopped": false' in str(file["meta"])


def test_a_finished_run_is_not_trained_again_but_can_go_on(tmp_path):
    first, second, longer, straight = (regression() for _ in range(4))
    path = tmp_path / "run.npz"
    quiet_fit(first, 10, checkpoint=path)
    calls = Recorder()
    quiet_fit(second, 10, checkpoint=path, callbacks=[calls])
    assert not calls.calls
    assert_identical(first, second)
    quiet_fit(longer, 15, checkpoint=path)
    quiet_fit(straight, 15)
    assert_identical(longer, straight)


def test_a_run_that_a_callback_stopped_stays_stopped(tmp_path):
    path = tmp_path / "run.npz"
    stopper = keras.callbacks.EarlyStopping("loss", patience=1, min_delta=1e9)
    options = dict(steps_per_epoch=5, checkpoint=path)
    quiet_fit(regression(), 100, callbacks=[stopper], **options)
    assert quiet_fit(regression(), 100, **options).epoch == [0, 1]


def test_replicas_resume_too(tmp_path):
    path, scope = tmp_path / "run.npz", strategy(TWO)
    straight, half, resumed = (regression(scope) for _ in range(3))
    quiet_fit(straight, 12)
    quiet_fit(half, 5, checkpoint=path)
    quiet_fit(resumed, 12, checkpoint=path)
    assert_identical(straight, resumed)


def test_several_fits_of_one_program_resume_each_from_its_own_file(tmp_path):
    for _ in range(2):
        with checkpoints(tmp_path):
            quiet_fit(regression(), 3)
            quiet_fit(regression(), 4)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["0.npz", "1.npz"]
    quiet_fit(regression(), 2)  # outside of `checkpoints` nothing is written
    assert len(list(tmp_path.iterdir())) == 2


def test_it_saves_while_it_trains(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "SAVE_SECONDS", 0)
    seen = []
    path = tmp_path / "run.npz"
    watch = keras.callbacks.LambdaCallback(on_epoch_end=lambda e, logs: seen.append(path.exists()))
    quiet_fit(regression(), 4, steps_per_epoch=2, checkpoint=path, callbacks=[watch])
    assert seen == [True, True]


@pytest.mark.parametrize("damage", [b"", b"not a zip", None])
def test_a_damaged_checkpoint_is_refused(tmp_path, damage):
    path = tmp_path / "run.npz"
    quiet_fit(regression(), 2, checkpoint=path)
    path.write_bytes(path.read_bytes()[:-300] if damage is None else damage)
    kept = path.read_bytes()
    with pytest.raises(InputError, match=r"run\.npz is damaged"):
        quiet_fit(regression(), 4, checkpoint=path)
    assert path.read_bytes() == kept


def test_a_checkpoint_of_another_model_is_refused(tmp_path):
    path = tmp_path / "run.npz"
    with strategy(["CPU:0"]).scope():
        other = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
        other.compile("sgd", "mse")
    Checkpoint(path, tf.Variable(0, dtype=tf.int64), other, []).save()
    with pytest.raises(InputError, match="another model or other settings"):
        quiet_fit(regression(), 4, checkpoint=path)


def test_a_full_disk_loses_neither_the_training_nor_the_last_checkpoint(tmp_path, monkeypatch):
    path = tmp_path / "run.npz"
    quiet_fit(regression(), 2, checkpoint=path)
    kept = path.read_bytes()

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    monkeypatch.setattr(module, "SAVE_SECONDS", 0)
    model = regression()
    with (
        pytest.warns(UserWarning, match="training goes on.*No space left"),
        pytest.raises(Interrupted, match="no space left"),
    ):
        quiet_fit(
            model,
            40,
            checkpoint=tmp_path / "other.npz",
            steps_per_call=1,
            callbacks=[StopAt(5, lambda: signal.raise_signal(signal.SIGINT))],
        )
    assert path.read_bytes() == kept
    assert [p.name for p in tmp_path.iterdir()] == ["run.npz"]  # no half-written file


def test_a_full_disk_at_the_end_still_leaves_the_trained_model(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    kept, plain = regression(), regression()
    with pytest.warns(UserWarning, match="No space left"):
        quiet_fit(kept, 5, checkpoint=tmp_path / "run.npz")
    quiet_fit(plain, 5)
    assert_identical(kept, plain)


# What cannot work is refused


def test_nan_stops_with_the_name_of_the_loss_and_the_step(tmp_path):
    def break_fourth(batch):
        bad = tf.equal(batch["number"], 3)
        return {"x": tf.where(bad, float("nan"), batch["x"]), "y": batch["y"]}

    numbered = tf.data.Dataset.zip(data(), tf.data.Dataset.range(100)).map(
        lambda batch, number: batch | {"number": number}
    )
    path = tmp_path / "run.npz"
    with pytest.raises(TrainingDiverged, match=r"loss became nan at step 4:"):
        quiet_fit(regression(), 10, numbered.map(break_fourth), checkpoint=path)
    assert not path.exists()  # broken weights are never saved


def test_data_that_ends_early_is_told():
    with pytest.raises(InputError, match="ended after 3 batches"):
        quiet_fit(regression(), 10, data().take(3))


@pytest.mark.parametrize("name", ["steps", "steps_per_call", "steps_per_epoch"])
def test_zero_of_anything_is_refused(name):
    options = {"steps": 5} | {name: 0}
    with pytest.raises(InputError, match=f"{name} must be at least 1, not 0"):
        fit(regression(), data(), **options)


def test_an_unbuilt_or_uncompiled_model_is_refused():
    model = Regression()
    with pytest.raises(InputError, match="built and compiled"):
        quiet_fit(model, 1)


def test_batches_that_replicas_cannot_share_evenly_are_refused():
    scope = strategy(TWO)
    for dataset in (data(7), data(8).unbatch().batch(8)):
        with pytest.raises(InputError, match="shared evenly by 2 replicas"):
            quiet_fit(regression(scope), 1, dataset)


def test_gradient_accumulation_over_replicas_is_refused():
    model = regression(strategy(TWO), gradient_accumulation_steps=2)
    with pytest.raises(InputError, match="accumulate"):
        quiet_fit(model, 1)


@pytest.mark.parametrize("clip", ["clipnorm", "global_clipnorm", "clipvalue"])
def test_clipping_before_the_gradients_are_added_up_is_refused(clip):
    model = regression(strategy(TWO), **{clip: 1.0})
    with pytest.raises(InputError, match="clips the gradients of each replica"):
        quiet_fit(model, 1)
    quiet_fit(regression(**{clip: 1.0}), 1)  # on one device it means what it says


def test_xla_across_cpu_replicas_is_refused_and_on_one_device_works():
    with pytest.raises(InputError, match="XLA"):
        quiet_fit(regression(strategy(TWO)), 1, jit_compile=True)
    compiled, plain = regression(), regression()
    quiet_fit(compiled, 5, jit_compile=True)
    quiet_fit(plain, 5)
    for a, b in zip(weights(compiled), weights(plain), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_xla_is_off_unless_asked_for():
    """It slows convolutions on CPUs, and Keras would switch it on by itself."""
    seen = []

    class Spy(Regression):
        def train_step(self, batch):
            graph = tf.compat.v1.get_default_graph()
            while graph:
                seen.append("_XlaMustCompile" in getattr(graph, "_attr_scope_map", {}))
                seen.append(getattr(graph, "name", "").startswith("xla"))
                graph = getattr(graph, "outer_graph", None)
            seen.append(bool(tf.config.optimizer.get_jit()))
            return super().train_step(batch)

    with strategy(["CPU:0"]).scope():
        model = Spy()
        model.compile(keras.optimizers.Adam())
    quiet_fit(model, 1)
    assert seen and not any(seen)


# Progress


def test_plain_lines_where_there_is_no_terminal(capsys):
    fit(regression(), data(), 3)
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("regression: step 3/3  loss ")
    assert last.endswith("0 s left")


def test_no_progress_if_not_wanted(capsys):
    quiet_fit(regression(), 3)
    captured = capsys.readouterr()
    assert captured.err == captured.out == ""


@pytest.mark.parametrize("devices", [TWO[:1], TWO])
def test_no_thread_tunes_the_input_which_would_hold_the_end_of_training_up(devices, monkeypatch):
    model, seen = regression(strategy(devices)), []
    iterate = tf.data.Dataset.__iter__
    monkeypatch.setattr(tf.data.Dataset, "__iter__", lambda its: seen.append(its) or iterate(its))
    quiet_fit(model, 2)
    assert [data.options().autotune.enabled for data in seen] == [False]


def test_parts_of_one_cpu_get_the_shares_that_a_distributed_dataset_gives_them():
    scope = strategy(TWO)
    batch = {"x": tf.reshape(tf.range(24.0), (8, 3)), "y": (tf.range(8), tf.range(8) > 3)}
    one = tf.data.Dataset.from_tensors(batch)
    distributed = next(iter(scope.experimental_distribute_dataset(one)))
    shared = tf.function(lambda: module._shared(batch, scope))()
    results = scope.experimental_local_results
    for ours, theirs in zip(tf.nest.flatten(shared), tf.nest.flatten(distributed), strict=True):
        for a, b in zip(results(ours), results(theirs), strict=True):
            np.testing.assert_array_equal(a, b)
