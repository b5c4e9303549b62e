import numpy as np
import pytest

from gen_ai_examples.common.sources.text import tang_poems
from gen_ai_examples.common.sources.tokens import Characters
from gen_ai_examples.text.verse import best_ngram, following, train_gpt, verses, written_out

pytestmark = pytest.mark.usefixtures("one_device")

POEM = next(poem for poem in tang_poems() if "床前明月光" in poem.lines[0])


def test_a_poem_is_a_line_each_and_ends_in_an_empty_one():
    text = written_out([POEM], [POEM])
    assert text == 2 * "床前明月光，疑是地上霜。\n举头望明月，低头思故乡。\n\n"
    assert verses(text) == 2 * ["床前明月光", "疑是地上霜", "举头望明月", "低头思故乡"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\n\n床前明月光，疑是地上霜。\n举头", ["疑是地上霜"]),
        ("\n\n床前明月光，疑是地上霜。\n\n举头望明月，", ["疑是地上霜"]),
        ("\n\n床前明月光，疑是地上霜", []),
        ("\n\n床前明月光，", []),
        ("\n\n床前明月光，疑是。", ["疑是"]),
    ],
)
def test_what_follows_is_whole_and_of_the_same_poem(text, expected):
    assert following(text) == expected


def test_most_verses_of_the_poems_are_as_long_as_their_first():
    same = [
        len(verse) == len(verses(written_out([poem]))[0])
        for poem in tang_poems()
        for verse in following(written_out([poem]))
    ]
    assert 0.75 < np.mean(same) < 1


def test_an_untrained_network_finds_all_characters_equally_likely_and_training_helps():
    poems = tang_poems()
    train, held_out = written_out(poems[:60]), written_out(poems[60:70])
    tokens = Characters(train, 2)
    bits = [
        train_gpt(
            train, held_out, tokens, steps=steps, batch_size=8, context=32, dim=16, depth=1,
            rate=rate, dropout=0.1, seed=0,
        )[1].mean() / np.log(2)
        for steps, rate in ((1, 0.0), (40, 0.02))
    ]  # fmt: skip
    assert bits[0] == pytest.approx(np.log2(tokens.vocabulary), rel=1e-5)
    assert bits[1] < bits[0] - 0.5


def test_the_ngram_counts_all_parts():
    poems = tang_poems()
    parts = [poems[:20], poems[20:40], poems[40:50]]
    model = best_ngram(parts, longest=2)
    assert model.vocabulary == Characters(written_out(*parts), 2).vocabulary
    assert 1 <= model.order <= 2
