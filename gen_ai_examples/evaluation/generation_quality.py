"""Which number says how good generated images are, and which can be fooled?

A DCGAN draws digits, and gets worse in four known ways: noise, blur, classes it no longer draws,
images it repeats. Five scores judge each version against held-out handwriting: Frechet distance
(as in FID, Heusel et al. 2017, https://arxiv.org/abs/1706.08500), kernel distance (KID,
Binkowski et al. 2018, https://arxiv.org/abs/1801.01401), Inception Score (Salimans et al. 2016,
https://arxiv.org/abs/1606.03498), precision and recall (Kynkaanniemi et al. 2019,
https://arxiv.org/abs/1904.06991). All use the features or classes of a digit classifier, so none
is the FID or IS of papers, which need Inception-v3 (`gen-ai-examples score` has it).

The article calls the FID a similarity between images, and the Inception Score one between real and
generated images; the first is one of two Gaussians, the second never sees a real image.
(evaluation.score_as_loss trains on a score, as the article also advises.)

    gen-ai-examples run evaluation.generation_quality --steps 1200

What to expect: the Frechet distance of two sets of real digits grows as the sets shrink, so compare
scores at equal counts; the kernel distance does not, but scatters widely. The Inception Score likes
copies of training images, and ten images repeated for ever best. Precision hardly sees missing
classes or repeated images; recall sees both, and blur, before the distances do. `--images DIR`
takes your own pictures, reduced to 28x28 greys.
"""

import keras
import matplotlib.figure
import numpy as np
from scipy.ndimage import gaussian_filter

from gen_ai_examples.cli import run_as_command
from gen_ai_examples.common.answer import Answer, Claim
from gen_ai_examples.common.batches import batches
from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.fit import fit
from gen_ai_examples.common.media import render, side_by_side
from gen_ai_examples.common.methods.gan import GAN, gan_randomness
from gen_ai_examples.common.metrics.features import train_judge
from gen_ai_examples.common.metrics.image import (
    features_frechet,
    inception_score,
    kernel_distance,
    memorisation,
    precision_recall,
)
from gen_ai_examples.common.nets.dcgan import build_encoder, build_generator
from gen_ai_examples.common.sources import image
from gen_ai_examples.common.strategy import precision, strategy

ANSWERS = ("Q1.1",)
CPU_OPERATIONS = 2  # side by side train faster: see `work_side_by_side`
SMOKE = dict(steps=2, batch_size=8, judge_steps=2, draws=2)

LEVELS = {  # from untouched to ruined
    "noise (standard deviation)": (0, 0.1, 0.2, 0.4, 0.8),
    "blur (pixels)": (0, 0.5, 1, 1.5, 2.5),
    "classes drawn": (10, 8, 6, 4, 2),
    "different images": (1000, 300, 100, 30, 10),
}
SAMPLE_SIZES = (50, 100, 200, 500, 1000)
BIASED_SIZE = 100


def main(
    steps=1200,
    batch_size=64,
    latent_dim=16,
    learning_rate=5e-4,
    draws=30,
    judge_steps=600,
    dtype="auto",
    seed=0,
    images: str | None = None,
) -> Answer:
    keras.utils.set_random_seed(seed)
    data = image.folder(images, size=28, channels=1) if images else image.mnist()
    train, held_out = data.split()
    n = len(held_out)
    if len(train) < 2 * BIASED_SIZE:
        raise InputError(f"{len(data)} images are too few: give at least {3 * BIASED_SIZE}.")
    judge = train_judge(train, judge_steps)
    rng = np.random.default_rng(seed)
    latents = rng.normal(size=(4 * n, latent_dim)).astype("float32")

    examples = batches({"images": train.images}, batch_size, seed, gan_randomness(latent_dim))
    with strategy().scope(), precision(dtype):
        gan = GAN(build_generator(latent_dim), build_encoder())
        gan.compile(*(keras.optimizers.Adam(learning_rate, beta_1=0.5) for _ in range(2)))
    fit(gan, examples, steps)
    drawn = gan.sample(latents)  # four times as many as judged, to drop classes from

    def scores(fake):
        return score(judge, held_out.images, fake)

    versions = degraded(drawn, judge.labels(drawn), n, rng)
    table = {way: [scores(fake) for fake in fakes] for way, fakes in versions.items()}
    ours = table["blur (pixels)"][0]
    copies = train.images[:n]
    firsts = [np.argmax(train.labels == label) for label in np.unique(train.labels)]
    few_repeated = np.resize(train.images[firsts], held_out.images.shape)
    by_size = sample_size_bias(judge(train.images), draws, rng)

    return Answer(
        claims=[
            Claim(
                "The kernel distance of two small samples of real digits stays near zero, where "
                "the Frechet distance takes them for a bad generator's.",
                abs(np.mean(by_size[BIASED_SIZE]["kernel distance"])) / ours["kernel distance"],
                f"distance of real digits to real digits, {BIASED_SIZE} each, in units of "
                "the GAN's",
                {
                    "the Frechet distance": np.mean(by_size[BIASED_SIZE]["Frechet distance"])
                    / ours["Frechet distance"]
                },
                better="lower",
                best=0.0,
            ),
            Claim(
                "One training image per class, repeated for ever, has a better Inception Score "
                "than real handwriting: it sees neither the copying nor what is missing.",
                scores(few_repeated)["Inception Score"],
                "Inception Score of digit classes",
                {
                    "held-out handwriting": scores(held_out.images)["Inception Score"],
                    "the GAN": ours["Inception Score"],
                    "1,000 training images": scores(copies)["Inception Score"],
                },
                better="higher",
                best=float(len(train.names)),
            ),
        ],
        metrics={
            **{f"{name} of the GAN": value for name, value in ours.items()},
            **{
                f"{name} of one image per class": value
                for name, value in scores(few_repeated).items()
            },
            "memorisation by the GAN": memorisation(train.images, drawn[:n], held_out.images),
            "memorisation by copies": memorisation(train.images, copies, held_out.images),
        },
        media={
            "getting_worse": getting_worse(versions, table),
            "sample_size": sample_size_figure(by_size, ours),
            "samples": side_by_side(
                {
                    "held-out digits": held_out.images[:64],
                    "the GAN": drawn[:64],
                    "one training image per class, repeated": few_repeated[:64],
                },
                columns=8,
                per_row=3,
            ),
        },
    )


