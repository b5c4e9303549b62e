from collections import Counter

import numpy as np
import pytest

from gen_ai_examples.common.sources.mixtures import mixtures, table, waveforms

LENGTH = 1000


@pytest.fixture(scope="module")
def known():
    random = np.random.default_rng(0)
    speech = {name: random.normal(size=5000) for name in ("anna", "ben")}
    noises = {name: random.normal(size=3000) for name in ("rain", "surf", "wind")}
    return mixtures(speech, noises, (-5, 0), 12, LENGTH)


def test_each_noise_is_mixed_at_each_ratio_equally_often(known):
    kinds = Counter((m.noise, m.snr) for m in known)
    assert len(kinds) == 6 and set(kinds.values()) == {2}
    assert {m.speaker for m in known} == {"anna", "ben"}
    for m in known:
        added = m.noisy - m.clean
        ratio = 10 * np.log10(np.mean(m.clean**2) / np.mean(added**2))
        assert ratio == pytest.approx(m.snr, abs=1e-3)
        assert m.clean.shape == m.noisy.shape == (LENGTH,)


def test_the_same_are_made_again_and_a_few_are_of_many_noises():
    random = np.random.default_rng(1)
    speech, noises = ({str(i): random.normal(size=4000) for i in range(9)} for _ in range(2))
    one, two = (mixtures(speech, noises, (0, 5, 10), 9, LENGTH) for _ in range(2))
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a.noisy, b.noisy)
    assert len({m.noise for m in one}) > 4


def test_waveforms_are_stacked_in_order(known):
    noisy, clean = waveforms(known)
    assert noisy.shape == clean.shape == (12, LENGTH)
    np.testing.assert_array_equal(noisy[5], known[5].noisy)
    np.testing.assert_array_equal(clean[5], known[5].clean)


def test_the_table_has_means_by_ratio_noise_and_speaker(known):
    by_ratio = np.array([float(m.snr) for m in known])
    text = table(known, {"SI-SDR": {"noisy": by_ratio, "twice": 2 * by_ratio}}).text
    rows = {line.split("  ")[0]: line.split()[-2:] for line in text.splitlines() if "." in line}
    assert rows["all"] == ["-2.500", "-5.000"]
    assert rows["-5 dB"] == ["-5.000", "-10.000"] and rows["0 dB"] == ["0.000", "0.000"]
    assert rows["rain"] == ["-2.500", "-5.000"]
    assert {"surf", "wind", "anna", "ben"} <= set(rows)
    assert list(rows).index("-5 dB") < list(rows).index("0 dB")
