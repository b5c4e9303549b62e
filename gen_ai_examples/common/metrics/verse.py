"""Where a verse ends: what a model of poems knows of their form.

A verse is what stands between two punctuation marks or ends of lines. How well a model knows where
it ends is its surprise, at each character, at whether a mark comes next or not.
"""

import re
from collections import Counter
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from gen_ai_examples.common.methods.ngram import KneserNey
from gen_ai_examples.common.sources.text import Poem

MARKS = "，。？！；：、\n"


def written_out(*parts: list[Poem]) -> str:
    """One text of all poems: a line for each line, an empty one after each poem."""
    return "".join("\n".join(poem.lines) + "\n\n" for part in parts for poem in part)


def verses(text: str) -> list[str]:
    """What stands between punctuation marks or ends of lines."""
    return [verse for verse in re.split(f"[{MARKS}]", text) if verse]


def following(text: str) -> list[str]:
    """The verses of a text's first poem, without the first, which was given, and a cut-off one."""
    poem, *_ = text.strip("\n").split("\n\n")
    whole = poem if poem[-1] in MARKS else re.sub(f"[^{MARKS}]*$", "", poem)
    return verses(whole)[1:]


def is_mark(text: str) -> np.ndarray:
    """Whether each character of a text is a mark, (N,)."""
    return np.array([character in MARKS for character in text])


def end_nats_by_network(network: keras.Model, marks: list[int]) -> Callable:
    """Return what `surprise` takes, of whether a mark comes next.

    Args:
        network: tokens (B, T), the first of them numbered `network.vocabulary`, to logits
            (B, T, vocabulary) of the next.
        marks: the tokens that are marks.
    """

    def nats(tokens):
        begun = tf.fill((tf.shape(tokens)[0], 1), network.vocabulary)
        logits = network(tf.concat([begun, tokens[:, :-1]], axis=1))
        log_chances = tf.nn.log_softmax(logits)
        others = [i for i in range(network.vocabulary) if i not in marks]
        of_end, of_none = (
            tf.reduce_logsumexp(tf.gather(log_chances, its, axis=-1), axis=-1)
            for its in (marks, others)
        )
        return -tf.where(tf.reduce_any(tokens[..., None] == marks, axis=-1), of_end, of_none)

    return nats


def end_nats_by_ngram(ngram: KneserNey, tokens: np.ndarray, marks: list[int]) -> np.ndarray:
    """Surprise (N,) at whether each token of a text (N,) is a mark, in nats."""
    known = ngram.order - 1
    chances = [
        ngram.probabilities(tokens[max(i - known, 0) : i])[marks].sum() for i in range(len(tokens))
    ]
    return -np.log(np.where(np.isin(tokens, marks), chances, 1 - np.array(chances)))


def end_nats_by_place(train: str, text: str) -> np.ndarray:
    """Surprise (N,) at whether each character of `text` is a mark, by counts, in nats.

    Counted is what a reader who knows about verse would: how long the poem's first verse is, how
    many characters have passed since the last mark, and which mark that was.
    """
    counts = Counter(zip(_places(train), is_mark(train).tolist(), strict=True))
    found = zip(_places(text), is_mark(text).tolist(), strict=True)
    return -np.log(
        [
            # Half an example more of each keeps what never happened possible.
            (counts[place, end] + 0.5) / (counts[place, True] + counts[place, False] + 1)
            for place, end in found
        ]
    )


def _places(text):
    """What is counted by, before each character; 0 for a first verse that is not over."""
    places, first, since, last = [], 0, 0, "\n"
    for before, character in zip("\n" + text, text, strict=False):
        places.append((first, since, last))
        if character in MARKS:
            first = 0 if before + character == "\n\n" else first or since
            since, last = 0, character
        else:
            since += 1
    return places
