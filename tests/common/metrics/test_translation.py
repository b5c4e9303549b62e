import pytest
from hypothesis import given
from hypothesis import strategies as st

from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.metrics.translation import bleu, chrf

# chrF and BLEU by sacrebleu 2.6.0 (corpus_chrf, corpus_bleu).
PUBLISHED = [
    (
        [
            "Y fué palabra de Jehová á Jonás hijo de Amittai.",
            "Jonás se levantó para huir á Tarsis, de la presencia de Jehová;",
        ],
        [
            "Y fué palabra de Jehová á Jonás, hijo de Amittai, diciendo:",
            "Y Jonás se levantó para huir de la presencia de Jehová á Tarsis;",
        ],
        80.26315088134753,
        56.40745098433257,
    ),
    (
        ["a b c d e f", "the cat"],
        ["one two three four", "a dog sat on 3,000.5 mats - really?"],
        3.676005365322805,
        0.0,
    ),
    (["yes."], ["yes, it is: “so” (he said) in 1611-1909."], 6.584973164317827, 0.0),
    (
        ['In 1909, 3.5% of it & more; it\'s "fine" -- A/B.'],
        ["In 1909 3.5 % of it & more: it's 'fine' - A/B!"],
        56.674424786112056,
        35.27295712700594,
    ),
]


@pytest.mark.parametrize(("found", "references", "by_characters", "by_words"), PUBLISHED)
def test_both_are_what_sacrebleu_computes(found, references, by_characters, by_words):
    assert chrf(found, references) == pytest.approx(by_characters, rel=1e-9)
    assert bleu(found, references) == pytest.approx(by_words, rel=1e-9)


@given(st.lists(st.text("abc d", min_size=1).filter(str.strip), min_size=1, max_size=4))
def test_a_translation_like_the_reference_has_all_points_and_none_is_outside(texts):
    assert chrf(texts, texts) == pytest.approx(100)
    assert 0 <= chrf(texts, texts[::-1]) <= 100 + 1e-9
    assert 0 <= bleu(texts, texts[::-1]) <= 100 + 1e-9


def test_missing_words_cost_more_chrf_than_words_too_many():
    text, more = "the roads to Zion", "the roads to Zion mourn much"
    assert chrf([more], [text]) > chrf([text], [more])


def test_nothing_to_score_is_refused():
    for metric in (chrf, bleu):
        with pytest.raises(InputError, match="equally many"):
            metric(["a"], ["a", "b"])
