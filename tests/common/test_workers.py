"""Two processes on this machine train as one device does."""

import json
import os
import pathlib
import random
import runpy
import signal
import socket
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from gen_ai_examples.common import workers
from gen_ai_examples.common.strategy import strategy
from gen_ai_examples.common.workers import InStep, WorkerLost

METHODS = ["gan", "wgan_gp", "vae", "flow", "autoregressive"]
PROGRAM = pathlib.Path(__file__).parents[1] / "worker_program.py"
CHECKOUT = PROGRAM.parents[1]
pytestmark = pytest.mark.xdist_group("workers")  # the processes are started once


def start(folder, task, dies_in=None):
    name = str(task["task"]["index"])
    return subprocess.Popen(
        [sys.executable, str(PROGRAM), str(folder), name, *([dies_in] if dies_in else [])],
        env=os.environ
        | {
            "PYTHONPATH": str(CHECKOUT),
            "TF_NUM_INTRAOP_THREADS": "1",
            "TF_CONFIG": json.dumps(task),
        },
        stderr=subprocess.PIPE,
        text=True,
    )


def start_two(folder, dies_in=None):
    """Both workers, at ports that are free."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    cluster = {"worker": [f"127.0.0.1:{its.getsockname()[1]}" for its in sockets]}
    for its in sockets:
        its.close()
    tasks = [{"type": "worker", "index": index} for index in range(2)]
    return [start(folder, {"cluster": cluster, "task": task}, dies_in) for task in tasks]


def train_alone(folder):
    """The same program in this process, on the one device that the workers are compared with."""
    with pytest.MonkeyPatch.context() as patched:
        common = "gen_ai_examples.common"
        one_device = {"CPU": ["CPU:0"], "GPU": []}
        patched.setattr(f"{common}.strategy._logical_devices", one_device.get)
        patched.setattr(f"{common}.fit.SAVE_SECONDS", 0)  # which the program sets: to undo it
        runpy.run_path(str(PROGRAM))["main"](folder, "alone")


def ended(processes):
    """How each ended, and what it said."""
    errors = []
    for process in processes:
        try:
            errors.append(process.communicate(timeout=240)[1])
        finally:
            process.kill()
    return [process.returncode for process in processes], errors


@pytest.fixture(scope="session")
def killed(pytestconfig):
    """The methods in whose training a worker is killed, before both start again."""
    return METHODS if pytestconfig.getoption("thorough") else ["wgan_gp"]


@pytest.fixture(scope="session")
def folder(tmp_path_factory, killed):
    folder = tmp_path_factory.mktemp("workers")
    for method in killed:
        codes, errors = ended(start_two(folder, dies_in=method))
        assert codes[0] > 0 and codes[1] == -signal.SIGKILL, errors
        assert "WorkerLost: Training stopped, since" in errors[0]
    both = start_two(folder)
    try:
        train_alone(folder)
    finally:
        codes, errors = ended(both)
    assert not any(codes), errors
    return folder


def words(folder, name):
    return json.loads((folder / f"words {name}.json").read_text())


def test_they_are_two_replicas_of_one(folder):
    assert [words(folder, name)["replicas"] for name in ("0", "1", "alone")] == [2, 2, 1]


def weights(folder, method):
    """Of both workers and of one device: an array per weight each, and the losses per epoch."""
    files = [np.load(folder / f"{method} {name}.npz") for name in ("0", "1", "alone")]
    return [{name: its[name] for name in its.files} for its in files]


@pytest.mark.parametrize("method", [*METHODS, "gan_normalised_apart"])
def test_workers_end_equal_to_each_other(folder, method):
    first, second, _ = weights(folder, method)
    assert len(first) > 4 and first.keys() == second.keys()
    for name in first:
        # What batch normalisation remembers is each replica's own, unless it is synchronised.
        if not (method == "gan_normalised_apart" and name.startswith("state")):
            np.testing.assert_array_equal(first[name], second[name])


def test_a_worker_that_was_killed_cost_no_more_than_the_steps_since_the_last_checkpoint(
    folder, killed
):
    """And, by the other tests, nothing of what all end with."""
    for method in killed:
        died = random.Random(method).randrange(2, 10)
        # The chief may have waited in vain for the last bytes of that step.
        went_on = int((folder / f"{method} 0 went on from.txt").read_text())
        assert went_on in (died - 1, died)


@pytest.mark.parametrize("method", METHODS)
def test_workers_end_equal_to_one_device(folder, method):
    workers, _, alone = weights(folder, method)
    for name in alone:
        np.testing.assert_allclose(workers[name], alone[name], atol=1e-5)


def test_batch_norm_that_is_not_synchronised_sees_the_examples_of_its_replica_alone(folder):
    workers, _, alone = weights(folder, "gan_normalised_apart")
    assert max(abs(workers[name] - alone[name]).max() for name in alone) > 1e-3


@pytest.mark.parametrize("method", METHODS)
def test_the_chief_alone_writes_checkpoints(folder, method):
    saved = {name: words(folder, name)[f"{method} saved"] for name in ("0", "1", "alone")}
    assert saved == {"0": True, "1": False, "alone": True}


def test_what_the_chief_has_reaches_every_worker_byte_for_byte(folder):
    assert words(folder, "0")["received"] and words(folder, "1")["received"]


def test_workers_with_other_data_do_not_train(folder):
    for name in ("0", "1"):
        assert words(folder, name)["disagreement"] == (
            "Workers 0 and 1 differ in the first batch of the data: "
            "give all of them the same data, settings and code."
        )


def test_of_more_than_ten_workers_the_one_that_was_lost_is_named(monkeypatch):
    monkeypatch.setattr(workers, "several", lambda strategy: True)
    lost = tf.errors.UnavailableError(None, None, "from /job:worker/replica:0/task:11: closed")
    with (
        pytest.raises(WorkerLost, match=r"since worker 11 did.*Start again\."),
        workers.other_workers_watched(strategy(["CPU:0"]), "Start again."),
    ):
        raise lost


def test_a_second_ctrl_c_stops_at_once_and_says_that_a_step_may_be_half_done():
    in_step = InStep(strategy(["CPU:0"]))
    in_step._note(signal.SIGINT, None)
    assert not in_step.forced
    with pytest.raises(KeyboardInterrupt):
        in_step._note(signal.SIGINT, None)
    assert in_step.forced


def test_alone_ctrl_c_waits_for_the_end_of_a_call():
    before = signal.getsignal(signal.SIGINT)
    with InStep(strategy(["CPU:0"])) as in_step:
        assert in_step.steps(7) == 7
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            in_step.steps(7)
    assert signal.getsignal(signal.SIGINT) is before


def test_where_ctrl_c_is_ignored_it_stays_so():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with InStep(strategy(["CPU:0"])) as in_step:
            signal.raise_signal(signal.SIGINT)
            assert in_step.steps(7) == 7
    finally:
        signal.signal(signal.SIGINT, before)
