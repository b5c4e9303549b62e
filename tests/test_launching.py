"""`launch`: two workers on this machine, through the command that a user types."""

import json
import os
import pathlib
import re
import signal
import time

import pytest

pytestmark = pytest.mark.xdist_group("workers")


def run(command_with_toy, *arguments, **environment):
    process = command_with_toy("launch", "--workers", "2", *arguments, **environment)
    out, errors = process.communicate(timeout=120)
    return process.returncode, out, errors


def worker_process(launcher, index):
    """Process number of a worker, by its parent and its TF_CONFIG."""
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            parent = re.search(r"PPid:\t(\d+)", (folder / "status").read_text())[1]
            environment = (folder / "environ").read_text()
        except OSError:  # it has ended, or is not ours
            continue
        if int(parent) == launcher and f'"index": {index}}}' in environment:
            return int(folder.name)
    raise AssertionError(f"no worker {index}")


def marks(path):
    return len(path.read_text()) if path.exists() else 0


def wait_for(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came about"
        time.sleep(0.05)


def claims(folder):
    return json.loads((folder / "answer.json").read_text())["claims"]


@pytest.fixture
def error_of_one_process(toy, one_device, monkeypatch):
    """This one."""
    from gen_ai_examples.toy import line

    monkeypatch.setenv("TOY_BEGUN", "plain_begun")
    return line.main().claims[0].value


def test_two_workers_give_the_answer_of_one_process_even_if_one_is_killed_in_between(
    command_with_toy, error_of_one_process, tmp_path
):
    command = ("run", "toy.line", "--out", "both")
    process = command_with_toy(
        "launch", *command, TOY_PAUSE="0.3", TOY_BEGUN="first", TOY_SAVE_SECONDS="0"
    )
    wait_for(lambda: marks(tmp_path / "first") >= 6)
    os.kill(worker_process(process.pid, 1), signal.SIGKILL)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 128 + signal.SIGKILL
    assert "Traceback" not in errors
    assert (tmp_path / "both" / "checkpoints" / "0.npz").exists()

    code, out, errors = run(command_with_toy, *command, "--resume", TOY_BEGUN="again")
    assert code == 0, errors
    assert marks(tmp_path / "again") < 2 * 8  # calls of 8 steps, each marked by both workers
    measured = claims(tmp_path / "both")[0]["value"]
    assert measured == pytest.approx(error_of_one_process, rel=1e-4)
    record = json.loads((tmp_path / "both" / "answer.json").read_text())["run"]
    assert record["device"].startswith("2 workers, each ")
    # Both speak, but the chief alone shows progress and claims.
    assert {line[:4] for line in out.splitlines()} == {"[0] ", "[1] "}
    assert "A trained line" in out
    assert not any("A trained line" in line for line in out.splitlines() if line[1] == "1")
    assert not any("step" in line for line in errors.splitlines() if line.startswith("[1]"))


def test_ctrl_c_stops_all_workers_after_the_same_step(command_with_toy, tmp_path):
    process = command_with_toy("launch", "run", "toy.line", TOY_PAUSE="0.3", TOY_BEGUN="first")
    wait_for(lambda: marks(tmp_path / "first") >= 4)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert "[0] Interrupted at step " in errors and "--resume" in errors
    assert "[1] Interrupted at step " in errors and "which the chief saves" in errors
    steps = re.findall(r"Interrupted at step (\d+)", errors)
    assert len(steps) == 2 and len(set(steps)) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("list",), "Workers only run examples"),
        (("run",), "Workers only run examples"),
        (("run", "toy.lines"), "toy.line"),
    ],
)
def test_what_cannot_be_launched_is_told_before_anything_starts(command_with_toy, arguments, said):
    code, out, errors = run(command_with_toy, *arguments)
    assert code == 1 and said in errors
    assert "[0]" not in out + errors
