"""Run the notebooks, and write them with what they print and draw.

    python notebooks/build.py [NAMES]       # each NAME.py becomes NAME.ipynb, by default all

A cell tagged "parameters" sets how long a notebook runs; its `small` is what tests set instead.
"""

import pathlib
import sys

import jupytext
import nbformat
from nbclient import NotebookClient

HERE = pathlib.Path(__file__).parent


def sources() -> list[pathlib.Path]:
    return sorted(HERE.glob("[0-9][0-9]_*.py"))


def build(source: pathlib.Path) -> None:
    notebook = jupytext.read(source)
    if source.stem.endswith(".zh"):
        # The code is the same, and so is what it prints and draws.
        english = nbformat.read(source.with_name(f"{source.stem[:-3]}.ipynb"), as_version=4)
        for cell, run in zip(notebook.cells, english.cells, strict=True):
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = run.outputs, run.execution_count
    else:
        NotebookClient(notebook, timeout=1800, kernel_name="python3").execute()
    for cell in notebook.cells:
        # When it ran, and its progress, change with every run and tell nobody anything.
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if not _progress(output)]
    notebook.metadata.pop("widgets", None)
    jupytext.write(notebook, source.with_suffix(".ipynb"))


def _progress(output) -> bool:
    data = output.get("data", {})
    widget = "application/vnd.jupyter.widget-view+json" in data
    return widget or data.get("text/plain") == "" or output.get("name") == "stderr"


if __name__ == "__main__":
    for path in [HERE / f"{name}.py" for name in sys.argv[1:]] or sources():
        print(path.stem, flush=True)
        build(path)
