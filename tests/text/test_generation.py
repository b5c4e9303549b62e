import numpy as np
import pytest

from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.sources.text import moby_dick, split_text
from gen_ai_examples.common.sources.tokens import BytePairs, Characters
from gen_ai_examples.text import generation
from gen_ai_examples.text.generation import SMOKE, best_ngram, shown, train_gpt

NOVEL = moby_dick()[:60_000]


def test_a_few_steps_predict_a_held_out_text_better_than_equal_chances():
    train, held_out = split_text(NOVEL)
    _, tokens, nats, (read, bits) = train_gpt(
        train, held_out, pieces=300, steps=42, batch_size=8, context=32, dim=16, depth=1,
        rate=0.03, dropout=0.0, seed=0,
    )  # fmt: skip
    equal = np.log2(tokens.vocabulary) * len(tokens.encode(held_out)) / len(held_out)
    assert bits[0] == pytest.approx(equal, rel=1e-5)
    assert bits[-1] < 0.85 * equal
    again = nats(tokens.encode(held_out)).sum() / np.log(2) / len(held_out)
    assert again == pytest.approx(bits[-1])
    assert len(read) == len(bits) == 7
    assert read[-1] == pytest.approx(42 * 8 * 32 / len(tokens.encode(train)))


@pytest.mark.parametrize("tokens_of", [Characters, lambda text: BytePairs(text, 200)])
def test_an_ngram_of_either_tokens_is_scored_by_the_character(tokens_of):
    train, held_out = split_text(NOVEL)
    model, tokens, bits = best_ngram(tokens_of, 3, train, held_out)
    assert model.vocabulary == tokens.vocabulary and 1 <= model.order <= 3
    assert 2 < bits < 3.5


def test_the_shown_texts_are_the_first_the_middle_one_and_the_last():
    written = {"one": ["1a", "1b", "1c", "1d"], "two": ["2a", "2b", "2c", "2d"]}
    text = shown(["Pa", "Pb", "Pc", "Pd"], written, 0.8).text
    assert [word in text for word in ("Pa", "Pb", "Pc", "Pd")] == [True, False, True, True]
    assert text.index("Pc") < text.index("1c") < text.index("2c") < text.index("Pd")


@pytest.mark.parametrize("own", ["en", "zh"])
def test_it_reads_the_users_own_text(own, tmp_path, eager_training):
    line = "静夜思，床前明月光；疑是地上霜。" if own == "zh" else "Some years ago, never mind. "
    rng = np.random.default_rng(0)
    words = ["".join(rng.permutation(list(line))) for _ in range(2500)]
    path = tmp_path / "own.txt"
    path.write_text("\n".join(words), "utf-8")
    answer = generation.main(**SMOKE, text=str(path), pieces=40)
    assert np.isfinite([claim.value for claim in answer.claims]).all()


def test_a_short_text_is_refused(tmp_path):
    (tmp_path / "own.txt").write_text("short " * 100)
    with pytest.raises(InputError, match="at least 30,000"):
        generation.main(**SMOKE, text=str(tmp_path / "own.txt"))


def test_a_context_longer_than_what_is_held_out_is_refused():
    with pytest.raises(InputError, match="fewer than the context"):
        train_gpt(NOVEL, "Call me Ishmael.", 300, 1, 2, 32, 8, 1, 0.01, 0.0, 0)
