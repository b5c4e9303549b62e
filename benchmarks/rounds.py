"""Trainings that take turns, so that a busy moment of the machine falls on all alike."""

import contextlib
import os
import time
from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf

from gen_ai_examples.common.fit import fit

Training = Callable[[int], object]  # trains for so many steps


def training_by_fit(model, family, batch, **options) -> Training:
    """By our `fit`, on one batch for ever: the loops are timed, not the data."""
    data = family.as_input(tf.data.Dataset.from_tensors(batch).repeat())
    return lambda n: fit(model, data, n, **{"steps_per_epoch": n} | options)


def training_by_keras(model, family, batch) -> Training:
    """By `keras.Model.fit`."""
    data = family.as_input(tf.data.Dataset.from_tensors(batch).repeat())
    return lambda n: model.fit(data, steps_per_epoch=n)


@contextlib.contextmanager
def quiet():
    """Progress is shown, since users see it, but to nowhere."""
    with (
        open(os.devnull, "w") as nowhere,
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
    ):
        yield


def seconds_of(train: Training, steps: int) -> float:
    with quiet():
        begun = time.perf_counter()
        train(steps)
        return time.perf_counter() - begun


def steps_that_last(train: Training, seconds: float) -> int:
    """How many steps last about so long, at least 2, what a call costs by itself included."""
    steps = 2
    while (taken := seconds_of(train, steps)) < seconds / 2:
        steps *= 2
    return max(2, int(seconds * steps / taken))


def in_turn(trainings: dict, steps: int | dict, rounds: int) -> Iterator[dict]:
    """Seconds per step of each, round by round, each round in another order.

    Args:
        steps: of each training and round; by name where they differ.
    """
    order = np.random.default_rng(0)
    names = list(trainings)
    for _ in range(rounds):
        taken = {}
        for i in order.permutation(len(names)):
            n = steps[names[i]] if isinstance(steps, dict) else steps
            taken[names[i]] = seconds_of(trainings[names[i]], n) / n
        yield {name: taken[name] for name in names}
