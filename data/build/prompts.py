"""Build prompts_allison_en.ogg and .json: telephone prompts, their words, and when each sound is.

    apt-get download asterisk-core-sounds-en{,-wav}=1.6.1-1
    for package in *.deb; do dpkg -x $package sounds; done
    pip install pocketsphinx==5.1.1 numpy==2.4.6 scipy==1.17.1 soundfile==0.14.0
    python data/build/prompts.py sounds

Each prompt is aligned with its transcript down to the phones, and cut at pauses of 0.2 seconds or
more. Left out are phrases that the acoustic model finds unlike their words, and second recordings
of three words or more. The originals are checked against their sha256; with the versions above the
result is the same bytes every time.
"""

import argparse
import gzip
import json
import re
from pathlib import Path

import numpy as np
import soundfile
from sounds import ASTERISK, RATE, SPEECH, checked, levelled, save, sha256

from gen_ai_examples.common.methods.sphinx import SILENCE, align, words_of
from gen_ai_examples.common.sources.prompts import KNOWN

TRANSCRIPTS = "usr/share/doc/asterisk-core-sounds-en/core-sounds-en.txt.gz"
TRANSCRIPTS_SHA256 = "436538195b7c7361bd227036686f1a4039f694648c76573bdaca956655d34450"
HOP = RATE // 100  # samples of a frame
PAUSE = 20  # frames of silence that part two phrases
MARGIN = 7  # frames of silence kept before and after a phrase
LEAST_SCORE = -34  # mean logarithm per frame, in the decoder's unit
LONGEST = 60  # frames of a phone
FORGOTTEN = ("spy-", "letters/ascii", "silence/")  # names of products, signs, nothing

# Slips in the transcripts.
MENDED = {
    "fourtieth": "fortieth",
    "represenatives": "representatives",
    "umute": "unmute",
    "witheld": "withheld",
    "exclaimation": "exclamation",
    "thru": "through",
}


def transcripts(path: Path) -> dict[str, list[str]]:
    data = path.read_bytes()
    checked(path.name, TRANSCRIPTS_SHA256, data)
    result = {}
    for line in gzip.decompress(data).decode().splitlines():
        if line.startswith(";") or ":" not in line:
            continue
        name, text = line.split(":", 1)
        text = re.sub(r"[\[(<].*?[\])>]", " ", text).replace("*", " star ").replace("#", " pound ")
        words = [MENDED.get(word, word) for word in words_of(text)]
        if words and not name.startswith(FORGOTTEN):
            result[name] = words
    return result


def phrases(phones):
    """Cut the phones of a prompt at its pauses."""
    parts, last = [[]], len(phones) - 1
    for i, phone in enumerate(phones):
        if phone.name == SILENCE and (phone.frames >= PAUSE or i in (0, last)):
            parts.append([])
        else:
            parts[-1].append(phone)
    return [part for part in parts if part]


def fits(phrase) -> bool:
    score = np.average([p.score for p in phrase], weights=[p.frames for p in phrase])
    return score > LEAST_SCORE and max(p.frames for p in phrase) <= LONGEST


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sounds", type=Path)
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parents[1])
    arguments = parser.parse_args()
    folder = arguments.sounds / ASTERISK / "en_US_f_Allison"
    files = sorted(folder.rglob("*.wav"))
    checked("en_US_f_Allison", SPEECH["allison_en"][2], *(f.read_bytes() for f in files))

    records, pieces, seen, length = [], [], set(), 0
    for name, words in transcripts(arguments.sounds / TRANSCRIPTS).items():
        path = folder / f"{name}.wav"
        if not path.is_file():
            continue
        wave = levelled(soundfile.read(path)[0])
        phones = align(wave, RATE, words, KNOWN)
        for phrase in phrases(phones or []):
            text = " ".join(p.word for p in phrase if p.first_of_word)
            if not fits(phrase) or (text in seen and text.count(" ") >= 2):
                continue
            seen.add(text)
            begin, end = phrase[0].start, phrase[-1].start + phrase[-1].frames
            frames = np.arange((begin - MARGIN) * HOP, (end + MARGIN) * HOP)
            inside = (frames >= 0) & (frames < len(wave))
            piece = np.where(inside, wave[frames.clip(0, len(wave) - 1)], 0)
            spoken = [(f"{'_' * p.first_of_word}{p.name}", p.frames) for p in phrase]
            spoken = [(SILENCE, MARGIN), *spoken, (SILENCE, MARGIN)]
            sounds, lengths = zip(*spoken, strict=True)
            records.append(
                {
                    "prompt": name,
                    "text": text,
                    "start": length,
                    "phones": " ".join(sounds),
                    "frames": " ".join(map(str, lengths)),
                }
            )
            pieces.append(piece)
            length += len(piece)
    save(arguments.out / "prompts_allison_en.ogg", np.concatenate(pieces))
    text = "".join(json.dumps(record) + "\n" for record in records)
    path = arguments.out / "prompts_allison_en.json"
    path.write_text(f"[{text.strip().replace(chr(10), ',' + chr(10))}]\n", "utf-8")
    print(sha256(path.read_bytes()), path.name, len(records), "phrases", length / RATE, "seconds")


if __name__ == "__main__":
    main()
