import re

import pytest

from gen_ai_examples import catalog

QUESTIONS = catalog.questions()
TEXTS = {
    f"{key} {part}": text
    for key, question in QUESTIONS.items()
    for part, text in (question | question["bullets"]).items()
    if part != "bullets"
}


def test_there_are_30_questions_with_149_bullets_numbered_in_order():
    assert list(QUESTIONS) == [f"Q{n}" for n in range(1, 31)]
    for key, question in QUESTIONS.items():
        assert list(question["bullets"]) == [
            f"{key}.{n}" for n in range(1, len(question["bullets"]) + 1)
        ]
    assert sum(len(question["bullets"]) for question in QUESTIONS.values()) == 149


def test_every_question_says_what_the_article_prints():
    for question in QUESTIONS.values():
        assert {"question", "article", "bullets"} <= set(question)
        assert set(question) <= {"question", "article", "answer", "bullets"}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_every_text_is_in_both_languages(text):
    assert set(text) == {"en", "zh"}
    assert re.search(r"[A-Za-z]{2}", text["en"]) and not re.search("[\u3000-\u9fff]", text["en"])
    assert re.search("[\u4e00-\u9fff]{2}", text["zh"])
    assert all(words == words.strip() for words in text.values())


def test_every_question_ends_like_one():
    for question in QUESTIONS.values():
        assert question["question"]["en"].endswith("?")
        assert question["question"]["zh"].endswith("？")


@pytest.mark.parametrize("name", catalog.examples())
def test_an_example_answers_bullets_that_exist(name):
    answers = catalog.example(name).answers
    bullets = {bullet for question in QUESTIONS.values() for bullet in question["bullets"]}
    assert answers and set(answers) <= bullets and len(set(answers)) == len(answers)
