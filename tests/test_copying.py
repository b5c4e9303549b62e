"""What `copy` writes; that the copies run, tests/test_examples.py shows."""

import pathlib
import subprocess
import sys
import types

import numpy as np
import pytest

from gen_ai_examples import catalog, cli, copying, standalone
from gen_ai_examples.common.errors import InputError

EXAMPLES = sorted(catalog.examples())


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of our own, whose modules are written by `add`."""
    root = tmp_path / "gen_ai_examples"
    (root / "common").mkdir(parents=True)
    (root / "toy").mkdir()
    (root / "standalone.py").write_text("def run_as_command(main):\n    print(main())\n")
    monkeypatch.setattr(catalog, "PACKAGE", root)
    catalog.examples.cache_clear()
    copying._module.cache_clear()

    def add(name, text):
        (root / name).write_text(text)

    yield add
    catalog.examples.cache_clear()
    copying._module.cache_clear()


EXAMPLE = '''"""Does it work?

    gen-ai-examples run toy.one
"""
from gen_ai_examples.cli import run_as_command
{imports}
ANSWERS = ("Q1.1",)
SMOKE = dict()

{body}

if __name__ == "__main__":
    run_as_command(main)
'''


def run(tmp_path):
    written = copying.copy_example("toy.one")
    path = tmp_path / "alone.py"
    copying.save(written, path, with_data=False, force=False)
    done = subprocess.run([sys.executable, "-I", path], capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    return written.text, done.stdout.strip()


@pytest.mark.parametrize(
    ("what", "module", "function"),
    [("REPLICAS", "strategy", "share_cpu"), ("OPERATIONS", "threads", "work_side_by_side")],
)
def test_a_copy_shares_the_cpu_as_its_example_does(what, module, function, package, tmp_path):
    package(f"common/{module}.py", f"def {function}(count):\n    print(f'{{count}} {what}')\n")
    body = f"CPU_{what} = 2\n\n\ndef main():\n    return 1\n"
    package("toy/one.py", EXAMPLE.format(imports="", body=body))
    _, out = run(tmp_path)
    assert out == f"2 {what}\n1"


def test_a_batch_that_replicas_cannot_share_is_named_by_a_copy():
    with pytest.raises(standalone.InputError, match="a multiple of 2"):
        standalone.shares({"x": np.zeros((7, 2))}, types.SimpleNamespace(num_replicas_in_sync=2))


def test_only_what_is_used_comes_along_and_in_order(package, tmp_path):
    package(
        "common/a.py",
        '"""Module."""\nimport math\nimport json\n\n# Why it is two.\nTWO = 2\nUNUSED = json\n\n\n'
        "def double(x):\n    return _times(x)\n\n\n"
        "def _times(x):\n    return math.floor(x * TWO)\n",
    )
    body = "def main():\n    return a.double(LIMIT)\n\n\nLIMIT = 21\n"
    package("toy/one.py", EXAMPLE.format(imports="from gen_ai_examples.common import a", body=body))
    text, out = run(tmp_path)
    assert out == "42"
    assert "# Why it is two.\nTWO = 2" in text and "import math" in text
    assert "UNUSED" not in text and "json" not in text and "ANSWERS" not in text
    assert "python one.py" in text and "gen-ai-examples run" not in text


def test_equal_names_of_two_modules_are_told_apart(package, tmp_path):
    for name, value in (("a", 1), ("b", 20)):
        package(
            f"common/{name}.py",
            f"def _value():\n    return {value}\n\n\ndef {name}():\n    return _value()\n",
        )
    package(
        "toy/one.py",
        EXAMPLE.format(
            imports="from gen_ai_examples.common.a import a\n"
            "from gen_ai_examples.common.b import b",
            body="def _value():\n    return 300\n\n\n"
            "def main():\n    return a() + b() + _value()\n",
        ),
    )
    assert run(tmp_path)[1] == "321"


def test_a_local_name_is_left_alone_and_hides_nothing(package, tmp_path):
    package("common/a.py", "def rows():\n    return 5\n\n\ndef count(rows):\n    return rows\n")
    package(
        "toy/one.py",
        EXAMPLE.format(
            imports="from gen_ai_examples.common import a",
            # `rows` is a name of main's own; the function becomes a plain name, too.
            body="def main():\n    rows = a.rows() + 1\n"
            "    return a.count([rows, *(r for r in [rows])])\n",
        ),
    )
    text, out = run(tmp_path)
    assert out == "[6, 6]" and "rows = a_rows() + 1" in text


METHODS = """import json


