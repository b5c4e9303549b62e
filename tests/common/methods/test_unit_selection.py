import itertools

import numpy as np

from gen_ai_examples.common.methods.unit_selection import UnitSelection
from gen_ai_examples.common.sources.prompts import HOP, Phrase


def phrase(phones, level):
    n = len(phones)
    frames = np.full(n, 3)
    wave = np.repeat(level + np.arange(n), 3 * HOP).astype("float32")
    return Phrase("", (), tuple(phones), np.zeros(n, bool), frames, wave)


CORPUS = [phrase("SABCS", 0), phrase("SBADS", 100), phrase("SABDS", 200)]


def voice(**options):
    return UnitSelection(CORPUS, [np.zeros((15, 4))] * 3, **options)


def test_what_was_recorded_is_found_whole_and_given_back_as_it_is():
    for i, its in enumerate(CORPUS):
        assert voice().select(its.phones, its.starts_word) == [(i, j) for j in range(5)]
        np.testing.assert_allclose(
            voice().speak(its.phones, its.starts_word)[HOP:-HOP], its.wave[HOP:-HOP]
        )


def test_what_was_not_recorded_is_put_together_of_as_few_parts_as_possible():
    chosen = voice().select("SABADS", np.zeros(6, bool))
    joins = sum((i, j + 1) != following for (i, j), following in itertools.pairwise(chosen))
    assert joins == 1
    assert len(voice().speak("SABADS", np.zeros(6, bool))) == 18 * HOP


def test_without_a_cost_of_joins_the_surroundings_alone_decide():
    chosen = voice(join_cost=0.0).select("SABDS", np.zeros(5, bool))
    assert chosen[1:] == [(2, j) for j in range(1, 5)]


def test_parts_are_faded_into_each_other():
    flat = [phrase("SAS", 1), phrase("SBS", 1)]
    for its in flat:
        its.wave[:] = 1
    glued = UnitSelection(flat, [np.zeros((9, 4))] * 2).speak("SABS", np.zeros(4, bool))
    np.testing.assert_allclose(glued[HOP:-HOP], 1, atol=0.03)
