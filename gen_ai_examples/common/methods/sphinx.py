"""An offline recogniser of English: pronunciations, forced alignment, and what it hears.

PocketSphinx 5 (https://github.com/cmusphinx/pocketsphinx, BSD) with the acoustic model and the
dictionary (CMUdict) that its wheel carries. That model is of speech at 16 kHz; telephone speech
ends below 4 kHz, where the hiss of "s" and "f" begins, so `widened` makes up for it.
"""

import functools
import itertools
import math
import re
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pocketsphinx
from scipy.signal import butter, resample_poly, sosfiltfilt

from gen_ai_examples.common.errors import InputError

RATE = 16000  # of the acoustic model
FRAME = 0.01  # seconds, of an alignment
SILENCE = "SIL"
_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_PADDING = 0.15  # seconds of silence before and after, so that the first sound is not cut


@dataclass(frozen=True)
class SpokenPhone:
    """A sound of a word, or `SILENCE` with an empty word, in frames of 10 ms."""

    name: str
    word: str
    first_of_word: bool
    start: int
    frames: int
    score: float


def widened(wave: np.ndarray, rate: int) -> np.ndarray:
    """Bring (T,) to 16 kHz; what was recorded at 8 kHz gets a hiss above 4 kHz.

    The hiss follows the loudness above 2.8 kHz, to the power of 1.5: fricatives, whose energy lies
    mostly above the telephone's band, become distinct again from other quiet sounds.
    """
    if rate == RATE:
        return wave
    wide = resample_poly(wave, RATE, rate)
    if rate > 8000:
        return wide
    upper = resample_poly(sosfiltfilt(butter(6, 2800, "high", fs=rate, output="sos"), wave), 2, 1)
    power = sosfiltfilt(butter(2, 30, fs=RATE, output="sos"), upper**2)
    level = math.sqrt(np.mean(wave**2)) + 1e-9
    noise = np.random.default_rng(0).normal(size=len(wide))
    noise = sosfiltfilt(butter(6, (4000, 7200), "band", fs=RATE, output="sos"), noise)
    return wide + 0.3 * level * noise * (np.sqrt(np.maximum(power, 0)) / level) ** 1.5


def _pcm(wave, rate):
    padded = np.pad(np.asarray(wave, float), int(_PADDING * rate))
    wide = widened(padded, rate)
    return (0.6 * wide / max(np.abs(wide).max(), 1e-6) * 32767).astype("<i2").tobytes()


@functools.cache
def _dictionary():
    words = {}
    path = pocketsphinx.get_model_path("en-us/cmudict-en-us.dict")
    for line in Path(path).read_text("utf-8").splitlines():
        word, *phones = line.split()
        words.setdefault(re.sub(r"\(\d+\)$", "", word), phones)  # the first way to say it
    return words


def words_of(text: str) -> list[str]:
    """Lower-case words of an English text, digits one by one: "Press 12!" to press, one, two."""
    text = re.sub(r"\d", lambda digit: f" {_DIGITS[int(digit[0])]} ", text.lower())
    return [word for word in (w.strip("'") for w in re.findall(r"[a-z']+", text)) if word]


def pronunciation(words: Iterable[str], known: dict[str, str] | None = None) -> list[list[str]]:
    """The phones of each word, by CMUdict (39 phones without stress).

    Args:
        words: in lower case.
        known: phones of further words, such as `{"digium": "D IH JH IY AH M"}`.

    Raises:
        InputError: there are no words, or one has no pronunciation.
    """
    words = list(words)
    if not words:
        raise InputError("The text has no words: give a sentence in English letters.")
    result = []
    for word in words:
        phones = (known or {}).get(word, "").split() or _dictionary().get(word)
        if not phones:
            raise InputError(
                f"The dictionary does not say how {word!r} is pronounced: spell it otherwise, or "
                "take another word."
            )
        result.append(phones)
    return result


