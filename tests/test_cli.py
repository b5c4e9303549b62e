import errno
import json
import pathlib
import signal
import subprocess
import sys
import time
import types
import warnings

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from gen_ai_examples import catalog, cli
from gen_ai_examples.common.answer import Answer, Claim

pytestmark = [
    # As in Python outside of pytest.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.usefixtures("one_device"),
]


@pytest.fixture(autouse=True)
def terminal_of_80_columns(monkeypatch):
    monkeypatch.setattr(cli, "console", Console(width=80))
    monkeypatch.setenv("COLUMNS", "80")  # for typer, which has a console of its own


def run(*arguments):
    """Run the command in this process; returns its exit code."""
    with pytest.raises(SystemExit) as end:
        cli.main([str(argument) for argument in arguments])
    return end.value.code or 0


@pytest.fixture
def error(capsys):
    """Run a command that has to fail with one sentence; returns the sentence."""

    def failing(*arguments, code=1):
        assert run(*arguments) == code
        out, err = capsys.readouterr()
        *before, last = err.splitlines()
        assert last.startswith("Error: ") and last.endswith((".", "?"))
        assert not any(line.startswith("Error") for line in before)
        assert "Traceback" not in out + err
        return last

    return failing


@pytest.fixture
def usage_error(capsys):
    """Run a command that is typed wrong; returns typer's box in one line."""

    def failing(*arguments):
        assert run(*arguments) == 2
        return unboxed(capsys.readouterr().err)

    return failing


def unboxed(text):
    return " ".join(text.replace("│", " ").split())


def pretend(monkeypatch, main):
    """Let `toy.line` run `main` instead of training."""
    monkeypatch.setitem(sys.modules, "gen_ai_examples.toy.line", types.SimpleNamespace(main=main))


def answer(value=1.0, **media):
    claim = Claim("One is less than two [sic].", value, "units", {"two": 2.0}, "lower")
    return Answer([claim], media=media)


OUT = pathlib.Path("runs/toy.line")


# Quick commands


def test_what_needs_no_training_imports_no_framework():
    check = """if True:
        import sys
        from gen_ai_examples.cli import main
        for line in ("list", "ask 7", "ask 30 --lang zh", "--help", "run", "run --help",
                     "run image.dcgan --help", "run image.dcgn", "run image.dcgan --steps 0",
                     "verify nothing", "verify --help", "data-service --help",
                     "data-service --join nowhere", "shard --help", "shard nothing x"):
            try:
                main(line.split())
            except SystemExit:
                loaded = {"tensorflow", "keras", "matplotlib", "numpy"} & set(sys.modules)
                assert not loaded, (line, loaded)
            else:
                raise AssertionError(line)
    """
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_package_is_a_command_too():
    command = [sys.executable, "-m", "gen_ai_examples", "ask", "7", "--lang", "zh"]
    shown = subprocess.run(command, capture_output=True, check=True).stdout.decode()
    assert shown.startswith(f"7. {catalog.questions()['Q7']['question']['zh']}")


def test_list_shows_topic_name_question_and_bullets_of_every_example(capsys):
    assert run("list") == 0
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 80
    words = " ".join(shown.split())
    for name, example in catalog.examples().items():
        assert f"\n  {name} " in shown and f"\n{name.split('.')[0]} " in shown
        for word in (*example.question.split(), *example.answers):
            assert word in words


