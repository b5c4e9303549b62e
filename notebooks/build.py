"""Run the notebooks, and write them with what they print and draw.

    python notebooks/build.py [NAMES]           # each NAME.py becomes NAME.ipynb, by default all
    python notebooks/build.py --words [NAMES]   # nothing is run: only words and comments changed

A cell tagged "parameters" sets how long a notebook runs; its `small` is what tests set instead.

If pyproject.toml names a public repository on GitHub, as `Repository` of `[project.urls]`, each
notebook links to itself on Colab and on Binder, and installs the package where it is not.
"""

import ast
import pathlib
import sys
import tomllib

import jupytext
import nbformat
from nbclient import NotebookClient

HERE = pathlib.Path(__file__).parent
ELSEWHERE = "elsewhere"  # tag of the cells that are for Colab and Binder alone


def sources() -> list[pathlib.Path]:
    return sorted(HERE.glob("[0-9][0-9]_*.py"))


def build(source: pathlib.Path, words_only: bool = False) -> None:
    notebook = jupytext.read(source)
    if source.stem.endswith(".zh"):
        # The code is the same, and so is what it prints and draws.
        take_outputs(notebook, source.with_name(f"{source.stem[:-3]}.ipynb"))
    elif words_only:
        take_outputs(notebook, source.with_suffix(".ipynb"))
    else:
        NotebookClient(notebook, timeout=1800, kernel_name="python3").execute()
    if address := repository(HERE.parent / "pyproject.toml"):
        notebook.cells[1:1] = opening(address, source.stem)
    for i, cell in enumerate(notebook.cells):
        # A random name, when it ran, and its progress change with every run and tell nothing.
        cell.id = f"cell-{i}"
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if not _progress(output)]
    notebook.metadata.pop("widgets", None)
    jupytext.write(notebook, source.with_suffix(".ipynb"))


def repository(project: pathlib.Path) -> str | None:
    """The public address that a pyproject.toml gives, if any."""
    its = tomllib.loads(project.read_text(encoding="utf-8"))["project"].get("urls", {})
    return its.get("Repository", "").rstrip("/") or None


def opening(address: str, name: str) -> list:
    """Cells that open the notebook `name` elsewhere, and that install the package there."""
    of_github = address.removeprefix("https://github.com/")
    file = f"notebooks/{name}.ipynb"
    links = (
        f"[Open in Colab](https://colab.research.google.com/github/{of_github}/blob/main/{file}) · "
        f"[Open in Binder](https://mybinder.org/v2/gh/{of_github}/main?labpath={file})"
    )
    install = (
        "import importlib.util\n\n"
        'if importlib.util.find_spec("gen_ai_examples") is None:\n'
        f'    %pip install -q "gen_ai_examples @ git+{address}"'
    )
    tags = {"tags": [ELSEWHERE]}
    return [
        nbformat.v4.new_markdown_cell(links, metadata=tags),
        nbformat.v4.new_code_cell(install, metadata=tags),
    ]


def take_outputs(notebook, file: pathlib.Path) -> None:
    """Give the code cells what the same code gave when it was run into `file`."""
    before = nbformat.read(file, as_version=4)
    code, run = (
        [
            c
            for c in its.cells
            if c.cell_type == "code" and ELSEWHERE not in c.metadata.get("tags", ())
        ]
        for its in (notebook, before)
    )
    if [_without_comments(cell) for cell in code] != [_without_comments(cell) for cell in run]:
        raise SystemExit(f"{file.name} was made of other code: build it without --words.")
    for cell, its in zip(code, run, strict=True):
        cell.outputs, cell.execution_count = its.outputs, its.execution_count
    notebook.metadata |= before.metadata


def _without_comments(cell) -> str:
    return ast.dump(ast.parse(cell.source))


def _progress(output) -> bool:
    data = output.get("data", {})
    widget = "application/vnd.jupyter.widget-view+json" in data
    return widget or data.get("text/plain") == "" or output.get("name") == "stderr"


if __name__ == "__main__":
    names = [name for name in sys.argv[1:] if name != "--words"]
    for path in [HERE / f"{name}.py" for name in names] or sources():
        print(path.stem, flush=True)
        build(path, words_only="--words" in sys.argv)
