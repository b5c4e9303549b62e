"""The one training loop: `strategy.run(model.train_step, ...)`, several steps per traced call.

It trains any compiled `keras.Model` on one device, several, or several machines, with Keras
callbacks, progress, a guard against NaN, and checkpoints that resume to the bit.
"""

import contextlib
import contextvars
import itertools
import math
import pathlib
import time
from collections.abc import Iterable, Iterator

import keras
import numpy as np
import tensorflow as tf

from gen_ai_examples.common.checkpoint import Checkpoint
from gen_ai_examples.common.data_service import from_step, service_watched
from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.progress import Progress
from gen_ai_examples.common.workers import (
    InStep,
    check_agreement,
    from_chief,
    in_order_of_workers,
    index_of,
    other_workers_watched,
    several,
)

SAVE_SECONDS = 60  # how much work a power cut may cost
CALL_SECONDS = 0.25  # between two looks at the losses: long beside the cost of a call

_numbered_files: contextvars.ContextVar[Iterator[pathlib.Path] | None] = contextvars.ContextVar(
    "numbered_files", default=None
)


class TrainingDiverged(ArithmeticError):
    """A loss became NaN or infinite."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C during training; the message says what was saved and how to go on."""


@contextlib.contextmanager
def checkpoints(folder: pathlib.Path):
    """Let every `fit` inside save to `folder`, and resume from what it finds there.

    The files are numbered in the order of the calls, so a program that trains several models in
    a fixed order resumes as a whole.
    """
    files = (pathlib.Path(folder) / f"{number}.npz" for number in itertools.count())
    token = _numbered_files.set(files)
    try:
        yield
    finally:
        _numbered_files.reset(token)


def fit(
    model: keras.Model,
    dataset: tf.data.Dataset,
    steps: int,
    *,
    callbacks: Iterable[keras.callbacks.Callback] = (),
    steps_per_epoch: int = 100,
    steps_per_call: int | None = None,
    jit_compile: bool = False,
    checkpoint: str | pathlib.Path | None = None,
    progress: bool = True,
) -> keras.callbacks.History:
    """Train `model` for `steps` batches under the strategy it was built in.

    Args:
        model: built and compiled, each optimizer built too, all inside `strategy().scope()`. Its
            `train_step(batch)` returns scalar logs and is a pure function of weights and batch.
        dataset: unsharded batches of the *global* batch size, the same in every run; replicas
            share each batch evenly, wherever they are. Within `data_service(...)` a tf.data
            service prepares them.
        steps: weight updates in all, those of a resumed checkpoint included.
        callbacks: Keras callbacks. Batch hooks run once per traced call, as they do in Keras
            with `steps_per_execution`; their state is not part of a checkpoint. With several
            machines they run on each: let those that write files do so on the chief alone.
        steps_per_epoch: an epoch is so many steps here; its logs are means over them.
        steps_per_call: steps per traced call, within an epoch; None takes as many as last a
            quarter of a second. It changes speed alone: results are identical to the bit. Losses
            are looked at, and Ctrl-C answered, between calls; give a number where a callback
            changes something at its batch hooks.
        jit_compile: compile the step with XLA; on a CPU it slows convolutions down and speeds
            transformers up. Takes precedence over `model.compile(jit_compile=...)`.
        checkpoint: file to save to once a minute, on Ctrl-C and at the end, and to resume from
            if it exists. By default the next one of `checkpoints(...)`, outside of it none.
        progress: show losses and time left.

    Returns:
        The history: one mean per epoch and log, including the epochs before a resume.

    Raises:
        InputError: a setting that cannot work; see the message.
        TrainingDiverged: a loss is NaN or infinite; the last checkpoint stays.
        Interrupted: Ctrl-C, after saving; with several machines on all of them.
        WorkerLost: another machine stopped; the last checkpoint stays.
        ServiceLost: the data service stopped; the last checkpoint stays.
    """
    _check(model, dataset, steps, steps_per_epoch, steps_per_call, jit_compile)
    files = _numbered_files.get()
    path = pathlib.Path(checkpoint) if checkpoint else next(files) if files else None
    strategy = model.distribute_strategy
    with strategy.scope():
        for optimizer in _optimizers(model):
            if not optimizer.built:  # a plain Keras model, whose one optimizer Keras builds late
                optimizer.build(model.trainable_variables)
    chief = index_of(strategy) == 0
    with other_workers_watched(strategy, _how_to_go_on(path)):
        _check_agreement(strategy, model, dataset, steps, steps_per_epoch)
        call = _traced_steps(model, strategy, jit_compile)
        state = Checkpoint(path if chief else None, call.step, model, _optimizers(model))
        state.restore(from_chief(strategy, state.read()))

    hooks = keras.callbacks.CallbackList(
        list(callbacks),
        add_history=True,
        model=model,
        epochs=math.ceil(steps / steps_per_epoch),
        steps=steps_per_epoch,
        verbose=0,
    )
    model.stop_training = state.stopped
    hooks.on_train_begin()
    state.restore_history(model.history)
    data = from_step(dataset, int(state.step), several(strategy)).prefetch(tf.data.AUTOTUNE)
    data = data.with_options(_untuned())
    if several(strategy):
        data = in_order_of_workers(data)
    if not _share_in_graph(strategy):
        data = strategy.experimental_distribute_dataset(data)
    batches = iter(data)
    bar = Progress(model.name, steps, first=int(state.step), shown=progress and chief)
    in_step = InStep(strategy)
    pace = (steps_per_epoch, steps_per_call)
    try:
        others_watched = other_workers_watched(strategy, _how_to_go_on(path))
        with bar, in_step, others_watched, service_watched(call.step, _how_to_go_on(path)):
            _loop(model, call, batches, steps, *pace, hooks, state, bar, in_step)
    except KeyboardInterrupt:
        if in_step.forced:  # perhaps within a step, whose state must not replace a whole one
            raise Interrupted("Interrupted at once; the last checkpoint stays.") from None
        where = f"Interrupted at step {int(state.step)}, which the chief saves."
        raise Interrupted(state.save_interrupted() if chief else where) from None
    state.save_or_warn()
    if isinstance(model.optimizer, keras.optimizers.Optimizer):
        # As `Model.fit` ends: with use_ema=True the averaged weights become the weights. The
        # checkpoint holds the raw ones, from which training can go on.
        model.optimizer.finalize_variable_values(model.trainable_variables)
    hooks.on_train_end()
    return model.history


