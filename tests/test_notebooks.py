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
        request.getfixturevalue("one_device")
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
def test_what_is_committed_is_what_the_source_says(source):
    """`python notebooks/build.py NAME` writes it anew."""
    notebook = json.loads(source.with_suffix(".ipynb").read_text(encoding="utf-8"))
    written = ["".join(cell["source"]) for cell in notebook["cells"]]
    assert written == [cell.source for cell in jupytext.read(source).cells]
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
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


def test_building_one_notebook(tmp_path):
    spec = importlib.util.spec_from_file_location("build", NOTEBOOKS / "build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (tmp_path / "01_tiny.py").write_text("# %% [markdown]\n# # Tiny\n\n# %%\nprint(1 + 1)\n")
    module.build(tmp_path / "01_tiny.py")
    notebook = json.loads((tmp_path / "01_tiny.ipynb").read_text())
    assert notebook["cells"][1]["outputs"][0]["text"] == ["2\n"]
