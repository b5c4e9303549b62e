"""Short stand-ins for what a copied example takes from the package: from data to command.

`gen-ai-examples copy` puts these in the place of `common/sources/bundle.py`, `common/fit.py`,
`common/answer.py`, the classes of `common/media.py` and `cli.py`. They give the same numbers and do
without checkpoints, several machines, pages and a progress bar.
"""

import argparse
import dataclasses
import functools
import inspect
import math
import pathlib
import wave

import keras
import numpy as np
import tensorflow as tf
from PIL import Image


class InputError(ValueError):
    """A mistake of the user's, told in one sentence that says what is wrong and what to do."""


class TrainingDiverged(ArithmeticError):
    """A loss became NaN or infinite."""


def bundled(name):
    """A data file of the project, in the folder `data` beside this file."""
    path = pathlib.Path(__file__).resolve().with_name("data") / name
    if not path.is_file():
        raise InputError(
            f"{path} is missing: `gen-ai-examples copy --with-data` writes it beside the copy."
        )
    return path


def strategy(devices=None):
    """`MirroredStrategy` over two or more devices, else TensorFlow's default strategy."""
    if not hasattr(strategy, "kept"):
        kinds = map(tf.config.list_logical_devices, ("GPU", "CPU"))
        devices_of = [[device.name for device in its] for its in kinds]
        strategy.kept = mirrored(tuple(devices_of[0] or devices_of[1]))
    return strategy.kept if devices is None else mirrored(tuple(devices))


@functools.cache
def mirrored(devices):
    if len(devices) < 2:
        return tf.distribute.get_strategy()
    # On CPU replicas the default collectives fail.
    on_cpu = any("CPU" in name for name in devices)
    ops = tf.distribute.ReductionToOneDevice() if on_cpu else None
    return tf.distribute.MirroredStrategy(devices, cross_device_ops=ops)


def fit(model, dataset, steps, *, callbacks=(), steps_per_epoch=100, jit_compile=False, **_):
    """Train for `steps` global batches; returns the history, one mean per epoch and loss."""
    replicas = model.distribute_strategy
    with replicas.scope():
        for optimizer in vars(model).values():
            if isinstance(optimizer, keras.optimizers.Optimizer) and not optimizer.built:
                optimizer.build(model.trainable_variables)
    train_step = tf.function(model.train_step, jit_compile=jit_compile or None)

    @tf.function(autograph=False)
    def step(batch):
        logs = replicas.run(train_step, args=(shares(batch, replicas),))
        return {name: replicas.reduce("MEAN", logs[name], axis=None) for name in logs}

    epochs = math.ceil(steps / steps_per_epoch)
    hooks = keras.callbacks.CallbackList(
        list(callbacks), add_history=True, model=model, epochs=epochs, steps=steps_per_epoch
    )
    options = tf.data.Options()
    options.autotune.enabled = False  # its thread sleeps for longer and longer, and is waited for
    batches = iter(dataset.prefetch(2).with_options(options))
    running_means = type(model).train_step is keras.Model.train_step  # Keras metrics average
    model.stop_training = False
    hooks.on_train_begin()
    for epoch in range(epochs):
        hooks.on_epoch_begin(epoch)
        model.reset_metrics()
        losses = []
        for i in range(min(steps_per_epoch, steps - epoch * steps_per_epoch)):
            hooks.on_train_batch_begin(i)
            losses.append({name: float(value) for name, value in step(next(batches)).items()})
            if not np.isfinite(list(losses[-1].values())).all():
                raise TrainingDiverged(f"{losses[-1]} at step {epoch * steps_per_epoch + i + 1}")
            hooks.on_train_batch_end(i, losses[-1])
            if model.stop_training:
                break
        logs = {name: float(np.mean([its[name] for its in losses])) for name in losses[0]}
        hooks.on_epoch_end(epoch, losses[-1] if running_means else logs)
        print(f"epoch {epoch + 1}/{epochs}:", *(f"{k} {v:.4g}" for k, v in logs.items()))
        if model.stop_training:
            break
    if isinstance(model.optimizer, keras.optimizers.Optimizer):
        model.optimizer.finalize_variable_values(model.trainable_variables)  # averages, if kept
    hooks.on_train_end()
    return model.history


