"""Translation without a network: word by word, word by word with an n-gram, and from memory."""

import re
from collections import Counter

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from gen_ai_examples.common.methods.ngram import KneserNey
from gen_ai_examples.common.methods.word_alignment import WordAlignment

BEFORE = set("([¿¡“‘«—")  # marks that stick to the word after them
NOTHING = -1  # what a word becomes that has no counterpart


def words_of(text: str) -> list[str]:
    """Words and marks of a text, as they are written."""
    return re.findall(r"\w+(?:[’'-]\w+)*|[^\w\s]", text)


def joined(words: list[str], capital: bool = True) -> str:
    """A text of words and marks, with a capital where a sentence begins."""
    text = ""
    for word in words:
        sticks = not text or text[-1] in BEFORE or (not word[0].isalnum() and word not in BEFORE)
        text += word if sticks else f" {word}"
    return sentence_case(text) if capital else text


def sentence_case(text: str) -> str:
    """With a capital where a sentence begins."""
    begins = re.compile(r"(?:^|[.?!][”’»)]*\s)[^\w\s]*\w")
    return begins.sub(lambda found: found[0].upper(), text)


class Words:
    """The words of a language by number: in small letters, unless capitals are as usual.

    Args:
        texts: to learn from.
    """

    def __init__(self, texts: list[str]):
        counts = Counter(word for text in texts for word in words_of(text))
        self._counts = counts
        split = [[self._usual(word) for word in words_of(text)] for text in texts]
        self.words = sorted({word for text in split for word in text})
        self.numbers = {word: i for i, word in enumerate(self.words)}
        self.texts = [np.array([self.numbers[word] for word in text]) for text in split]

    def split(self, text: str) -> list[str]:
        """Words and marks of a text."""
        return [self._usual(word) for word in words_of(text)]

    def _usual(self, word):
        small = word.lower()
        return small if self._counts[small] > self._counts[word] else word


class WordByWord:
    """Each word becomes the one that it became most often, in the same order.

    A word that more often becomes nothing is left out; an unknown one is copied, as names want it.

    Args:
        sources, targets: sentences and their translations, to learn from.
        diagonal, null: see `WordAlignment`.
        candidates: translations of each word that `with_ngram` chooses from.
        order: of that n-gram.
    """

    def __init__(
        self,
        sources: list[str],
        targets: list[str],
        diagonal: float = 4.0,
        null: float = 0.08,
        candidates: int = 8,
        order: int = 3,
    ):
        self.source, self.target = Words(sources), Words(targets)
        self._candidates = candidates
        size, wide = len(self.source.words), len(self.target.words)
        options = {"diagonal": diagonal, "null": null}
        forth = WordAlignment(self.source.texts, self.target.texts, size, wide, **options)
        back = WordAlignment(self.target.texts, self.source.texts, wide, size, **options)
        # How often a word of the source came from no word of the target.
        words = np.concatenate(self.source.texts)
        alone = np.bincount(words, back.unaligned, size)
        dropped = alone / np.maximum(np.bincount(words, minlength=size), 1)
        self._table: list[list[tuple[float, int]]] = [[] for _ in range(size)]
        for source, target, chance in zip(*forth.table(1e-3), strict=True):
            if source < size:
                kept = float(chance * (1 - dropped[source]))
                self._table[source].append((np.log(kept + 1e-9), int(target)))
        for source, row in enumerate(self._table):
            row.append((float(np.log(dropped[source] + 1e-9)), NOTHING))
            row.sort(reverse=True)
        self._dropped = dropped
        # Numbers from 1 on, 0 for beginnings and ends and for what is unknown.
        text = [n for numbers in self.target.texts for n in (*(numbers + 1), *[0] * (order - 1))]
        self._ngram = KneserNey(np.array(text), wide + 1, order)
        self._order = order

    def translate(self, text: str) -> str:
        """The likeliest translation of each word."""
        words = self.source.split(text)
        return joined([self._best(word) for word in words if not self._drops(word)])

    def gloss(self, text: str) -> str:
        """As `translate`, without leaving words out, and without a capital where it begins."""
        return joined([self._best(word) for word in self.source.split(text)], capital=False)

    def with_ngram(
        self, text: str, weight: float = 1.0, bonus: float = 0.0, beams: int = 20
    ) -> str:
        """The likeliest translation by the dictionary and an n-gram of the target language.

        Of a text like those it learned from, at whose end the n-gram expects an end, and without a
        capital where it begins.

        Args:
            weight: of the n-gram's logarithms.
            bonus: for each word written, against short translations.
            beams: beginnings kept after each word.
        """
        start = (0,) * (self._order - 1)
        found = {start: (0.0, ())}  # the best of those that end in the same words
        for word in self.source.split(text):
            number = self.source.numbers.get(word)
            if number is None:
                known = self.target.numbers.get(word)
                options = [(0.0, word if known is None else known)]
            else:
                options = self._table[number][: self._candidates]
            steps = [
                (context, 0 if isinstance(target, str) else target + 1)
                for context in found
                for _, target in options
                if target != NOTHING
            ]
            logs = self._logs(steps)
            after = {}
            for context, (score, written) in found.items():
                for log, target in options:
                    state, new, total = context, written, score + log
                    if target != NOTHING:
                        token = 0 if isinstance(target, str) else target + 1
                        state, new = (*context, token)[1:], (*written, target)
                        total += bonus + weight * logs[context, token]
                    if state not in after or total > after[state][0]:
                        after[state] = total, new
            best = sorted(after.items(), key=lambda item: -item[1][0])[:beams]
            found = dict(best)
        logs = self._logs([(context, 0) for context in found])
        ends = [
            (score + weight * logs[context, 0], written)
            for context, (score, written) in found.items()
        ]
        best = max(ends, key=lambda end: end[0])[1]
        words = [word if isinstance(word, str) else self.target.words[word] for word in best]
        return joined(words, capital=False)

    def _drops(self, word):
        number = self.source.numbers.get(word)
        return number is not None and self._dropped[number] > 0.5

    def _best(self, word):
        row = self._table[self.source.numbers[word]] if word in self.source.numbers else []
        return next((self.target.words[t] for _, t in row if t != NOTHING), word)

    def _logs(self, steps):
        """The n-gram's logarithms for tokens after contexts, by (context, token)."""
        if not steps:
            return {}
        rows = np.array([(*context, token) for context, token in steps])
        return dict(zip(steps, -self._ngram.nats_of_last(rows), strict=True))


class Nearest:
    """The translation of the most similar sentence that is known.

    Similar by the cosine of runs of 3 to 5 characters, rare ones counting more (TF-IDF).

    Args:
        sources, targets: sentences and their translations.
    """

    def __init__(self, sources: list[str], targets: list[str]):
        self._vectors = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True)
        self._known = self._vectors.fit_transform(sources)
        self._targets = targets

    def translate(self, texts: list[str]) -> list[str]:
        """The translation of the nearest sentence to each."""
        similar = self._vectors.transform(texts) @ self._known.T
        return [self._targets[i] for i in np.asarray(similar.argmax(axis=1)).ravel()]
