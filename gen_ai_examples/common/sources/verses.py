"""Sentences in two languages: the bundled verses, or the user's own pairs."""

import lzma
import re
from dataclasses import dataclass
from pathlib import Path

from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.sources.bundle import bundled

FEWEST = 1000  # pairs, below which nothing can be learned


@dataclass(frozen=True)
class Pair:
    """A sentence, its translation, and where they stand, such as "Ruth 1:1"."""

    reference: str
    source: str
    target: str

    @property
    def book(self) -> str:
        return self.reference.split()[0]


def bundled_verses() -> list[Pair]:
    """31,077 verses of the World English Bible, with the Reina-Valera of 1909 in Spanish.

    Raises:
        InputError: the bundled file is missing or damaged.

    Source: the Debian packages sword-text-web and sword-text-sparv; public domain.
    """
    text = lzma.decompress(bundled("verses_en_es.tsv.xz").read_bytes()).decode()
    return [Pair(*line.split("\t")) for line in text.splitlines()]


def own_pairs(path: str | Path) -> list[Pair]:
    """Read the user's own sentences: on each line source, a tab, and target, in UTF-8.

    References are the numbers of the lines; empty lines are left out.

    Raises:
        InputError: no such file, not UTF-8, a line without exactly one tab or with an empty side,
            or fewer than 1,000 pairs.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise InputError(f"There is no file of pairs {path}: check how it is spelled.")
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path} is not in UTF-8 (byte {error.start}): convert it, e.g. with "
            f"`iconv -f ISO-8859-1 -t UTF-8 {path}`."
        ) from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from None
    pairs = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        sides = [" ".join(side.split()) for side in line.split("\t")]
        if len(sides) != 2:
            raise InputError(
                f"Line {number} of {path} has {len(sides) - 1} tabs: give a sentence, one tab and "
                "its translation on each line."
            )
        if not all(sides):
            raise InputError(f"Line {number} of {path} has an empty side: give both languages.")
        pairs.append(Pair(f"line {number}", *sides))
    if len(pairs) < FEWEST:
        raise InputError(f"{path} holds {len(pairs):,} pairs: give at least {FEWEST:,}.")
    return pairs


def clauses(text: str) -> list[str]:
    """Cut a sentence after each of . ; : ? ! that a blank follows, closing quotes included."""
    return re.sub(r"([.;:?!][”’)»]*) +", r"\1\n", text).split("\n")


def by_clauses(pairs: list[Pair]) -> list[Pair]:
    """The pairs cut into clauses, where both sides have equally many; the others as they are.

    Clauses of which one is twice as long as the other are taken for wrongly aligned: then the pair
    stays whole.
    """
    found = []
    for pair in pairs:
        sides = clauses(pair.source), clauses(pair.target)
        cut = [Pair(pair.reference, *both) for both in zip(*sides, strict=False)]
        equal = len(sides[0]) == len(sides[1]) and all(map(alike, cut))
        found += cut if equal else [pair]
    return found


def alike(pair: Pair, most: float = 2.0, spare: int = 12) -> bool:
    """Whether neither side is more than `most` times as long as the other, give or take `spare`."""
    short, long = sorted([len(pair.source), len(pair.target)])
    return long <= most * short + spare


def grams(text: str, n: int = 5) -> set[tuple[str, ...]]:
    """All n words in a row, upper or lower case."""
    words = re.findall(r"\w+", text.lower())
    return {tuple(words[i : i + n]) for i in range(len(words) - n + 1)}


def without_copies(train: list[Pair], held_out: list[Pair], share: float = 0.5) -> list[Pair]:
    """Leave out what is in the held-out pairs as well, in other words or the same.

    A pair goes if in either language `share` of its runs of five words are in held-out pairs.
    """
    known = [
        set().union(*(grams(text) for text in texts))
        for texts in zip(*[(pair.source, pair.target) for pair in held_out], strict=True)
    ]

    def copied(text, known):
        its = grams(text)
        return bool(its) and len(its & known) >= share * len(its)

    return [
        pair for pair in train
        if not (copied(pair.source, known[0]) or copied(pair.target, known[1]))
    ]  # fmt: skip
