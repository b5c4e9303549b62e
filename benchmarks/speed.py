"""How fast is `fit` beside `keras.Model.fit` and PyTorch, on the same networks, batches and data?

    python benchmarks/speed.py                       # all families, about 50 minutes
    python benchmarks/speed.py --only gpt --rounds 2
    python benchmarks/speed.py --markdown benchmarks/RESULTS.md --out speed.json

All on the CPU, in one process unless a table says otherwise. In every round each way of training
does the same number of steps on the same batch, in another order each time, from round to round
other numbers of steps; the tables give medians over the rounds, and of the ratios within a round,
with the lowest and the highest. A machine's speed drifts, a ratio within a round does less. What
`fit` saves beside `Model.fit` is a fixed time per step: the smaller the step, the larger the ratio.
Both show their progress, to nowhere.

PyTorch, where it is installed, trains the same network (see `torch_twins.py`) from the same
weights: as its defaults have it, and tuned, i.e. with `torch.compile`, channels last and the fused
optimizer. An option that is faster than `fit` in float32 is then trained on real data, from the
same weights and on the same batches, and what it reaches on held-out data stands beside it.

PyTorch keeps what it has compiled on disk: the first step of the tuned ways takes a minute or two
for the larger networks the first time, and a few seconds in a later run.
"""

import argparse
import datetime
import importlib.metadata
import importlib.util
import json
import os
import pathlib
import platform
import sys

# Before TensorFlow: the comparison is of CPUs, and what it says of them would fill the screen.
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import gen_ai_examples  # noqa: F401, I001  before Keras: it chooses the backend
import children
import numpy as np
import tensorflow as tf
from families import FAMILIES
from measuring import (
    BY_KERAS,
    GROWTH,
    KERAS,
    MORE,
    PEAK,
    PEAK_SIZE,
    SHARED,
    TORCH,
    measure,
    threads,
    torch_problem,
)
from rich.console import Console
from rich.table import Table

from gen_ai_examples.common.errors import InputError

KEPT = 1.01  # what an option reaches may be so many times that of float32
RATIO = "A ratio above 1 speaks for ours."


def spread(values, form="{:.2f}") -> str:
    """Median, and lowest and highest of more than one."""
    middle, low, high = (form.format(f(values)) for f in (np.median, min, max))
    return f"{middle} ({low}-{high})" if len(values) > 1 else middle


def training_table(name, found):
    """One row per way."""
    header = ["way", "ms per step", "fit is x times as fast", "share of peak", "first step, s"]
    quality = found.get("quality")
    if quality:
        header.append("held out, by seed")
    rows = []
    for way in found["first"]:
        taken = [turn[way] for turn in found["seconds"]]
        low = "bfloat16" in way
        peak = PEAK["mixed_bfloat16" if low else "float32"]
        share = [
            found["flops"] / turn[way] / (2 * PEAK_SIZE**3 / turn[peak])
            for turn in found["seconds"]
        ]
        row = [
            way,
            spread([1000 * t for t in taken], "{:.3g}"),
            spread([turn[way] / turn["fit"] for turn in found["seconds"]]),
            f"{np.median(share):.0%}" if np.median(share) > 0.01 else "< 1%",
            f"{found['first'][way]:.1f}",
        ]
        if quality:
            row.append(", ".join(f"{value:.4g}" for value in quality.get(way, ())))
        rows.append(row)
    peaks = (
        f"{np.median([2e-9 * PEAK_SIZE**3 / turn[peak] for turn in found['seconds']]):,.0f} "
        f"GFLOP/s in {peak.split(', ')[1]}"
        for peak in PEAK.values()
    )
    family = FAMILIES[name]
    notes = [
        f"{found['parameters']:,} parameters, {found['flops'] / 1e9:.3g} GFLOP of matrix products "
        f"and convolutions per step; {found['steps']} steps a turn. Peak: {' and '.join(peaks)}.",
        *found["notes"],
    ]
    if quality:
        notes.append(f"Held out: {family.measure}, lower is better; faster options only.")
    return family.title, header, rows, notes


def fastest(found) -> str:
    """The way of ours that is fastest, out of those that reach what float32 reaches.

    For the networks of an example, of which no quality is measured here, the way that it trains.
    """
    if "own" in found:
        return found["own"]
    reached = {way: np.mean(values) for way, values in found.get("quality", {}).items()}
    kept = [way for way in reached if reached[way] <= KEPT * reached["fit"]] or ["fit"]
    turns = found["seconds"]
    return min(kept, key=lambda way: np.median([turn[way] / turn["fit"] for turn in turns]))


