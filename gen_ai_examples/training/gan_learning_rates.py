"""Should the two players of a GAN learn at the same rate, and should their rates fall?

A small GAN of dense layers (Goodfellow et al. 2014, https://arxiv.org/abs/1406.2661) learns 8x8
digits at rates from 0.001 to 0.03, with the generator at three times, once or a third of the
discriminator's rate (two time scales, Heusel et al. 2017, https://arxiv.org/abs/1706.08500), and
with rates that stay or fall to zero along a line. Each combination plays from several seeds; their
median Frechet distance from digits set aside from training chooses its rate, and the distance from
held-out digits judges it, on the features of a digit classifier.

The article lists the learning rate among the ways to better samples, in one sentence, and names one
rate. A GAN has two, and their ratio matters as much as their size.

    gen-ai-examples run training.gan_learning_rates

What to expect: a generator faster than its critic fools it instead of learning from it, whatever
the rate. At a third of the critic's rate it draws better than at an equal one, and good rates are
easier to hit. Equal rates that fall to zero are as good a remedy: the players stop circling each
other. Both remedies together gain nothing more, but forgive a rate that is too high.

What mattered: several seeds. One game varies by a half at the same rates, and more near those at
which it breaks down; evaluation.stability counts such collapses, and finds the same remedy.

Limits: one small game, rates in steps of about three, Adam with beta_1 = 0.5. A third is no law:
Heusel et al. tune both rates for each task. How many games are played was decided with held-out
scores in sight. A Gaussian mixture draws closer than this small GAN; image.dcgan is one that beats
it. `--images DIR` plays with your own pictures, as 8x8 greys.
"""

import contextlib
import functools

import keras
import numpy as np
from keras.optimizers import schedules

from gen_ai_examples.cli import run_as_command
from gen_ai_examples.common.answer import Answer, Claim
from gen_ai_examples.common.batches import batches
from gen_ai_examples.common.fit import TrainingDiverged, fit
from gen_ai_examples.common.methods.gan import GAN, gan_randomness
from gen_ai_examples.common.methods.gan_watch import draw, start_anew
from gen_ai_examples.common.methods.mixture import PixelMixture
from gen_ai_examples.common.metrics.features import train_judge
from gen_ai_examples.common.metrics.image import features_frechet
from gen_ai_examples.common.nets.dense_gan import build_discriminator, build_generator
from gen_ai_examples.common.rate_pictures import Panel, by_rate
from gen_ai_examples.common.rate_sweep import best_rate, by_its_rate, table
from gen_ai_examples.common.sources import image
from gen_ai_examples.common.strategy import strategy

ANSWERS = ("Q13.2",)
SMOKE = dict(steps=2, batch_size=8, rates=1, seeds=1, judge_steps=2)

DEFAULT = 1e-3  # of Keras' Adam
RATES = (DEFAULT, 3e-3, 1e-2, 3e-2)  # of the discriminator
SHOWN = 32  # images of each kind

EQUAL, SLOWER, FASTER = "equal rates", "generator at a third", "generator at three times"
EQUAL_FALLING, FALLING = "equal rates, falling to zero", "generator at a third, falling to zero"
# The generator's rate, beside the discriminator's, and whether both fall.
GAMES = {
    FASTER: (3, False),
    EQUAL: (1, False),
    SLOWER: (1 / 3, False),
    EQUAL_FALLING: (1, True),
    FALLING: (1 / 3, True),
}


def build_gan(latent_dim, g_rate, d_rate, falling_steps=0):
    """With `falling_steps` both rates fall to zero along a line, in so many updates."""
    rates = (g_rate, d_rate)
    if falling_steps:
        rates = [schedules.PolynomialDecay(rate, falling_steps, 0.0) for rate in rates]

    with strategy().scope():
        gan = GAN(build_generator(latent_dim), build_discriminator())
        gan.compile(*(keras.optimizers.Adam(rate, beta_1=0.5) for rate in rates))
    return gan


def play(gan, build, images, latents, steps, batch_size, seeds):
    """What the generators of all `seeds` draw, (N, 8, 8, 1) each.

    `gan` is trained from what `build()` gives, which may differ in its constant rates.
    """
    drawn = []
    for seed in seeds:
        keras.utils.set_random_seed(seed)
        start_anew(gan, build())
        columns = batches({"images": images}, batch_size, seed, gan_randomness(latents.shape[1]))
        # A game that is lost is no error: what the generator draws now counts.
        with contextlib.suppress(TrainingDiverged):
            fit(gan, columns, steps, steps_per_epoch=steps)
        drawn.append(draw(gan.generator, latents))
    return drawn


