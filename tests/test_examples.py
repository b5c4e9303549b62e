"""Every example, found by walking the package, runs end to end at its smallest settings."""

import importlib

import numpy as np
import pytest

from gen_ai_examples import catalog
from gen_ai_examples.common.answer import Answer
from gen_ai_examples.common.media import Clip, Picture, Sound, Text

EXAMPLES = sorted(catalog.examples())


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


@pytest.mark.parametrize("name", EXAMPLES)
def test_smoke(name):
    module = importlib.import_module(catalog.examples()[name].module)
    answer = module.main(**module.SMOKE)
    assert isinstance(answer, Answer) and answer.claims
    for claim in answer.claims:
        assert np.isfinite([claim.value, *claim.baselines.values()]).all(), claim.statement
    assert np.isfinite(list(answer.metrics.values())).all()
    assert answer.media
    for medium in answer.media.values():
        check_medium(medium)


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