def test_list_ends_quietly_when_nobody_reads_on():
    command = [sys.executable, "-m", "gen_ai_examples", "list"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b""


@pytest.mark.parametrize("arguments", [[], ["run"]])
def test_help_is_shown_where_a_command_is_missing(arguments, capsys):
    asked = run(*arguments)
    shown = capsys.readouterr()
    assert asked in (0, 2)  # click below 8.2 takes this for success
    assert "Usage: gen-ai-examples" in shown.out + shown.err


def test_help_of_an_example_shows_its_text_flags_and_defaults(toy, capsys):
    assert run("run", "toy.line", "--help") == 0
    shown = unboxed(capsys.readouterr().out)
    assert "Can one weight learn to double a number?" in shown
    assert "Its help page keeps [brackets]." in shown
    for flag, default in [("steps", "64"), ("batch-size", "8"), ("learning-rate", "0.05")]:
        assert f"--{flag} " in shown and f"[default: {default}]" in shown
    for flag in ("--no-shift", "--seed", "--images", "--devices", "--resume", "--overwrite"):
        assert f"{flag} " in shown
    assert "runs/toy.line" in shown


def test_help_of_run_lists_every_example(capsys):
    assert run("run", "--help") == 0
    shown = unboxed(capsys.readouterr().out)
    for example in catalog.examples().values():
        assert example.name in shown


# Typed wrong


@pytest.mark.parametrize(
    ("name", "meant"),
    [("image.dcgn", "image.dcgan"), ("dcgn", "image.dcgan"), ("DCGAN", "image.dcgan")],
)
def test_a_mistyped_example_gets_a_suggestion(name, meant, error):
    assert f"{name!r}: did you mean {meant}" in error("run", name)
    assert f"{name!r}: did you mean {meant}" in error("verify", name)


def test_a_name_like_no_example_points_to_the_list(error):
    assert "gen-ai-examples list" in error("run", "zzz")


@pytest.mark.parametrize("number", [0, 31, 999])
def test_an_unknown_question_names_those_there_are(number, error):
    assert (
        error("ask", number) == f"Error: There is no question {number}: ask for one from 1 to 30."
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("run toy.line --stepz 3", "No such option: --stepz"),
        ("run toy.line --steps 0", "'--steps'"),
        ("run toy.line --steps many", "'--steps'"),
        ("run toy.line --batch-size -1", "'--batch-size'"),
        ("run toy.line --seed -1", "'--seed'"),
        ("run toy.line --seed 4294967296", "'--seed'"),
        ("run toy.line --devices 0", "'--devices'"),
        ("run toy.line extra", "extra"),
        ("run --steps 3 toy.line", "--steps"),
        ("ask seven", "seven|integer"),
        ("ask 7 --lang fr", "fr"),
        ("ask", "Missing argument"),
        ("verify --seeds", "'--seeds' requires"),
        ("verify --seeds x", "'--seeds'"),
        ("verify --seeds 0 -1", "No such option: -1"),
        ("verify --seeds -1", "'--seeds'"),
        ("lst", "No such command 'lst'"),
    ],
)
def test_a_wrong_flag_or_value_is_named(arguments, words, toy, usage_error):
    shown = usage_error(*arguments.split())
    assert any(word in shown for word in words.split("|"))
    assert not pathlib.Path("runs").exists() and not pathlib.Path("results").exists()


@pytest.mark.parametrize(
    ("typed", "understood"),
    [
        ("verify --seeds 0 1 2", "verify --seeds 0 --seeds 1 --seeds 2"),
        ("verify --seeds 5 a.b --again", "verify --seeds 5 a.b --again"),
        ("verify a.b --seeds 0 1 --again 3", "verify a.b --seeds 0 --seeds 1 --again 3"),
        ("verify --seeds --again", "verify --seeds --again"),
        ("ask 7", "ask 7"),
    ],
)
def test_seeds_are_given_with_spaces(typed, understood):
    assert cli._spread_seeds(typed.split()) == understood.split()


# A run


def test_a_run_shows_its_claims_and_saves_its_answer(toy, capsys):
    assert run("run", "toy.line", "--steps", 16, "--shift", "--out", "here") == 0
    shown = capsys.readouterr().out
    assert "Can one weight learn to double a number?" in shown
    assert "Look at here/index.html" in shown
    saved = json.loads(pathlib.Path("here/answer.json").read_text())
    assert saved["run"]["command"] == "gen-ai-examples run toy.line --steps 16 --shift"
    assert {p.name for p in pathlib.Path("here").iterdir()} == {
        "answer.json",
        "index.html",
        "points.png",
    }


def test_an_example_is_a_command_of_its_own(toy, monkeypatch, capsys):
    from gen_ai_examples.toy import line

    monkeypatch.setattr(sys, "argv", ["line.py", "--steps", "0"])
    with pytest.raises(SystemExit):
        cli.run_as_command(line.main)
    assert "run toy.line" in capsys.readouterr().err