def _loop(model, call, batches, steps, steps_per_epoch, steps_per_call, hooks, state, bar, in_step):
    saved = time.monotonic()
    pace = steps_per_call or 1
    running_means = type(model).train_step is keras.Model.train_step  # Keras metrics average
    while (int(state.step) < steps or state.in_epoch) and not model.stop_training:
        # A run that was interrupted after an epoch's last step has that epoch still to end.
        epoch = (int(state.step) - state.in_epoch) // steps_per_epoch
        length = min(steps_per_epoch, steps - epoch * steps_per_epoch)
        hooks.on_epoch_begin(epoch)
        model.reset_metrics()
        while (at := int(state.step) - epoch * steps_per_epoch) < length:
            hooks.on_train_batch_begin(at)
            n = in_step.steps(min(pace, length - at))
            started = time.monotonic()
            names, values = call(batches, n)
            if steps_per_call is None:  # the first call traces, so the pace is right from the third
                pace = _steps_for(CALL_SECONDS, n, time.monotonic() - started)
            _check_finite(names, values, first=int(state.step) - n + 1)
            state.add_losses(names, values, running_means)
            logs = dict(zip(names, values[-1].tolist(), strict=True))
            hooks.on_train_batch_end(at + n - 1, logs)
            bar.update(int(state.step), logs)
            if time.monotonic() - saved > SAVE_SECONDS:
                state.save_or_warn()
                saved = time.monotonic()
            if model.stop_training:
                break
        known = {name: len(values) for name, values in model.history.history.items()}
        logs = state.means()
        hooks.on_epoch_end(epoch, logs)
        # Keras gives callbacks a copy of the logs; what they added to it, its History has kept.
        logs |= {
            name: values[-1]
            for name, values in model.history.history.items()
            if len(values) > known.get(name, 0)
        }
        # Only now: an epoch whose callbacks were interrupted ends again after the resume.
        state.end_epoch(epoch, logs)
        state.stopped = model.stop_training
        in_step.stop_if_asked()