def summary(record):
    """How many times as fast ours is, as it comes and with the best option."""
    header = ["family", "fit to Model.fit", "fit to PyTorch", "best option", "to Model.fit"]
    header += ["to PyTorch", "to the fastest of PyTorch", "best share of the CPU", "to Model.fit"]
    rows = []
    for name, found in record.items():
        turns, best = found["seconds"], fastest(found)
        with_torch = "PyTorch" in found["first"]
        torch_ways = [way for way in found["first"] if way in TORCH and with_torch]

        def ratio(way, ours, turns=turns):
            return spread([turn[way] / turn[ours] for turn in turns])

        row = [name, ratio("Model.fit", "fit", found["pair"])]
        row += [ratio("PyTorch", "fit")] if torch_ways else [""]
        row += [best, ratio("Model.fit", best)]
        if torch_ways:
            rival = min(torch_ways, key=lambda way: np.median([turn[way] for turn in turns]))
            row += [ratio("PyTorch", best), f"{ratio(rival, best)}, {rival}"]
        else:
            row += ["", ""]
        rows.append([*row, *best_share(found["shared"])])
    note = (
        "Times as fast; the best option is the fastest whose held-out measure is at most "
        f"{KEPT - 1:.0%} above that of float32, the mean over seeds; for the networks of examples "
        "it is how they train, with which their claims are recorded. `fit` and `Model.fit` took "
        f"{MORE} times as many turns, by themselves, for the first column. The best share of the "
        "CPU is that of the last table, in float32."
    )
    return "Summary", header, rows, [note]


def ours_and_torch(values: dict, form):
    """Cells: ours, PyTorch's, and the ratio, of lists by "ours" and by PyTorch."""
    ours, *theirs = values.values()
    if not theirs:
        return [spread(ours, form), "", ""]
    ratios = np.divide(theirs[0], ours)
    return [spread(ours, form), spread(theirs[0], form), spread(ratios)]


def other_tables(record):
    sampling, start, memory, growth = [], [], [], []
    for name, found in record.items():
        if FAMILIES[name].training_only:
            continue
        turns = found["sampling"]
        samples = FAMILIES[name].samples
        each = {way: [1000 * samples * turn[way] for turn in turns] for way in turns[0]}
        sampling.append([name, str(samples), *ours_and_torch(each, "{:.3g}")])
        for rows, i, form in ((start, 0, "{:.1f}"), (memory, 1, "{:.0f}")):
            its = {whose: [pair[i] for pair in pairs] for whose, pairs in found["start"].items()}
            rows.append([name, *ours_and_torch(its, form)])
        turns, flops = found["growth"]["seconds"], found["growth"]["flops"]
        for what in GROWTH:
            share = [flops[what] / t[what] / (2 * PEAK_SIZE**3 / t["peak"]) for t in turns]
            growth.append(
                [
                    name,
                    what,
                    f"{flops[what] / flops['as above']:.2f}",
                    spread([turn[what] / turn["as above"] for turn in turns]),
                    spread([turn[what + BY_KERAS] / turn[what] for turn in turns]),
                    f"{np.median(share):.0%}" if np.median(share) > 0.01 else "< 1%",
                ]
            )
    yield (
        "Sampling, or a forward pass",
        ["family", "examples", "ours, ms", "PyTorch, ms", "ratio"],
        sampling,
        ["PyTorch as its defaults have it, in inference mode. " + RATIO],
    )
    yield (
        "Start of a process to the end of the first step",
        ["family", "ours, s", "PyTorch, s", "ratio"],
        start,
        [RATIO],
    )
    yield (
        f"Peak memory of a process after {1 + children.STEPS} steps",
        ["family", "ours, MB", "PyTorch, MB", "ratio"],
        memory,
        [RATIO],
    )
    yield (
        "Growth of a step with batch and width, `fit` in float32",
        ["family", "change", "operations", "time", "fit to Model.fit", "share of peak"],
        growth,
        [
            "Operations and time as multiples of those of the unchanged network and batch. `fit` "
            "saves a fixed time per step beside `Model.fit`: the larger the step, the less it is."
        ],
    )
    yield (
        "Ways to share one CPU: times as fast as Model.fit at its defaults",
        ["family", "Model.fit, ms", *(way for way in SHARED if way != KERAS[0])],
        list(shared(record)),
        [
            "Each in a process of its own, in turn, on the same global batch; in float32. By "
            "itself every operation has the threads of all cores. 2 replicas have half of them "
            "each, and meet once a step instead of at every operation (`share_cpu`); 2 operations "
            "have half of them each, side by side (`work_side_by_side`). Each example says which "
            "suits it; `Model.fit` leaves it to you, hence the last column."
        ],
    )


def shared(record):
    """One row per family."""
    for name, found in record.items():
        turns = found["shared"]
        if turns:
            keras_ms = spread([1000 * turn[KERAS[0]] for turn in turns], "{:.3g}")
            ratios = (to_keras(turns, way) for way in SHARED if way != KERAS[0])
            yield [name, keras_ms, *map(spread, ratios)]


