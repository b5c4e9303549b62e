"""How often does a GAN's training collapse, what shows it early, and which remedy helps?

One small GAN learns 8x8 digits at a learning rate that is too high, from many seeds: as it is, and
with one remedy at a time. Only counting says anything: from one seed the plain game draws digits,
from the next it collapses and never comes back.

A run has *collapsed* if the recall of its images (Kynkaanniemi et al. 2019,
https://arxiv.org/abs/1904.06991, k = 3, on the features of a digit classifier) is below 0.1: they
reach less than a tenth of the held-out digits, where training images reach nine tenths. It has also
*diverged* if its images are farther from held-out digits (Frechet distance) than those of an
untrained generator, or if a loss is no longer finite.

| remedy               | source                                                                  |
|----------------------|-------------------------------------------------------------------------|
| hinge loss           | Lim & Ye 2017, https://arxiv.org/abs/1705.02894                         |
| batch norm in G      | Radford et al. 2016, https://arxiv.org/abs/1511.06434                   |
| spectral norm in D   | Miyato et al. 2018, https://arxiv.org/abs/1802.05957                    |
| gradient penalty     | Gulrajani et al. 2017, https://arxiv.org/abs/1704.00028, on this game;  |
|                      | why it converges: Mescheder et al. 2018, https://arxiv.org/abs/1801.04406 |
| slower G             | two time scales, Heusel et al. 2017, https://arxiv.org/abs/1706.08500   |
| averaged weights     | of G, Yazici et al. 2019, https://arxiv.org/abs/1806.04498              |

The article lists training stability in one line, without a definition, a number or code.

    gen-ai-examples run evaluation.stability --seeds 8

Expect a third to a half of the plain seeds to collapse, most of them after a good start, and none
to come back. What mattered: which player is the slower one (a slower G cures it, so does batch norm
in G, a slower D breaks nearly every seed), and the rate itself: lowering both cures it too. The
hinge loss helps a little: fewer seeds collapse, and it draws better. Averaged weights make a steady
generator better and a collapsed one no better. The discriminator's loss misleads: it falls towards
zero in runs that collapse, as if all went well. The generator's loss, which costs nothing, warns
early; a wide gap between the scores of real and generated images and a low recall do, too, less
evenly from record to record.

Limits: one small game at one rate. Eight seeds of a remedy are few, and none of them would collapse
by luck in a third of such records; what counts is that none of 24 in three records did. A gradient
penalty of 1 helps, one of 10 stops G from learning; keras.layers.SpectralNormalization, which
overwrites the weights where the paper divides by their norm on the way, fails at this rate. Neither
says that they fail elsewhere. The rate was set so that some of the plain seeds collapse and some do
not, and the sign to claim was picked by seeds 0 and 1: of the recorded seeds, 2 alone tests that
claim.
"""

import dataclasses

import keras
import numpy as np
from threadpoolctl import threadpool_limits

from gen_ai_examples.cli import run_as_command
from gen_ai_examples.common.answer import Answer, Claim
from gen_ai_examples.common.batches import batches
from gen_ai_examples.common.collapse_pictures import recall_over_training, shares_of_collapse
from gen_ai_examples.common.fit import TrainingDiverged, fit
from gen_ai_examples.common.media import side_by_side
from gen_ai_examples.common.methods.gan import GAN, gan_randomness, hinge
from gen_ai_examples.common.methods.gan_watch import GANWatch, draw, start_anew
from gen_ai_examples.common.methods.mixture import PixelMixture
from gen_ai_examples.common.metrics.collapse import (
    Ending,
    share_collapsed,
    share_diverged,
    typical,
    warning,
)
from gen_ai_examples.common.metrics.features import train_judge
from gen_ai_examples.common.metrics.image import features_frechet, precision_recall
from gen_ai_examples.common.nets.dense_gan import build_discriminator, build_generator
from gen_ai_examples.common.sources import image
from gen_ai_examples.common.strategy import strategy

