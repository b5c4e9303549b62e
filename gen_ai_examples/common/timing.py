"""How long calls take, compared fairly: they take turns, and the median counts."""

import time
from collections.abc import Callable, Iterable

import numpy as np


def take_turns(
    calls: dict[str, Callable], arguments: Iterable
) -> tuple[dict[str, float], dict[str, list]]:
    """Give every argument to all calls before the next one, so a busy moment falls on all alike.

    In a new order each turn, the same in every run: what ran before leaves caches and threads in a
    state that the next call pays for.

    Args:
        calls: by name, each taking one argument; traced and warm, or the first turn shows it.
        arguments: one per turn; the median over an odd number of turns ignores single outliers.

    Returns:
        Median seconds per call by name, and what each call returned, in order.
    """
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    results: dict[str, list] = {name: [] for name in calls}
    order = np.random.default_rng(0)
    for argument in arguments:
        for name in order.permutation(list(calls)):
            begun = time.perf_counter()
            results[name].append(calls[name](argument))
            seconds[name].append(time.perf_counter() - begun)
    return {name: float(np.median(taken)) for name, taken in seconds.items()}, results
