"""Can a small GPT, trained on one novel in minutes, predict prose better than counting n-grams?

A causal transformer (GPT, Radford et al. 2018) reads Moby Dick in byte pairs. Departures from GPT-2
that save steps, with their sources, are in `common/nets/gpt.py`; the optimizer is Muon (Jordan et
al. 2024, https://kellerjordan.github.io/posts/muon/). The last tenth of the novel is held out, and
all of it is scored, in bits per character, into which the tokens of a model do not enter; windows
overlap by half. The n-grams are modified Kneser-Ney's (Chen & Goodman 1999,
https://doi.org/10.1006/csla.1999.0128), of the order that is best for another tenth: of up to eight
characters, or six byte pairs, more of which do not fit into a number.

The article loads GPT-2, which learned English, and gives it a Chinese prompt; its max_length counts
the prompt too, what it prints is a list, and nothing is measured. Its second answer, a recurrent
network without a softmax over a vocabulary, has no words to choose from.

    gen-ai-examples run text.generation --steps 2400

What to expect, in five minutes: the network passes the n-grams after four fifths of its training,
and still improves at the end; mixed with one, at weights that were not tuned, it gains more than it
was ahead. Its sentences hold together for a clause or two, and mean nothing; some of its words are
none, a little more often than the n-gram's. It repeats and copies as little as Melville, whereas
the likeliest continuation soon runs in circles (Holtzman et al. 2020,
https://arxiv.org/abs/1904.09751). Kept keys and values gain a few times for one text, and far more
for many at once. `--text FILE` takes your own text, UTF-8, of 30,000 characters at least; a million
is better.

What mattered: Muon with this network (a GPT-2 of the same size with AdamW took twice as long to
come less far), XLA, and small dimensions, since steps count. bfloat16 was slower under XLA. Without
dropout the novel is soon known by heart: a third of a bit lay between what was read and what not.

Limits: a model of one book knows one book, and whatever it says is style, not fact. Text by others
is theirs: look for copies before you publish what a model made of it.
"""

import keras
import numpy as np
import tensorflow as tf

from gen_ai_examples.cli import run_as_command
from gen_ai_examples.common.answer import Answer, Claim
from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.fit import fit
from gen_ai_examples.common.media import Text, curves
from gen_ai_examples.common.methods.language_model import (
    LanguageModel,
    speed_up,
    text_optimizer,
    windows,
)
from gen_ai_examples.common.methods.ngram import KneserNey, best_order
from gen_ai_examples.common.metrics.text import (
    bits_per_character,
    known_words,
    longest_copies,
    repetition,
    surprise,
)
from gen_ai_examples.common.nets.gpt import GPT
from gen_ai_examples.common.sources.text import moby_dick, read_text, split_text
from gen_ai_examples.common.sources.tokens import BytePairs, Characters
from gen_ai_examples.common.strategy import strategy

ANSWERS = ("Q8.1", "Q25.1")
SMOKE = dict(
    steps=2, batch_size=2, context=32, dim=8, depth=1, longest=2, continuations=2, at_once=2
)

NOVEL, OURS, GREEDY, COUNTS = "the novel", "GPT", "GPT, always the likeliest token", "n-gram"


