"""Every example, found by walking the package, runs end to end at its smallest settings."""

import functools
import importlib
import importlib.util
import sys

import numpy as np
import pytest

from gen_ai_examples import catalog, copying
from gen_ai_examples.common import strategy
from gen_ai_examples.common.answer import Answer
from gen_ai_examples.common.media import Clip, Picture, Sound, Text

EXAMPLES = sorted(catalog.examples())
# Both tests of an example in one process, where its smoke run is made once.
EACH_EXAMPLE = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in EXAMPLES]
)


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


@functools.cache
def smoke(name):
    module = importlib.import_module(catalog.examples()[name].module)
    return module.main(**module.SMOKE)


@EACH_EXAMPLE
def test_smoke(name):
    answer = smoke(name)
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
def test_its_copy_gives_the_same_numbers_without_the_package(name, tmp_path, monkeypatch):
    """Which one device and several give, since the copy is put on the devices of this test."""
    expected = smoke(name)
    settings = importlib.import_module(catalog.examples()[name].module).SMOKE
    path = tmp_path / f"{name.replace('.', '_')}_alone.py"
    copying.save(copying.copy_example(name), path, with_data=True, force=False)
    for module in [m for m in sys.modules if m.split(".")[0] == "gen_ai_examples"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setattr(sys, "meta_path", [Blocked(), *sys.meta_path])
    spec = importlib.util.spec_from_file_location(path.stem, path)
    copied = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, path.stem, copied)
    spec.loader.exec_module(copied)
    copied.strategy.kept = strategy.strategy()
    answer = copied.main(**settings)
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
    answer.show(tmp_path / "shown")
    assert len(list((tmp_path / "shown").iterdir())) == len(answer.media)


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
