"""How fast is `fit` beside `keras.Model.fit` and PyTorch, on the same networks, batches and data?

    python benchmarks/speed.py                       # all families, about ten minutes
    python benchmarks/speed.py --only gpt --rounds 2
    python benchmarks/speed.py --markdown benchmarks/RESULTS.md --out speed.json

All on the CPU, in one process. In every round each way of training does the same number of steps
on the same batch, in another order each time; the tables give medians over the rounds, and of the
ratios within a round, with the lowest and the highest. A machine's speed drifts, a ratio within a
round does less. What `fit` saves beside `Model.fit` is a fixed time per step: the smaller the step,
the larger the ratio. Both show their progress, to nowhere.

PyTorch, where it is installed, trains the same network (see `torch_twins.py`) from the same
weights: as its defaults have it, and tuned, i.e. with `torch.compile`, channels last and the fused
optimizer. An option that is faster than `fit` in float32 is then trained on real data, from the
same weights and on the same batches, and what it reaches on held-out data stands beside it.
"""

import argparse
import datetime
import gc
import importlib.metadata
import importlib.util
import json
import os
import pathlib
import platform
import sys
import tempfile

# Before TensorFlow: the comparison is of CPUs, and what it says of them would fill the screen.
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import gen_ai_examples  # noqa: F401, I001  before Keras: it chooses the backend
import children
import keras
import numpy as np
import tensorflow as tf
from families import FAMILIES, Family, layers_in_order, product_flops
from rich.console import Console
from rich.table import Table
from rounds import (
    in_turn,
    quiet,
    seconds_of,
    steps_that_last,
    training_by_fit,
    training_by_keras,
)

from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.fit import fit
from gen_ai_examples.common.strategy import precision, strategy

ONE = "fit, 1 step per call"
OURS = {  # way: precision, XLA
    "fit": ("float32", False),
    "fit, bfloat16": ("mixed_bfloat16", False),
    "fit, XLA": ("float32", True),
    "fit, bfloat16, XLA": ("mixed_bfloat16", True),
}
PER_EXECUTION = 16
KERAS = ("Model.fit", f"Model.fit, {PER_EXECUTION} steps per execution", "Model.fit, mirrored")
TORCH = {  # way: tuned, bfloat16
    "PyTorch": (False, False),
    "PyTorch, bfloat16": (False, True),
    "PyTorch, tuned": (True, False),
    "PyTorch, tuned, bfloat16": (True, True),
}
PEAK = {"float32": "peak, float32", "mixed_bfloat16": "peak, bfloat16"}
PEAK_SIZE = 1536  # of the square matrices
SAME_STEPS = 8  # after which the losses of both frameworks are compared
WORTH = 1.05  # an option must be so many times as fast, or it is not trained on the data
KEPT = 1.01  # what an option reaches may be so many times that of float32
GROWTH = {"batch / 2": (0.5, 1), "batch x 2": (2, 1), "width x 2": (1, 2)}


def torch_problem() -> str | None:
    """Why PyTorch takes no part; None if it does."""
    if importlib.util.find_spec("torch") is None:
        return "PyTorch is not installed (pip install torch), so its columns are left out."
    try:
        import torch
    except (ImportError, OSError) as error:
        return f"PyTorch cannot be imported, so its columns are left out: {error}"
    torch.set_num_threads(threads())
    return None


