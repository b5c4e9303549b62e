import keras
import numpy as np
import pytest

from gen_ai_examples.common.batches import batches
from gen_ai_examples.common.fit import fit
from gen_ai_examples.common.methods.vae import VAE, vae_randomness
from gen_ai_examples.common.methods.vae_watch import VAEWatch, elbos
from gen_ai_examples.common.nets.dense_vae import build_decoder, build_encoder
from gen_ai_examples.common.strategy import strategy

pytestmark = pytest.mark.usefixtures("one_device")

RNG = np.random.default_rng(0)
SETS = {
    name: (
        RNG.uniform(-1, 1, (n, 4, 4, 1)).astype("float32"),
        RNG.normal(size=(n, 2)).astype("float32"),
    )
    for name, n in (("few", 3), ("many", 9))
}


def vae(rate):
    keras.utils.set_random_seed(0)
    with strategy().scope():
        model = VAE(build_encoder((4, 4, 1), 2, 8), build_decoder((4, 4, 1), 2, 8))
        model.compile(keras.optimizers.Adam(rate))
    return model


def test_the_elbo_of_a_set_is_the_mean_of_its_images():
    model = vae(1e-3)
    images, noise = SETS["few"]
    each = [elbos(model, {"it": (images[i : i + 1], noise[i : i + 1])})["it"] for i in range(3)]
    assert elbos(model, SETS)["few"] == pytest.approx(np.mean(each), rel=1e-5)


def test_every_epoch_notes_every_set_and_the_rate_and_others_can_read_them():
    """The rate falls by a half per update; a callback that comes later sees the same logs."""
    model, seen = vae(keras.optimizers.schedules.ExponentialDecay(1.0, 1, 0.5)), []
    reader = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append({**logs}))
    data = batches({"images": SETS["many"][0]}, 4, 0, vae_randomness(2))
    hooks = [VAEWatch(SETS), reader]
    history = fit(model, data, 4, callbacks=hooks, steps_per_epoch=2, progress=False).history
    np.testing.assert_allclose(history["rate"], [1 / 4, 1 / 16])
    assert [logs["few"] for logs in seen] == history["few"]
    assert history["many"][-1] == pytest.approx(elbos(model, SETS)["many"], rel=1e-5)
