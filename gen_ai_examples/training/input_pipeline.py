"""Where does the time of training go: computing, or waiting for pictures?

A small VAE (Kingma & Welling 2013, https://arxiv.org/abs/1312.6114) learns emoji that lie on disk
as PNG. Each batch has to be read, decoded, augmented (mirrored or not, moved by some pixels, halved
in size) and mixed. First as many programs do it: a Python generator that opens one file after
another. Then the remedies of tf.data (Murray et al. 2021, https://arxiv.org/abs/2101.12127) are
added in turn, and each is measured with the real training step, taking turns: how long a step
takes, and how much of that the network waits for its input. Last, three faults that no timing
shows: a cache after random augmentation, a small shuffle buffer over data sorted by class, and
`repeat` before `shuffle`.

The article lists a parallel input pipeline and leaves it out of its snippet, whose `dataset` does
not exist: no cache, no prefetch, no timing. It speaks of preprocessing without saying what may be
done once, in front of the cache, and what has to be drawn anew for every pass, behind it.

    gen-ai-examples run training.input_pipeline

What to expect: leaving Python saves two fifths to half of a step; working on a whole batch at a
time, which spares the calls per picture, a quarter of the rest or more. Then the input is faster
than the training. Shards and decoding once still save some of the work; reading several files at
once and prefetching gain nothing that shows here: with two cores for both, nothing is idle that
could hide their work. All in memory is no faster. On a GPU, which leaves the processor free,
prefetch matters more, and from a network or a slow disk reading in parallel.

What mattered: to measure with the training step, since an input faster than that gains nothing.

Limits: small pictures, in files that the system keeps in memory. Ratios depend on the machine.
"""

import functools
import pathlib
import tempfile

import keras
import numpy as np
import tensorflow as tf
from PIL import Image

from gen_ai_examples.cli import run_as_command
from gen_ai_examples.common.answer import Answer, Claim
from gen_ai_examples.common.augment import mirror_and_shift
from gen_ai_examples.common.batches import batches, split_seed
from gen_ai_examples.common.fit import fit
from gen_ai_examples.common.media import to_uint8
from gen_ai_examples.common.methods.vae import VAE, vae_randomness
from gen_ai_examples.common.metrics.pipelines import commonest, delivered, distinct, step_seconds
from gen_ai_examples.common.nets.dense_vae import build_decoder, build_encoder
from gen_ai_examples.common.pipeline_pictures import overview
from gen_ai_examples.common.shards import shard_batches, with_seeds, write_shards
from gen_ai_examples.common.sources import image
from gen_ai_examples.common.sources.picture_files import opened_one_by_one
from gen_ai_examples.common.strategy import strategy

ANSWERS = ("Q18.2", "Q18.6", "Q7.3")
SMOKE = dict(steps=2, batch_size=8, turns=1, timed_steps=1, most=48)

SIZE, REACH = 64, 4  # pixels of a picture, and by how many it is moved at most
LATENTS = 32
SMALL = 100  # a shuffle buffer that is often seen
PARALLEL = tf.data.AUTOTUNE
NAIVE, PLAIN, FULL = "Python, file by file", "TensorFlow, file by file", "+ prefetched"
MEMORY = "all in memory"
FRESH, FROZEN = "augmented in every pass", "augmented, then cached"
NOISE = "noise cached, too"


def halved(pictures):
    """Bytes (B, 64, 64, 3) to (B, 32, 32, 3) in [-1, 1]."""
    return tf.nn.avg_pool2d(tf.cast(pictures, tf.float32) / 127.5 - 1, 2, 2, "VALID")


def augmented(batch, seed):
    """The batch with its images mirrored or not, moved and halved, and with the VAE's noise."""
    moves, noise = split_seed(seed, 2)
    pictures = tf.ensure_shape(batch["images"], (None, SIZE, SIZE, 3))
    moved = mirror_and_shift({"images": pictures}, moves, REACH, background=255)
    return vae_randomness(LATENTS)(batch | {"images": halved(moved["images"])}, noise)