def threads() -> int:
    """As many as TensorFlow takes."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def build(family: Family, policy="float32", width=1.0, seed=0) -> keras.Model:
    keras.utils.set_random_seed(seed)
    with strategy(["CPU:0"]).scope(), precision(policy):
        return family.build(**family.scaled(width))


def build_for_keras(family: Family, way: str) -> keras.Model:
    if way == "Model.fit, mirrored":  # over the one device, as most tutorials have it
        with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
            return family.build(**family.sizes)
    model = build(family)
    if way != "Model.fit":
        model.steps_per_execution = PER_EXECUTION
    return model


def matmul(dtype: str):
    a = tf.cast(tf.random.stateless_normal((PEAK_SIZE, PEAK_SIZE), (0, 0)), dtype)
    product = tf.function(lambda: tf.matmul(a, a))
    return lambda n: [product() for _ in range(n)][-1].numpy()


def training_by_torch(name, sizes, batch, layers, tuned, bfloat16):
    """A twin that starts from the weights `layers`, and its training."""
    import torch_twins

    twin = torch_twins.Training(name, sizes, tuned, bfloat16)
    for network, its in zip(twin.networks, layers, strict=True):
        torch_twins.copy_weights(network, its)
    tensors = torch_twins.as_tensors(batch)
    return twin, lambda n: twin.train(tensors, n)


def measure_training(name, rounds, seconds, with_torch, say):
    """Seconds per step of every way, round by round; how long first steps took; what was said."""
    family = FAMILIES[name]
    batch = next(iter(family.batches(family.columns()[0], family.batch_size)))
    plain = {key: value.numpy() for key, value in batch.items()}
    ways, notes, twins = {}, [], {}
    models = {way: build(family, policy) for way, (policy, _) in OURS.items()}
    count = sum(int(np.prod(w.shape)) for w in models["fit"].trainable_variables)
    layers = [layers_in_order(network) for network in family.networks(models["fit"])]
    for way, model in models.items():
        ways[way] = training_by_fit(model, family, batch, jit_compile=OURS[way][1])
    ways[ONE] = training_by_fit(models["fit"], family, batch, steps_per_call=1)
    for way in KERAS:
        models[way] = build_for_keras(family, way)
        ways[way] = training_by_keras(models[way], family, batch)
    for way, (tuned, bfloat16) in TORCH.items() if with_torch else ():
        twins[way], ways[way] = training_by_torch(
            name, family.sizes, plain, layers, tuned, bfloat16
        )
        if twins[way].parameters() != count:
            raise RuntimeError(f"{name}: {twins[way].parameters()} parameters, not {count}.")
    first = {}
    for way in list(ways):
        say(f"{name}: {way}, first step")
        try:
            first[way] = seconds_of(ways[way], 1)
        except Exception as error:  # of a compiler, for instance, which may be missing
            if way not in TORCH:
                raise
            del ways[way]
            reason = str(error).strip().splitlines()[0]
            notes.append(f"{way}: left out, {type(error).__name__}: {reason}")
    if "PyTorch" in ways:
        with quiet():
            fitted = fit(
                models["fit"],
                family.as_input(tf.data.Dataset.from_tensors(batch).repeat()),
                SAME_STEPS,
                steps_per_epoch=1,
            ).history
        ours, theirs = list(fitted.values())[-1][-1], ways["PyTorch"](SAME_STEPS)
        notes.append(
            f"After the same {SAME_STEPS + 1} steps from the same weights: loss {ours:.5g} by fit, "
            f"{theirs:.5g} by PyTorch."
        )
    steps = steps_that_last(ways["fit"], seconds)
    counts = dict.fromkeys(ways, steps)
    for dtype, peak in PEAK.items():
        ways[peak] = matmul(dtype.removeprefix("mixed_"))
        counts[peak] = steps_that_last(ways[peak], seconds / 2)
    for way, train in ways.items():
        if way not in PEAK.values():
            seconds_of(train, 2)
    turns = []
    for turn in in_turn(ways, counts, rounds):
        turns.append(turn)
        say(f"{name}: training, round {len(turns)} of {rounds}")
    flops = product_flops(models["fit"], next(iter(family.as_input(as_dataset(batch)))))
    sampling = {"ours": lambda n: family.sample(models["fit"], n)}
    if "PyTorch" in twins:
        sampling["PyTorch"] = twins["PyTorch"].sample
    for sample in sampling.values():
        seconds_of(sample, family.samples)
        seconds_of(sample, family.samples)
    drawn = list(in_turn(sampling, family.samples, max(rounds, 3)))
    return {
        "parameters": count,
        "flops": flops,
        "first": first,
        "steps": steps,
        "seconds": turns,
        "sampling": drawn,
        "notes": notes,
    }


def as_dataset(batch):
    return tf.data.Dataset.from_tensors(batch)


def measure_quality(name, turns, steps, seeds, say):
    """What each option that is worth it reaches on held-out data, by way and seed."""
    family = FAMILIES[name]
    train, held_out = family.columns()
    reached = {}
    for way, (policy, jit_compile) in OURS.items():
        if way != "fit" and np.median([turn["fit"] / turn[way] for turn in turns]) < WORTH:
            continue
        reached[way] = []
        for seed in range(seeds):
            say(f"{name}: {way}, {steps} steps on the data, seed {seed}")
            model = build(family, policy, seed=seed)
            data = family.as_input(family.batches(train, family.batch_size, seed))
            fit(model, data, steps, jit_compile=jit_compile, progress=False)
            reached[way].append(float(family.held_out(model, held_out)))
    return reached


def measure_growth(name, rounds, seconds, say):
    """Seconds per step of `fit` as batch and width change, and the operations of a step."""
    family = FAMILIES[name]
    columns = family.columns()[0]
    trainings, flops, counts = {}, {}, {}
    for what, (batch_factor, width) in {"as above": (1, 1), **GROWTH}.items():
        say(f"{name}: growth, {what}")
        model = build(family, width=width)
        batch = next(iter(family.batches(columns, int(family.batch_size * batch_factor))))
        trainings[what] = training_by_fit(model, family, batch)
        flops[what] = product_flops(model, next(iter(family.as_input(as_dataset(batch)))))
        seconds_of(trainings[what], 1)
        counts[what] = steps_that_last(trainings[what], seconds)
    trainings["peak"] = matmul("float32")
    counts["peak"] = steps_that_last(trainings["peak"], seconds)
    return {"flops": flops, "seconds": list(in_turn(trainings, counts, rounds))}


def measure_start(name, rounds, with_torch, say):
    """(seconds, MB) from the start of a process to the end of the first step, by framework."""
    family = FAMILIES[name]
    batch = next(iter(family.batches(family.columns()[0], family.batch_size)))
    found = {whose: [] for whose in (("ours", "torch") if with_torch else ("ours",))}
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "batch.npz"
        np.savez(file, **{key: value.numpy() for key, value in batch.items()})
        for _ in range(rounds):
            for whose, its in found.items():
                say(f"{name}: start of a process, {whose}")
                sizes = json.dumps(family.sizes)
                its.append(children.run("start", whose, name, file, sizes, threads()))
    return found


def measure(name, options, with_torch, say):
    quick = max(1, options.rounds // 2)
    found = measure_training(name, options.rounds, options.seconds, with_torch, say)
    gc.collect()
    if options.steps:
        found["quality"] = measure_quality(
            name, found["seconds"], options.steps, options.seeds, say
        )
    found["start"] = measure_start(name, min(2, quick), with_torch, say)
    found["growth"] = measure_growth(name, quick, options.seconds / 2, say)
    if threads() > 1:
        say(f"{name}: two replicas")
        found["replicas"] = children.run("replicas", name, quick, options.seconds)
    gc.collect()
    return found


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
    """The way of ours that is fastest, out of those that reach what float32 reaches."""
    reached = {way: np.mean(values) for way, values in found.get("quality", {}).items()}
    kept = [way for way in reached if reached[way] <= KEPT * reached["fit"]] or ["fit"]
    return min(kept, key=lambda way: np.median([turn[way] for turn in found["seconds"]]))


def summary(record):
    """How many times as fast ours is, as it comes and with the best option."""
    with_torch = all("PyTorch" in found["first"] for found in record.values())
    header = ["family", "fit to Model.fit", "fit to PyTorch", "best option", "to Model.fit"]
    header += ["to PyTorch", "to the fastest of PyTorch"]
    rows = []
    for name, found in record.items():
        turns, best = found["seconds"], fastest(found)
        torch_ways = [way for way in found["first"] if way in TORCH]

        def ratio(way, ours, turns=turns):
            return spread([turn[way] / turn[ours] for turn in turns])

        row = [name, ratio("Model.fit", "fit")]
        row += [ratio("PyTorch", "fit")] if with_torch else [""]
        row += [best, ratio("Model.fit", best)]
        if with_torch:
            rival = min(torch_ways, key=lambda way: np.median([turn[way] for turn in turns]))
            row += [ratio("PyTorch", best), f"{ratio(rival, best)}, {rival}"]
        rows.append(row if with_torch else [*row, "", ""])
    note = (
        "Times as fast; the best option is the fastest whose held-out measure is at most "
        f"{KEPT - 1:.0%} above that of float32, the mean over seeds."
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
    sampling, start, memory, growth, replicas = [], [], [], [], []
    for name, found in record.items():
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
                    f"{np.median(share):.0%}" if np.median(share) > 0.01 else "< 1%",
                ]
            )
        if "replicas" in found:
            one, two = np.transpose(found["replicas"])
            replicas.append(
                [name, *(spread(1000 * x, "{:.3g}") for x in (one, two)), spread(two / one)]
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
        ["family", "change", "operations", "time", "share of peak"],
        growth,
        ["Operations and time as multiples of those of the unchanged network and batch."],
    )
    yield (
        "One and two replicas on one CPU, same global batch",
        ["family", "1 replica, ms", "2 replicas, ms", "time"],
        replicas,
        ["Two logical devices share the cores: what is above 1 is what replicas cost."],
    )


RATIO = "A ratio above 1 speaks for ours."


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
                f"{machine()}; {begun:%Y-%m-%d}, {minutes:.0f} minutes. Each way of training: "
                f"{options.rounds} rounds in turn. Medians, in brackets the lowest and the highest.",
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
    its.add_argument("--seconds", type=float, default=0.3, help="that `fit` trains in each round")
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
