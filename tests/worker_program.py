"""What each worker of a test runs: trains every method for a few steps and saves the weights.

    python worker_program.py FOLDER NAME [METHOD]

Without TF_CONFIG it is the one device that the workers are compared with. With a method, worker 1
dies at some step of its training; started again, all go on from what the chief has saved.
"""

import json
import os
import pathlib
import random
import signal
import sys

import keras
import numpy as np
import tensorflow as tf
from keras import layers

import gen_ai_examples  # noqa: F401  before Keras: it chooses the backend
from gen_ai_examples.common import fit as fitting
from gen_ai_examples.common.batches import batches
from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.fit import fit
from gen_ai_examples.common.methods.autoregressive import Autoregressive
from gen_ai_examples.common.methods.flow import FlowMatching, flow_randomness
from gen_ai_examples.common.methods.gan import GAN, gan_randomness, wasserstein
from gen_ai_examples.common.methods.vae import VAE, vae_randomness
from gen_ai_examples.common.nets.transformer import CausalTransformer
from gen_ai_examples.common.sources import image
from gen_ai_examples.common.strategy import precision, strategy
from gen_ai_examples.common.workers import from_chief

STEPS, EPOCH, LATENT_DIM = 10, 4, 4
fitting.SAVE_SECONDS = 0  # after every call: what is lost is less than one


def networks(norm=None):
    """Of 8x8 digits: to one logit, to a posterior, and a generator; with batch normalisation."""
    picture, z = keras.Input((8, 8, 1)), keras.Input((LATENT_DIM,))
    h = layers.Dense(16, use_bias=False)(layers.Flatten()(picture))
    g = layers.Dense(16, use_bias=False)(z)
    if norm:
        h, g = norm()(h), norm()(g)
    h = layers.LeakyReLU(0.2)(h)
    generator = keras.Model(z, layers.Reshape((8, 8, 1))(layers.Dense(64)(layers.ReLU()(g))))
    return *(keras.Model(picture, layers.Dense(n)(h)) for n in (1, 2 * LATENT_DIM)), generator


def synchronised():
    return layers.BatchNormalization(synchronized=True)


def gan(norm=synchronised):
    discriminator, _, generator = networks(norm)
    model = GAN(generator, discriminator)
    model.compile(keras.optimizers.Adam(1e-3), keras.optimizers.Adam(1e-3))
    return model, gan_randomness(LATENT_DIM)


def gan_normalised_apart():
    """Each replica by the statistics of its own examples: another model than on one device."""
    return gan(layers.BatchNormalization)


def wgan_gp():
    discriminator, _, generator = networks()
    model = GAN(generator, discriminator, wasserstein, gradient_penalty=10.0, discriminator_steps=4)
    model.compile(keras.optimizers.Adam(1e-3), keras.optimizers.Adam(1e-3))
    return model, gan_randomness(LATENT_DIM)


def vae():
    _, encoder, generator = networks(synchronised)
    model = VAE(encoder, generator)
    schedule = keras.optimizers.schedules.CosineDecay(1e-2, STEPS)
    # Some pixels never change: in single precision their gradients are rounding alone.
    model.compile(keras.optimizers.Adam(schedule, epsilon=1e-3))
    return model, vae_randomness(LATENT_DIM)


def flow():
    x, t, label = keras.Input((8, 8, 1)), keras.Input(()), keras.Input(())
    t_ = layers.Reshape((1,))(t)
    h = layers.Concatenate()([layers.Flatten()(x), t_, layers.Reshape((1,))(label)])
    out = layers.Reshape((8, 8, 1))(layers.Dense(64)(layers.Dense(32, "silu")(h)))
    model = FlowMatching(keras.Model([x, t, label], out), 10)
    model.compile(keras.optimizers.AdamW(1e-2, use_ema=True, ema_momentum=0.9))
    return model, flow_randomness(10)


def autoregressive():
    model = Autoregressive(CausalTransformer(17, 64, starts=10, dim=16, depth=1, heads=2))
    model.compile(keras.optimizers.Adam(1e-2))
    return model, None


METHODS = [gan, gan_normalised_apart, wgan_gp, vae, flow, autoregressive]


class Death(keras.callbacks.Callback):
    """Ends this process at a step of its own for each method, between the first and the last."""

    def __init__(self, method):
        super().__init__()
        self.last = random.Random(method).randrange(2, STEPS)

    def on_epoch_begin(self, epoch, logs=None):
        self.before = epoch * EPOCH

    def on_train_batch_end(self, batch, logs=None):
        if self.before + batch + 1 >= self.last:
            os.kill(os.getpid(), signal.SIGKILL)


def begun(path):
    """The step from which training goes on."""
    if not path.exists():
        return 0
    with np.load(path) as saved:
        return json.loads(str(saved["meta"]))["step"]


def train(build, folder, dies):
    digits = image.digits()
    levels = ((digits.images.reshape(-1, 64) + 1) * 8).round().astype("int32")
    columns = {"images": digits.images, "labels": digits.labels, "tokens": levels}
    used = ("tokens", "labels") if build is autoregressive else ("images", "labels")
    keras.utils.set_random_seed(0)
    # The games in double precision, since they blow rounding up.
    with strategy().scope(), precision("float64" if "gan" in build.__name__ else "float32"):
        model, randomness = build()
    data = batches({name: columns[name] for name in used}, 16, 0, randomness)
    losses = fit(
        model,
        data,
        STEPS,
        steps_per_epoch=EPOCH,
        steps_per_call=1,
        checkpoint=folder / "model.npz",
        callbacks=[Death(build.__name__)] if dies else [],
    ).history
    return {
        f"{'weight' if v.trainable else 'state'} {i}": v.numpy()
        for i, v in enumerate(model.weights)
    } | {f"loss {name}": values for name, values in losses.items()}


def received(name):
    """What reaches this worker of the chief's bytes, zeros and an odd length included."""
    contents = [b"\x00chief\xff\x00", b"", None]
    mine = contents if name == "0" else [b"own", None, b"own"]
    found = [from_chief(strategy(), content) for content in mine]
    return found == contents


def disagree(name):
    """Each worker with data of its own."""
    with strategy().scope():
        model = keras.Sequential([keras.Input((3,)), layers.Dense(1)])
        model.compile(keras.optimizers.SGD(0.1), "mse")
    x = np.full((8, 3), float(name == "1"), "float32")
    data = tf.data.Dataset.from_tensors((x, x[:, :1])).repeat()
    try:
        fit(model, data, 2, progress=False)
    except InputError as error:
        return str(error)
    return "trained"


def main(folder, name, last=None):
    words = {"replicas": strategy().num_replicas_in_sync}
    for build in METHODS:
        own = folder / f"{name} {build.__name__}"
        note = folder / f"{build.__name__} {name} went on from.txt"
        if (at := begun(own / "model.npz")) and not note.exists():
            note.write_text(str(at))
        weights = train(build, own, name == "1" and build.__name__ == last)
        np.savez(folder / f"{build.__name__} {name}.npz", **weights)
        words[f"{build.__name__} saved"] = (own / "model.npz").exists()
    if os.environ.get("TF_CONFIG"):
        words["received"] = received(name)
        words["disagreement"] = disagree(name)
    (folder / f"words {name}.json").write_text(json.dumps(words))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), *sys.argv[2:])
