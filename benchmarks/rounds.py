"""Trainings that take turns, so that a busy moment of the machine falls on all alike."""

import contextlib
import math
import os
import time
from collections.abc import Callable, Iterable, Iterator
from types import MappingProxyType

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


def lengths_of_turns(rounds: int) -> np.ndarray:
    """A factor of the number of steps for each round, from 0.7 to 1.4, in random order.

    `Model.fit` ends when the thread that tunes its input wakes, which is after 0.32, 0.63, 1.27
    and so on seconds: turns that are all as long all wait as long for it, by luck or bad luck.
    """
    places = (np.random.default_rng(1).permutation(rounds) + 0.5) / rounds
    return 2 ** (places - 0.5)


def in_turn(
    trainings: dict, steps: int | dict, lengths: Iterable[float], multiples=MappingProxyType({})
) -> Iterator[dict]:
    """Seconds per step of each, round by round, each round in another order.

    Args:
        steps: of each training and round; by name where they differ.
        lengths: of the rounds, each a factor of the steps.
        multiples: of what number the steps are a multiple, by name; of 1 by default.
    """
    order = np.random.default_rng(0)
    names = list(trainings)
    for length in lengths:
        taken = {}
        for i in order.permutation(len(names)):
            name = names[i]
            n = steps[name] if isinstance(steps, dict) else steps
            multiple = multiples.get(name, 1)
            n = multiple * max(1, math.ceil(n * length / multiple))
            taken[name] = seconds_of(trainings[name], n) / n
        yield {name: taken[name] for name in names}