def score(judge, real, fake):
    real_features, fake_features = judge(real), judge(fake)
    precision_, recall = precision_recall(real_features, fake_features)
    return {
        "Frechet distance": features_frechet(real_features, fake_features),
        "kernel distance": kernel_distance(real_features, fake_features, subsets=1)[0],
        "Inception Score": inception_score(judge.probabilities(fake), splits=1)[0],
        "precision": precision_,
        "recall": recall,
    }


def degraded(drawn, labels, n, rng):
    """Versions of the images that get worse, each of n images: way to list."""
    base = drawn[:n]
    noise = rng.normal(size=base.shape).astype("float32")
    noises, blurs, classes, counts = LEVELS.values()
    return dict(
        zip(
            LEVELS,
            (
                [(base + sigma * noise).clip(-1, 1) for sigma in noises],
                [gaussian_filter(base, (0, sigma, sigma, 0)) for sigma in blurs],
                [np.resize(drawn[labels < count], base.shape) for count in classes],
                [np.resize(base[: min(count, n)], base.shape) for count in counts],
            ),
            strict=True,
        )
    )


def sample_size_bias(features, draws, rng):
    """Scores between disjoint random samples of one set: size to score to list over the draws."""
    outcomes = {}
    for size in (size for size in SAMPLE_SIZES if 2 * size <= len(features)):
        pairs = [
            np.split(features[rng.permutation(len(features))[: 2 * size]], 2) for _ in range(draws)
        ]
        outcomes[size] = {
            "Frechet distance": [features_frechet(*pair) for pair in pairs],
            "kernel distance": [kernel_distance(*pair, subsets=1)[0] for pair in pairs],
        }
    return outcomes


def getting_worse(versions, table):
    """Examples of every version above what the scores say of it."""
    figure = matplotlib.figure.Figure(figsize=(11, 6.4), layout="constrained")
    rows = figure.subplots(2, len(versions), height_ratios=(1, 1.5), sharey="row")
    first = table["blur (pixels)"][0]
    for (way, fakes), pictures, axes in zip(versions.items(), *rows, strict=True):
        # Four images below each other, far enough apart to show when only ten differ.
        strips = [np.concatenate(fake[:40:10, ..., 0]) for fake in fakes]
        pictures.imshow(np.concatenate(strips, axis=1), cmap="gray", vmin=-1, vmax=1)
        pictures.set(title=way, xticks=[], yticks=[])
        for name in first:
            values = [outcome[name] for outcome in table[way]]
            worst = max(values) if "distance" in name else 1 if name == "Inception Score" else 0
            span = abs(worst - first[name]) or 1
            alarm = [abs(value - first[name]) / span for value in values]
            axes.plot(alarm, marker="o", ms=4, label=name)
        axes.set(xticks=range(len(fakes)), xticklabels=LEVELS[way])
        axes.grid(alpha=0.3)
    rows[1][0].set_ylabel("alarm: change, as a share of the worst")
    rows[1][0].legend(fontsize=8)
    return render(figure)


def sample_size_figure(by_size, ours):
    figure = matplotlib.figure.Figure(figsize=(6.4, 3.8), layout="constrained")
    axes = figure.subplots()
    sizes = list(by_size)
    for name in by_size[BIASED_SIZE]:
        values = np.array([scores[name] for scores in by_size.values()]) / ours[name]
        axes.errorbar(sizes, values.mean(1), values.std(1), marker="o", capsize=3, label=name)
    axes.axhline(1, color="gray", ls="--", label="the GAN's own")
    axes.set(xscale="log", xlabel="real digits in each of two samples")
    axes.set(ylabel="distance, in units of the GAN's", xticks=sizes, xticklabels=sizes)
    axes.minorticks_off()
    axes.legend()
    axes.grid(alpha=0.3)
    return render(figure)


if __name__ == "__main__":
    run_as_command(main)
