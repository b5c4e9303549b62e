"""Trainings under several schedules at several learning rates: which rate suits each?

A rate is chosen on data set aside from training, never on the held-out data that it is judged by.
"""

from typing import Literal

from gen_ai_examples.common.media import Text

# Quality by part of the data, "set aside" and "held out" at least, by schedule and rate.
Ends = dict[tuple[str, float], dict[str, float]]


def best_rate(ends: Ends, schedule: str, better: Literal["lower", "higher"]) -> float:
    """The rate of `schedule` that ended best on the data set aside."""
    tried = {rate: its["set aside"] for (name, rate), its in ends.items() if name == schedule}
    return (max if better == "higher" else min)(tried, key=tried.get)


def by_its_rate(ends: Ends, schedule: str) -> dict[float, float]:
    """The quality on held-out data of `schedule`, by rate."""
    return {rate: its["held out"] for (name, rate), its in ends.items() if name == schedule}


def table(ends: Ends, quality: str) -> Text:
    """Every training in a line, its quality on each part of the data in a column."""
    parts = list(next(iter(ends.values())))
    wide = max(len(name) for name, _ in ends) + 2
    text = f"{quality}; a rate is chosen on the data set aside.\n\n{'':{wide}}{'rate':>7}"
    text += "".join(f"{part:>11}" for part in parts) + "\n"
    for (name, rate), its in ends.items():
        text += f"{name:{wide}}{rate:>7g}" + "".join(f"{its[p]:>11.1f}" for p in parts) + "\n"
    return Text(text)
