"""What `speed.py` measures of one family: every way of training, in turn, and what goes with it."""

import gc
import importlib.util
import json
import os
import pathlib
import tempfile

import children
import keras
import numpy as np
import tensorflow as tf
from families import FAMILIES, Family, layers_in_order, product_flops
from rounds import (
    in_turn,
    lengths_of_turns,
    quiet,
    seconds_of,
    steps_that_last,
    training_by_fit,
    training_by_keras,
)

from gen_ai_examples.common.fit import fit
from gen_ai_examples.common.strategy import native_precision, precision, strategy

ONE = "fit, 1 step per call"
OURS = {  # way: precision, XLA
    "fit": ("float32", False),
    "fit, bfloat16": ("mixed_bfloat16", False),
    "fit, XLA": ("float32", True),
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
LEAST_STEPS = 8  # in a turn
PAIR = ("fit", KERAS[0])  # which are close for large steps, so they take more turns
MORE = 3  # times as many rounds of these two alone
SAME_STEPS = 8  # after which the losses of both frameworks are compared
WORTH = 1.05  # an option must be so many times as fast, or it is not trained on the data
GROWTH = {  # change: times the batch, times the width
    "as above": (1, 1),
    "batch / 2": (0.5, 1),
    "batch x 2": (2, 1),
    "width x 2": (1, 2),
}
BY_KERAS = ", Model.fit"  # after the name of a change
SHARED = {  # way: by what, replicas of one CPU, operations side by side
    "Model.fit": ("Model.fit", 1, 1),
    "fit": ("fit", 1, 1),
    "fit, 2 replicas": ("fit", 2, 1),
    "fit, 2 operations": ("fit", 1, 2),
    "Model.fit, 2 operations": ("Model.fit", 1, 2),
}


def torch_problem() -> str | None:
    """Why PyTorch takes no part; None if it does."""
    if importlib.util.find_spec("torch") is None:
        return "PyTorch is not installed (pip install -e .[bench]), so its columns are left out."
    try:
        import torch
        import torch_twins  # noqa: F401  before PyTorch compiles anything
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
        # The two ways that share the model have taken a first step each.
        ours, theirs = list(fitted.values())[-1][-1], ways["PyTorch"](SAME_STEPS + 1)
        notes.append(
            f"After the same {SAME_STEPS + 2} steps from the same weights: loss {ours:.5g} by fit, "
            f"{theirs:.5g} by PyTorch."
        )
    steps = max(LEAST_STEPS, steps_that_last(ways["fit"], seconds))
    counts = dict.fromkeys(ways, steps)
    # Keras always executes so many, however few it is asked for.
    multiples = {KERAS[1]: PER_EXECUTION}
    for dtype, peak in PEAK.items():
        ways[peak] = matmul(dtype.removeprefix("mixed_"))
        counts[peak] = steps_that_last(ways[peak], seconds / 2)
    turns = []
    for way in first:  # settles what the second call of a way still compiles
        seconds_of(ways[way], 2)
    for turn in in_turn(ways, counts, lengths_of_turns(rounds), multiples):
        turns.append(turn)
        say(f"{name}: training, round {len(turns)} of {rounds}")
    pair = []
    for turn in in_turn({way: ways[way] for way in PAIR}, steps, lengths_of_turns(MORE * rounds)):
        pair.append(turn)
        say(f"{name}: beside Model.fit, round {len(pair)} of {MORE * rounds}")
    flops = product_flops(models["fit"], next(iter(family.as_input(as_dataset(batch)))))
    return {
        "parameters": count,
        "flops": flops,
        "first": first,
        "steps": steps,
        "seconds": turns,
        "pair": pair,
        "notes": notes,
        "sampling": measure_sampling(family, models["fit"], twins.get("PyTorch"), rounds),
    }


def measure_sampling(family, model, twin, rounds):
    """Seconds per example, round by round; None if it is not to be measured."""
    if family.training_only:
        return None
    sampling = {"ours": lambda n: family.sample(model, n)}
    if twin:
        sampling["PyTorch"] = twin.sample
    for sample in sampling.values():
        seconds_of(sample, family.samples)
        seconds_of(sample, family.samples)
    return list(in_turn(sampling, family.samples, np.ones(max(rounds, 3))))


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
    """Seconds per step by `fit` and `Model.fit` as batch and width change, and the operations."""
    family = FAMILIES[name]
    columns = family.columns()[0]
    trainings, flops, counts = {}, {}, {}
    for what, (batch_factor, width) in GROWTH.items():
        say(f"{name}: growth, {what}")
        batch = next(iter(family.batches(columns, int(family.batch_size * batch_factor))))
        model = build(family, width=width)
        flops[what] = product_flops(model, next(iter(family.as_input(as_dataset(batch)))))
        trainings[what] = training_by_fit(model, family, batch)
        trainings[what + BY_KERAS] = training_by_keras(build(family, width=width), family, batch)
        for way in (what, what + BY_KERAS):
            for n in (1, 2):  # the second call of a way still compiles something
                seconds_of(trainings[way], n)
        counts[what] = max(LEAST_STEPS, steps_that_last(trainings[what], seconds))
        counts[what + BY_KERAS] = counts[what]
    trainings["peak"] = matmul("float32")
    counts["peak"] = steps_that_last(trainings["peak"], seconds)
    turns = in_turn(trainings, counts, lengths_of_turns(rounds))
    return {"flops": flops, "seconds": list(turns)}


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


def measure_shared(name, rounds, seconds, say):
    """Seconds per step of each way to share the CPU, round by round; none on a single core."""
    found = []
    for i in range(rounds if threads() > 1 else 0):
        say(f"{name}: ways to share the CPU, round {i + 1} of {rounds}")
        found.append(
            {way: children.run("shared", name, *its, seconds) for way, its in SHARED.items()}
        )
    return found


def measure(name, options, with_torch, say):
    quick = max(1, options.rounds // 2)
    with_torch = with_torch and not FAMILIES[name].training_only
    found = measure_training(name, options.rounds, options.seconds, with_torch, say)
    gc.collect()
    found["shared"] = measure_shared(name, quick, options.seconds, say)
    if FAMILIES[name].training_only:
        # As the example itself trains, with which its claims are recorded.
        found["own"] = next(way for way, its in OURS.items() if its == (native_precision(), False))
        return found
    if options.steps:
        found["quality"] = measure_quality(
            name, found["seconds"], options.steps, options.seeds, say
        )
    found["start"] = measure_start(name, min(2, quick), with_torch, say)
    found["growth"] = measure_growth(name, quick, options.seconds / 2, say)
    gc.collect()
    return found
