"""What do the published implementations of the image metrics say about small, known inputs?

Writes `published.json` beside this file, which `test_published.py` compares ours with. To renew
it, in a virtual environment of its own on Python 3.10 (torch 1.12 comes without gigabytes of CUDA
packages, and predates NumPy 2); the record tells the versions it came from:

    pip install "numpy<2" "scipy<1.14" scikit-image scikit-learn tqdm requests typing_extensions
    pip install --no-deps torch==1.12.1 torchvision==0.13.1
    pip install --no-deps torch-fidelity clean-fid prdc vendi-score pytorch-msssim
    python tests/common/metrics/make_published.py

No weights are needed: the metrics get features, not images. The functions that make the inputs
need NumPy only.
"""

import contextlib
import hashlib
import io
import json
import pathlib
import platform

import numpy as np

NEIGHBOURS = (1, 3, 5, 10)
PACKAGES = (
    *("torch-fidelity", "clean-fid", "prdc", "vendi-score", "scikit-image", "pytorch-msssim"),
    *("numpy", "scipy", "scikit-learn", "torch"),
)


def on_a_grid(values):
    """Multiples of 1/1024 (2^-10).

    Squared distances of such numbers are exact, also in the published implementations, so no
    comparison with a radius hangs on rounding; and a processor whose `exp` differs in the last
    bit still gets the same inputs.
    """
    return np.round(np.asarray(values) * 1024) / 1024


def feature_pairs():
    """Name -> (real, fake): features (N, D), (M, D)."""
    rng = np.random.default_rng(0)
    normal = rng.standard_normal
    pairs = {
        "shifted": (normal((500, 16)), 1.3 * normal((400, 16)) + 0.4),
        "correlated": (
            normal((400, 12)) @ normal((12, 12)) * 2.0 ** np.linspace(-4, 1, 12),
            normal((400, 12)) @ normal((12, 12)) * 2.0 ** np.linspace(-3, 1, 12),
        ),
        "fewer than dimensions": (normal((40, 64)), 0.8 * normal((40, 64)) + 0.3),
        "rectified": (np.maximum(normal((300, 32)), 0), np.maximum(normal((300, 32)) - 0.5, 0)),
        "far apart": (normal((200, 16)), normal((200, 16)) + 100),
        "collapsed": (normal((200, 16)), np.tile(normal(16), (200, 1))),
    }
    same = normal((300, 16))
    pairs["identical"] = (same, same)
    constant = normal((300, 8)), 0.5 * normal((300, 8))
    for features in constant:
        features[:, 3] = 0.5
    pairs["constant column"] = constant
    # Points of a 4 x 4 x 4 lattice: duplicates, and many distances equal to a radius.
    pairs["lattice"] = (
        rng.integers(1, 5, (120, 3)).astype(float),
        rng.integers(1, 5, (90, 3)) + np.array([0.0, 1, 1]),
    )
    pairs["duplicates"] = (np.repeat(normal((50, 6)), 4, 0), np.repeat(normal((40, 6)), 5, 0))
    return {name: tuple(on_a_grid(f) for f in pair) for name, pair in pairs.items()}


def logits():
    """Name -> logits (N, classes), of which the softmax has an inception score."""
    rng = np.random.default_rng(1)
    made = {
        "unsure": rng.standard_normal((600, 10)),
        "confident": 6 * rng.standard_normal((600, 10)),
        "uneven splits": 2 * rng.standard_normal((607, 10)),
        "ordered": 4 * np.sort(rng.standard_normal((600, 10)), axis=0),
        # Softmax underflows to probabilities of exactly 0; each tenth of the rows has all classes,
        # since torch-fidelity answers NaN for a split that lacks one.
        "certain": 800.0 * np.eye(5)[np.tile([0, 0, 0, 1, 1, 2, 2, 3, 4, 0], 20)],
    }
    return {name: on_a_grid(x) for name, x in made.items()}


def softmax(x):
    """(N, classes) -> (N, classes), rows that sum to 1."""
    exponentials = np.exp(x - x.max(1, keepdims=True))
    return exponentials / exponentials.sum(1, keepdims=True)


def image_pairs():
    """Name -> (a, b): images (N, H, W, C) in [-1, 1]; every image of `b` is noisier."""
    rng = np.random.default_rng(2)
    shapes = {"grey": (28, 28, 1), "colour": (32, 48, 3), "smallest": (7, 7, 1)}
    # MS-SSIM of pytorch-msssim needs more than 160 pixels; below 22 pixels ours has one scale.
    shapes |= {"five scales": (176, 192, 3), "one scale": (16, 20, 1)}
    pairs = {}
    for name, (height, width, channels) in shapes.items():
        rows, columns = np.ogrid[:height, :width]
        shift, tint = rng.uniform(0, 6, (6, 1, 1)), rng.uniform(0.2, 0.5, (6, 1, 1, channels))
        waves = np.sin(rows / 3 + shift) + np.cos(columns / 5 - shift)
        a = waves[..., None] * tint + 0.1
        noise = np.linspace(0.02, 1, 6)[:, None, None, None] * rng.standard_normal(a.shape)
        pairs[name] = a, a + noise
    return {name: tuple(on_a_grid(x.clip(-1, 1)) for x in pair) for name, pair in pairs.items()}