class Shape:
    \"\"\"A shape.

    With a word on it.
    \"\"\"

    def __init__(self, side):
        self.side = side

    # For files.
    @classmethod
    def load(cls, text):
        \"\"\"Read it.

        From JSON.
        \"\"\"
        return cls(json.loads(text))

    @property
    def area(self):
        \"\"\"Of its inside.

        In squares.
        \"\"\"
        return self._square() * UNIT

    def _square(self):
        return self.side**2

    def named(self):
        return "shape"

    def corners(self):
        return 4


UNIT = 1
"""


def test_of_a_class_the_methods_that_something_calls(package, tmp_path):
    package("common/shape.py", METHODS)
    body = "def main():\n    s = Shape(3)\n    return s.area, getattr(s, 'named')()\n"
    imports = "from gen_ai_examples.common.shape import Shape"
    package("toy/one.py", EXAMPLE.format(imports=imports, body=body))
    text, out = run(tmp_path)
    assert out == "(9, 'shape')"
    assert "corners" not in text and "load" not in text and "json" not in text
    assert "For files" not in text and "squares" not in text and "Of its inside" in text
    assert "\n\n\n\n" not in text
    # Who asks for a class gets it whole.
    assert all(x in copying.copy_part("toy.one", "Shape").text for x in ("corners", "json.loads"))


def test_an_import_under_another_name_and_a_class_with_a_base(package, tmp_path):
    package(
        "common/a.py",
        "import dataclasses\n\n\n@dataclasses.dataclass\nclass Base:\n    x: int = 3\n\n\n"
        "class Child(Base):\n    def get(self) -> int:\n        return self.x\n",
    )
    package(
        "toy/one.py",
        EXAMPLE.format(
            imports="from gen_ai_examples.common.a import Child as Kid",
            body="def main(kind=None):\n    return (kind or Kid)().get()\n",
        ),
    )
    assert run(tmp_path)[1] == "3"


def test_docstrings_of_the_library_keep_what_a_reader_needs(package, tmp_path):
    package(
        "common/a.py",
        'def f(x):\n    """Say it.\n\n    Args:\n        x: a number.\n\n'
        "    Raises:\n        Error: no.\n"
        '\n    Source: a paper.\n    """\n    # A reason.\n    return x\n',
    )
    package(
        "toy/one.py",
        EXAMPLE.format(
            imports="from gen_ai_examples.common.a import f",
            body='def main():\n    """Whole.\n\n    Kept.\n    """\n    return f(7)\n',
        ),
    )
    text, out = run(tmp_path)
    assert out == "7"
    assert '"""Say it.\n\n    Source: a paper.\n    """\n    # A reason.' in text
    assert "Args:" not in text and "Kept." in text


def test_copies_have_no_loose_ends(tmp_path):
    for name in EXAMPLES:
        for way in (copying.copy_example, copying.split_example):
            written = way(name)
            for text in written.files.values():
                assert "import gen_ai_examples" not in text and "from gen_ai_examples" not in text
            path = tmp_path / f"{way.__name__}_of_{name}.py"  # a folder, if there are several
            copying.save(written, path, with_data=False, force=False)
    own = f"src = {[str(path) for path in tmp_path.iterdir()]}"  # which modules are no packages
    for arguments in (["check", "--select", "E,F,I", "--config", own], ["format", "--check"]):
        checked = subprocess.run(
            [sys.executable, "-m", "ruff", *arguments, "--isolated", "--line-length=100", tmp_path],
            capture_output=True,
            text=True,
            check=False,
        )
        assert not checked.returncode, checked.stdout


@pytest.mark.parametrize("name", EXAMPLES)
def test_no_file_of_a_split_copy_is_long(name):
    lines = {n: len(text.splitlines()) for n, text in copying.split_example(name).files.items()}
    assert max(lines.values()) < 400, lines