def train_gpt(train, held_out, pieces, steps, batch_size, context, dim, depth, rate, dropout, seed):
    """A model, its tokens, what tells its surprise at tokens (N,), and how training went."""
    tokens = BytePairs(train, pieces)
    text, unseen = tokens.encode(train), tokens.encode(held_out)
    if len(unseen) < context:
        raise InputError(f"{len(unseen)} held-out tokens are fewer than the context of {context}.")
    with strategy().scope():
        network = GPT(tokens.vocabulary, context, dim=dim, depth=depth)
        model = LanguageModel(network)
        model.compile(text_optimizer(rate, steps))
    xla = strategy().num_replicas_in_sync == 1
    of_window = tf.function(model.nats, jit_compile=xla, autograph=False)

    def nats(tokens):
        return surprise(of_window, tokens, context, context // 2)

    def bits():
        return bits_per_character(nats(unseen), held_out)

    examples = windows(text, context, batch_size, network.mask_shape, dropout, seed)
    begun = bits()
    watch = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: logs.update(held_out=bits())
    )
    sixth = max(steps // 6, 1)
    kept = fit(
        model, examples, steps, callbacks=[watch], steps_per_epoch=sixth, jit_compile=xla
    ).history["held_out"]
    # How often the text was read between two measurements.
    read = batch_size * context * steps / len(text) / len(kept)
    return model, tokens, nats, (read * np.arange(len(kept) + 1), [begun, *kept])


def best_ngram(tokens_of, longest, train, held_out):
    """The n-gram of the order that predicts the end of the training text best, and its tokens."""
    first, then = split_text(train, 1 / 9)
    tokens = tokens_of(first)
    a, b, n = tokens.encode(first), tokens.encode(then), tokens.vocabulary
    order = best_order(a, b, n, longest)
    tokens = tokens_of(train)
    model = KneserNey(tokens.encode(train), tokens.vocabulary, order)
    return model, tokens, bits_per_character(model.nats(tokens.encode(held_out)), held_out)


def main(
    steps=2400,
    batch_size=8,
    context=256,
    pieces=512,
    dim=128,
    depth=3,
    learning_rate=0.03,
    dropout=0.15,
    longest=8,
    temperature=0.8,
    continuations=16,
    at_once=32,
    seed=0,
    text: str | None = None,
) -> Answer:
    keras.utils.set_random_seed(seed)
    train, held_out = split_text(read_text(text, 30_000) if text else moby_dick())
    model, tokens, nats, (times_read, bits) = train_gpt(
        train, held_out, pieces, steps, batch_size, context, dim, depth, learning_rate, dropout,
        seed,
    )  # fmt: skip
    ngram, letters, by_characters = best_ngram(Characters, longest, train, held_out)
    pairs, _, by_pieces = best_ngram(lambda text: BytePairs(text, pieces), longest, train, held_out)
    *_, by_frequency = best_ngram(Characters, 1, train, held_out)
    ngrams = {
        f"Kneser-Ney {ngram.order}-gram of characters": by_characters,
        f"Kneser-Ney {pairs.order}-gram of the same byte pairs": by_pieces,
        "how frequent characters are": by_frequency,
    }

    # From all over the held-out part: a prompt, and what follows it.
    unseen = tokens.encode(held_out)
    mixed = -np.logaddexp(np.log(2 / 3) - nats(unseen), np.log(1 / 3) - pairs.nats(unseen))
    starts = np.linspace(0, len(unseen) - context, continuations).astype(int)
    passages = unseen[starts[:, None] + np.arange(context)]
    first = context // 4
    begun, nothing = passages[:, :first], np.zeros(continuations, int)
    rows = {
        NOVEL: passages,
        OURS: model.sample(nothing, context, begun, temperature, seed),
        GREEDY: model.sample(nothing, context, begun, 0.0),
    }
    written = {name: [tokens.decode(row[first:]) for row in its] for name, its in rows.items()}
    prompts = [tokens.decode(row) for row in begun]
    written[COUNTS] = [
        letters.decode(ngram.sample(letters.encode(prompt), len(real), seed + i, temperature))
        for i, (prompt, real) in enumerate(zip(prompts, written[NOVEL], strict=True))
    ]

    def repeated(texts):
        return repetition([tokens.encode(text) for text in texts])

    def words(texts):
        return known_words(texts, train)

    single, _ = speed_up(model, 1, context, seed)
    batch, same = speed_up(model, at_once, context, seed)
    return Answer(
        claims=[
            Claim(
                "A GPT trained on nine tenths of a novel predicts the last tenth better than the "
                "best n-gram, of characters or of its own byte pairs.",
                bits[-1],
                "bits per character",
                ngrams,
                better="lower",
            ),
            Claim(
                "The two know different things: the mean of their chances, two parts of the GPT's "
                "and one of the n-gram's, predicts better than either.",
                bits_per_character(mixed, held_out),
                "bits per character",
                {
                    OURS: bits[-1],
                    f"Kneser-Ney {pairs.order}-gram of the same byte pairs": by_pieces,
                },
                better="lower",
            ),
            Claim(
                f"With the keys and values of what was read kept, {at_once} texts of {context} "
                "tokens are drawn many times as fast as by reading all again for each token, and "
                "they are the same texts.",
                batch * same,
                "times as fast, times share of equal tokens",
                {"eight times as fast": 8.0},
                better="higher",
            ),
            Claim(
                "The likeliest continuation is a bad one: it repeats itself, which text that is "
                "drawn at random does far less.",
                repeated(written[OURS]),
                "share of 4 tokens in a row that were there before",
                {GREEDY: repeated(written[GREEDY])},
                better="lower",
                best=repeated(written[NOVEL]),
            ),
        ],
        metrics={"times the text was read": float(times_read[-1])}
        | {"times as fast, one text at a time": single, f"times as fast, {at_once} at once": batch}
        | {
            f"{quantity}, {name}": measure(its)
            for quantity, measure in {
                "repetition": repeated,
                "known words": words,
                "longest copy in characters": lambda its: np.mean(longest_copies(its, train)),
            }.items()
            for name, its in written.items()
        },
        media={
            "continuations": shown(prompts, written, temperature),
            "bits_per_character": curves(
                {OURS: (times_read, bits)}
                | {
                    name: (times_read[[0, -1]], np.full(2, value))
                    for name, value in list(ngrams.items())[:2]
                },
                "times the text was read",
                "bits per held-out character",
            ),
        },
    )


def shown(prompts, written, temperature):
    """The first prompt, one from the middle and the last, with all continuations."""
    parts = [f"Held-out prompts, evenly spaced; unselected draws at temperature {temperature}."]
    for i in sorted({0, len(prompts) // 2, len(prompts) - 1}):
        parts.append(f"{'=' * 80}\nPROMPT\n\n{prompts[i]}")
        parts += [f"--- {name} ---\n\n{its[i]}" for name, its in written.items()]
    return Text("\n\n".join(parts) + "\n")


if __name__ == "__main__":
    run_as_command(main)
