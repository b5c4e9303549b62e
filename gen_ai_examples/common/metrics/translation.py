"""How near translations are to references: chrF and BLEU of a whole corpus."""

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

from gen_ai_examples.common.errors import InputError


def chrf(found: Sequence[str], references: Sequence[str], order: int = 6, beta: float = 2) -> float:
    """chrF, 0 to 100: the F-score of runs of characters, blanks left out, recall counting twice.

    Of runs of 1 to `order` characters, each length with a precision and a recall over all
    sentences, of which the means over lengths count; lengths that no sentence has are left out.

    Raises:
        InputError: no sentences, or not equally many.

    Source: Popović 2015, https://aclanthology.org/W15-3049/, as sacrebleu 2 computes it.
    """
    _check(found, references)
    precisions, recalls = [], []
    sides = [["".join(text.split()) for text in texts] for texts in (found, references)]
    for n in range(1, order + 1):
        matched, written, wanted = _matches(*sides, n)
        if written and wanted:
            precisions.append(matched / written)
            recalls.append(matched / wanted)
    if not any(precisions):
        return 0.0
    precision, recall = np.mean(precisions), np.mean(recalls)
    return 100 * float((1 + beta**2) * precision * recall / (beta**2 * precision + recall))


def bleu(found: Sequence[str], references: Sequence[str]) -> float:
    """BLEU, 0 to 100: precision of runs of 1 to 4 words, translations that are too short punished.

    Raises:
        InputError: no sentences, or not equally many.

    Source: Papineni et al. 2002, https://aclanthology.org/P02-1040/; words and marks told apart as
    sacrebleu 2 does by default, and runs that never match smoothed as it does.
    """
    _check(found, references)
    sides = [[words_and_marks(text) for text in texts] for texts in (found, references)]
    logs, smoothing = [], 1.0
    for n in range(1, 5):
        matched, written, _ = _matches(*sides, n)
        if not written or (n == 1 and not matched):
            return 0.0
        if not matched:
            smoothing *= 2
        logs.append(np.log((matched or 1 / smoothing) / written))
    length, wanted = (sum(map(len, side)) for side in sides)
    return 100 * float(np.exp(np.mean(logs) + min(0.0, 1 - wanted / length)))


def words_and_marks(text: str) -> list[str]:
    """Split as mteval 13a: ASCII marks by themselves, those inside numbers not."""
    text = f" {text} "
    text = re.sub(r"([{-~\[-` -&(-+:-@/])", r" \1 ", text)
    text = re.sub(r"([^0-9])([.,])", r"\1 \2 ", text)
    text = re.sub(r"([.,])([^0-9])", r" \1 \2", text)
    text = re.sub(r"([0-9])(-)", r"\1 \2 ", text)
    return text.split()


def _matches(found, references, n):
    """How many runs of n are in both, in what was found, and in the references."""
    matched = written = wanted = 0
    for ours, theirs in zip(found, references, strict=True):
        a, b = (Counter(_runs(side, n)) for side in (ours, theirs))
        matched += sum((a & b).values())
        written += sum(a.values())
        wanted += sum(b.values())
    return matched, written, wanted


def _runs(tokens, n):
    return [tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1)]


def _check(found, references):
    if not len(found) or len(found) != len(references):
        raise InputError("Scoring takes equally many translations and references, and some.")
