"""Which learning rate trains a generative model best, and which schedule helps?

A small VAE (Kingma & Welling 2014, https://arxiv.org/abs/1312.6114) learns digits at rates over
three decades, under seven schedules, for as many updates. Each schedule is judged at the rate that
suits it, chosen on digits set aside from training, by how likely held-out digits are.

| schedule         | in Keras                       | source                                    |
|------------------|--------------------------------|-------------------------------------------|
| constant         | a number                       |                                           |
| and averaged     | `use_ema=True`                 | Polyak & Juditsky 1992,                   |
|                  |                                | https://doi.org/10.1137/0330046           |
| on a plateau     | callback `ReduceLROnPlateau`   | by the digits set aside                   |
| three steps down | `PiecewiseConstantDecay`       |                                           |
| periodic         | `CosineDecayRestarts`          | https://arxiv.org/abs/1608.03983          |
| cosine to zero   | `CosineDecay`                  | the same, without restarts                |
| warm-up, cosine  | `CosineDecay(warmup_target=)`  | Goyal et al. 2017,                        |
|                  |                                | https://arxiv.org/abs/1706.02677          |

The article gives the rate to `compile`, which knows no such argument: it belongs to the optimizer.
It lets the rate avoid over-fitting; the run finds the gap between training and held-out digits
widest at good rates, and small at low ones only because those have learned little. And it
recommends periodic rates: they are better than constant ones, and no better than one fall to zero.

    gen-ai-examples run training.learning_rate

What to expect: the best constant rate is a few times the default of Keras' Adam, and far better for
it; ten times the default is worse, thirty times bad. A rate that falls to zero ends better still,
from a start that is too high for a constant one; how it falls matters little, and a warm-up adds
less at that rate than it saves at one that is too high. Averaged weights gain as much as a fall to
zero without a warm-up, and nearly as much as one with it.

What mattered: the peak of the rate first, then that the rate, or the weights' wandering, comes to
rest in the end. Each schedule has a rate of its own, several times higher if it falls: at the rate
that suits a constant one, falling to zero hardly pays. Compare at one rate, and whichever schedule
it suits seems to be best.

Traps: a schedule counts updates, not epochs; in `CosineDecay` the warm-up comes on top of
`decay_steps`, and `initial_learning_rate=0` fails where 0.0 works; `ReduceLROnPlateau` fails with a
schedule. `--images DIR` trains on your own pictures, as 14x14 greys.

Limits: one small model, Adam, rates in steps of about three. A schedule that ends needs its end
known beforehand; averaged weights do not. training.gan_learning_rates asks the same of a GAN,
training.batch_size what the rate has to do with the batch.
"""

import keras
import numpy as np
from keras.optimizers import schedules
from sklearn.decomposition import PCA

from gen_ai_examples.cli import run_as_command
from gen_ai_examples.common.answer import Answer, Claim
from gen_ai_examples.common.batches import batches
from gen_ai_examples.common.fit import TrainingDiverged, fit
from gen_ai_examples.common.methods.vae import VAE, vae_randomness
from gen_ai_examples.common.methods.vae_watch import VAEWatch, elbos
from gen_ai_examples.common.nets.dense_vae import build_decoder, build_encoder
from gen_ai_examples.common.rate_pictures import Panel, by_rate, courses
from gen_ai_examples.common.rate_sweep import best_rate, by_its_rate, table
from gen_ai_examples.common.sources import image
from gen_ai_examples.common.strategy import strategy

ANSWERS = ("Q18.4", "Q10.1")
SMOKE = dict(steps=10, rates=1, looks=1)

DEFAULT = 1e-3  # of Keras' Adam
RATES = (DEFAULT, 3e-3, 1e-2, 3e-2)
# The constant rate, which the others have to beat, is tried more finely, and far outside.
MORE_RATES = (1e-4, 3e-4, 2e-3, 5e-3, 1e-1)
SHOWN = 24  # digits of each kind