@pytest.mark.parametrize(("value", "verdict"), [(1.0, "yes"), (3.0, "NO")])
def test_the_table_says_what_was_measured_and_fits_80_columns(value, verdict, toy, capsys):
    words = "A long sentence that has to be broken into several lines of this table to fit. " * 3
    claim = Claim(words, value, "units per sample", {"[b]two[/b]": 2.0, "five": 5}, "lower")
    cli.console.print(cli.claims_table([claim.to_json()]))
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 80
    assert all(word in shown for word in (f"{value:g} units", "< 2 [b]two[/b]", "< 5", verdict))


def test_a_batch_larger_than_the_data_is_refused_and_leaves_nothing_to_resume(toy, error):
    assert "choose one from 1 to 32" in error("run", "toy.line", "--batch-size", 33)
    assert not list(OUT.iterdir())


def test_more_devices_than_there_are_are_refused_and_leave_nothing_to_resume(toy, error):
    assert "Cannot use 5000 devices" in error("run", "toy.line", "--devices", 5000)
    assert not list(OUT.iterdir())


def test_training_that_diverges_says_where(toy, error):
    said = error("run", "toy.line", "--learning-rate", "1e30", "--steps", 64)
    assert "at step" in said and "lower the learning rate" in said


def test_a_bug_of_an_example_is_not_taken_for_a_mistake_of_the_user(toy, monkeypatch):
    pretend(monkeypatch, lambda **_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        cli.main(["run", "toy.line"])


# The user's own files


def save_images(folder, n):
    folder.mkdir()
    for i in range(n):
        Image.new("RGB", (9, 9), (i, i, i)).save(folder / f"{i}.png")


@pytest.mark.parametrize(
    ("folder", "words"),
    [
        ("missing", "no folder"),
        ("empty", "is empty"),
        ("words", "0 can be read"),
        ("a.txt", "file"),
    ],
)
def test_a_folder_without_images_is_refused(folder, words, toy, error):
    pathlib.Path("empty").mkdir()
    pathlib.Path("words").mkdir()
    pathlib.Path("words/a.png").write_text("no image")
    pathlib.Path("a.txt").touch()
    said = error("run", "toy.line", "--images", folder)
    assert folder in said and words in said


def test_files_that_are_no_images_are_skipped_and_counted_in_one_line(toy, capsys):
    save_images(pathlib.Path("mixed"), 3)
    pathlib.Path("mixed/notes.txt").write_text("no image")
    broken = pathlib.Path("mixed/0.png").read_bytes()[:40]
    pathlib.Path("mixed/broken.png").write_bytes(broken)
    assert run("run", "toy.line", "--images", "mixed", "--steps", 2) == 0
    told = [line for line in capsys.readouterr().err.splitlines() if "line: step" not in line]
    assert len(told) == 1
    assert told[0].startswith("Warning: Skipped 2 of 5 ")
    assert "broken.png, notes.txt" in told[0]


def test_a_warning_is_one_line_during_a_run_only(toy, monkeypatch, capsys):
    def main(**_):
        warnings.warn("Two\nlines", stacklevel=1)
        return answer()

    before = warnings.showwarning
    pretend(monkeypatch, main)
    assert run("run", "toy.line") == 0
    assert capsys.readouterr().err == "Warning: Two lines\n"
    assert warnings.showwarning is before


# Disks


def test_a_folder_that_cannot_be_written_is_named(toy, error):
    pathlib.Path("file").touch()
    assert "folder file/deep (" in error("run", "toy.line", "--out", "file/deep")
    assert "folder file (" in error("run", "toy.line", "--out", "file")
    assert "write to file/deep (" in error("verify", "toy.line", "--results", "file/deep")


def no_space(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device", "some/file")


def test_a_full_disk_at_the_end_keeps_the_earlier_answer_and_the_training(toy, monkeypatch, error):
    assert run("run", "toy.line", "--steps", 8) == 0
    earlier = {path: path.read_bytes() for path in OUT.iterdir()}
    with monkeypatch.context() as full:
        full.setattr("gen_ai_examples.common.media.Picture.encode", no_space)
        said = error("run", "toy.line", "--steps", 16)
    assert "some/file (No space left on device)" in said and "--resume" in said
    assert {path: path.read_bytes() for path in earlier} == earlier
    assert not (OUT / "partial").exists()
    pathlib.Path("begun").unlink()
    assert run("run", "toy.line", "--steps", 16, "--resume") == 0
    assert not pathlib.Path("begun").exists()  # it was trained to the end already
    assert (OUT / "answer.json").read_bytes() != earlier[OUT / "answer.json"]


def test_a_disk_too_full_for_a_checkpoint_still_gives_the_answer(toy, monkeypatch, capsys):
    monkeypatch.setattr(np, "savez", no_space)
    assert run("run", "toy.line", "--steps", 8) == 0
    said = capsys.readouterr().err
    assert "Warning: No checkpoint saved" in said and "No space left on device" in said
    assert (OUT / "answer.json").exists()


def test_a_full_disk_at_the_start_keeps_what_was_trained(toy, monkeypatch, error):
    OUT.mkdir(parents=True)
    assert interrupted_run(monkeypatch) == 130
    unfinished = {path: path.read_bytes() for path in OUT.rglob("*.*") if path.is_file()}

    def empty_the_file(path, *_, **__):
        path.open("w").close()
        no_space()

    with monkeypatch.context() as full:
        full.setattr(pathlib.Path, "write_text", empty_the_file)
        assert "No space left" in error("run", "toy.line", "--overwrite")
    assert {path: path.read_bytes() for path in unfinished} == unfinished
    assert len(unfinished) == 2


def test_a_corrupt_checkpoint_is_named_and_kept(toy, monkeypatch, error):
    assert interrupted_run(monkeypatch) == 130
    checkpoint = OUT / "checkpoints" / "0.npz"
    checkpoint.write_bytes(checkpoint.read_bytes()[:100])
    assert f"{checkpoint} is damaged" in error("run", "toy.line", "--resume")
    assert checkpoint.stat().st_size == 100


# Ctrl-C


def interrupted_run(monkeypatch, *flags):
    """Ctrl-C after the first steps of the toy, in this process."""

    def stop(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(time, "sleep", stop)
        return run("run", "toy.line", *flags)


def test_ctrl_c_says_what_was_saved_and_how_to_go_on(toy, monkeypatch, capsys):
    assert interrupted_run(monkeypatch) == 130
    told = capsys.readouterr().err
    assert told == (
        "Interrupted at step 8, saved to runs/toy.line/checkpoints/0.npz. "
        "Go on with the same command and --resume.\n"
    )


def test_ctrl_c_after_training_keeps_what_was_trained(toy, monkeypatch, capsys):
    def stop(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Answer, "save", stop)
        assert run("run", "toy.line", "--steps", 8) == 130
    told = capsys.readouterr().err
    assert "is saved in runs/toy.line/checkpoints" in told and "--resume" in told
    assert run("run", "toy.line", "--steps", 8, "--resume") == 0


def test_ctrl_c_before_training_leaves_nothing_to_resume(toy, monkeypatch, capsys):
    def main(**_):
        raise KeyboardInterrupt

    pretend(monkeypatch, main)
    assert run("run", "toy.line") == 130
    assert capsys.readouterr().err == "Interrupted before anything was trained.\n"
    assert not list(OUT.iterdir())


def test_a_run_that_is_interrupted_and_resumed_ends_like_one_that_was_not(
    command_with_toy, toy, monkeypatch
):
    """Interrupted in one process, and resumed in another, this one."""
    process = command_with_toy("run", "toy.line", TOY_PAUSE="10")
    started = time.monotonic()
    while not pathlib.Path("begun").exists():
        assert time.monotonic() < started + 100 and process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in out + err
    assert "saved to runs/toy.line/checkpoints/0.npz" in err and "--resume" in err

    assert run("run", "toy.line", "--resume") == 0
    with monkeypatch.context() as patched:
        patched.setenv("TOY_BEGUN", "whole_begun")
        assert run("run", "toy.line", "--out", "whole") == 0
    resumed, uninterrupted = (
        json.loads((folder / "answer.json").read_text()) for folder in (OUT, pathlib.Path("whole"))
    )
    assert resumed["claims"] == uninterrupted["claims"]
    assert pathlib.Path("begun").read_text() == "." * 8  # 64 steps in calls of 8, none twice
    assert not (OUT / "checkpoints").exists()