def main(
    steps=1000,
    batch_size=32,
    latent_dim=16,
    rates=4,
    seeds=5,
    judge_steps=600,
    seed=0,
    images: str | None = None,
) -> Answer:
    data = image.folder(images, size=8, channels=1) if images else image.digits()
    train, held_out = data.split()
    fitted, set_aside = train.split()
    n = len(held_out)
    judge = train_judge(train, judge_steps)
    real = {"set aside": judge(set_aside.images), "held out": judge(held_out.images)}
    latents = np.random.default_rng(seed).normal(size=(n, latent_dim)).astype("float32")

    its_seeds = [1000 * seed + i for i in range(seeds)]
    drawn, found, gan = {}, {}, None
    for game, (times, falling) in GAMES.items():
        for rate in RATES[:rates]:
            build = functools.partial(
                build_gan, latent_dim, times * rate, rate, steps if falling else 0
            )
            # `fit` has to trace a schedule anew; a constant rate is a weight like others.
            gan = build() if falling or gan is None else gan
            gan.name = f"{game}, {rate:g}"  # for the progress
            drawn[game, rate] = play(
                gan, build, fitted.images, latents, steps, batch_size, its_seeds
            )
            found[game, rate] = {
                part: median_frechet(judge, its, drawn[game, rate]) for part, its in real.items()
            }
    best = {game: best_rate(found, game, "lower") for game in GAMES}
    frechet = {game: found[game, rate]["held out"] for game, rate in best.items()}
    attainable = features_frechet(real["held out"], judge(train.images[:n]))
    mixture = judge.frechet(
        held_out.images, PixelMixture(fitted, seed=seed).sample(held_out.labels)
    )
    shown = {
        "equal rates, far too high": (EQUAL, RATES[:rates][-1]),
        "equal rates, Keras' default": (EQUAL, DEFAULT),
        "equal rates, the best": (EQUAL, best[EQUAL]),
        SLOWER: (SLOWER, best[SLOWER]),
        FALLING: (FALLING, best[FALLING]),
    }
    return Answer(
        claims=[
            Claim(
                "A generator that learns at a third of the discriminator's rate draws digits "
                "closer to held-out ones, each ratio at the rates that suit it.",
                *(frechet[SLOWER], "median Frechet distance of digit features"),
                {
                    EQUAL: frechet[EQUAL],
                    FASTER: frechet[FASTER],
                    "Keras' default rate for both": found[EQUAL, DEFAULT]["held out"],
                },
                better="lower",
                best=attainable,
            ),
            Claim(
                "Equal rates that fall to zero draw digits closer to held-out ones than equal "
                "rates that stay, each at the start that suits it.",
                *(frechet[EQUAL_FALLING], "median Frechet distance of digit features"),
                {
                    EQUAL: frechet[EQUAL],
                    "Keras' default rate for both": found[EQUAL, DEFAULT]["held out"],
                },
                better="lower",
                best=attainable,
            ),
            Claim(
                "A Gaussian mixture, which has no rate to tune, still draws closer than this small "
                "GAN does.",
                *(mixture, "median Frechet distance of digit features"),
                {game: frechet[game] for game in (SLOWER, EQUAL_FALLING, FALLING)},
                better="lower",
                best=attainable,
            ),
        ],
        metrics={f"best rate of the discriminator, {game}": rate for game, rate in best.items()}
        | {f"Frechet distance, {game}": value for game, value in frechet.items()},
        media={
            "rates": by_rate(
                Panel(
                    "A small GAN on digits",
                    "Learning rate of the discriminator, at its highest",
                    "Frechet distance from held-out digits (lower is better)",
                    {game: by_its_rate(found, game) for game in GAMES},
                    {"Gaussian mixture": mixture},
                    "lower",
                    (mixture / 1.5, 1000),
                    log=True,
                ),
                {title: drawn[key][0][:SHOWN] for title, key in shown.items()}
                | {"held-out digits": held_out.images[:SHOWN]},
                columns=SHOWN // 2,
            ),
            "table": table(found, "Median Frechet distance, by the discriminator's rate"),
        },
    )


def median_frechet(judge, real, drawn):
    """Of the images of several seeds."""
    return float(np.median([features_frechet(real, judge(images)) for images in drawn]))


if __name__ == "__main__":
    run_as_command(main)
