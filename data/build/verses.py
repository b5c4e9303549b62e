"""Build data/verses_en_es.tsv.xz from two Debian packages, with pysword 0.2.8.

    pip install pysword==0.2.8
    apt-get download sword-text-web=426.0-1 sword-text-sparv=2.60-1
    python data/build/verses.py sword-text-web_426.0-1_all.deb sword-text-sparv_2.60-1_all.deb

Packages are checked against their sha256, the result is the same bytes every time. A line is
reference, English and Spanish, for every verse that both have.
"""

import argparse
import functools
import hashlib
import lzma
import re
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

from pysword.modules import SwordModules

ENGLISH_SHA256 = "930b23670b352f0829a306501de4bebb5e654a2df02cde2cbe86b802177868e1"
SPANISH_SHA256 = "5c87f9b2bc97457e8a872f5bae7ea7ce59cb3de1dcee73e4d4740451863694cf"
# Titles of psalms belong to the text, and the Spanish has them; headings do not.
ASIDES = re.compile(r"<(note|title)\b(?![^>]*canonical)[^>]*?(?<!/)>.*?</\1>", re.DOTALL)
CAPITALS = re.compile(r"(?<!\w)[A-ZÁÉÍÓÚÑ]{2,}(?!\w)")


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def module(package: Path, digest: str, name: str):
    data = package.read_bytes()
    if sha256(data) != digest:
        raise SystemExit(f"{package} is not the expected file: its sha256 is {sha256(data)}")
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["dpkg", "-x", package, folder], check=True)
        modules = SwordModules(f"{folder}/usr/share/sword")
        modules.parse_modules()
        bible = modules.get_bible_from_module(name)
        # pysword unpacks a whole book for each verse.
        bible._decompressed_text = functools.lru_cache(4)(bible._decompressed_text)
        return verses(bible)


def verses(bible) -> dict[str, str]:
    """Text by reference, such as "Gen 1:1", in the order of the books."""
    found = {}
    for books in bible.get_structure().get_books().values():
        for book in books:
            for chapter in range(1, book.num_chapters + 1):
                for verse in range(1, book.chapter_lengths[chapter - 1] + 1):
                    raw = bible.get([book.name], [chapter], [verse], clean=False)
                    found[f"{book.osis_name} {chapter}:{verse}"] = plain(raw)
    return found


def plain(text: str) -> str:
    """Without notes, titles, marks of paragraphs and tags; one blank between words."""
    text = re.sub(r"<[^>]*>", "", ASIDES.sub(" ", text.replace("¶", " ")))
    text = re.sub(r"\s+", " ", text).strip()
    return re.sub(r" ([,.;:?!)”’])", r"\1", text)


def without_capitals(texts: dict[str, str]) -> dict[str, str]:
    """The edition prints the first word of a chapter in capitals: "EN el principio"."""
    counts = Counter(re.findall(r"\w+", " ".join(texts.values())))

    def usual(found):
        word = found[0]
        begins = not re.search(r"\w[^.]*$", found.string[: found.start()])
        named = counts[word.capitalize()] > counts[word.lower()]
        return word.capitalize() if begins or named else word.lower()

    return {
        reference: CAPITALS.sub(usual, text, 1) if reference.endswith(":1") else text
        for reference, text in texts.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("english", type=Path)
    parser.add_argument("spanish", type=Path)
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parents[1])
    arguments = parser.parse_args()

    english = module(arguments.english, ENGLISH_SHA256, "engWEB2015eb")
    spanish = without_capitals(module(arguments.spanish, SPANISH_SHA256, "spaRV1909eb"))
    lines = [
        f"{reference}\t{english[reference]}\t{text}\n"
        for reference, text in spanish.items()
        if text and english.get(reference)
    ]
    data = lzma.compress("".join(lines).encode(), preset=9 | lzma.PRESET_EXTREME)
    path = arguments.out / "verses_en_es.tsv.xz"
    path.write_bytes(data)
    print(sha256(data), path.name, f"{len(lines)} verses, {len(data)} bytes")


if __name__ == "__main__":
    main()
