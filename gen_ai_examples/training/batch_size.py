"""Do small batches train better, or large ones faster?

A small VAE (Kingma & Welling 2013, https://arxiv.org/abs/1312.6114) of dense layers learns digits
with batches of 8 to 512, each at the learning rate that suits it, until held-out digits are as
likely as under probabilistic principal components (Tipping & Bishop 1999,
https://doi.org/10.1111/1467-9868.00196) with as many latents: the classical model sets the mark.
Counted are updates, passes over the data, and seconds; and how far the gradient of a batch is from
that of all the data, which is what a batch estimates.

The article says in one place that small batches give a finer estimate of the gradient, and in
another that large batches take longer to train. The first is wrong: the error falls in proportion
to the size. The second mixes up three clocks: a pass is quicker with large batches, the number of
updates falls, and the number of passes rises (McCandlish et al. 2018,
https://arxiv.org/abs/1812.06162; Shallue et al. 2019, https://arxiv.org/abs/1811.03600).

    gen-ai-examples run training.batch_size

What to expect: from 8 to 128 every fourfold batch saves updates, though never three quarters of
them; at 512 it saves hardly any, and nearly all the computation that it adds is lost. The smallest
batch needs the fewest passes. In seconds medium batches win: tiny ones leave the processor idle
between updates. The best learning rate doubles from 8 to 32, as the rates that were tried show it,
and then stays.

What mattered: a learning rate chosen for each batch size. With one for all, whichever size it suits
seems to be the best one. It is chosen on digits set aside from training, not on the held-out ones.

Limits: one small model; the sizes at which more stops helping depend on the data and the stage of
training, and on large models they are far larger. On a GPU seconds favour larger batches than on a
processor with few cores.
"""

import functools

import keras
import numpy as np
import tensorflow as tf
from sklearn.decomposition import PCA

from gen_ai_examples.cli import run_as_command
from gen_ai_examples.common.answer import Answer, Claim
from gen_ai_examples.common.batch_pictures import clocks, races
from gen_ai_examples.common.batches import batches
from gen_ai_examples.common.fit import TrainingDiverged, fit
from gen_ai_examples.common.media import Text
from gen_ai_examples.common.methods.vae import VAE, vae_randomness
from gen_ai_examples.common.metrics.gradients import gradient_errors
from gen_ai_examples.common.nets.dense_vae import build_decoder, build_encoder
from gen_ai_examples.common.sources import image
from gen_ai_examples.common.strategy import strategy
from gen_ai_examples.common.timing import take_turns

ANSWERS = ("Q18.3", "Q10.2")
SMOKE = dict(limit=512, every=512, rates=1, gradient_batches=1, timed_steps=1)

SIZES = (8, 32, 128, 512)
# About in proportion to the square root of the batch's size.
RATES = {8: (2e-3, 1e-3, 4e-3), 32: (4e-3, 2e-3), 128: (4e-3, 2e-3, 8e-3), 512: (4e-3, 8e-3)}


def race(model, data, steps, every, sets, marks):
    """What `Watch` noted, by set; nothing if the rate is too high to train at all."""
    watch = Watch(sets, marks)
    try:
        return fit(model, data, steps, steps_per_epoch=every, callbacks=[watch]).history
    except TrainingDiverged:
        return {name: [] for name in sets}


class Watch(keras.callbacks.Callback):
    """Notes the ELBO of sets of digits after each epoch, and stops when all are past their mark."""

    def __init__(self, sets, marks):
        super().__init__()
        self.sets, self.marks = sets, marks

    def on_epoch_end(self, epoch, logs):
        for name, (images, noise) in self.sets.items():
            logs[name] = float(np.mean(elbo(self.model, images, noise)))
        self.model.stop_training = all(logs[name] > mark for name, mark in self.marks.items())


def elbo(model, images, noise):
    log_likelihoods, kls = model.elbo_terms(images, noise)
    return log_likelihoods - kls


def build(shape, latent_dim, rate, seed):
    keras.utils.set_random_seed(seed)
    with strategy().scope():
        model = VAE(build_encoder(shape, latent_dim), build_decoder(shape, latent_dim))
        model.compile(keras.optimizers.Adam(rate))
    return model


def crossing(values, mark, step):
    """After how many examples `values`, one every `step`, rise above the mark; infinite if never.

    Between two looks it is taken to rise in a line.
    """
    above = np.flatnonzero(np.asarray(values) > mark)
    if not len(above):
        return float("inf")
    i = int(above[0])
    if i == 0:
        return float(step)
    before, after = values[i - 1], values[i]
    return step * (i + (mark - before) / (after - before))


