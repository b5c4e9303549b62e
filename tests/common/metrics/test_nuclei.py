import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from gen_ai_examples.common.metrics.nuclei import measure, separate
from gen_ai_examples.common.sources.microscopy import (
    BACKGROUND,
    MICRONUCLEUS,
    micrographs,
)

pytestmark = pytest.mark.xdist_group("nuclei")  # in one process, where the fields are read once


@pytest.fixture(scope="module")
def fields():
    return micrographs()[:3]


def test_what_was_drawn_is_perfect_in_its_pixels_and_nearly_so_in_its_objects(fields):
    scores = measure([field.classes for field in fields], fields)
    assert scores["Dice of nuclei"] == scores["Dice of micronuclei"] == 1
    assert scores["boundary distance of nuclei"] == 0
    # Splitting by the outline alone cannot tell all touching nuclei apart.
    assert 0.9 < scores["F1 of nuclei"] <= 1 and 0.9 < scores["F1 of micronuclei"] <= 1
    # Micronuclei that touch are found as one, larger than either.
    assert 0.9 < scores["recall of micronuclei"] <= scores["precision of micronuclei"] <= 1


def test_without_micronuclei_only_their_scores_fall(fields):
    found = [np.where(f.classes == MICRONUCLEUS, BACKGROUND, f.classes) for f in fields]
    scores = measure(found, fields)
    assert scores["Dice of nuclei"] == 1
    assert scores["Dice of micronuclei"] == scores["F1 of micronuclei"] == 0
    assert scores["recall of micronuclei"] == scores["precision of micronuclei"] == 0


def test_false_micronuclei_lower_the_precision_alone(fields):
    found = [field.classes.copy() for field in fields]
    perfect = measure(found, fields)
    for classes in found:
        free = np.argwhere(distance_transform_edt(classes == BACKGROUND) > 12)[::4000]
        for y, x in free:
            classes[y : y + 3, x : x + 3] = MICRONUCLEUS
    scores = measure(found, fields)
    assert scores["precision of micronuclei"] < perfect["precision of micronuclei"] - 0.1
    for quality in ("recall of micronuclei", "Dice of nuclei", "boundary distance of nuclei"):
        assert scores[quality] == perfect[quality]


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
