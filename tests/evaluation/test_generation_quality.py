import itertools

import numpy as np

from gen_ai_examples.evaluation.generation_quality import LEVELS, degraded, sample_size_bias


def test_the_frechet_distance_of_equals_shrinks_with_the_samples_and_the_kernel_distance_is_0():
    rng = np.random.default_rng(0)
    by_size = sample_size_bias(rng.normal(size=(2000, 16)), 40, rng)
    assert list(by_size) == [50, 100, 200, 500, 1000]
    frechet = [np.mean(scores["Frechet distance"]) for scores in by_size.values()]
    assert all(few > 1.5 * many for few, many in itertools.pairwise(frechet))
    for scores in by_size.values():
        kernel = scores["kernel distance"]
        assert abs(np.mean(kernel)) < 4 * np.std(kernel) / np.sqrt(len(kernel))


def test_every_version_keeps_its_number_of_images_and_starts_untouched():
    rng = np.random.default_rng(0)
    drawn = rng.uniform(-1, 1, (400, 28, 28, 1)).astype("float32")
    labels = np.arange(400) % 10
    versions = degraded(drawn, labels, 100, rng)
    assert list(versions) == list(LEVELS)
    for way, fakes in versions.items():
        assert [fake.shape for fake in fakes] == [(100, 28, 28, 1)] * len(LEVELS[way])
        if way != "classes drawn":  # there the extra images come in at once
            np.testing.assert_allclose(fakes[0], drawn[:100], atol=1e-6)
    noisy, repeated = versions["noise (standard deviation)"], versions["different images"]
    assert np.std(noisy[-1] - noisy[0]) > np.std(noisy[1] - noisy[0]) > 0.05
    assert len(np.unique(repeated[-1], axis=0)) == 10
    few_classes = versions["classes drawn"][-1]
    assert all(any(np.array_equal(x, y) for y in drawn[labels < 2]) for x in few_classes[:20])