def test_a_split_copy_runs_from_any_folder_and_its_modules_import_one_another(package, tmp_path):
    package(
        "common/a.py",
        '"""Doubles.\n\nAs `common/b.py` has it.\n"""\nimport math\n\n'
        "from gen_ai_examples.common import b\n\n\n"
        "def _own(x):\n    return math.floor(x) + b.LITTLE\n\n\n"
        "def double(x):\n    return 2 * _own(x)\n",
    )
    package("common/b.py", '"""Numbers."""\nLITTLE = 0\nMUCH = 9\nUNUSED = 1\n')
    imports = "from gen_ai_examples.common.a import double\nfrom gen_ai_examples.common import b"
    body = "def _own():\n    return b.MUCH\n\n\ndef main():\n    return double(21.5), _own()\n"
    package("toy/one.py", EXAMPLE.format(imports=imports, body=body))
    written = copying.split_example("toy.one")
    assert sorted(written.files) == ["common_a.py", "common_b.py", "one.py", "standalone.py"]
    copying.save(written, tmp_path / "one", with_data=False, force=False)
    command = [sys.executable, tmp_path / "one" / "one.py"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    assert done.stdout.strip() == "(42, 9)", done.stderr
    a, b = written.files["common_a.py"], written.files["common_b.py"]
    assert a.startswith('"""Doubles.\n\nAs `common_b.py` has it.\n"""\n')
    assert "LITTLE = 0\nMUCH = 9\n" in b and "UNUSED" not in b


def test_the_head_names_origin_requirements_and_data():
    text = copying.copy_example("image.dcgan").text
    head = text.split('"""')[0]
    assert "Copied from image.dcgan" in head and "MIT licence" in head
    for requirement in ('"keras', '"tensorflow', '"scikit-learn', '"pillow'):
        assert requirement in head
    assert "librosa" not in head and "data/mnist_5k.npz" in head
    assert copying.copy_example("image.super_resolution").data[0] == "photo_brushes.jpg"


def test_a_part_comes_with_what_it_needs_and_nothing_else():
    text = copying.copy_part("image.dcgan", "GAN").text
    namespace = {}
    exec(compile(text, "GAN.py", "exec"), namespace)
    assert namespace["GAN"].__name__ == "GAN"
    assert "run_as_command" not in text and len(text.splitlines()) < 150
    with pytest.raises(InputError, match=r"no 'Gan': choose from .*GAN"):
        copying.copy_part("image.dcgan", "Gan")


def test_nothing_is_replaced_unless_forced(tmp_path):
    written = copying.copy_example("image.dcgan")
    path = tmp_path / "folder" / "mine.py"
    copying.save(written, path, with_data=True, force=False)
    assert (tmp_path / "folder" / "data" / "mnist_5k.npz").stat().st_size > 100_000
    assert (tmp_path / "folder" / "data" / "LICENSES").is_dir()
    copying.save(written, path, with_data=True, force=False)  # the same again replaces nothing
    path.write_text("precious")
    with pytest.raises(InputError, match="--force"):
        copying.save(written, path, with_data=True, force=False)
    assert path.read_text() == "precious"
    copying.save(written, path, with_data=False, force=True)
    assert path.read_text() == written.text


def test_the_command(capsys):
    with pytest.raises(SystemExit) as done:
        cli.main(["copy", "image.dcgan", "--part", "GAN", "-"])
    assert not done.value.code
    assert "class GAN(keras.Model):" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        cli.main(["copy", "image.dcgam"])
    assert "did you mean image.dcgan?" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        cli.main(["copy", "image.dcgan", "."])
    assert "is a folder" in capsys.readouterr().err


def test_the_command_splits_into_a_folder(capsys):
    with pytest.raises(SystemExit) as done:
        cli.main(["copy", "image.dcgan", "--split"])
    assert not done.value.code
    files = sorted(path.name for path in pathlib.Path("dcgan").iterdir())
    assert {"dcgan.py", "methods_gan.py", "standalone.py"} <= set(files)
    assert f"Wrote dcgan, {len(files)} files of up to" in capsys.readouterr().out
    for arguments, sentence in (
        (["--split", "-"], "name a folder"),
        (["--split", "--part", "GAN"], "leave --split out"),
        (["--split", "dcgan/dcgan.py"], "is a file"),
    ):
        with pytest.raises(SystemExit) as done:
            cli.main(["copy", "image.dcgan", *arguments])
        assert done.value.code and sentence in capsys.readouterr().err
    pathlib.Path("dcgan/standalone.py").write_text("precious")
    with pytest.raises(SystemExit):
        cli.main(["copy", "image.dcgan", "--split"])
    assert "--force" in capsys.readouterr().err
    assert pathlib.Path("dcgan/standalone.py").read_text() == "precious"


def test_a_missing_data_file_is_one_sentence(tmp_path):
    path = tmp_path / "alone.py"
    text = copying.copy_part("tabular.outliers", "bundled").text
    path.write_text(text + "\n\nbundled('thyroid.csv.gz')\n")
    done = subprocess.run([sys.executable, path], capture_output=True, text=True, check=False)
    assert "data/thyroid.csv.gz is missing" in done.stderr and "--with-data" in done.stderr
