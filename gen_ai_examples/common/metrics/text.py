"""How well a model predicts a text, and how far what it writes repeats itself or copies."""

import re
from collections.abc import Callable, Sequence

import numpy as np

from gen_ai_examples.common.errors import InputError


def surprise(
    nats: Callable, tokens: np.ndarray, length: int, stride: int, batch_size: int = 64
) -> np.ndarray:
    """Surprise -log p (N,) of each token of a text (N,), in nats, by a model that reads windows.

    The windows overlap, so that none is forgetful where it begins: each token counts once, read
    with at least `length - stride` tokens before it, or all that there are.

    Args:
        nats: tokens (B, length) int32 to the surprise at each, given those before it, (B, length).
        tokens: of the text.
        length: of the windows.
        stride: from one window to the next, 1 to `length`; a small one reads more and costs more.
        batch_size: windows at a time, B in every call.

    Raises:
        InputError: no tokens, or a stride out of range.

    Source: https://huggingface.co/docs/transformers/perplexity
    """
    tokens = np.asarray(tokens, np.int32)
    if not len(tokens) or not 1 <= stride <= length:
        raise InputError(
            f"Reading takes at least one token and a stride of 1 to {length}, not {stride}."
        )
    ends = np.append(np.arange(length, len(tokens), stride), len(tokens))
    starts = np.maximum(ends - length, 0)
    padded = np.pad(tokens, (0, max(length - len(tokens), 0)))
    result, done = np.empty(len(tokens)), 0
    for first in range(0, len(starts), batch_size):
        rows = starts[first : first + batch_size]
        # Always as many windows, so that a traced function sees one shape.
        full = np.pad(rows, (0, batch_size - len(rows)))
        read = np.asarray(nats(padded[full[:, None] + np.arange(length)]))
        for row, start, end in zip(read, rows, ends[first : first + batch_size], strict=False):
            result[done:end] = row[done - start : end - start]
            done = end
    return result


def bits_per_character(nats: np.ndarray, text: str) -> float:
    """Bits that each character of a text costs: its tokens' surprise in nats, whatever they are.

    So models with different tokens compare, which perplexity per token does not allow.
    """
    return float(np.sum(nats) / np.log(2) / len(text))


def repetition(sequences: Sequence[Sequence], n: int = 4) -> float:
    """Share of the n tokens in a row that stand in the same sequence before; mean over sequences.

    Args:
        sequences: of tokens, at least n each: words, pieces of words, or characters.

    Raises:
        InputError: a sequence has fewer than n tokens.

    Source: seq-rep-n of Welleck et al. 2020, https://arxiv.org/abs/1908.04319
    """
    if min(map(len, sequences)) < n:
        raise InputError(f"Repetition of {n} tokens takes sequences of at least {n}.")
    shares = []
    for tokens in sequences:
        grams = [tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1)]
        shares.append(1 - len(set(grams)) / len(grams))
    return float(np.mean(shares))


def known_words(texts: Sequence[str], source: str) -> float:
    """Share of the words of the texts that the source has as well, upper or lower case.

    The first and the last word of a text do not count, which may have been cut.

    Raises:
        InputError: no text has three words.
    """
    known = set(_words(source))
    found = [word in known for text in texts for word in _words(text)[1:-1]]
    if not found:
        raise InputError("The texts have no words.")
    return float(np.mean(found))


def longest_copies(texts: Sequence[str], source: str) -> list[int]:
    """How many characters the longest stretch has that a text and the source share, per text."""
    longest, length = [0] * len(texts), 0
    places = range(len(source))
    while places:
        length += 1
        parts = [_stretches(text, length) for text in texts]
        wanted = set().union(*parts)
        # A stretch is shared only if its beginning is, so ever fewer places are left to look at.
        places = [i for i in places if source[i : i + length] in wanted]
        known = {source[i : i + length] for i in places}
        longest = [
            before if known.isdisjoint(its) else length
            for before, its in zip(longest, parts, strict=True)
        ]
    return longest


def _stretches(text, length):
    return {text[i : i + length] for i in range(len(text) - length + 1)}


def _words(text):
    return re.findall(r"[^\W\d_]+", text.lower())
