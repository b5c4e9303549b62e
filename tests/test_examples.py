"""Every example, found by walking the package, runs end to end at its smallest settings."""

import importlib
import os
import pathlib
import sys

import keras
import numpy as np
import pytest

from gen_ai_examples import catalog, copying
from gen_ai_examples.common import strategy
from gen_ai_examples.common.answer import Answer
from gen_ai_examples.common.media import Clip, Picture, Sound, Text
from gen_ai_examples.common.sources import clips, image, prompts, text

EXAMPLES = sorted(catalog.examples())
# Both tests of an example in one process, where its smoke run is made once.
EACH_EXAMPLE = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in EXAMPLES]
)


# The quickest of each topic run on two devices as well, and their copies run: tracing takes long.
ON_TWO = (
    "audio.speech_synthesis",
    "evaluation.score_as_loss",
    "image.dcgan",
    "medical.denoising",
    "tabular.minority_generation",
    "text.verse",
    "training.mirrored",
    "video.super_resolution",
)

# What the smallest settings leave to be done, by the names of the modules' constants.
FEWER = {
    "image.inpainting": {"TEST_PICTURES": 40},
    "video.super_resolution": {"PROJECTIONS": 1},
}


def test_of_each_topic_one_example_runs_on_two_devices():
    topics = [name.split(".")[0] for name in ON_TWO]
    assert topics == sorted({name.split(".")[0] for name in EXAMPLES})
    assert set(ON_TWO) <= set(EXAMPLES)


def test_there_are_examples_and_each_is_documented():
    assert {"image.dcgan", "image.flow_matching"} <= set(EXAMPLES)
    for name in EXAMPLES:
        doc = catalog.examples()[name].doc
        assert doc.splitlines()[0].endswith("?"), f"{name} begins with a question"
        assert f"gen-ai-examples run {name}" in doc, f"{name} shows its run line"


def test_no_example_imports_another_and_common_imports_none():
    topics = {name.split(".")[0] for name in EXAMPLES}
    for path in catalog.PACKAGE.rglob("*/*.py"):
        lines = [line for line in path.read_text().splitlines() if "import" in line]
        for topic in topics:
            assert not any(f"gen_ai_examples.{topic}" in line for line in lines), path


@pytest.mark.xdist_group("together")
def test_tests_of_a_group_share_a_process(request):
    """Else every smoke run is made twice, and nobody notices but for the time."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        pytest.skip("all tests run in this process")
    assert request.node.nodeid.endswith("@together")


done = {}


@pytest.fixture
def smoke(name, small_data, few_clips, pytestconfig, request):
    """The answer of an example at its smallest settings, made once for both tests of it.

    On one device but for `ON_TWO`, or for all if the tests are to be thorough: each method has a
    test of its own for two.
    """
    if name not in done:
        if not (name in ON_TWO or pytestconfig.getoption("thorough")):
            request.getfixturevalue("traced_once")
        module = importlib.import_module(catalog.examples()[name].module)
        with pytest.MonkeyPatch.context() as patch:
            for source in (image, prompts, text):
                patch.setattr(source, "bundled", small_data)
            patch.setattr(clips, "_BUNDLED", few_clips)
            for constant, value in FEWER.get(name, {}).items():
                patch.setattr(module, constant, value)
            done[name] = module.main(**module.SMOKE)
    return done[name]


@EACH_EXAMPLE
def test_smoke(name, smoke):
    answer = smoke
    assert isinstance(answer, Answer) and answer.claims
    for claim in answer.claims:
        assert np.isfinite([claim.value, *claim.baselines.values()]).all(), claim.statement
    assert np.isfinite(list(answer.metrics.values())).all()
    assert answer.media
    for medium in answer.media.values():
        check_medium(medium)


class Blocked:
    """An import finder to which the package does not exist."""

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "gen_ai_examples":
            raise ModuleNotFoundError(f"No module named {name!r}")


@EACH_EXAMPLE
def test_its_copy_gives_the_same_numbers_without_the_package(
    name, tmp_path, monkeypatch, pytestconfig, small_data, few_clips, request
):
    """On one device, where the example itself had two: tracing for two takes far longer."""
    thorough = pytestconfig.getoption("thorough")
    if not (name in ON_TWO or thorough):
        pytest.skip("one copy of each topic is run, in one of two forms: --thorough runs all")
    expected = request.getfixturevalue("smoke")
    settings = importlib.import_module(catalog.examples()[name].module).SMOKE
    ways = (copying.copy_example, copying.split_example)
    for way in ways if thorough else (ways[ON_TWO.index(name) % 2],):
        with monkeypatch.context() as patch:
            copied, *others = loaded(way(name), tmp_path / way.__name__, patch)
            constants = {"bundled": small_data, "_BUNDLED": few_clips} | FEWER.get(name, {})
            for module in (copied, *others):
                for constant in constants.keys() & vars(module).keys():
                    patch.setattr(module, constant, constants[constant])
            copied.strategy.kept = strategy.strategy(["CPU:0"])
            answer = copied.main(**settings)
            check_same(answer, expected)
            answer.show(tmp_path / "shown")
        assert len(list((tmp_path / "shown").iterdir())) == len(answer.media)


def loaded(written, folder, patch):
    """The modules of a copy, the one to run first, imported where there is no package."""
    folder.mkdir()
    first, *others = written.files
    path = folder if others else folder / f"{folder.name}_alone.py"
    copying.save(written, path, with_data=True, force=False)
    names = [pathlib.Path(file).stem for file in (first, *others)] if others else [path.stem]
    for module in [m for m in sys.modules if m.split(".")[0] == "gen_ai_examples"]:
        patch.delitem(sys.modules, module)
    patch.setattr(sys, "meta_path", [Blocked(), *sys.meta_path])
    patch.syspath_prepend(folder)
    registered = keras.saving.get_custom_objects()
    for saved_as, its in list(registered.items()):  # until the copy's classes take their names
        patch.setitem(registered, saved_as, its)
    for module in names:
        patch.setitem(sys.modules, module, None)  # to be as it was in the end
        del sys.modules[module]
    return [importlib.import_module(module) for module in names]


def check_same(answer, expected):
    assert answer.media.keys() == expected.media.keys()
    for ours, theirs in zip(answer.claims, expected.claims, strict=True):
        assert (
            ours.statement == theirs.statement and ours.baselines.keys() == theirs.baselines.keys()
        )
        if not any(
            word in f"{ours.unit} {[*ours.baselines]}" for word in ("as fast", "as long", "seconds")
        ):
            values = [[c.value, *c.baselines.values()] for c in (ours, theirs)]
            # Rounding apart, mostly of bfloat16: one step per call is fused otherwise than many.
            np.testing.assert_allclose(*values, rtol=1e-4, atol=2e-4, err_msg=ours.statement)


def check_medium(medium):
    match medium:
        case Picture(pixels):
            assert pixels.dtype == np.uint8 and pixels.ndim in (2, 3) and min(pixels.shape[:2]) > 32
            assert pixels.std() > 1, "an empty picture"
        case Clip(frames, fps):
            assert frames.dtype == np.uint8 and len(frames) > 1 and fps > 0
        case Sound(samples, rate):
            assert rate >= 8000 and np.abs(samples).max() <= 1 and samples.std() > 0
        case Text(text):
            assert text.strip()
        case _:
            raise AssertionError(f"unknown medium {type(medium)}")
