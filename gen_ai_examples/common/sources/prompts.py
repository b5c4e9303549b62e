"""Transcribed speech of one person: words, phones with their times, and the recordings."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.methods.sphinx import SILENCE, align, words_of
from gen_ai_examples.common.metrics.speech import edit_distance
from gen_ai_examples.common.sources.audio import RATE, own_speech
from gen_ai_examples.common.sources.bundle import bundled

HOP = RATE // 100  # samples of a frame

# How to say what the dictionary lacks and the bundled prompts have.
# fmt: off
KNOWN = {
    "backtick": "B AE K T IH K", "digium": "D IH JH IY AH M", "forevermore": "F ER EH V ER M AO R",
    "iax": "AY EY EH K S", "indentified": "AY D EH N T AH F AY D", "ivr": "AY V IY AA R",
    "lowercase": "L OW ER K EY S", "pbx": "P IY B IY EH K S", "prepend": "P R IY P EH N D",
    "prepending": "P R IY P EH N D IH NG", "rerecord": "R IY R IH K AO R D",
    "touchtone": "T AH CH T OW N", "undelete": "AH N D IH L IY T",
    "undeleted": "AH N D IH L IY T AH D", "unmute": "AH N M Y UW T",
    "unmuted": "AH N M Y UW T AH D", "uppercase": "AH P ER K EY S", "waldo's": "W AO L D OW Z",
    "www": "D AH B AH L Y UW D AH B AH L Y UW D AH B AH L Y UW", "xray": "EH K S R EY",
}
# fmt: on


@dataclass(frozen=True, eq=False)
class Phrase:
    """What is said without a pause: N phones, silence first and last, in frames of 10 ms.

    Args:
        name: of the recording.
        words: in lower case.
        phones: names such as "AH", or "SIL".
        starts_word: whether a phone is the first of its word, (N,) bool.
        frames: how long each phone lasts, (N,).
        wave: (80 * sum(frames),) float32 at 8 kHz.
    """

    name: str
    words: tuple[str, ...]
    phones: tuple[str, ...]
    starts_word: np.ndarray
    frames: np.ndarray
    wave: np.ndarray


def bundled_prompts() -> list[Phrase]:
    """Telephone prompts in US English, spoken by Allison Smith: about 19 minutes.

    Raises:
        InputError: a bundled file is missing or damaged.

    Source: asterisk-core-sounds-en, (c) 2003-2010 Allison Smith, CC BY-SA 3.0, see
    `data/README.md`.
    """
    wave = soundfile.read(bundled("prompts_allison_en.ogg"), dtype="float32")[0]
    phrases = []
    for record in json.loads(bundled("prompts_allison_en.json").read_text("utf-8")):
        phones = record["phones"].split()
        frames = np.array([int(n) for n in record["frames"].split()])
        start = record["start"]
        phrases.append(
            Phrase(
                record["prompt"],
                tuple(record["text"].split()),
                tuple(phone.lstrip("_") for phone in phones),
                np.array([phone[0] == "_" for phone in phones]),
                frames,
                wave[start : start + HOP * frames.sum()],
            )
        )
    return phrases


def own_phrases(folder: str | Path) -> list[Phrase]:
    """The user's own English recordings, each with its words in a text file beside it.

    Args:
        folder: with NAME.wav (or .flac, .ogg, .mp3) and NAME.txt; see `own_speech`.

    Raises:
        InputError: as `own_speech`; a recording without its text; text that is not UTF-8, empty, or
            has words of unknown pronunciation; fewer than 30 that fit what is said.
    """
    folder = Path(folder).expanduser()
    phrases = []
    for name, samples in own_speech(folder).items():
        path = (folder / name).with_suffix(".txt")
        if not path.is_file():
            raise InputError(f"There is no {path}: write into it what is said in {name}.")
        try:
            words = words_of(path.read_text("utf-8"))
        except UnicodeDecodeError:
            raise InputError(f"{path} is not in UTF-8: save it as UTF-8.") from None
        phones = align(samples, RATE, words, KNOWN)
        if phones is None:
            continue
        frames = np.array([phone.frames for phone in phones])
        frames[0] += phones[0].start  # the padding of the aligner is no part of the recording
        frames[-1] = len(samples) // HOP - frames[:-1].sum()
        silent = (phones[0].name, phones[-1].name) == (SILENCE, SILENCE)
        if silent and frames.min() > 0:
            spoken = tuple(phone.name for phone in phones)
            starts = np.array([phone.first_of_word for phone in phones])
            end = HOP * frames.sum()
            phrases.append(Phrase(name, tuple(words), spoken, starts, frames, samples[:end]))
    if len(phrases) < 30:
        raise InputError(
            f"Only {len(phrases)} recordings in {folder} fit their texts: give 30 or more, in "
            "English, with half a second of silence before and after."
        )
    return phrases


def hold_out(
    phrases: Sequence[Phrase], n: int, fewest_words: int = 5
) -> tuple[list[Phrase], list[Phrase]]:
    """Set `n` phrases aside, unlike each other, and leave out of the rest whatever is like them.

    Like each other are phrases of which half the words, in order, are the same.

    Args:
        n: how many; always the same ones.
        fewest_words: of those that are held out.

    Returns:
        The rest, and those held out.
    """
    long = [phrase for phrase in phrases if len(phrase.words) >= fewest_words]
    # Multiples of the golden ratio modulo one come from all over the list.
    order = np.argsort(np.arange(1, len(long) + 1) * 0.6180339887 % 1, kind="stable")
    chosen: list[Phrase] = []
    for i in order:
        if len(chosen) < n and not any(_alike(long[i], other) for other in chosen):
            chosen.append(long[i])
    rest = [p for p in phrases if not any(p is c or _alike(p, c) for c in chosen)]
    return rest, chosen


def _alike(a, b):
    return edit_distance(a.words, b.words) <= max(len(a.words), len(b.words)) / 2