CONSTANT, AVERAGED, PLATEAU = "constant", "constant, weights averaged", "lowered on a plateau"
PERIODIC, COSINE, WARM = "periodic", "cosine to zero", "warm-up, cosine to zero"
SCHEDULES = {
    CONSTANT: lambda rate, steps: rate,
    AVERAGED: lambda rate, steps: rate,
    PLATEAU: lambda rate, steps: rate,
    "three steps down": lambda rate, steps: schedules.PiecewiseConstantDecay(
        [steps * 6 // 10, steps * 8 // 10, steps * 9 // 10], [rate, rate / 4, rate / 16, rate / 64]
    ),
    # Cycles of 1, 2 and 4 parts; it ends as low as `COSINE`.
    PERIODIC: lambda rate, steps: schedules.CosineDecayRestarts(rate, -(-steps // 7), t_mul=2.0),
    COSINE: lambda rate, steps: schedules.CosineDecay(rate, steps),
    # Keras adds the two durations; 0 in place of 0.0 fails.
    WARM: lambda rate, steps: schedules.CosineDecay(
        0.0, steps - steps // 10, warmup_target=rate, warmup_steps=steps // 10
    ),
}


def train_vae(sets, schedule, rate, steps, every, batch_size, seed):
    """ELBO of each set in the end, what `VAEWatch` noted, and the first held-out digits restored.

    A training that diverges counts as none.
    """
    images, noise = sets["training"]
    shape, latent_dim = images.shape[1:], noise.shape[1]
    keras.utils.set_random_seed(seed)
    with strategy().scope():
        model = VAE(build_encoder(shape, latent_dim, 128), build_decoder(shape, latent_dim, 128))
        adam = dict(use_ema=True, ema_momentum=0.99) if schedule == AVERAGED else {}
        model.compile(keras.optimizers.Adam(SCHEDULES[schedule](rate, steps), **adam))
    model.name = f"{schedule}, {rate:g}"  # for the progress
    untrained = elbos(model, sets), restore(model, sets)
    watched = {name: its for name, its in sets.items() if name != "training"}
    hooks = [VAEWatch(watched)]
    if schedule == PLATEAU:
        hooks.append(
            keras.callbacks.ReduceLROnPlateau("set aside", mode="max", factor=0.3, patience=2)
        )
    columns = batches({"images": images}, batch_size, seed, vae_randomness(latent_dim))
    try:
        fit(model, columns, steps, callbacks=hooks, steps_per_epoch=every)
    except TrainingDiverged:
        return untrained[0], model.history.history, untrained[1]
    return elbos(model, sets), model.history.history, restore(model, sets)


def restore(model, sets):
    means, _ = model.posterior(sets["held out"][0][:SHOWN])
    return keras.ops.convert_to_numpy(model.decoder(means))


def main(
    steps=1500,
    batch_size=32,
    rates=4,
    looks=20,
    latent_dim=16,
    seed=0,
    images: str | None = None,
) -> Answer:
    train, held_out = (image.folder(images, 28, channels=1) if images else image.mnist()).split()
    fitted, set_aside = train.split()
    parts = {"training": fitted, "set aside": set_aside, "held out": held_out}
    rng, sets = np.random.default_rng(seed), {}
    for name, part in parts.items():
        noise = rng.normal(size=(len(part), latent_dim)).astype("float32")
        sets[name] = halved(part.images), noise
    flat = {name: its.reshape(len(its), -1) for name, (its, _) in sets.items()}
    components = PCA(latent_dim, random_state=0).fit(flat["training"])
    principal = float(components.score(flat["held out"]))

    ends, histories, restored, every = {}, {}, {}, max(1, steps // looks)
    for schedule in SCHEDULES:
        more = MORE_RATES if schedule == CONSTANT and rates == len(RATES) else ()
        for rate in sorted(RATES[:rates] + more):
            run = train_vae(sets, schedule, rate, steps, every, batch_size, seed)
            key = schedule, rate
            ends[key], histories[key], restored[key] = run
    best = {schedule: best_rate(ends, schedule, "higher") for schedule in SCHEDULES}
    likely = {schedule: ends[schedule, rate]["held out"] for schedule, rate in best.items()}
    shorter = train_vae(sets, WARM, best[WARM], steps * 3 // 4, every, batch_size, seed)[0]
    tuned = {schedule: likely[schedule] for schedule in (CONSTANT, PLATEAU)}
    lowest, high = min(by_its_rate(ends, CONSTANT)), RATES[:rates][-1]
    # While it trains, the averaged model is the constant one.
    winners = {name: histories[name, rate] for name, rate in best.items() if name != AVERAGED}
    return Answer(
        claims=[
            Claim(
                "A rate that warms up and then falls to zero makes held-out digits likelier than "
                "a constant one, or one lowered on a plateau, each at the rate that suits it.",
                *(likely[WARM], "ELBO, nats per digit"),
                tuned
                | {
                    "constant, Keras' default rate": ends[CONSTANT, DEFAULT]["held out"],
                    "principal components, as many as latents": principal,
                },
                better="higher",
            ),
            Claim(
                "Three quarters of the updates are then enough to pass the best constant rate.",
                *(
                    shorter["held out"],
                    "ELBO, nats per digit",
                    {"constant, all updates": likely[CONSTANT]},
                ),
                better="higher",
                best=likely[WARM],
            ),
            Claim(
                "Averaged weights gain nearly as much from a constant rate, which has no end to "
                "plan for.",
                *(likely[AVERAGED], "ELBO, nats per digit", tuned),
                better="higher",
                best=likely[WARM],
            ),
            Claim(
                "A rate that rises again and again leaves held-out digits less likely than one "
                "that falls to zero once.",
                *(likely[COSINE], "ELBO, nats per digit", {PERIODIC: likely[PERIODIC]}),
                better="higher",
                best=likely[WARM],
            ),
            Claim(
                "A warm-up takes much of the harm out of a rate that is too high.",
                *(ends[WARM, high]["held out"], "ELBO, nats per digit"),
                {
                    f"{name}, the same rate": ends[name, high]["held out"]
                    for name in (COSINE, CONSTANT)
                },
                better="higher",
                best=likely[WARM],
            ),
            Claim(
                "A learning rate does not guard against over-fitting: the constant rate that is "
                "best for held-out digits is farther ahead on those it trained on than low rates.",
                gap(ends[CONSTANT, best[CONSTANT]]),
                "nats per digit, training above held-out",
                {
                    "the lowest rate tried": gap(ends[CONSTANT, lowest]),
                    "Keras' default rate": gap(ends[CONSTANT, DEFAULT]),
                },
                better="higher",
            ),
        ],
        metrics={f"best rate, {name}": rate for name, rate in best.items()}
        | {f"ELBO of training digits, {n}": ends[n, r]["training"] for n, r in best.items()},
        media={
            "rates": by_rate(
                Panel(
                    "A small VAE on digits",
                    "Learning rate, at its highest",
                    "ELBO of held-out digits, nats (higher is better)",
                    {schedule: by_its_rate(ends, schedule) for schedule in SCHEDULES},
                    {"principal components": principal},
                    "higher",
                    (-130, 5),
                ),
                {
                    f"{schedule}, {rate:g}": restored[schedule, rate]
                    for schedule, rate in (
                        (CONSTANT, lowest),
                        (CONSTANT, DEFAULT),
                        (CONSTANT, best[CONSTANT]),
                        (WARM, best[WARM]),
                    )
                }
                | {"held-out digits, which the others restore": sets["held out"][0][:SHOWN]},
            ),
            "training": courses(
                {name: its["rate"] for name, its in winners.items()},
                {name: its["held out"] for name, its in winners.items()},
                *(every, "ELBO of held-out digits, nats", principal - 40),
            ),
            "table": table(ends, "ELBO in nats per digit"),
        },
    )


def halved(images):
    """Pixels (N, 2 H, 2 W, 1) averaged to (N, H, W, 1): several dozen trainings take a minute."""
    n, height, width, _ = images.shape
    return images.reshape(n, height // 2, 2, width // 2, 2, 1).mean((2, 4))


def gap(end):
    return end["training"] - end["held out"]


if __name__ == "__main__":
    run_as_command(main)
