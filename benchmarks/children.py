"""What needs a process of its own: start-up time and peak memory, and how a CPU is shared.

`speed.py` starts it, and reads the last line of what it prints, which is JSON.
"""

import json
import pathlib
import re
import subprocess
import sys
import time

import numpy as np

STEPS = 10  # after which memory has reached its peak
TURNS = 5  # of a training in a process of its own


def peak_megabytes() -> float:
    """Of this process. The kernel's other record, of `getrusage`, begins with the parent's peak."""
    status = pathlib.Path("/proc/self/status")
    if status.exists():
        return int(re.search(r"VmHWM:\s+(\d+)", status.read_text())[1]) / 2**10
    import resource  # not on Windows

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # macOS counts in bytes


def start_ours(name, batch, sizes, steps):
    """Import, build, and train one step; then some more."""
    import tensorflow as tf

    import gen_ai_examples  # noqa: F401  before Keras: it chooses the backend

    from families import FAMILIES  # isort: skip
    from gen_ai_examples.common.fit import fit
    from gen_ai_examples.common.strategy import strategy

    family = FAMILIES[name]
    data = family.as_input(tf.data.Dataset.from_tensors(batch).repeat())
    with strategy().scope():
        model = family.build(**sizes)
    for n in (1, steps):
        fit(model, data, n, progress=False)
        yield


def start_torch(name, batch, sizes, steps):
    import torch_twins

    training = torch_twins.Training(name, sizes)
    for n in (1, steps):
        training.train(torch_twins.as_tensors(batch), n)
        yield


def start(begun, whose, name, file, sizes, threads):
    """Seconds from the start of the process to the end of the first step, and peak MB."""
    if whose == "torch":
        import torch

        torch.set_num_threads(int(threads))
    with np.load(file) as batch:
        batch = dict(batch)
    steps = {"ours": start_ours, "torch": start_torch}[whose](name, batch, json.loads(sizes), STEPS)
    next(steps)
    first = time.time() - float(begun)
    list(steps)
    return first, peak_megabytes()


def shared(begun, name, loop, replicas, operations, seconds):
    """Seconds per step, the median of some turns, on a CPU that is shared in this way."""
    from gen_ai_examples.common.strategy import share_cpu, strategy
    from gen_ai_examples.common.threads import work_side_by_side

    share_cpu(int(replicas))
    work_side_by_side(int(operations))
    import rounds
    from families import FAMILIES

    family = FAMILIES[name]
    batch = next(iter(family.batches(family.columns()[0], family.batch_size)))
    with strategy().scope():
        model = family.build(**family.sizes)
    by = {"fit": rounds.training_by_fit, "Model.fit": rounds.training_by_keras}[loop]
    train = by(model, family, batch)
    for n in (1, 2):  # the second call still compiles something
        rounds.seconds_of(train, n)
    steps = rounds.steps_that_last(train, float(seconds))
    turns = rounds.in_turn({loop: train}, steps, rounds.lengths_of_turns(TURNS))
    return float(np.median([turn[loop] for turn in turns]))


def run(*arguments) -> list:
    """From the parent: run this file with `arguments`, and return what it found."""
    command = [sys.executable, __file__, *map(str, arguments), str(time.time())]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    work, *arguments, begun = sys.argv[1:]
    print(json.dumps({"start": start, "shared": shared}[work](begun, *arguments)))
