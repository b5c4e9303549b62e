"""Can a network that has read three hundred Tang poems write verse in their form?

A small causal transformer (the parts and their sources are in `common/nets/gpt.py`) reads the poems
character by character, with dropout, and goes on from the first verse of poems that were held out
whole, every tenth of the anthology. A verse is what stands between two punctuation marks; most have
five or seven characters. The n-gram is modified Kneser-Ney's (Chen & Goodman 1999,
https://doi.org/10.1006/csla.1999.0128), of the order that is best for another tenth; both models
take characters that the training poems have only once for one unknown character.

The article gives the arts a recurrent network without any work of art in it, and names neither
authors nor their rights. These poets died a thousand years ago.

    gen-ai-examples run text.verse --steps 600

What to expect, in half a minute: verses of five or seven characters, two to a line, the length that
was given kept several times as often as by the n-gram, though from seed to seed very differently.
Where a verse ends takes a count of characters, which an n-gram does not keep and the network has
learned to; it is no match for counts by place in the line, made by somebody who knows that this is
what matters. Which character follows is the other way round: twenty thousand characters are too
few, the network becomes sure of what it has read, and is worse than mere frequencies. It arranges
scraps of the poets, hardly ever a whole verse of theirs; rhyme, tone or sense come about by chance
alone.

What mattered, on a tenth of the training poems: dropout (with less the verses fell apart, and so
they did with more), and enough steps for the form, although characters get worse with each. The
weights for mixing were chosen there too.
"""

import keras
import numpy as np
import tensorflow as tf

from gen_ai_examples.cli import run_as_command
from gen_ai_examples.common.answer import Answer, Claim
from gen_ai_examples.common.fit import fit
from gen_ai_examples.common.media import Text
from gen_ai_examples.common.methods.language_model import LanguageModel, text_optimizer, windows
from gen_ai_examples.common.methods.ngram import KneserNey, best_order
from gen_ai_examples.common.metrics.text import bits_per_character, surprise
from gen_ai_examples.common.metrics.verse import (
    MARKS,
    end_nats_by_network,
    end_nats_by_ngram,
    end_nats_by_place,
    following,
    is_mark,
    verses,
    written_out,
)
from gen_ai_examples.common.nets.gpt import GPT
from gen_ai_examples.common.sources.text import tang_poems
from gen_ai_examples.common.sources.tokens import Characters
from gen_ai_examples.common.strategy import strategy

ANSWERS = ("Q20.4",)
SMOKE = dict(steps=2, batch_size=2, context=40, dim=8, depth=1, longest=2, draws=1)

OURS, COUNTS, REAL = "GPT", "n-gram", "the poem"


