"""What an input pipeline costs, and whether what it delivers is mixed and new."""

import functools
import time
from collections.abc import Callable, Iterable

import numpy as np
import tensorflow as tf

from gen_ai_examples.common.timing import take_turns


def step_seconds(
    step: Callable, pipelines: dict[str, tf.data.Dataset], steps: int, turns: int
) -> dict[str, tuple[float, float]]:
    """How long a training step takes, and how much of that it waits for its batch.

    The pipelines take turns, each with an iterator of its own, so that none works ahead while
    another is measured.

    Args:
        step: takes a batch, trains, and returns a scalar tensor.
        pipelines: endless data sets, by name.
        steps: that are timed per turn, after three that fill buffers and caches.
        turns: of each pipeline; an odd number.

    Returns:
        By name: median seconds of a step, and of the waiting in it.
    """

    def run(data, _):
        source = iter(data)
        for _ in range(3):
            float(step(next(source)))
        waited, begun = 0.0, time.perf_counter()
        for _ in range(steps):
            asked = time.perf_counter()
            batch = next(source)
            waited += time.perf_counter() - asked
            float(step(batch))  # to its end
        return (time.perf_counter() - begun) / steps, waited / steps

    calls = {name: functools.partial(run, data) for name, data in pipelines.items()}
    found = take_turns(calls, range(turns))[1]
    return {name: tuple(np.median(values, axis=0).tolist()) for name, values in found.items()}


def delivered(data: tf.data.Dataset, n: int) -> dict[str, np.ndarray]:
    """The first n batches of columns by name, one after another: (n B, ...) each."""
    found = list(data.take(n).as_numpy_iterator())
    return {name: np.concatenate([batch[name] for batch in found]) for name in found[0]}


def distinct(rows: np.ndarray) -> float:
    """Share of the rows (N, ...) that are the first of their kind: 1 if no two are equal."""
    return len(np.unique(rows.reshape(len(rows), -1), axis=0)) / len(rows)


def commonest(batches: Iterable[np.ndarray]) -> float:
    """Mean share that the commonest class has in a batch of labels (B,): 1 if each has but one."""
    return float(np.mean([np.bincount(labels).max() / len(labels) for labels in batches]))
