import dataclasses
import json
import os
import re
import sys
import types

import numpy as np
import pytest

from gen_ai_examples import catalog, running
from gen_ai_examples.common import strategy as module
from gen_ai_examples.common import threads
from gen_ai_examples.common.answer import Answer, Claim
from gen_ai_examples.common.cluster import Cluster
from gen_ai_examples.common.errors import InputError

FLAGS = {"steps": 64, "batch_size": 8, "images": None}


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "deep" / "out"


@pytest.fixture
def prepare(toy, folder):
    """Claim the folder for a run with the flags given."""

    def prepared(devices=None, resume=False, overwrite=False, **flags):
        example = catalog.example("toy.line")
        return running.prepare(example, FLAGS | flags, folder, devices, resume, overwrite)

    return prepared


@pytest.fixture
def pretend(monkeypatch):
    """Let the example run another `main`."""

    def replace(main):
        module = types.SimpleNamespace(main=main)
        monkeypatch.setitem(sys.modules, "gen_ai_examples.toy.line", module)

    return replace


def answer(**_):
    return Answer([Claim("One is less than two.", 1.0, "units", {"two": 2.0}, "lower")])


def raising(error):
    def main(**_):
        raise error

    return main


def leave_checkpoint(folder):
    (folder / "checkpoints").mkdir(parents=True, exist_ok=True)
    (folder / "checkpoints" / "0.npz").write_text("weights")


def files(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


# The folder


def test_a_run_claims_its_folder(prepare, folder):
    prepare(devices=2)
    assert files(folder) == ["unfinished.json"]
    assert json.loads((folder / "unfinished.json").read_text()) == {
        "example": "toy.line",
        "flags": FLAGS,
        "devices": 2,
    }


def test_an_unfinished_run_is_neither_lost_nor_mixed_with_another(prepare, folder):
    prepare()
    leave_checkpoint(folder)
    before = files(folder)
    with pytest.raises(InputError, match="--resume to continue it, or --overwrite"):
        prepare()
    with pytest.raises(InputError, match=r"started with steps=64: resume .*same"):
        prepare(resume=True, steps=65)
    with pytest.raises(InputError, match="started with devices=None"):
        prepare(resume=True, devices=2)
    assert files(folder) == before
    prepare(resume=True)
    assert files(folder) == before
    prepare(overwrite=True, steps=65, devices=2)
    assert files(folder) == ["unfinished.json"]
    prepare(resume=True, steps=65, devices=2)


def test_a_run_of_another_example_is_not_resumed(prepare, folder):
    prepare()
    settings = folder / "unfinished.json"
    settings.write_text(settings.read_text().replace("toy.line", "toy.circle"))
    with pytest.raises(InputError, match=r"started with example=toy\.circle"):
        prepare(resume=True)


def test_nothing_is_resumed_where_nothing_was_begun(prepare, folder):
    with pytest.raises(InputError, match=r"no unfinished run in .*out: leave --resume out"):
        prepare(resume=True)
    assert not folder.exists()


def test_resume_and_overwrite_exclude_each_other(prepare):
    with pytest.raises(InputError, match="one of --resume and --overwrite"):
        prepare(resume=True, overwrite=True)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"example": "toy.line", "flags": 1}', '"a"'])
def test_damaged_settings_are_named(text, prepare, folder):
    prepare()
    (folder / "unfinished.json").write_text(text)
    with pytest.raises(InputError, match=r"unfinished\.json is damaged: add --overwrite"):
        prepare(resume=True)
    prepare(overwrite=True)


def test_checkpoints_of_nobody_are_not_resumed_from(prepare, folder):
    leave_checkpoint(folder)
    prepare()
    assert files(folder) == ["unfinished.json"]


# The run


def test_a_run_hands_over_the_flags_and_leaves_the_answer_alone(prepare, pretend, folder):
    given = {}

    def main(**flags):
        given.update(flags)
        leave_checkpoint(folder)
        return answer()

    pretend(main)
    returned, record = running.run(prepare(steps=3))
    assert given == FLAGS | {"steps": 3}
    assert files(folder) == ["answer.json", "index.html"]
    saved = json.loads((folder / "answer.json").read_text())
    assert saved == returned.to_json() | {"media": {}, "run": record}
    assert "toy.line: Can one weight learn" in (folder / "index.html").read_text()


def test_the_record_says_where_and_with_what_it_was_measured(prepare, pretend):
    pretend(answer)
    _, record = running.run(prepare())
    assert set(record["versions"]) == {"python", "tensorflow", "keras", "numpy"}
    assert record["versions"]["numpy"] == np.__version__
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", record["date"])
    assert 0.05 < record["memory_gb"] < 100 and 0 <= record["minutes"] < 1
    assert re.match(r"\d+ (CPU cores, \S|x \S)", record["device"])