ANSWERS = ("Q1.4",)
SMOKE = dict(steps=2, batch_size=8, plain_seeds=1, seeds=1, looks=1, judge_steps=2)

REMEDY = "slower G"  # chosen on a part of the training images


def remedies(rate):
    """What each adds to plain training, alone: options of `build_gan`."""
    return {
        "plain": {},
        "hinge loss": dict(loss=hinge),
        "batch norm in G": dict(batch_norm=True),
        "spectral norm in D": dict(spectral_norm=True),
        "gradient penalty": dict(gradient_penalty=1.0),
        "slower G": dict(g_rate=rate / 4),
        "slower D": dict(d_rate=rate / 4),
        "both slower": dict(g_rate=rate / 4, d_rate=rate / 4),
    }


def build_gan(latent_dim, g_rate, d_rate, batch_norm=False, spectral_norm=False, **game):
    gan = GAN(build_generator(latent_dim, batch_norm), build_discriminator(spectral_norm), **game)
    gan.compile(
        # Averages are kept beside the weights, and change nothing until they are asked for.
        g_optimizer=keras.optimizers.Adam(g_rate, beta_1=0.5, use_ema=True, ema_momentum=0.99),
        d_optimizer=keras.optimizers.Adam(d_rate, beta_1=0.5),
    )
    return gan


def features(judge, images):
    """As `judge(images)`, for the few images of so many looks sooner."""
    return keras.ops.convert_to_numpy(judge.features(images, training=False))


def recall(real, drawn):
    with threadpool_limits(1):  # on so few rows, threads wait for one another
        return precision_recall(real, drawn)[1]


@dataclasses.dataclass(frozen=True)
class Run:
    history: dict[str, list[float]]
    images: np.ndarray
    ending: Ending
    averaged: Ending  # of the generator's averaged weights