def main(
    limit=200_000,
    every=1024,
    rates=3,
    latent_dim=16,
    gradient_batches=64,
    timed_steps=31,
    seed=0,
    images: str | None = None,
) -> Answer:
    data = image.folder(images, size=28, channels=1) if images else image.mnist()
    train, held_out = data.split()
    fitted, chosen_on = train.split()
    shape, rng = fitted.images.shape[1:], np.random.default_rng(seed)
    classical = PCA(latent_dim, random_state=0).fit(flat(fitted.images))
    sets, marks = {}, {}
    for name, its in (("set aside", chosen_on), ("held out", held_out)):
        sets[name] = its.images, rng.normal(size=(len(its), latent_dim)).astype("float32")
        marks[name] = float(classical.score(flat(its.images)))

    runs, histories, models = {}, {}, {}
    for size in SIZES:
        columns = batches({"images": fitted.images}, size, seed, vae_randomness(latent_dim))
        for rate in RATES[size][:rates]:
            model = build(shape, latent_dim, rate, seed)
            history = race(model, columns, limit // size, every // size, sets, marks)
            seen = {n: crossing(history[n], mark, every) for n, mark in marks.items()}
            runs[size, rate] = {name: min(examples, limit) for name, examples in seen.items()}
            if rate == best_rate(runs, size):
                histories[size], models[size] = history["held out"], model
    best = {size: best_rate(runs, size) for size in SIZES}
    examples = {size: runs[size, best[size]]["held out"] for size in SIZES}
    updates = {size: examples[size] / size for size in SIZES}
    passes = {size: examples[size] / len(fitted) for size in SIZES}
    step_seconds = time_steps(models, fitted.images, latent_dim, timed_steps)
    seconds = {size: updates[size] * step_seconds[size] for size in SIZES}
    errors = gradient_errors(
        functools.partial(gradient, models[32], fitted.images, latent_dim),
        *(len(fitted), SIZES, gradient_batches, seed),
    )

    def claim(statement, values, size, unit, rivals=SIZES):
        beaten = {f"batches of {n}": values[n] for n in rivals if n != size}
        return Claim(statement, values[size], unit, beaten, better="lower")

    return Answer(
        claims=[
            claim(
                "The larger the batch, the finer its estimate of the gradient.",
                *(errors, 512, "squared error of the gradient, relative to its square"),
            ),
            claim(
                "Larger batches need fewer updates to make held-out digits as likely as "
                "principal components do.",
                *(updates, 128, "updates", (8, 32)),
            ),
            claim(
                "Smaller batches need fewer passes over the data for the same.",
                *(passes, 8, "passes"),
            ),
            claim(
                "One pass over the data takes less time with large batches.",
                {n: step_seconds[n] / n * len(fitted) for n in SIZES},
                *(512, "seconds", (8, 32)),
            ),
            claim(
                "In seconds, a medium batch reaches that mark before the largest one.",
                *(seconds, 32, "seconds", (512,)),
            ),
        ],
        metrics={"noise scale of the gradient": float(np.mean([n * e for n, e in errors.items()]))}
        | {f"best learning rate, batches of {n}": best[n] for n in SIZES}
        | {f"seconds to the mark, batches of {n}": seconds[n] for n in SIZES},
        media={
            "clocks": clocks(
                {
                    "Error of the gradient": errors,
                    "Updates to the mark": updates,
                    "Passes over the data": passes,
                    "Seconds": seconds,
                }
            ),
            "training": races(
                histories, marks["held out"], "principal components", every, len(fitted)
            ),
            "learning_rates": Text(rate_table(runs, limit)),
        },
    )


def flat(images):
    return images.reshape(len(images), -1)


def best_rate(runs, size):
    """The rate that got there first on the digits set aside from training."""
    tried = {rate: its["set aside"] for (n, rate), its in runs.items() if n == size}
    return min(tried, key=tried.get)


def gradient(model, images, latent_dim, rows):
    """Flat gradient (P,) of the mean loss of the examples `rows`, each with noise of its own."""
    noise = tf.gather(
        tf.random.stateless_normal((len(images), latent_dim), (0, 0)), tf.cast(rows, tf.int32)
    )
    with tf.GradientTape() as tape:
        loss = -tf.reduce_mean(elbo(model, tf.gather(images, rows), noise))
    return tf.concat([tf.reshape(g, [-1]) for g in tape.gradient(loss, model.trainable_weights)], 0)


def time_steps(models, images, latent_dim, turns):
    """Median seconds of a step by batch size, taking turns."""
    calls = {}
    for size, model in models.items():
        noise = np.zeros((size, latent_dim), "float32")
        batch = {"images": tf.constant(images[:size]), "noise": tf.constant(noise)}
        step = tf.function(model.train_step, autograph=False)
        step(batch)  # traces
        calls[size] = functools.partial(lambda its, b, _: its(b)["loss"].numpy(), step, batch)
    return take_turns(calls, range(turns))[0]


def rate_table(runs, limit):
    lines = ["Examples seen until digits set aside from training reach the mark:", ""]
    for (size, rate), its in runs.items():
        seen = its["set aside"]
        text = f"{seen:,.0f}" if seen < limit else f"not within {limit:,}"
        lines.append(f"batches of {size:>3}, learning rate {rate:g}: {text}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    run_as_command(main)