def train_gpt(train, held_out, tokens, steps, batch_size, context, dim, depth, rate, dropout, seed):
    with strategy().scope():
        network = GPT(tokens.vocabulary, context, dim=dim, depth=depth)
        model = LanguageModel(network)
        model.compile(text_optimizer(rate, steps))
    xla = strategy().num_replicas_in_sync == 1
    examples = windows(tokens.encode(train), context, batch_size, network.mask_shape, dropout, seed)
    fit(model, examples, steps, jit_compile=xla)
    unseen = tokens.encode(held_out)
    found = []
    for nats in (model.nats, end_nats_by_network(network, marks_of(tokens))):
        traced = tf.function(nats, jit_compile=xla, autograph=False)
        found.append(surprise(traced, unseen, context, context // 4))
    return model, *found


def marks_of(tokens):
    return [int(i) for i in tokens.encode(MARKS) if i != tokens.unknown]


def main(
    steps=600,
    batch_size=16,
    context=96,
    dim=96,
    depth=2,
    learning_rate=0.02,
    dropout=0.2,
    longest=4,
    temperature=0.8,
    draws=4,
    seed=0,
) -> Answer:
    keras.utils.set_random_seed(seed)
    poems = tang_poems()
    parts = [poems[i::10] for i in range(10)]
    held_out = parts.pop()
    train = written_out(*parts)
    tokens = Characters(train, at_least=2)
    ngram = best_ngram(parts, longest)
    text = written_out(held_out)
    model, ours, our_ends = train_gpt(
        train, text, tokens, steps, batch_size, context, dim, depth, learning_rate, dropout, seed
    )
    unseen = tokens.encode(text)
    counted = ngram.nats(unseen)
    unigrams = KneserNey(tokens.encode(train), tokens.vocabulary, 1)
    frequencies = unigrams.nats(unseen)
    mixed = -np.logaddexp(np.log(1 / 3) - ours, np.log(2 / 3) - counted)
    others = ~is_mark(text)

    def bits(nats):
        return bits_per_character(nats, text)

    def bits_of_ends(ngram):
        return bits(end_nats_by_ngram(ngram, unseen, marks_of(tokens)))

    # Asked for by the first verse of a held-out poem: verses of its length.
    written = {OURS: [], COUNTS: [], REAL: []}
    lengths, rng = [], np.random.default_rng(seed)
    for i, poem in enumerate(held_out):
        whole = written_out([poem])
        lengths.append(len(verses(whole)[0]))
        given = "\n\n" + whole[: lengths[-1] + 1]
        begun = tokens.encode(given)
        prefix, labels = np.tile(begun, (draws, 1)), np.zeros(draws, int)
        drawn = model.sample(labels, context, prefix, temperature, seed=seed * len(held_out) + i)
        written[OURS].append([tokens.decode(row) for row in drawn])
        n = context - len(begun)
        written[COUNTS].append(
            [
                given + tokens.decode(ngram.sample(begun, n, rng.integers(2**31), temperature))
                for _ in range(draws)
            ]
        )
        written[REAL].append([whole])

    def formal(name):
        """Share of the verses that are as long as the one given, which does not count."""
        shares = [
            np.mean([len(verse) == length for verse in following(text)])
            for length, texts in zip(lengths, written[name], strict=True)
            for text in texts
            if following(text)
        ]
        return float(np.mean(shares))

    def copied(name):
        known = set(verses(train))
        drawn = [v for texts in written[name] for text in texts for v in following(text)]
        return float(np.mean([verse in known for verse in drawn]))

    return Answer(
        claims=[
            Claim(
                "It keeps to the form it was given, though nobody told it that there is one: more "
                "of its verses are as long as the first than of an n-gram's.",
                formal(OURS),
                "share of verses of the length asked for",
                {COUNTS: formal(COUNTS)},
                better="higher",
                best=formal(REAL),
            ),
            Claim(
                "It has learned where a verse ends far better than an n-gram can, which sees too "
                "little of the line. The best is counted by place in the line, by somebody who "
                "knows what to count.",
                bits(our_ends),
                "bits per character, of whether a mark comes next",
                {
                    f"Kneser-Ney {ngram.order}-gram": bits_of_ends(ngram),
                    "how frequent marks are": bits_of_ends(unigrams),
                },
                better="lower",
                best=bits(end_nats_by_place(train, text)),
            ),
            Claim(
                "Three hundred poems do not teach which character comes next: alone, the network "
                "does worse there than counting. The two together, a third and two thirds of "
                "their chances, predict poems better than either.",
                bits(mixed),
                "bits per character",
                {
                    f"Kneser-Ney {ngram.order}-gram": bits(counted),
                    "the network alone": bits(ours),
                    "how frequent characters are": bits(frequencies),
                },
                better="lower",
            ),
        ],
        metrics={f"copied verses, {name}": copied(name) for name in written}
        | {
            "bits per other character, the network": float(np.mean(ours[others]) / np.log(2)),
            "bits per other character, n-gram": float(np.mean(counted[others]) / np.log(2)),
            "share of unknown characters": float(np.mean(unseen == tokens.unknown)),
        },
        media={"verses": shown(held_out, written, temperature)},
    )


def best_ngram(parts, longest):
    """The n-gram of all parts, of the order that predicts the last of them best from the others."""
    first, then, whole = written_out(*parts[:-1]), written_out(parts[-1]), written_out(*parts)
    tokens = Characters(first, at_least=2)
    a, b = tokens.encode(first), tokens.encode(then)
    order = best_order(a, b, tokens.vocabulary, longest)
    tokens = Characters(whole, at_least=2)
    return KneserNey(tokens.encode(whole), tokens.vocabulary, order)


def shown(held_out, written, temperature):
    """The first draws for six poems, evenly spaced."""
    parts = [
        f"The first verse of each is from a held-out poem. Unselected, at temperature {temperature}"
        "; \ufffd is a rare character."
    ]
    for i in np.linspace(0, len(held_out) - 1, 6).astype(int):
        parts.append(f"{'=' * 40}\n{held_out[i].author}《{held_out[i].title}》")
        for name, texts in written.items():
            poem, *_ = texts[i][0].strip("\n").split("\n\n")
            parts.append(f"--- {name} ---\n{poem}")
    return Text("\n\n".join(parts) + "\n")


if __name__ == "__main__":
    run_as_command(main)
