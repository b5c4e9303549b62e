"""The wheel carries all that the examples need, and works without the checkout."""

import os
import pathlib
import subprocess
import sys
import zipfile

import pytest

from gen_ai_examples import catalog

pytestmark = pytest.mark.xdist_group("packaging")  # in one process, where the wheel is built once

CHECKOUT = catalog.PACKAGE.parent
CACHES = {".git", "__pycache__", ".pytest_cache", ".ruff_cache", ".hypothesis", ".venv", "runs"}


def files_of_the_checkout():
    """What is there, also if git ignores it."""
    found = {}
    for folder, folders, names in os.walk(CHECKOUT):
        folders[:] = [name for name in folders if name not in CACHES]
        for path in (pathlib.Path(folder) / name for name in [*names, *folders]):
            found[path] = path.is_dir()
    return found


@pytest.fixture(scope="module")
def checkout_before_and_after():
    return []


@pytest.fixture(scope="module")
def wheel(tmp_path_factory, checkout_before_and_after):
    out = tmp_path_factory.mktemp("wheel")
    checkout_before_and_after.append(files_of_the_checkout())
    build = ["-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(CHECKOUT)]
    done = subprocess.run([sys.executable, *build], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    checkout_before_and_after.append(files_of_the_checkout())
    (path,) = out.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The unpacked wheel; everything else still comes from this environment."""
    folder = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture
def python(installed, tmp_path):
    """Run Python in an empty folder, where `gen_ai_examples` is the one of the wheel."""

    def run(*arguments):
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(installed)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def shipped(folder):
    return [p for p in (CHECKOUT / folder).iterdir() if p.is_file() and p.name[0] != "."]


def test_the_wheel_carries_the_data_the_questions_and_the_records(installed):
    package = installed / "gen_ai_examples"
    assert (package / "questions.json").is_file()
    assert len(shipped("data")) >= 5
    for folder in ("data", "results"):
        for path in shipped(folder):
            assert (package / folder / path.name).read_bytes() == path.read_bytes()


def test_the_wheel_carries_every_module_and_no_tests(installed):
    modules = {path.relative_to(CHECKOUT) for path in catalog.PACKAGE.rglob("*.py")}
    packed = {path.relative_to(installed) for path in installed.rglob("*.py")}
    data = pathlib.Path("gen_ai_examples/data")
    assert {path for path in packed if data not in path.parents} == modules


def test_the_wheel_carries_the_licences_and_the_command(installed):
    (metadata,) = installed.glob("*.dist-info")
    entries = (metadata / "entry_points.txt").read_text()
    assert "gen-ai-examples = gen_ai_examples.cli:main" in entries
    packed = {path.name for path in (metadata / "licenses").rglob("*")}
    assert {"LICENSE", "MNIST-CC-BY-SA-3.0.txt"} <= packed


def test_the_wheel_is_small_enough_to_download(wheel):
    assert wheel.stat().st_size < 40e6


def test_building_leaves_the_checkout_as_it_was(wheel, checkout_before_and_after):
    before, after = checkout_before_and_after
    assert not {path for path in after if path not in before}
    for name in ("build", "dist", "gen_ai_examples.egg-info"):
        assert not (CHECKOUT / name).exists()


def test_the_installed_command_works_in_an_empty_folder(python, installed):
    found = python("-c", "import gen_ai_examples; print(gen_ai_examples.__file__)")
    assert pathlib.Path(found.strip()).is_relative_to(installed)
    shown = python("-m", "gen_ai_examples", "list")
    assert all(name in shown for name in catalog.examples())
    question = catalog.questions()["Q7"]["question"]["en"]
    assert python("-m", "gen_ai_examples", "ask", "7").startswith(f"7. {question}")


def test_the_installed_package_loads_its_own_data(python, installed):
    load = (
        "from gen_ai_examples.common.sources import bundle, image\n"
        "print(len(image.mnist()), bundle.bundled('mnist_5k.npz'))"
    )
    n, path = python("-c", load).split()
    assert n == "5000" and pathlib.Path(path).is_relative_to(installed)


def test_the_installed_package_reads_its_own_records(python, installed):
    ask = "from gen_ai_examples import catalog; print(catalog.shipped_folder('results'))"
    assert pathlib.Path(python("-c", ask).strip()) == installed / "gen_ai_examples" / "results"
