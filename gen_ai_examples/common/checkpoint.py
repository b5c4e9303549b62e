"""What `fit` saves: every variable of model and optimizers, the step, and the history so far."""

import errno
import io
import json
import os
import pathlib
import warnings
import zipfile

import keras
import numpy as np
import tensorflow as tf

from gen_ai_examples.common.errors import InputError


class Checkpoint:
    """The state of one training run, in memory and in one `.npz` file.

    Args:
        path: the file; None keeps nothing on disk.
        step: counts the steps done; set to 0.
        model: its variables are saved in order, and checked by shape.
        optimizers: saved likewise, moments and averaged weights included.
    """

    def __init__(
        self,
        path: pathlib.Path | None,
        step: tf.Variable,
        model: keras.Model,
        optimizers: list[keras.optimizers.Optimizer],
    ):
        self.path = path
        self.step = step
        step.assign(0)
        self.stopped = False  # by a callback, before its time
        self._epochs: list[tuple[int, dict[str, float]]] = []
        self._sums: dict[str, float] = {}
        self._steps_in_sums = 0
        self._resumed: tuple[dict[str, float], int] = ({}, 0)  # sums and steps of before, if any
        owned = [*model.variables, *(v for o in optimizers for v in o.variables)]
        # By order: names count up with every model that a process builds.
        self._variables = {
            str(number): variable
            for number, variable in enumerate({id(v): v for v in owned}.values())
        }

    @property
    def in_epoch(self) -> bool:
        """Whether an epoch has begun that has not ended."""
        return self._steps_in_sums > 0

    @property
    def _name(self) -> str:
        return str(self.path or "of the chief")

    def add_losses(self, names: list[str], values: np.ndarray, running_means: bool) -> None:
        """Add the logs (n, n_logs) of n steps to this epoch's means."""
        if running_means:  # since the epoch began, or since it was resumed
            sums, steps = self._resumed
            n = self._steps_in_sums - steps + len(values)
            means = zip(names, values[-1].tolist(), strict=True)
            self._sums = {name: sums.get(name, 0.0) + n * mean for name, mean in means}
            self._steps_in_sums = steps + n
            return
        for name, value in zip(names, values.sum(0, dtype=np.float64).tolist(), strict=True):
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._steps_in_sums += len(values)

    def means(self) -> dict[str, float]:
        """This epoch's mean logs so far."""
        return {name: value / self._steps_in_sums for name, value in self._sums.items()}

    def end_epoch(self, epoch: int, logs: dict[str, float]) -> None:
        """Keep an epoch's logs, and start the next one."""
        self._epochs.append((epoch, logs))
        self._sums, self._steps_in_sums, self._resumed = {}, 0, ({}, 0)

    def restore_history(self, history: keras.callbacks.History) -> None:
        """Give a fresh `History` the epochs that ran before the resume."""
        for epoch, logs in self._epochs:
            history.on_epoch_end(epoch, logs)

    def save(self) -> None:
        """Write the file in one move, so that a failure leaves the last one whole."""
        if self.path is None:
            return
        arrays = {name: _to_numpy(variable) for name, variable in self._variables.items()}
        meta = {
            "step": int(self.step),
            "stopped": self.stopped,
            "epochs": [[e, {k: float(v) for k, v in logs.items()}] for e, logs in self._epochs],
            "sums": self._sums,
            "steps_in_sums": self._steps_in_sums,
        }
        self.path.parent.mkdir(parents=True, exist_ok=True)
        partial = self.path.with_suffix(".partial")
        try:
            with open(partial, "wb") as file:
                np.savez(file, meta=np.array(json.dumps(meta)), **arrays)
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, self.path)
        finally:
            partial.unlink(missing_ok=True)

    def save_or_warn(self) -> None:
        """Save, but let training go on when the disk refuses."""
        try:
            self.save()
        except OSError as error:
            warnings.warn(f"No checkpoint saved, training goes on: {error}", stacklevel=2)

    def save_interrupted(self) -> str:
        """Save after Ctrl-C; say in one sentence what was kept."""
        step = int(self.step)
        if self.path is None:
            return f"Interrupted at step {step}; nothing saved, since no checkpoint file was given."
        try:
            self.save()
        except OSError as error:
            reason = "no space left" if error.errno == errno.ENOSPC else str(error)
            return f"Interrupted at step {step}, and {self.path} could not be saved: {reason}."
        return f"Interrupted at step {step}, saved to {self.path}."

    def read(self) -> bytes | None:
        """What the file holds; None if there is none.

        Raises:
            InputError: it cannot be read.
        """
        if self.path is None or not self.path.exists():
            return None
        try:
            return self.path.read_bytes()
        except OSError as error:
            raise InputError(
                f"Cannot read the checkpoint {self.path} ({error.strerror or error})."
            ) from None

    def restore(self, content: bytes | None) -> None:
        """Take the state over from what `read` returned, here or in another worker.

        Raises:
            InputError: it is damaged, or belongs to another model or other settings.
        """
        if content is None:
            return
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            meta = json.loads(str(arrays.pop("meta")))
        except (ValueError, KeyError, EOFError, OSError, zipfile.BadZipFile) as error:
            raise InputError(
                f"The checkpoint {self._name} is damaged ({error}): delete it to start anew."
            ) from None
        expected = {name: tuple(v.shape) for name, v in self._variables.items()}
        if {name: array.shape for name, array in arrays.items()} != expected:
            raise InputError(
                f"The checkpoint {self._name} belongs to another model or other settings: "
                "resume with the settings it was made with, or delete it to start anew."
            )
        for name, variable in self._variables.items():
            variable.assign(arrays[name])
        self.step.assign(meta["step"])
        self.stopped = meta["stopped"]
        self._epochs = [(epoch, logs) for epoch, logs in meta["epochs"]]
        self._sums, self._steps_in_sums = meta["sums"], meta["steps_in_sums"]
        self._resumed = self._sums, self._steps_in_sums


def _to_numpy(variable: keras.Variable) -> np.ndarray:
    value = keras.ops.convert_to_numpy(variable)
    # NumPy files know no bfloat16; float32 holds it without loss.
    return value.astype("float32") if value.dtype.name == "bfloat16" else value