def align(
    wave: np.ndarray, rate: int, words: Sequence[str], known: dict[str, str] | None = None
) -> list[SpokenPhone] | None:
    """Find when each phone of `words` is spoken, silences between them included.

    Args:
        wave: (T,).
        rate: samples per second, 8000 or more.
        words: what is said; of several pronunciations the likeliest is taken.
        known: as of `pronunciation`.

    Returns:
        The phones in order, frames counted from the beginning of `wave`; None if the recording
        does not fit the words at all.
    """
    pronunciation(words, known)
    decoder = _aligner(tuple(sorted((known or {}).items())))
    sound, phones = _pcm(wave, rate), []
    decoder.set_align_text(" ".join(words))
    try:
        _decode(decoder, sound)
        if decoder.hyp() is None:
            return None
        decoder.set_alignment()
        _decode(decoder, sound)
    except RuntimeError:  # no way through the words fits
        _aligner.cache_clear()
        return None
    shift = round(_PADDING / FRAME)
    for word in decoder.get_alignment():
        name = "" if word.name[0] in "<[+" else re.sub(r"\(\d+\)$", "", word.name)
        for i, phone in enumerate(word):
            phones.append(
                SpokenPhone(
                    phone.name if name else SILENCE,
                    name,
                    bool(name) and i == 0,
                    phone.start - shift,
                    phone.duration,
                    phone.score / phone.duration,
                )
            )
    return phones


@functools.lru_cache(1)
def _aligner(known):
    # Wide beams: a forced alignment has one way only, and must not lose it.
    wide = dict(beam=1e-80, wbeam=1e-60, pbeam=1e-80, bestpath=False)
    return _decoder(dict(known), **wide)


def _decoder(known, **settings):
    decoder = pocketsphinx.Decoder(lm=None, loglevel="FATAL", **settings)
    for i, (word, phones) in enumerate(known.items(), start=1):
        if decoder.lookup_word(word) is None:
            decoder.add_word(word, phones, i == len(known))
    return decoder


def _decode(decoder, sound):
    decoder.start_utt()
    decoder.process_raw(sound, full_utt=True)
    decoder.end_utt()


class Recogniser:
    """Writes down what it hears, in a closed vocabulary.

    The language model is of pairs of words, from `sentences`; words of `vocabulary` that they do
    not have are as likely as words that they have once. Absolute discounting of a half.

    Args:
        sentences: as words; those that are tested must not be among them.
        vocabulary: all words that can be heard.
        known: as of `pronunciation`.
    """

    def __init__(
        self,
        sentences: Iterable[Sequence[str]],
        vocabulary: Iterable[str],
        known: dict[str, str] | None = None,
    ):
        narrow = dict(beam=1e-40, wbeam=1e-25, maxhmmpf=3000)  # three times as fast, as good
        self._decoder = _decoder(known or {}, **narrow)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "pairs.arpa"
            path.write_text(bigram_arpa(sentences, vocabulary), "utf-8")
            self._decoder.add_lm_file("pairs", str(path))
        self._decoder.activate_search("pairs")

    def __call__(self, wave: np.ndarray, rate: int) -> list[str]:
        """The words heard in (T,), none if there are none."""
        _decode(self._decoder, _pcm(wave, rate))
        heard = self._decoder.hyp()
        return heard.hypstr.split() if heard else []


def bigram_arpa(
    sentences: Iterable[Sequence[str]], vocabulary: Iterable[str], discount: float = 0.5
) -> str:
    """A back-off model of pairs of words in the ARPA format, probabilities as log10.

    Source: Ney, Essen & Kneser 1994, https://doi.org/10.1006/csla.1994.1001 (absolute
    discounting); the format: https://www.speech.sri.com/projects/srilm/manpages/ngram-format.5.html
    """
    singles, pairs = Counter(dict.fromkeys(vocabulary, 1)), defaultdict(Counter)
    for sentence in sentences:
        marked = ["<s>", *sentence, "</s>"]
        for first, second in itertools.pairwise(marked):
            pairs[first][second] += 1
            singles[second] += 1
    share = {word: n / singles.total() for word, n in singles.items()}

    def back_off(word):
        after = pairs.get(word)
        if not after:
            return 0.0
        freed = discount * len(after) / after.total()
        return math.log10(freed / max(1 - sum(share[second] for second in after), 1e-9))

    lines = ["\\data\\", f"ngram 1={len(share) + 1}", f"ngram 2={sum(map(len, pairs.values()))}"]
    lines += ["", "\\1-grams:", f"-99 <s> {back_off('<s>'):.5f}"]
    lines += [f"{math.log10(p):.5f} {word} {back_off(word):.5f}" for word, p in share.items()]
    lines += ["", "\\2-grams:"]
    lines += [
        f"{math.log10((n - discount) / after.total()):.5f} {first} {second}"
        for first, after in pairs.items()
        for second, n in after.items()
    ]
    return "\n".join([*lines, "", "\\end\\", ""])
