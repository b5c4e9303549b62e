"""What an example returns: claims checked by a measurement, other numbers, and media."""

import dataclasses
import html
import json
import math
import os
import pathlib
import shutil
import urllib.parse
from collections.abc import Callable
from typing import Literal

from gen_ai_examples.common import media as media_module
from gen_ai_examples.common.formatting import format_number
from gen_ai_examples.common.media import Media


@dataclasses.dataclass(frozen=True)
class Claim:
    """A statement that a measured value proves or refutes.

    Args:
        statement: a full sentence that is true when the claim holds.
        value: what was measured on held-out data.
        unit: of `value` and of the baselines.
        baselines: by name, what `value` must beat: the trivial way and the best classical one.
        better: which direction beats.
        best: the best attainable value, such as that of real data, for orientation; or None.
    """

    statement: str
    value: float
    unit: str
    baselines: dict[str, float]
    better: Literal["lower", "higher"]
    best: float | None = None

    def __post_init__(self):
        if self.better not in ("lower", "higher"):
            raise ValueError(f"better must be 'lower' or 'higher', not {self.better!r}")
        if not self.baselines:
            raise ValueError("a claim needs something to beat")

    @property
    def holds(self) -> bool:
        """Whether `value` is finite and strictly beats every baseline."""
        if not math.isfinite(self.value):
            return False
        sign = 1 if self.better == "higher" else -1
        return all(sign * self.value > sign * baseline for baseline in self.baselines.values())

    def to_json(self) -> dict:
        return {
            "statement": self.statement,
            "value": _json_number(self.value),
            "unit": self.unit,
            "baselines": {name: _json_number(value) for name, value in self.baselines.items()},
            "better": self.better,
            "best": _json_number(self.best),
            "holds": self.holds,
        }


@dataclasses.dataclass(frozen=True)
class Answer:
    """The outcome of one run: `main` returns it, the command saves it, a notebook shows it.

    Args:
        claims: at least one.
        metrics: other numbers by name.
        media: by name, the most telling first; names become file names.
    """

    claims: list[Claim]
    metrics: dict[str, float] = dataclasses.field(default_factory=dict)
    media: dict[str, Media] = dataclasses.field(default_factory=dict)

    @property
    def holds(self) -> bool:
        return all(claim.holds for claim in self.claims)

    def to_json(self) -> dict:
        return {
            "claims": [claim.to_json() for claim in self.claims],
            "metrics": {name: _json_number(value) for name, value in self.metrics.items()},
        }

    def save(self, folder: str | pathlib.Path, title: str = "", run: dict | None = None) -> None:
        """Write `answer.json`, every medium under its name, and `index.html` that shows them all.

        Nothing is replaced before everything is written, so a full disk leaves an earlier answer.

        Args:
            folder: made if missing; files of the same names are replaced.
            title: of the page.
            run: what is to be remembered about the run (command, minutes, versions).
        """
        folder = pathlib.Path(folder)
        partial = folder / "partial"
        partial.mkdir(parents=True, exist_ok=True)
        try:
            self._write(partial, title, run or {})
            for path in partial.iterdir():
                os.replace(path, folder / path.name)
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def _write(self, folder: pathlib.Path, title: str, run: dict) -> None:
        files = {
            name: media_module.save(medium, folder / name).name
            for name, medium in self.media.items()
        }
        body = self._body(lambda name: urllib.parse.quote(files[name]))
        page = _PAGE.format(title=html.escape(title), body=body)
        (folder / "index.html").write_text(page, encoding="utf-8")
        record = self.to_json() | {"media": files, "run": run}
        text = json.dumps(record, indent=1, ensure_ascii=False) + "\n"
        (folder / "answer.json").write_text(text, encoding="utf-8")

    def _repr_html_(self) -> str:
        return self._body(lambda name: media_module.data_uri(self.media[name]))

    def _body(self, source: Callable[[str], str]) -> str:
        rows = "".join(_row(claim) for claim in self.claims)
        numbers = "".join(
            f"<tr><td>{html.escape(name)}</td><td>{format_number(value)}</td></tr>"
            for name, value in self.metrics.items()
        )
        shown = "".join(
            f"<figure>{medium.html(source(name), _words(name))}"
            f"<figcaption>{html.escape(_words(name))}</figcaption></figure>"
            for name, medium in self.media.items()
        )
        return (
            "<table><tr><th>Claim</th><th>Measured</th><th>Had to beat</th><th>Best</th>"
            f"<th>Holds</th></tr>{rows}</table>{shown}"
            + (f"<table><tr><th>Metric</th><th>Value</th></tr>{numbers}</table>" if numbers else "")
        )


def _json_number(value: float | None) -> float | None:
    """JSON knows neither NaN nor infinity: null."""
    return float(value) if value is not None and math.isfinite(value) else None


def _words(name: str) -> str:
    return name.replace("_", " ")


def _row(claim: Claim) -> str:
    sign = "&lt;" if claim.better == "lower" else "&gt;"
    beats = "<br>".join(
        f"{sign} {format_number(value)} {html.escape(name)}"
        for name, value in claim.baselines.items()
    )
    best = "" if claim.best is None else format_number(claim.best)
    return (
        f"<tr><td>{html.escape(claim.statement)}</td>"
        f"<td>{format_number(claim.value)} {html.escape(claim.unit)}</td><td>{beats}</td>"
        f"<td>{best}</td><td>{'yes' if claim.holds else 'NO'}</td></tr>"
    )


_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto;
  padding: 0 1rem; color-scheme: light dark; }}
table {{ border-collapse: collapse; margin: 1rem 0; }}
th, td {{ text-align: left; vertical-align: top; padding: .3rem .8rem .3rem 0;
  border-bottom: 1px solid #8884; }}
figure {{ margin: 1.5rem 0; }} img {{ max-width: 100%; }} pre {{ white-space: pre-wrap; }}
</style>
<h1>{title}</h1>
{body}
</html>
"""
