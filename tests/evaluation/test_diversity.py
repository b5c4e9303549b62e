import numpy as np

from gen_ai_examples.common.metrics.image import features_frechet
from gen_ai_examples.evaluation.diversity import as_far


def test_so_many_are_repeated_that_the_distances_just_agree():
    rng = np.random.default_rng(0)
    real, crisp = rng.normal(size=(2, 300, 4))
    blurry = 0.5 * rng.normal(size=(300, 4))
    kept = as_far(crisp, blurry, real)
    target = features_frechet(real, blurry)
    assert features_frechet(real, np.resize(crisp[:kept], crisp.shape)) <= target
    assert features_frechet(real, np.resize(crisp[: kept - 1], crisp.shape)) > target


def test_all_are_kept_when_nothing_comes_near_enough():
    rng = np.random.default_rng(0)
    real, crisp = rng.normal(size=(2, 40, 3))
    assert as_far(crisp, real, real) == 40