def main(
    steps=1200,
    batch_size=32,
    learning_rate=0.018,
    latent_dim=16,
    plain_seeds=24,
    seeds=8,
    looks=12,
    judge_steps=600,
    seed=0,
) -> Answer:
    train, held_out = image.digits().split()
    n = len(held_out)
    judge = train_judge(train, judge_steps)
    real = features(judge, held_out.images)
    latents = np.random.default_rng(seed).normal(size=(n, latent_dim)).astype("float32")

    def ending(images, finite=True):
        drawn = features(judge, images)
        return Ending(recall(real, drawn), features_frechet(real, drawn), finite)

    def recall_of(images):
        return recall(real, features(judge, images))

    watch = GANWatch(train.images[:n], latents, recall_of)
    every = max(1, steps // looks)

    def run(gan, run_seed):
        noise = gan_randomness(latent_dim)
        data = batches({"images": train.images}, batch_size, run_seed, noise)
        finite = True
        try:
            fit(gan, data, steps, callbacks=[watch], steps_per_epoch=every)
        except TrainingDiverged:
            finite = False
        images = draw(gan.generator, latents)
        # From here on the averages are the weights.
        gan.g_optimizer.finalize_variable_values(gan.generator.trainable_variables)
        averaged = draw(gan.generator, latents)
        return Run(gan.history.history, images, ending(images, finite), ending(averaged, finite))

    runs = {}
    for remedy, options in remedies(learning_rate).items():
        options = dict(g_rate=learning_rate, d_rate=learning_rate) | options
        with strategy().scope():
            gan = build_gan(latent_dim, **options)
        runs[remedy] = []
        for i in range(plain_seeds if remedy == "plain" else seeds):
            run_seed = 1000 * seed + i
            keras.utils.set_random_seed(run_seed)
            with strategy().scope():
                start_anew(gan, build_gan(latent_dim, **options))
            if not runs["plain"]:
                untrained = ending(draw(gan.generator, latents)).frechet
            gan.name = f"{remedy}, seed {run_seed}"  # for the progress
            runs[remedy].append(run(gan, run_seed))

    plain, cured = runs["plain"], runs[REMEDY]
    endings = {remedy: [r.ending for r in done] for remedy, done in runs.items()}
    endings["averaged weights of G"] = [r.averaged for r in plain]
    collapsed = {remedy: share_collapsed(ends) for remedy, ends in endings.items()}
    third = max(1, looks // 3)

    def announces(name, sign=1):
        """`warning` of what was seen of `name` a third of the way through."""
        seen = [(r.history.get(name, []) + [sign * np.inf] * third)[third - 1] for r in plain]
        return warning([sign * value for value in seen], [r.ending.collapsed for r in plain])

    mixture = ending(PixelMixture(train, seed=seed).sample(held_out.labels))
    reference = ending(train.images[:n])
    averaged = typical([r.averaged for r in cured], "frechet")
    by_recall = sorted(plain, key=lambda r: r.ending.recall)
    shown = {
        "plain, the worst seed": by_recall[0],
        "plain, the best seed": by_recall[-1],
        f"{REMEDY}, the first seed": cured[0],
    }
    return Answer(
        claims=[
            Claim(
                "A generator that learns at a quarter of the discriminator's rate collapses less "
                "often than plain training does, even if that may try a second seed.",
                collapsed[REMEDY],
                "share of seeds that collapsed",
                {
                    "plain training": collapsed["plain"],
                    "plain training, two seeds of two": collapsed["plain"] ** 2,
                    "the discriminator slower instead": collapsed["slower D"],
                },
                better="lower",
                best=0.0,
            ),
            Claim(
                "The generator's loss, a third of the way through, says which seeds will have "
                "collapsed in the end; the discriminator's, read either way, says less.",
                announces("g_loss"),
                "area under the ROC curve",
                {
                    "a high loss of the discriminator": announces("d_loss"),
                    "a low loss of the discriminator": announces("d_loss", -1),
                    "a coin": 0.5,
                },
                better="higher",
                best=1.0,
            ),
            Claim(
                "Averaged over a hundred steps, the slower generator's weights draw digits closer "
                "to held-out ones than its last weights do.",
                averaged,
                "median Frechet distance of digit features",
                {"its last weights": typical(endings[REMEDY], "frechet")},
                better="lower",
                best=reference.frechet,
            ),
            Claim(
                "A Gaussian mixture, which has no game to lose, draws digits closer to held-out "
                "ones than the steady GAN: stability is not yet quality.",
                mixture.frechet,
                "Frechet distance of digit features",
                {
                    f"{REMEDY}, median": typical(endings[REMEDY], "frechet"),
                    f"{REMEDY}, averaged weights, median": averaged,
                },
                better="lower",
                best=reference.frechet,
            ),
        ],
        metrics={
            "early_auc_wide_score_gap": announces("score_gap"),
            "early_auc_high_gradient_norm": announces("gradient_norm"),
            "early_auc_low_recall": announces("recall", -1),
            "diverged_plain": share_diverged(endings["plain"], untrained),
            "recall_training_images": reference.recall,
            "recall_gaussian_mixture": mixture.recall,
            "frechet_untrained": untrained,
        }
        | {
            f"{score}_{remedy.replace(' ', '_')}": value
            for remedy, ends in endings.items()
            for score, value in (
                ("collapsed", collapsed[remedy]),
                ("median_recall", typical(ends, "recall")),
                ("median_frechet", typical(ends, "frechet")),
            )
        },
        media={
            "recall_over_training": recall_over_training(
                {
                    title: [(r.history.get("recall", []), r.ending) for r in done]
                    for title, done in (("plain training", plain), (REMEDY, cured))
                },
                every,
            ),
            "collapsed_by_remedy": shares_of_collapse(endings, untrained),
            "samples": side_by_side(
                {"held-out digits": held_out.images[:40]}
                | {
                    f"{title}: recall {r.ending.recall:.2f}": r.images[:40]
                    for title, r in shown.items()
                },
                columns=10,
            ),
        },
    )


if __name__ == "__main__":
    run_as_command(main)
