"""The notebooks run, and what is committed of them is what they say today."""

import importlib.util
import json
import pathlib
import re

import jupytext
import matplotlib
import matplotlib.pyplot as plt
import pytest

from gen_ai_examples.common.sources import clips, image, prompts, text

NOTEBOOKS = pathlib.Path(__file__).parents[1] / "notebooks"
SOURCES = sorted(NOTEBOOKS.glob("[0-9][0-9]_*.py"))


def cells(path, kind="code"):
    return [cell for cell in jupytext.read(path).cells if cell.cell_type == kind]


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_it_runs_top_to_bottom_at_small_settings(
    source, monkeypatch, small_data, few_clips, request
):
    if ".zh" in source.name:
        pytest.skip("the code is that of the English one")
    if "many_devices" not in source.name:
        request.getfixturevalue("traced_once")
    if "evaluating" not in source.name:  # that one is about how many images a score needs
        for source_of_data in (image, prompts, text):
            monkeypatch.setattr(source_of_data, "bundled", small_data)
        monkeypatch.setattr(clips, "_BUNDLED", few_clips)
    monkeypatch.setattr(matplotlib, "get_backend", lambda: "agg")
    plt.switch_backend("agg")
    names = {}
    small = 0
    for i, cell in enumerate(cells(source)):
        code = cell.metadata.get("small", cell.source)
        small += code != cell.source
        exec(compile(code, f"{source.name}, cell {i}", "exec"), names)
    assert small == 1, "one cell sets how long it runs, with a `small` for tests"
    plt.close("all")


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_what_is_committed_is_what_the_source_says(source, build):
    """`python notebooks/build.py NAME` writes it anew."""
    notebook = json.loads(source.with_suffix(".ipynb").read_text(encoding="utf-8"))
    here, elsewhere = [], []
    for cell in notebook["cells"]:
        tags = cell["metadata"].get("tags", ())
        (elsewhere if build.ELSEWHERE in tags else here).append(cell)
    address = build.repository(NOTEBOOKS.parent / "pyproject.toml")
    links = build.opening(address, source.stem) if address else []
    assert ["".join(cell["source"]) for cell in elsewhere] == [cell.source for cell in links]
    written = ["".join(cell["source"]) for cell in here]
    assert written == [cell.source for cell in jupytext.read(source).cells]
    code = [cell for cell in here if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    outputs = json.dumps([cell["outputs"] for cell in code])
    assert '"output_type": "error"' not in outputs
    assert not re.search(r"/(root|home|work|tmp|Users)/", outputs), "a path of one machine"
    assert "image/png" in outputs


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_it_teaches_and_asks(source):
    prose = "\n".join(cell.source for cell in cells(source, "markdown"))
    hidden = [c for c in cells(source) if c.metadata.get("jupyter", {}).get("source_hidden")]
    assert prose.startswith("# ") and len(hidden) == 2, "two exercises with folded solutions"


@pytest.mark.parametrize(
    "chinese", [path for path in SOURCES if ".zh" in path.name], ids=lambda path: path.stem
)
def test_the_chinese_notebook_runs_the_same_code(chinese):
    english = chinese.with_name(chinese.name.replace(".zh", ""))
    assert [c.source for c in cells(chinese)] == [c.source for c in cells(english)]
    assert [c.cell_type for c in jupytext.read(chinese).cells] == [
        c.cell_type for c in jupytext.read(english).cells
    ]


@pytest.fixture
def build():
    spec = importlib.util.spec_from_file_location("build", NOTEBOOKS / "build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_building_one_notebook(build, tmp_path):
    source, notebook = tmp_path / "01_tiny.py", tmp_path / "01_tiny.ipynb"
    source.write_text("# %% [markdown]\n# # Tiny\n\n# %%\nprint(1 + 1)\n")
    build.build(source)
    assert json.loads(notebook.read_text())["cells"][1]["outputs"][0]["text"] == ["2\n"]

    source.write_text("# %% [markdown]\n# # Small\n\n# %%\n# A sum.\nprint(1 + 1)\n")
    notebook.write_text(notebook.read_text().replace("2\\n", "two\\n"))
    build.build(source, words_only=True)
    cells = json.loads(notebook.read_text())["cells"]
    assert cells[0]["source"] == ["# Small"] and cells[1]["source"][0] == "# A sum.\n"
    assert cells[1]["outputs"][0]["text"] == ["two\n"], "nothing was run"

    source.write_text("# %% [markdown]\n# # Small\n\n# %%\nprint(1 + 2)\n")
    with pytest.raises(SystemExit, match="other code"):
        build.build(source, words_only=True)


def test_with_a_public_address_it_opens_elsewhere_and_installs_the_package(
    build, tmp_path, monkeypatch
):
    source = tmp_path / "01_tiny.py"
    source.write_text("# %% [markdown]\n# # Tiny\n\n# %%\nprint(1 + 1)\n")
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    assert build.repository(tmp_path / "pyproject.toml") is None
    address = "https://github.com/someone/gen_ai_examples"
    (tmp_path / "pyproject.toml").write_text(f'[project.urls]\nRepository = "{address}/"\n')
    assert build.repository(tmp_path / "pyproject.toml") == address
    monkeypatch.setattr(build, "HERE", tmp_path / "notebooks")
    for words_only in (False, True):
        build.build(source, words_only)
        title, links, install, code = json.loads(source.with_suffix(".ipynb").read_text())["cells"]
        assert title["source"] == ["# Tiny"] and code["outputs"][0]["text"] == ["2\n"]
        ours = "someone/gen_ai_examples"
        for link in (
            f"(https://colab.research.google.com/github/{ours}/blob/main/notebooks/01_tiny.ipynb)",
            f"(https://mybinder.org/v2/gh/{ours}/main?labpath=notebooks/01_tiny.ipynb)",
        ):
            assert link in "".join(links["source"])
        assert f'"gen_ai_examples @ git+{address}"' in "".join(install["source"])


def test_binder_installs_what_the_readme_does():
    project = NOTEBOOKS.parent  # where Binder runs pip; -c is relative to the file that has it
    constraints, package = (project / ".binder" / "requirements.txt").read_text().splitlines()
    assert (constraints, package) == ("-c ../constraints.txt", "-e .[notebooks]")
    assert 'pip install -c constraints.txt -e ".[notebooks]"' in (project / "README.md").read_text()