def _untuned() -> tf.data.Options:
    """Without the thread that tunes a pipeline's parallelism as it runs.

    It sleeps for twice as long each time, up to a minute, and now and then an iterator that ends is
    held up until it wakes: a training of 3 seconds lasts 5. What is left to AUTOTUNE stays as it
    begins: prefetching goes on, maps run in parallel.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return options


def _share_in_graph(strategy) -> bool:
    """Whether the replicas are parts of one CPU, which need not be sent their shares of a batch.

    The iterators that send them cannot be told to do without the thread of `_untuned`.
    """
    if strategy.num_replicas_in_sync == 1 or several(strategy):
        return False
    return all("CPU" in device for device in strategy.extended.worker_devices)


def _shared(batch, strategy):
    """The batch in consecutive parts, one per replica, as a distributed dataset shares it."""
    n = strategy.num_replicas_in_sync
    parts = [tf.split(x, n) for x in tf.nest.flatten(batch)]

    def part(context):
        i = context.replica_id_in_sync_group
        return tf.nest.pack_sequence_as(batch, [its[i] for its in parts])

    return strategy.experimental_distribute_values_from_function(part)


def _steps_for(seconds, n, took):
    """How many steps last `seconds`, when n took `took`."""
    return max(1, int(n * seconds / max(took, 1e-6)))


class _TracedSteps:
    """Trains for n steps per call, and counts them in the graph, where Ctrl-C cannot interfere."""

    def __init__(self, model, strategy, jit_compile):
        self.step = tf.Variable(0, dtype=tf.int64)
        self._names: list[str] = []
        step = tf.function(model.train_step, jit_compile=True) if jit_compile else model.train_step

        @tf.function(autograph=False, reduce_retracing=True)
        def train(batches, n):
            def one(i, losses):
                batch = next(batches)
                if _share_in_graph(strategy):
                    batch = _shared(batch, strategy)
                logs = strategy.run(step, args=(batch,))
                self._names = sorted(logs)  # known once traced
                means = [strategy.reduce("MEAN", logs[name], axis=None) for name in self._names]
                values = tf.stack([tf.cast(mean, tf.float32) for mean in means])
                with tf.control_dependencies([values]):  # a batch that failed to come is no step
                    self.step.assign_add(1)
                return i + 1, losses.write(i, values)

            losses = tf.TensorArray(tf.float32, size=n, infer_shape=False)
            return tf.while_loop(lambda i, _: i < n, one, (0, losses))[1].stack()

        self._train = train

    def __call__(self, batches, n: int) -> tuple[list[str], np.ndarray]:
        """Return the names of the logs, and their values (n, n_logs)."""
        try:
            values = self._train(batches, tf.constant(n)).numpy()
        except tf.errors.OutOfRangeError:
            done = int(self.step)
            raise InputError(
                f"The data ended after {done} batches: repeat the data set, "
                f"or train for at most {done} steps."
            ) from None
        return self._names, values


def _traced_steps(model, strategy, jit_compile) -> _TracedSteps:
    """Trace once per model, and again when it was compiled or frozen differently."""
    trained = tuple(id(v) for v in [*_optimizers(model), *model.trainable_variables])
    kept = vars(model).setdefault("_traced_steps", {})  # past Keras' tracking of attributes
    if (jit_compile, trained) not in kept:
        kept[jit_compile, trained] = _TracedSteps(model, strategy, jit_compile)
    return kept[jit_compile, trained]


def _optimizers(model: keras.Model) -> list[keras.optimizers.Optimizer]:
    found = [v for v in vars(model).values() if isinstance(v, keras.optimizers.Optimizer)]
    return list({id(optimizer): optimizer for optimizer in found}.values())


def _how_to_go_on(path) -> str:
    if path is None:
        return "No checkpoint file was given: start training anew, on every machine."
    return (
        "Start training again with the same command and --resume, on every machine: "
        "it goes on from the last checkpoint."
    )


def _check_agreement(strategy, model, dataset, steps, steps_per_epoch):
    """Workers with other data or settings would train nonsense, or wait for each other for ever."""
    if not several(strategy):
        return
    first = next(iter(dataset), None)
    facts = {
        "the steps to train": f"{steps} {steps_per_epoch}".encode(),
        "the shapes of the model": str([tuple(v.shape) for v in model.variables]).encode(),
        "the first batch of the data": b"".join(
            np.asarray(x).tobytes() for x in tf.nest.flatten(first)
        ),
    }
    check_agreement(strategy, facts)


def _check_finite(names, values, first):
    bad = np.argwhere(~np.isfinite(values))
    if len(bad):
        row, column = bad[0]
        raise TrainingDiverged(
            f"{names[column]} became {values[row, column]} at step {first + row}: "
            "lower the learning rate, or look for broken values in the data."
        )


def _check(model, dataset, steps, steps_per_epoch, steps_per_call, jit_compile):
    for name, value in [
        ("steps", steps),
        ("steps_per_epoch", steps_per_epoch),
        ("steps_per_call", steps_per_call),
    ]:
        if value is not None and value < 1:
            raise InputError(f"{name} must be at least 1, not {value}.")
    if not (model.built and model.compiled):
        raise InputError(
            f"The model {model.name!r} must be built and compiled before it trains, "
            "with every optimizer built, inside strategy().scope()."
        )
    replicas = model.distribute_strategy.num_replicas_in_sync
    if replicas == 1:
        return
    sizes = {spec.shape[0] for spec in tf.nest.flatten(dataset.element_spec)}
    if None in sizes or any(size % replicas for size in sizes):
        raise InputError(
            f"Batches of {sorted(map(str, sizes))} examples cannot be shared evenly by {replicas} "
            "replicas: use a fixed batch size that is a multiple of them (drop_remainder=True)."
        )
    if any(optimizer.gradient_accumulation_steps for optimizer in _optimizers(model)):
        raise InputError(
            "Keras cannot accumulate gradients over several replicas: "
            "leave gradient_accumulation_steps out, or train on one device."
        )
    clipping = ("clipnorm", "global_clipnorm", "clipvalue")
    if any(getattr(optimizer, name) for optimizer in _optimizers(model) for name in clipping):
        raise InputError(
            "Keras clips the gradients of each replica before it adds them up, which is not what "
            "one device does: use clipped(gradients, norm) in train_step instead."
        )
    on_cpu = any("CPU" in d for d in model.distribute_strategy.extended.worker_devices)
    if jit_compile and on_cpu:
        raise InputError(
            "XLA cannot compile a step across CPU replicas: "
            "leave jit_compile out, or train on one device."
        )