def checksums():
    """Name of every input -> SHA-256 of its values in units of 1/1024."""
    arrays = {f"logits, {name}": x for name, x in logits().items()}
    for kind, pairs in (("features", feature_pairs()), ("images", image_pairs())):
        for name, pair in pairs.items():
            arrays |= {f"{kind}, {name}, {i}": x for i, x in enumerate(pair)}
    return {
        name: hashlib.sha256((x * 1024).astype("<i8").tobytes()).hexdigest()
        for name, x in arrays.items()
    }


def published_frechet(real, fake):
    from cleanfid import fid
    from torch_fidelity import metric_fid

    statistics = [{"mu": x.mean(0), "sigma": np.cov(x, rowvar=False)} for x in (real, fake)]
    (theirs,) = metric_fid.fid_statistics_to_metric(*statistics, verbose=False).values()
    (mean_a, cov_a), (mean_b, cov_b) = (s.values() for s in statistics)
    return {
        "torch-fidelity": theirs,
        "clean-fid": float(fid.frechet_distance(mean_a, cov_a, mean_b, cov_b)),
    }


def published_kernel_distance(real, fake):
    """`whole`: of the first n rows of either, in which case nothing depends on a draw."""
    import torch
    from cleanfid import fid
    from torch_fidelity import metric_kid

    def torch_fidelity(real, fake, subsets, size):
        return list(
            metric_kid.kid_features_to_metric(
                torch.from_numpy(real),
                torch.from_numpy(fake),
                kid_subsets=subsets,
                kid_subset_size=size,
                verbose=False,
            ).values()
        )

    np.random.seed(0)  # clean-fid draws from NumPy's global generator, if only an order
    n = min(len(real), len(fake))
    whole = {
        "torch-fidelity": torch_fidelity(real[:n], fake[:n], 1, n)[0],
        "clean-fid": fid.kernel_distance(real[:n], fake[:n], 1, n),
    }
    return {"whole": whole, "subsets": 400, "size": n // 4} | dict(
        zip(("mean", "std"), torch_fidelity(real, fake, 400, n // 4), strict=True)
    )


def published_inception_score(x, splits):
    import torch
    from torch_fidelity import metric_isc

    return list(
        metric_isc.isc_features_to_metric(torch.from_numpy(x), splits, shuffle=False).values()
    )


def published_prdc(real, fake, k):
    import prdc

    with contextlib.redirect_stdout(io.StringIO()):
        scores = prdc.compute_prdc(real, fake, k)
    return {name: float(score) for name, score in scores.items()}


def published_image_scores(name, a, b):
    """Of each image: SSIM, PSNR and, where a published implementation takes it, MS-SSIM.

    Of pixels in [0, 1], as in published results: SSIM depends on where black is.
    """
    from skimage.metrics import peak_signal_noise_ratio, structural_similarity

    a, b = (a + 1) / 2, (b + 1) / 2

    def each(score, **options):
        return [float(score(x, y, data_range=1, **options)) for x, y in zip(a, b, strict=True)]

    scores = {
        "ssim": each(structural_similarity, channel_axis=-1),
        "psnr": each(peak_signal_noise_ratio),
    }
    if name == "five scales":
        import torch
        from pytorch_msssim import ms_ssim

        tensors = (torch.from_numpy(x.transpose(0, 3, 1, 2).copy()) for x in (a, b))
        scores["ms_ssim"] = ms_ssim(*tensors, data_range=1, size_average=False).tolist()
    if name == "one scale":
        # The window of Wang et al. 2004, which MS-SSIM has too.
        window = dict(gaussian_weights=True, sigma=1.5, use_sample_covariance=False)
        scores["ms_ssim"] = each(structural_similarity, channel_axis=-1, **window)
    return scores


def main():
    from importlib.metadata import version

    from vendi_score import vendi

    pairs = feature_pairs()
    record = {
        "python": platform.python_version(),
        "versions": {name: version(name) for name in PACKAGES},
        "inputs": checksums(),
        "frechet": {name: published_frechet(*pair) for name, pair in pairs.items()},
        "kernel_distance": {name: published_kernel_distance(*pair) for name, pair in pairs.items()},
        "inception_score": {
            name: {str(splits): published_inception_score(x, splits) for splits in (1, 10)}
            for name, x in logits().items()
        },
        "prdc": {
            name: {str(k): published_prdc(*pair, k) for k in NEIGHBOURS}
            for name, pair in pairs.items()
        },
        "vendi": {name: [float(vendi.score_X(x)) for x in pair] for name, pair in pairs.items()},
        "images": {
            name: published_image_scores(name, *pair) for name, pair in image_pairs().items()
        },
    }
    path = pathlib.Path(__file__).with_name("published.json")
    path.write_text(json.dumps(record, indent=1, allow_nan=False) + "\n")


if __name__ == "__main__":
    main()