@pytest.mark.parametrize(
    ("batch", "devices", "workers", "shared"),
    [
        (8, None, False, ["2 replicas", "3 operations"]),
        (7, None, False, ["3 operations"]),
        (8, 1, False, []),
        (8, None, True, []),
    ],
)
def test_an_example_shares_the_cpu_as_it_says_unless_told_otherwise(
    batch, devices, workers, shared, toy, folder, pretend, monkeypatch
):
    calls = []
    monkeypatch.setattr(module, "share_cpu", lambda n: calls.append(f"{n} replicas"))
    monkeypatch.setattr(threads, "work_side_by_side", lambda n: calls.append(f"{n} operations"))
    monkeypatch.setattr(module, "use_devices", lambda count: None)
    monkeypatch.setattr(module, "strategy", lambda **_: None)
    monkeypatch.setattr(running, "cluster", lambda: Cluster(("a:1", "b:1"), 0) if workers else None)
    pretend(answer)
    example = dataclasses.replace(catalog.example("toy.line"), cpu_replicas=2, cpu_operations=3)
    running._train(running.PreparedRun(example, FLAGS | {"batch_size": batch}, folder, devices))
    assert calls == shared


@pytest.mark.parametrize(
    ("flags", "devices", "typed"),
    [
        ({}, None, ""),
        ({"steps": 3, "batch_size": 8}, None, " --steps 3"),
        ({"learning_rate": 1e-5}, 2, " --learning-rate 1e-05 --devices 2"),
        ({"shift": True}, None, " --shift"),
        ({"images": "my pictures/a'b"}, None, """ --images 'my pictures/a'"'"'b'"""),
    ],
)
def test_the_recorded_command_can_be_typed(flags, devices, typed, toy, folder):
    example = catalog.example("toy.line")
    prepared = running.PreparedRun(example, flags, folder, devices)
    assert running._command(prepared) == f"gen-ai-examples run toy.line{typed}"


def test_the_recorded_command_names_the_data_service(toy, folder):
    its = running.PreparedRun(catalog.example("toy.line"), {}, folder, None, "grpc://h:1", True)
    typed = "gen-ai-examples run toy.line --data-service grpc://h:1 --any-order"
    assert running._command(its) == typed


@pytest.mark.parametrize(
    ("service", "any_order", "said"),
    [(None, True, "--any-order goes with"), ("h:1", False, "grpc://HOST:PORT")],
)
def test_a_wrong_data_service_is_told_before_the_folder_is_claimed(
    service, any_order, said, toy, folder
):
    example = catalog.example("toy.line")
    with pytest.raises(InputError, match=said):
        running.prepare(example, FLAGS, folder, None, False, False, service, any_order)
    assert not folder.exists()


def test_a_true_default_is_switched_off_in_the_recorded_command(toy, folder):
    toy.write_text(toy.read_text().replace("shift=False", "shift=True"))
    prepared = running.PreparedRun(catalog.example("toy.line"), {"shift": False}, folder, None)
    assert running._command(prepared) == "gen-ai-examples run toy.line --no-shift"


@pytest.mark.parametrize("error", [InputError("Too many."), KeyboardInterrupt("Stopped.")])
def test_what_cannot_be_resumed_does_not_stand_in_the_way(error, prepare, pretend, folder):
    pretend(raising(error))
    with pytest.raises(type(error), match=str(error)):
        running.run(prepare())
    assert files(folder) == []
    prepare()


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (InputError("Too many."), "^Too many"),
        (KeyboardInterrupt("Stopped."), "^Stopped. Go on with the same command and --resume"),
        (KeyboardInterrupt(), "^Interrupted; what was trained is saved in .*checkpoints. Go on"),
        (OSError(13, "Permission denied", "a/b"), r"^Cannot .* a/b \(Permission denied\)"),
        (OSError("odd"), r"^Cannot read or write \(odd\): .*--resume"),
        (ZeroDivisionError("a bug"), "^a bug"),
    ],
)
def test_what_was_trained_stays_whatever_happens(error, told, prepare, pretend, folder):
    pretend(raising(error))
    prepared = prepare()
    leave_checkpoint(folder)
    expected = InputError if isinstance(error, OSError) else type(error)
    with pytest.raises(expected, match=told):
        running.run(prepared)
    assert files(folder) == ["checkpoints/0.npz", "unfinished.json"]
    prepare(resume=True)


def test_only_what_libraries_write_while_they_load_is_muted(capfd):
    with running.native_stderr_muted():
        os.write(2, b"a notice of TensorFlow's\n")
    os.write(2, b"heard\n")
    with pytest.raises(KeyboardInterrupt), running.native_stderr_muted():
        raise KeyboardInterrupt
    os.write(2, b"again\n")
    assert capfd.readouterr().err == "heard\nagain\n"
