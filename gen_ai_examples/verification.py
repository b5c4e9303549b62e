"""`verify`: run examples at their defaults for several seeds and record what they measured."""

import json
import math
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from gen_ai_examples import catalog
from gen_ai_examples.common.cluster import cluster
from gen_ai_examples.common.errors import InputError

_ROUNDING = 1e-4  # relative; threads add up in another order each time


def verify(
    examples: list[catalog.Example],
    seeds: list[int],
    folder: pathlib.Path | None,
    again: bool,
    console,
) -> bool:
    """Run what is not recorded yet; returns whether every claim of every seed holds.

    Each run is a process of its own, so that none profits from or suffers by another. Records are
    written seed by seed, to `folder/NAME.json`, with the first picture of the first seed beside.

    What earlier code recorded counts as recorded if the first seed, run again, gives the same
    numbers, rounding apart: then the change did not touch them, and the others are told in the new
    words. Timings never come out the same, so examples that claim or measure any are run anew for
    every seed.

    Raises:
        InputError: the folder cannot be written, a run ended in an error, TF_CONFIG is set, or a
            record of earlier code has seeds that are not to be run.
        KeyboardInterrupt: Ctrl-C, with what is to be said.
    """
    if cluster():
        raise InputError("Records are made on one machine: unset TF_CONFIG.")
    folder = folder or _default_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()  # now, rather than after minutes of training
    except OSError as error:
        raise InputError(
            f"Cannot write to {folder} ({error.strerror}): choose another with --results."
        ) from None
    records = [_recorded_or_fresh(example, folder, seeds) for example in examples]
    outcomes = []
    for example, (record, earlier) in zip(examples, records, strict=True):
        for seed in sorted(set(seeds)):
            if again or str(seed) not in record["seeds"]:
                console.print(f"[bold]{example.name}[/], seed {seed}", highlight=False)
                try:
                    _run(example, seed, record, {} if again else earlier, folder)
                except KeyboardInterrupt:
                    raise KeyboardInterrupt(
                        "Interrupted; finished seeds are recorded, and the same command goes on."
                    ) from None
            holds = all(claim["holds"] for claim in record["seeds"][str(seed)]["claims"])
            console.print(
                f"{example.name}, seed {seed}: "
                + ("[green]every claim holds[/]" if holds else "[red]a claim does not hold[/]"),
                highlight=False,
            )
            outcomes.append(holds)
    return all(outcomes)


def _default_folder() -> pathlib.Path:
    checkout = catalog.PACKAGE.parent
    return (checkout if (checkout / "pyproject.toml").exists() else pathlib.Path()) / "results"


def _recorded_or_fresh(
    example: catalog.Example, folder: pathlib.Path, seeds: list[int]
) -> tuple[dict, dict]:
    """The record to write to, and the seeds that earlier code recorded."""
    source = catalog.source_hash(example)
    record = catalog.recorded(example.name, folder)
    if record and record.get("source") == source:
        return record, {}
    # A record is of one source: what other code measured is replaced whole, never thinned out.
    if lost := [seed for seed in record["seeds"] if int(seed) not in seeds] if record else []:
        raise InputError(
            f"{example.name} has changed since seeds {', '.join(record['seeds'])} were recorded: "
            f"verify {', '.join(lost)} as well, or record elsewhere with --results."
        )
    fresh = {
        "example": example.name,
        "command": f"gen-ai-examples verify {example.name}",
        "source": source,
        "seeds": {},
    }
    return fresh, record["seeds"] if record else {}


def _run(
    example: catalog.Example, seed: int, record: dict, earlier: dict, folder: pathlib.Path
) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        out = pathlib.Path(scratch) / "out"
        command = [sys.executable, "-m", "gen_ai_examples", "run", example.name]
        path = os.pathsep.join([str(catalog.PACKAGE.parent), os.environ.get("PYTHONPATH", "")])
        done = subprocess.run(
            [*command, "--seed", str(seed), "--out", str(out)],
            env=os.environ | {"PYTHONPATH": path.rstrip(os.pathsep)},
            start_new_session=True,  # Ctrl-C ends it from here, without its word on --resume
        )
        if done.returncode:
            raise InputError(
                f"The run of {example.name} with seed {seed} ended with exit code "
                f"{done.returncode}: mend what it says above; what was recorded before stays."
            )
        answer = json.loads((out / "answer.json").read_text(encoding="utf-8"))
        run = answer["run"]
        record |= {"device": run["device"], "versions": run["versions"]}
        record["seeds"][str(seed)] = {
            "claims": answer["claims"],
            "metrics": answer["metrics"],
            **{key: run[key] for key in ("minutes", "memory_gb", "date", "command")},
        }
        now, before = record["seeds"][str(seed)], earlier.get(str(seed))
        if before and _same(_measured(now), _measured(before)):
            record["seeds"] = _in_words_of(now, earlier) | record["seeds"]
        record["seeds"] = dict(sorted(record["seeds"].items(), key=lambda item: int(item[0])))
        if str(seed) == next(iter(record["seeds"])):
            files = answer["media"].values()
            shown = next((file for file in files if file.endswith((".png", ".gif"))), None)
            if shown:
                name = example.name + pathlib.Path(shown).suffix
                shutil.copyfile(out / shown, folder / name)
    # In one move, so that an interrupted call never leaves half a record.
    partial = folder / f"{example.name}.partial"
    text = json.dumps(record, indent=1, ensure_ascii=False) + "\n"
    try:
        partial.write_text(text, encoding="utf-8")
        os.replace(partial, folder / f"{example.name}.json")
    finally:
        partial.unlink(missing_ok=True)


def _measured(run: dict) -> dict:
    """What a run found, without the words for it."""
    claims = [
        {key: its[key] for key in its if key not in ("statement", "unit")} for its in run["claims"]
    ]
    return {"claims": claims, "metrics": run["metrics"]}


def _in_words_of(run: dict, earlier: dict) -> dict:
    """The `earlier` seeds, their claims in the words that the code has now."""
    words = [{key: its[key] for key in ("statement", "unit")} for its in run["claims"]]
    return {
        seed: its | {"claims": [c | w for c, w in zip(its["claims"], words, strict=True)]}
        for seed, its in earlier.items()
    }


def _same(a, b) -> bool:
    """Equal, but for the rounding of numbers."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_same(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(_same, a, b))
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=_ROUNDING)
    return a == b
