"""How fast are the image metrics, and how much memory do they need?

    python benchmarks/metrics.py

The Frechet distance of two sets of 10,000 x 2,048 features, means and covariances included, against
the same with the matrix square root that most implementations take, in turn, several rounds: the
table gives medians and the ratio round by round, which drifts less than a machine's speed. Then
peak memory, above that of the imported modules and the inputs, each in a process of its own: of
`precision_recall` on two sets of 10,000 points, whose matrix of distances alone would be 800 MB;
and of `Moments` as the number of images grows, against keeping their features. Exits with 1 when a
bound is missed.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import time

import numpy as np
import scipy.linalg
from rich.console import Console
from rich.table import Table

from gen_ai_examples.common.metrics.image import Moments, features_frechet, precision_recall

LEAST_RATIO, MOST_MB, MOST_GROWTH_MB = 3, 1000, 20
IMAGES = (1_000, 8_000, 32_000)
BATCH, DIM = 250, 2048


def features(n, dim, seed):
    """Correlated and of unequal variance, as those of a network; float32, as it returns them."""
    rng = np.random.default_rng(seed)
    mix = rng.standard_normal((dim, dim), np.float32) * np.geomspace(1, 1e-3, dim, dtype="f4")
    return np.maximum(rng.standard_normal((n, dim), np.float32) @ mix.T / dim**0.5 + 0.1, 0)


def frechet_by_sqrtm(real, fake):
    """As clean-fid and pytorch-fid compute it."""
    means = [x.mean(0, dtype=np.float64) for x in (real, fake)]
    a, b = (np.cov(x, rowvar=False) for x in (real, fake))
    root = scipy.linalg.sqrtm(a @ b)
    return ((means[0] - means[1]) ** 2).sum() + np.trace(a + b - 2 * root.real)


def compare_frechet(rounds, n):
    """Seconds (rounds, 2) of ours and of sqrtm, in turn, and the relative difference of results."""
    real, fake = features(n, DIM, 0), features(n, DIM, 1)
    seconds = np.empty((rounds, 2))
    for i in range(rounds):
        values = []
        for column, distance in enumerate((features_frechet, frechet_by_sqrtm)):
            started = time.perf_counter()
            values.append(distance(real, fake))
            seconds[i, column] = time.perf_counter() - started
    return seconds, abs(values[0] / values[1] - 1)


def neighbours_work(n):
    rng = np.random.default_rng(0)
    real, fake = rng.standard_normal((2, n, 64))
    return lambda: precision_recall(real, fake)


def moments_work(n):
    rng = np.random.default_rng(0)

    def work():
        total = Moments()
        for _ in range(n // BATCH):
            total.update(rng.standard_normal((BATCH, DIM), np.float32))
        return total.cov

    return work


def peak_megabytes():
    import resource  # not on Windows

    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def measure(name, n):
    """In the child: run the work, print by how much it raised the peak, and the seconds."""
    work = {"neighbours": neighbours_work, "moments": moments_work}[name](n)
    before, started = peak_megabytes(), time.perf_counter()
    work()
    print(json.dumps([peak_megabytes() - before, time.perf_counter() - started]))


def in_a_child(name, n):
    command = [sys.executable, __file__, "--measure", name, str(n)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def main(rounds, out):
    # Memory first: a child starts with the peak of its parent, which must not have worked yet.
    neighbours = in_a_child("neighbours", 10_000)
    growing = [in_a_child("moments", n) for n in IMAGES]
    seconds, difference = compare_frechet(rounds, 10_000)
    ratios = seconds[:, 1] / seconds[:, 0]
    growth = growing[-1][0] - growing[0][0]

    table = Table("Work", "ours", "other", "ratio (range)", "bound")
    ours, other = (f"{median:.1f} s" for median in np.median(seconds, axis=0))
    table.add_row(
        "features_frechet, 2 x 10,000 x 2,048; other: scipy's sqrtm",
        ours,
        other,
        f"{np.median(ratios):.1f} ({ratios.min():.1f}-{ratios.max():.1f})",
        f"ratio >= {LEAST_RATIO}",
    )
    matrix = 8 * 10_000**2 / 2**20
    table.add_row(
        f"precision_recall, 2 x 10,000 x 64, {neighbours[1]:.0f} s; other: one matrix of distances",
        f"{neighbours[0]:.0f} MB",
        f"{matrix:.0f} MB",
        f"{matrix / neighbours[0]:.1f}",
        f"< {MOST_MB:,} MB",
    )
    for n, (megabytes, _) in zip(IMAGES, growing, strict=True):
        kept = 4 * n * DIM / 2**20
        table.add_row(
            f"Moments of {n:,} x 2,048; other: the features themselves, float32",
            f"{megabytes:.0f} MB",
            f"{kept:.0f} MB",
            f"{kept / megabytes:.1f}",
            f"growth < {MOST_GROWTH_MB} MB",
        )
    Console(width=100).print(table)
    Console(width=100).print(
        f"The two Frechet distances differ by {difference:.0e} of their value."
    )
    record = {"frechet_seconds": seconds.tolist(), "neighbours": neighbours, "moments": growing}
    if out:
        out.write_text(json.dumps(record, indent=1) + "\n")
    good = np.median(ratios) >= LEAST_RATIO and neighbours[0] < MOST_MB and growth < MOST_GROWTH_MB
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=pathlib.Path, help="also write the numbers, as JSON")
    parser.add_argument("--measure", nargs=2, metavar=("WORK", "N"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        measure(arguments.measure[0], int(arguments.measure[1]))
    else:
        main(arguments.rounds, arguments.out)