def shares(batch, replicas):
    """Consecutive parts of a batch, one per replica."""
    n = replicas.num_replicas_in_sync
    if n == 1:
        return batch
    if any(x.shape[0] % n for x in tf.nest.flatten(batch)):
        raise InputError(f"{n} replicas share each batch: give a size that is a multiple of {n}.")
    parts = [tf.split(x, n) for x in tf.nest.flatten(batch)]
    return replicas.experimental_distribute_values_from_function(
        lambda its: tf.nest.pack_sequence_as(
            batch, [part[its.replica_id_in_sync_group] for part in parts]
        )
    )


@dataclasses.dataclass(frozen=True)
class Claim:
    """A statement that holds if `value` beats every baseline."""

    statement: str
    value: float
    unit: str
    baselines: dict[str, float]
    better: str  # "lower" or "higher"
    best: float | None = None

    @property
    def holds(self):
        sign = 1 if self.better == "higher" else -1
        return all(sign * self.value > sign * baseline for baseline in self.baselines.values())


@dataclasses.dataclass(frozen=True)
class Answer:
    """Claims, other numbers, and media by name."""

    claims: list[Claim]
    metrics: dict[str, float] = dataclasses.field(default_factory=dict)
    media: dict = dataclasses.field(default_factory=dict)

    def show(self, folder):
        for claim in self.claims:
            print(f"\n{claim.statement} {'Holds.' if claim.holds else 'DOES NOT HOLD.'}")
            print(f"  {claim.value:.4g} {claim.unit}; to beat:", claim.baselines)
        folder.mkdir(parents=True, exist_ok=True)
        for name, medium in self.media.items():
            medium.save(folder / name)
        print(f"\nPictures, sounds and texts: {folder}")


@dataclasses.dataclass(frozen=True)
class Picture:
    """Pixels (H, W) or (H, W, 3), uint8."""

    pixels: np.ndarray

    def save(self, stem):
        Image.fromarray(self.pixels).save(f"{stem}.png")


@dataclasses.dataclass(frozen=True)
class Sound:
    """Samples (T,) in [-1, 1] at `rate` Hz."""

    samples: np.ndarray
    rate: int

    def save(self, stem):
        with wave.open(f"{stem}.wav", "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(self.rate)
            out.writeframes((self.samples.clip(-1, 1) * 32767).round().astype("<i2").tobytes())


@dataclasses.dataclass(frozen=True)
class Clip:
    """Frames (T, H, W) or (T, H, W, 3), uint8, at `fps` frames a second."""

    frames: np.ndarray
    fps: float

    def save(self, stem):
        first, *rest = map(Image.fromarray, self.frames)
        duration = 1000 / self.fps
        first.save(f"{stem}.gif", save_all=True, append_images=rest, duration=duration, loop=0)


@dataclasses.dataclass(frozen=True)
class Text:
    """Words."""

    text: str

    def save(self, stem):
        pathlib.Path(f"{stem}.txt").write_text(self.text, encoding="utf-8")


def run_as_command(main):
    """Run `main` with its keywords as flags, and save what it shows."""
    parser = argparse.ArgumentParser(formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    for name, parameter in inspect.signature(main).parameters.items():
        kind = str if parameter.default is None else type(parameter.default)
        flag = f"--{name.replace('_', '-')}"
        parser.add_argument(flag, type=kind, default=parameter.default, help=" ")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("answer"), help=" ")
    flags = vars(parser.parse_args())
    out = flags.pop("out")
    try:
        main(**flags).show(out)
    except (InputError, TrainingDiverged) as error:
        raise SystemExit(f"Error: {error}") from None
