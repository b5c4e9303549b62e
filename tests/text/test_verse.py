import numpy as np
import pytest

from gen_ai_examples.common.metrics.verse import written_out
from gen_ai_examples.common.sources.text import tang_poems
from gen_ai_examples.common.sources.tokens import Characters
from gen_ai_examples.text.verse import best_ngram, train_gpt

pytestmark = pytest.mark.usefixtures("one_device")


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