def to_keras(turns, way) -> list[float]:
    """How many times as fast as `Model.fit` at its defaults, turn by turn."""
    return [turn[KERAS[0]] / turn[way] for turn in turns]


def best_share(turns) -> list[str]:
    """Ours that is fastest, and how many times as fast as `Model.fit` at its defaults."""
    if not turns:
        return ["", ""]
    ours = {way: to_keras(turns, way) for way, (loop, *_) in SHARED.items() if loop == "fit"}
    best = max(ours, key=lambda way: np.median(ours[way]))
    return [best, spread(ours[best])]


def machine() -> str:
    cpu = platform.processor() or platform.machine()
    info = pathlib.Path("/proc/cpuinfo")
    if info.exists():
        names = [x for x in info.read_text().splitlines() if x.startswith("model name")]
        cpu = names[0].partition(":")[2].strip() if names else cpu
    versions = (
        f"{package} {importlib.metadata.version(package)}"
        for package in ("tensorflow", "keras", "torch")
        if importlib.util.find_spec(package)
    )
    return f"{cpu}, {threads()} threads; Python {platform.python_version()}, {', '.join(versions)}"


def as_text(tables, facts) -> str:
    """Markdown."""
    lines = [
        "# Speed",
        "",
        "Written by `python benchmarks/speed.py --markdown`; see there how.",
        "",
    ]
    lines += [f"{fact}\n" for fact in facts]
    for title, header, rows, notes in tables:
        lines += [f"## {title}", "", f"| {' | '.join(header)} |", "|---" * len(header) + "|"]
        lines += [f"| {' | '.join(row)} |" for row in rows]
        lines += ["", *(f"{note}\n" for note in notes)]
    return "\n".join(lines).rstrip() + "\n"


def main(options):
    unknown = set(options.only) - set(FAMILIES)
    if unknown:
        raise InputError(
            f"Unknown family {', '.join(sorted(unknown))}: choose from {', '.join(FAMILIES)}."
        )
    if min(options.rounds, options.seeds) < 1 or options.seconds <= 0 or options.steps < 0:
        raise InputError("--rounds and --seeds are at least 1, --seconds above 0, --steps from 0.")
    for file in filter(None, (options.out, options.markdown)):
        if not file.absolute().parent.is_dir():
            raise InputError(f"There is no folder {file.parent} to write {file.name} to.")
    console, progress = Console(width=110), Console(stderr=True)
    problem = "PyTorch was left out by --no-torch." if options.no_torch else torch_problem()
    tf.get_logger().setLevel("ERROR")  # tracing as often as here is meant
    record, begun = {}, datetime.datetime.now()
    with progress.status("") as status:
        for name in options.only or FAMILIES:

            def say(what):
                minutes = (datetime.datetime.now() - begun).total_seconds() / 60
                if progress.is_terminal:
                    status.update(f"{what} ({minutes:.1f} min)")
                else:
                    progress.print(f"{minutes:.1f} min  {what}")

            record[name] = measure(name, options, problem is None, say)
            minutes = (datetime.datetime.now() - begun).total_seconds() / 60
            facts = [
                f"{machine()}; {begun:%Y-%m-%d}, {minutes:.0f} minutes. Training: {options.rounds} "
                "rounds, all ways in turn. Medians, in brackets the lowest and the highest.",
                *([problem] if problem else []),
            ]
            write(record, facts, options.out, options.markdown)  # each time: Ctrl-C keeps it
    for title, header, rows, notes in tables(record):
        table = Table(*header, title=title, title_justify="left")
        for row in rows:
            table.add_row(*row)
        console.print(table, *notes, "", sep="\n")
    console.print(*facts, sep="\n")


def tables(record) -> list:
    """Title, header, rows and notes of each."""
    found = [summary(record)]
    found += [training_table(name, its) for name, its in record.items()]
    return found + [table for table in other_tables(record) if table[2]]


def write(record, facts, out, markdown):
    if out:
        out.write_text(json.dumps({"facts": facts, "families": record}, indent=1) + "\n")
    if markdown:
        markdown.write_text(as_text(tables(record), facts))


def parser() -> argparse.ArgumentParser:
    its = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    its.add_argument("--only", nargs="+", default=[], metavar="FAMILY", help=", ".join(FAMILIES))
    its.add_argument("--rounds", type=int, default=5)
    its.add_argument("--seconds", type=float, default=0.5, help="that `fit` trains in each round")
    its.add_argument("--steps", type=int, default=200, help="on the data, for quality; 0: none")
    its.add_argument("--seeds", type=int, default=2, help="of these")
    its.add_argument("--no-torch", action="store_true", help="leave PyTorch out")
    its.add_argument("--out", type=pathlib.Path, help="also write the numbers, as JSON")
    its.add_argument("--markdown", type=pathlib.Path, help="also write the tables")
    return its


if __name__ == "__main__":
    try:
        main(parser().parse_args())
    except InputError as error:
        sys.exit(f"{error}")
