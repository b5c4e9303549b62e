import numpy as np
import pytest

from gen_ai_examples.common.metrics.collapse import (
    COLLAPSED,
    Ending,
    share_collapsed,
    share_diverged,
    typical,
    warning,
)
from gen_ai_examples.common.metrics.image import precision_recall
from gen_ai_examples.common.sources import image


def recall(drawn):
    _, held_out = image.digits().split()
    flat = [x.reshape(len(x), -1) for x in (held_out.images, drawn)]
    return precision_recall(*flat)[1]


def with_noise(images):
    return images + np.random.default_rng(0).normal(0, 0.05, images.shape)


def test_one_digit_again_and_again_is_a_collapse_and_real_digits_are_none():
    train, _ = image.digits().split()
    one = with_noise(np.repeat(train.images[:1], 360, axis=0))
    assert Ending(recall(one), frechet=100.0).collapsed
    assert not Ending(recall(train.images[:360]), frechet=3.0).collapsed


def test_half_of_the_classes_is_no_collapse():
    """The limit is a low one: what it calls collapsed is past doubt."""
    train, _ = image.digits().split()
    half = train.images[train.labels < 5][:360]
    assert COLLAPSED < recall(half) < 0.7
    assert not Ending(recall(half), frechet=50.0).collapsed


@pytest.mark.parametrize(
    ("ending", "collapsed", "diverged"),
    [
        (Ending(recall=0.6, frechet=20), False, False),
        (Ending(recall=0.6, frechet=900), False, False),  # far off, but many digits are reached
        (Ending(recall=0.0, frechet=300), True, False),
        (Ending(recall=0.0, frechet=900), True, True),
        (Ending(recall=0.6, frechet=20, finite=False), True, True),
    ],
)
def test_what_counts_as_collapsed_and_as_diverged(ending, collapsed, diverged):
    assert ending.collapsed is collapsed
    assert ending.diverged(untrained=500) is diverged


def test_a_sign_warns_when_it_is_larger_in_runs_that_collapse():
    collapsed = [True, True, False, False]
    assert warning([9, 8, 1, 2], collapsed) == 1
    assert warning([1, 2, 9, 8], collapsed) == 0
    assert warning([1, 1, 1, 1], collapsed) == 0.5
    assert warning([9, 1, 8, 0], collapsed) == 0.75
    assert warning([np.inf, np.nan, 1, 2], collapsed) == 1
    assert warning([9, 8, 1, 2], [True] * 4) == 0.5


def test_shares_and_medians_are_over_the_seeds():
    endings = [Ending(0.6, 20), Ending(0.0, 300), Ending(0.05, 900), Ending(0.7, 10, finite=False)]
    assert share_collapsed(endings) == 0.75
    assert share_diverged(endings, untrained=500) == 0.5
    assert typical(endings, "frechet") == 160
    assert typical(endings, "recall") == 0.325