def naive(files, batch_size, seed):
    """As Python programs read: open, decode and augment one picture after another."""
    shape = tf.TensorSpec((SIZE // 2, SIZE // 2, 3), tf.float32)
    pictures = tf.data.Dataset.from_generator(
        lambda: opened_one_by_one(files, REACH, seed), output_signature=shape
    )
    pictures = pictures.batch(batch_size).map(lambda images: {"images": images})
    return with_seeds(pictures, seed).map(vae_randomness(LATENTS))


def pipelines(files, index, pictures, batch_size, seed):
    """The naive loop; each remedy on top of those before it; and what needs no pipeline."""

    def read(file):
        return tf.io.decode_png(tf.io.read_file(file), 3)

    def one(file, seed):
        batch = augmented({"images": read(file)[None]}, seed)
        return {name: column[0] for name, column in batch.items()}

    def many(files, seed):
        pictures = tf.map_fn(read, files, fn_output_signature=tf.uint8)
        return augmented({"images": pictures}, seed)

    def of_shards(records, seed):
        return augmented(index.decode(records), seed)

    paths = tf.data.Dataset.from_tensor_slices(files).shuffle(len(files), seed).repeat()
    records = index.records().shuffle(index.count, seed).repeat()
    decoded = index.records().batch(batch_size).map(index.decode, PARALLEL).unbatch().cache()
    decoded = decoded.shuffle(index.count, seed).repeat()
    one_by_one = with_seeds(paths, seed)
    return {
        NAIVE: naive(files, batch_size, seed),
        PLAIN: one_by_one.map(one).batch(batch_size),
        "+ several at once": one_by_one.map(one, PARALLEL).batch(batch_size),
        "+ a batch at a time": with_seeds(paths.batch(batch_size), seed).map(many, PARALLEL),
        "+ from shards": with_seeds(records.batch(batch_size), seed).map(of_shards, PARALLEL),
        "+ decoded once": with_seeds(decoded.batch(batch_size), seed).map(augmented, PARALLEL),
        FULL: shard_batches(index.folder, batch_size, seed, augmented, cache=True),
        MEMORY: batches({"images": pictures}, batch_size, seed, augmented),
    }


def frozen(index, batch_size, seed, noise_too):
    """A fault: augmented in front of the cache, so that every pass brings the same pictures."""
    data = with_seeds(index.records().batch(batch_size), seed)
    data = data.map(lambda records, seed: augmented(index.decode(records), seed), PARALLEL)
    data = data.unbatch().cache().shuffle(index.count, seed).repeat()
    data = data.batch(batch_size, drop_remainder=True)
    return data if noise_too else with_seeds(data, seed).map(vae_randomness(LATENTS))


def build(steps, seed):
    keras.utils.set_random_seed(seed)
    shape = (SIZE // 2, SIZE // 2, 3)
    with strategy().scope():
        model = VAE(build_encoder(shape, LATENTS), build_decoder(shape, LATENTS))
        model.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(5e-4, steps)))
    return model


def learn(data, steps, test, seed):
    """Squared error of held-out pictures drawn from their latents, ten times in the training."""
    model, errors = build(steps, seed), []

    def note(*_):
        drawn = model.decoder(model.posterior(test)[0])
        errors.append(float(np.mean((drawn - test) ** 2)))

    watch = keras.callbacks.LambdaCallback(on_epoch_end=note)
    fit(model, data, steps, steps_per_epoch=-(-steps // 10), callbacks=[watch])
    return np.array(errors)


def main(
    steps=600, batch_size=64, turns=5, timed_steps=12, shards=8, most=400, seed=0,
    images: str | None = None,
) -> Answer:  # fmt: skip
    keras.utils.set_random_seed(seed)
    source = image.folder(images, SIZE) if images else image.emoji_pairs(SIZE)[1]
    train, held_out = source.split()
    test = augmented({"images": to_uint8(held_out.images[:most])}, [seed, -1])["images"]
    kept = np.argsort(train.labels[:most], kind="stable")  # by class, as data often lie there
    columns = {"images": to_uint8(train.images[kept]), "labels": train.labels[kept]}
    columns["rows"] = np.arange(len(kept))
    with tempfile.TemporaryDirectory() as folder:
        where = pathlib.Path(folder) / "shards"
        index = write_shards(columns, where, shards, "emoji", ["images"], progress=False)
        files = [f"{folder}/{i}.png" for i in range(len(kept))]
        for file, pixels in zip(files, columns["images"], strict=True):
            Image.fromarray(pixels).save(file)
        data = pipelines(files, index, columns["images"], batch_size, seed)
        step = tf.function(build(steps, seed).train_step, autograph=False)
        seconds = step_seconds(lambda batch: step(batch)["loss"], data, timed_steps, turns)

        shuffled = functools.partial(shard_batches, where, batch_size, seed, cache=True)
        trained_on = {FRESH: data[FULL], MEMORY: data[MEMORY]}
        for name, noise_too in ((FROZEN, False), (NOISE, True)):
            trained_on[name] = frozen(index, batch_size, seed, noise_too)
        quality = {name: learn(its, steps, test, seed) for name, its in trained_on.items()}
        n_batches = index.count // batch_size
        fresh, cached = (delivered(trained_on[its], 6 * n_batches) for its in (FRESH, FROZEN))
        small, whole = (delivered(its, n_batches) for its in (shuffled(buffer=SMALL), shuffled()))
        repeated = index.records().repeat().shuffle(index.count, seed).batch(batch_size)
        repeated = delivered(repeated.map(index.decode), n_batches)

    def of_one(its):  # what six passes made of one picture
        return its["images"][its["rows"] == fresh["rows"][0]][:6]

    def mixed(its):
        return commonest(np.split(its["labels"], n_batches))

    def some(its):  # of the batch in the middle of the pass
        return halved(np.split(its["images"], n_batches)[n_batches // 2][:12]).numpy()

    held = {name: float(values[-1]) for name, values in quality.items()}
    speed = {name: seconds[NAIVE][0] / its for name, (its, _) in seconds.items()}
    waiting = {name: waited / its for name, (its, waited) in seconds.items()}
    blank = float(np.mean((test - np.mean(test, 0)) ** 2))  # the mean picture, for each of them
    updates = np.linspace(0, steps, len(quality[FRESH]) + 1)[1:]
    return Answer(
        claims=[
            Claim(
                "The same network trains more than twice as fast from the whole pipeline as from "
                "a Python loop.",
                *(speed[FULL], "times as fast as the Python loop"),
                {"twice as fast": 2.0, PLAIN: speed[PLAIN]},
                better="higher",
            ),
            Claim(
                "The whole pipeline leaves the network little to wait for.",
                *(waiting[FULL], "share of the seconds of a step spent waiting for input"),
                {NAIVE: waiting[NAIVE], PLAIN: waiting[PLAIN]},
                better="lower",
                best=0.0,
            ),
            Claim(
                "What is drawn at random belongs behind the cache: in front of it, held-out "
                "pictures are drawn worse.",
                *(held[FRESH], "squared error of held-out pictures"),
                {FROZEN: held[FROZEN], NOISE: held[NOISE], "their mean": blank},
                better="lower",
            ),
            Claim(
                "In front of the cache, every pass brings the same pictures; behind it, nearly all "
                "are new.",
                *(distinct(fresh["images"]), "share of distinct pictures in six passes"),
                {FROZEN: distinct(cached["images"])},
                better="higher",
                best=1.0,
            ),
            Claim(
                "A shuffle buffer as large as the data mixes what is sorted by class; a small one "
                "does not.",
                *(mixed(whole), "share of the commonest class in a batch"),
                {f"a buffer of {SMALL}": mixed(small)},
                better="lower",
            ),
            Claim(
                "Shuffled, then repeated, a pass has no picture twice.",
                *(distinct(whole["rows"]), "share of distinct pictures in a pass"),
                {"repeated, then shuffled": distinct(repeated["rows"])},
                better="higher",
                best=1.0,
            ),
        ],
        metrics={f"{name}, times as fast": value for name, value in speed.items()}
        | {f"{name}, share of waiting": value for name, value in waiting.items()}
        | {f"{name}, squared error of held-out pictures": value for name, value in held.items()},
        media={
            "pipeline": overview(
                seconds,
                {name: (updates, values) for name, values in quality.items()},
                "Squared error, held-out pictures",
                {
                    f"One picture in six passes, {FRESH}": of_one(fresh),
                    FROZEN: of_one(cached),
                    f"A batch, shuffle buffer of {SMALL}": some(small),
                    "Shuffle buffer as large as the data": some(whole),
                },
            )
        },
    )


if __name__ == "__main__":
    run_as_command(main)
