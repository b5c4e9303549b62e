import errno
import io
import json
import pathlib
import types

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from gen_ai_examples import catalog, cli, verification
from gen_ai_examples.common.answer import Answer, Claim
from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.media import Picture, Text


class Runner:
    """Stands in for the processes that `verify` starts; every value is `seed / 10`."""

    def __init__(self):
        self.commands = []
        self.seeds = []
        self.before = lambda seed: 0  # returns the exit code
        self.must_beat = 1.0
        self.statement = "It is small."
        self.extra = 5

    def __call__(self, command, env, start_new_session):
        assert start_new_session  # Ctrl-C must not make the run speak of --resume
        seed, out = int(command[command.index("--seed") + 1]), command[command.index("--out") + 1]
        if code := self.before(seed):
            return types.SimpleNamespace(returncode=code)
        self.commands.append(command)
        self.seeds.append(seed)
        claim = Claim(self.statement, seed / 10, "units", {"limit": self.must_beat}, "lower")
        pixels = np.full((4, 4), seed, np.uint8)
        media = {"words": Text("w"), "picture": Picture(pixels), "second": Picture(pixels)}
        Answer([claim], {"extra": self.extra}, media).save(
            out,
            run={"minutes": 1.5, "memory_gb": 0.5, "date": "2026-01-01", "command": f"run {seed}"}
            | {"device": "a machine", "versions": {"keras": "3"}},
        )
        return types.SimpleNamespace(returncode=0)


@pytest.fixture
def runner(monkeypatch):
    monkeypatch.setattr(verification.subprocess, "run", runner := Runner())
    return runner


@pytest.fixture
def verify(toy, tmp_path):
    def call(*seeds, again=False):
        console = Console(file=io.StringIO(), width=80)
        examples = [catalog.example("toy.line")]
        holds = verification.verify(examples, list(seeds), tmp_path / "results", again, console)
        return holds, console.file.getvalue()

    return call


@pytest.fixture
def path(tmp_path):
    return tmp_path / "results" / "toy.line.json"


def test_every_seed_is_recorded_with_all_that_matters(verify, runner, path):
    holds, told = verify(2, 0, 1)
    assert holds and told.count("every claim holds") == 3
    record = json.loads(path.read_text())
    source = catalog.source_hash(catalog.example("toy.line"))
    assert record["example"] == "toy.line" and record["source"] == source
    assert record["command"] == "gen-ai-examples verify toy.line"
    assert record["device"] == "a machine" and record["versions"] == {"keras": "3"}
    assert list(record["seeds"]) == ["0", "1", "2"]
    assert record["seeds"]["2"] == {
        "claims": [
            {
                "statement": "It is small.",
                "value": 0.2,
                "unit": "units",
                "baselines": {"limit": 1.0},
                "better": "lower",
                "best": None,
                "holds": True,
            }
        ],
        "metrics": {"extra": 5.0},
        "minutes": 1.5,
        "memory_gb": 0.5,
        "date": "2026-01-01",
        "command": "run 2",
    }


def test_only_default_settings_are_verified(verify, runner):
    verify(4)
    _, *arguments, out = runner.commands[0]
    assert arguments == ["-m", "gen_ai_examples", "run", "toy.line", "--seed", "4", "--out"]
    assert not pathlib.Path(out).exists()  # the scratch folder is gone


def test_the_first_picture_of_the_lowest_seed_is_kept(verify, runner, path):
    verify(1, 2)
    assert Image.open(path.with_suffix(".png")).getpixel((0, 0)) == 1
    verify(0)
    assert Image.open(path.with_suffix(".png")).getpixel((0, 0)) == 0
    assert {file.name for file in path.parent.iterdir()} == {"toy.line.json", "toy.line.png"}


def test_what_is_recorded_is_not_run_again(verify, runner):
    verify(0, 1)
    assert verify(0, 1, 1)[0] and runner.seeds == [0, 1]
    verify(0, 1, 2)
    assert runner.seeds == [0, 1, 2]


def test_again_runs_the_named_seeds_and_keeps_the_others(verify, runner, path):
    verify(0, 1, 2)
    verify(1, 1, again=True)
    assert runner.seeds == [0, 1, 2, 1]
    assert list(json.loads(path.read_text())["seeds"]) == ["0", "1", "2"]


def test_an_interrupted_call_resumes(verify, runner, path):
    def interrupt(seed):
        if seed == 1:
            raise KeyboardInterrupt

    runner.before = interrupt
    with pytest.raises(KeyboardInterrupt, match="seeds are recorded"):
        verify(0, 1, 2)
    assert list(json.loads(path.read_text())["seeds"]) == ["0"]
    runner.before = lambda seed: 0
    verify(0, 1, 2)
    assert runner.seeds == [0, 1, 2]


def test_a_run_that_fails_is_named_and_what_was_recorded_stays(verify, runner, path):
    runner.before = lambda seed: 3 if seed == 1 else 0
    with pytest.raises(InputError, match=r"toy\.line with seed 1 ended with exit code 3"):
        verify(0, 1, 2)
    assert list(json.loads(path.read_text())["seeds"]) == ["0"]


def change(toy):
    toy.write_text(toy.read_text() + "\nanother = 1\n")


