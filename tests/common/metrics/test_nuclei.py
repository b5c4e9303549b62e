import numpy as np
import pytest

from gen_ai_examples.common.metrics.nuclei import measure, separate
from gen_ai_examples.common.sources.microscopy import (
    BACKGROUND,
    MICRONUCLEUS,
    micrographs,
)


@pytest.fixture(scope="module")
def fields():
    return micrographs()[:3]


def test_what_was_drawn_is_perfect_in_its_pixels_and_nearly_so_in_its_objects(fields):
    scores = measure([field.classes for field in fields], fields)
    assert scores["Dice of nuclei"] == scores["Dice of micronuclei"] == 1
    assert scores["boundary distance of nuclei"] == 0
    # Splitting by the outline alone cannot tell all touching nuclei apart.
    assert 0.9 < scores["F1 of nuclei"] <= 1 and 0.9 < scores["F1 of micronuclei"] <= 1
    assert 0.9 < scores["micronuclei found for each drawn"] <= 1


def test_without_micronuclei_only_their_scores_fall(fields):
    found = [np.where(f.classes == MICRONUCLEUS, BACKGROUND, f.classes) for f in fields]
    scores = measure(found, fields)
    assert scores["Dice of nuclei"] == 1
    assert scores["Dice of micronuclei"] == scores["F1 of micronuclei"] == 0
    assert scores["micronuclei found for each drawn"] == 0


def test_separate_numbers_each_kind():
    classes = np.zeros((40, 60), int)
    y, x = np.mgrid[:40, :60]
    for centre in (15, 35):  # two discs that touch
        classes[(y - 20) ** 2 + (x - centre) ** 2 <= 121] = 1
    classes[2:4, 2:4] = classes[36:38, 50:55] = 2
    nuclei, micronuclei = separate(classes)
    assert nuclei.max() == 2 and nuclei[20, 15] != nuclei[20, 35]
    assert micronuclei.max() == 2
    assert ((nuclei > 0) == (classes == 1)).all() and ((micronuclei > 0) == (classes == 2)).all()