@pytest.mark.parametrize("what", ["claims", "metrics"])
def test_a_change_of_the_source_that_changes_a_number_makes_the_record_void(
    what, verify, runner, toy, path
):
    verify(0, 1)
    change(toy)
    if what == "claims":
        runner.must_beat *= 1 + 1e-3
    else:
        runner.extra = 6
    verify(1, 0)
    assert runner.seeds == [0, 1, 0, 1]
    assert list(json.loads(path.read_text())["seeds"]) == ["0", "1"]


def test_a_change_of_the_source_that_changes_no_number_is_seen_by_one_seed(
    verify, runner, toy, path
):
    verify(0, 1, 2)
    change(toy)
    runner.must_beat *= 1 + 1e-6  # rounding
    assert verify(0, 1, 2)[0] and runner.seeds == [0, 1, 2, 0]
    record = json.loads(path.read_text())
    assert record["source"] == catalog.source_hash(catalog.example("toy.line"))
    assert list(record["seeds"]) == ["0", "1", "2"]
    change(toy)
    verify(0, 1, 2, again=True)
    assert runner.seeds == [0, 1, 2, 0, 0, 1, 2]


def test_a_change_of_words_alone_is_told_of_all_seeds(verify, runner, toy, path):
    verify(0, 1, 2)
    before = json.loads(path.read_text())["seeds"]
    change(toy)
    runner.statement = "It is tiny."
    assert verify(0, 1, 2)[0] and runner.seeds == [0, 1, 2, 0]
    for seed, its in json.loads(path.read_text())["seeds"].items():
        assert its["claims"][0].pop("statement") == "It is tiny."
        assert before[seed]["claims"][0].pop("statement") == "It is small."
        assert its == before[seed]


def test_a_changed_source_never_thins_out_its_record(verify, runner, toy, path):
    verify(0, 1, 2)
    before = path.read_bytes()
    change(toy)
    for again in (False, True):
        with pytest.raises(InputError, match=r"seeds 0, 1, 2 were recorded: verify 0, 2 as well"):
            verify(1, again=again)
    assert path.read_bytes() == before and runner.seeds == [0, 1, 2]


def test_a_claim_that_fails_for_one_seed_fails_the_whole(verify, runner):
    runner.must_beat = 0.15
    holds, told = verify(0, 1, 2)
    assert not holds
    assert told.count("every claim holds") == 2
    assert "seed 2: a claim does not hold" in told
    assert not verify(2)[0]  # from the record
    assert verify(0, 1)[0]


def test_a_damaged_record_is_named_and_kept(verify, runner, path):
    path.parent.mkdir()
    path.write_text('{"seeds": {')
    with pytest.raises(InputError, match=r"malformed.*delete the file"):
        verify(0)
    assert path.read_text() == '{"seeds": {' and not runner.seeds


def test_a_full_disk_keeps_the_last_record(verify, runner, path, monkeypatch):
    verify(0)
    before = path.read_bytes()

    write = pathlib.Path.write_text

    def full(self, text, **options):
        if not self.name.startswith("toy.line"):  # what the run itself writes
            return write(self, text, **options)
        write(self, text[:10], **options)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pathlib.Path, "write_text", full)
    with pytest.raises(OSError, match="No space"):
        verify(1)
    assert path.read_bytes() == before
    assert {file.suffix for file in path.parent.iterdir()} == {".json", ".png"}


def test_a_folder_that_cannot_be_written_is_refused_before_anything_runs(verify, runner, tmp_path):
    (tmp_path / "results").write_text("a file")
    with pytest.raises(InputError, match="choose another with --results"):
        verify(0)
    assert not runner.seeds


def test_records_go_into_a_checkout_or_from_an_installed_package_into_this_folder(toy):
    checkout = toy.parents[2]
    assert verification._default_folder() == pathlib.Path("results")
    (checkout / "pyproject.toml").touch()
    assert verification._default_folder() == checkout / "results"


# The command


@pytest.mark.parametrize(("must_beat", "code"), [(1.0, 0), (0.15, 1)])
def test_the_command_exits_with_1_if_a_claim_fails(must_beat, code, toy, runner):
    runner.must_beat = must_beat
    for arguments in (["verify"], ["verify", "toy.line", "toy.line", "--seeds", "0", "1", "2"]):
        with pytest.raises(SystemExit) as end:
            cli.main(arguments)
        assert (end.value.code or 0) == code
    assert runner.seeds == [0, 1, 2]
    assert pathlib.Path("results/toy.line.json").exists()


def test_an_example_named_twice_runs_once(toy, runner):
    with pytest.raises(SystemExit):
        cli.main(["verify", "toy.line", "toy.line", "--seeds", "0", "--again"])
    assert runner.seeds == [0]


def test_a_real_run_is_recorded(command_with_toy):
    process = command_with_toy("verify", "toy.line", "--seeds", "3", "--results", "here")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    record = json.loads(pathlib.Path("here/toy.line.json").read_text())
    assert record["seeds"]["3"]["command"] == "gen-ai-examples run toy.line --seed 3"
    assert record["seeds"]["3"]["claims"][0]["holds"]
    assert pathlib.Path("here/toy.line.png").exists()
    assert "toy.line, seed 3: every claim holds" in out


def test_records_are_not_made_by_one_of_several_machines(verify, runner, monkeypatch):
    task = {"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 1}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(task))
    with pytest.raises(InputError, match="unset TF_CONFIG"):
        verify(0)
    assert runner.seeds == []
