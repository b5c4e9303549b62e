"""The networks of the examples end with the same weights on one device and on two.

In double precision: in single precision the game of the GAN, with its kinks and Adam's division by
small numbers, blows up rounding until after 20 steps some weights differ in the third digit.
"""

import keras
import numpy as np
import pytest

from gen_ai_examples.common.batches import batches
from gen_ai_examples.common.fit import fit
from gen_ai_examples.common.methods.flow import FlowMatching, flow_randomness
from gen_ai_examples.common.methods.flow_inpainting import FlowInpainting, inpainting_randomness
from gen_ai_examples.common.methods.gan import GAN, gan_randomness
from gen_ai_examples.common.nets.conv import build_unet
from gen_ai_examples.common.nets.dcgan import build_encoder, build_generator
from gen_ai_examples.common.sources import image
from gen_ai_examples.common.strategy import precision, strategy


def build_gan():
    model = GAN(build_generator(16), build_encoder())
    model.compile(keras.optimizers.Adam(5e-4, beta_1=0.5), keras.optimizers.Adam(5e-4, beta_1=0.5))
    return model, gan_randomness(16)


def build_flow():
    # Shallower than in the example: tracing is what takes time.
    model = FlowMatching(build_unet((28, 28, 1), 10, widths=(32,)), 10)
    model.compile(keras.optimizers.AdamW(2e-3, use_ema=True, ema_momentum=0.99))
    return model, flow_randomness(10)


def build_inpainting():
    model = FlowInpainting(build_unet((28, 28, 2), 0, widths=(32,)))
    model.compile(keras.optimizers.AdamW(2e-3, use_ema=True, ema_momentum=0.99))
    return model, inpainting_randomness((0.2, 0.7))


@pytest.mark.parametrize("build", [build_gan, build_flow, build_inpainting])
def test_two_devices_end_with_the_weights_of_one(build):
    data = image.mnist()
    columns = {"images": data.images, "labels": data.labels}
    weights = []
    for devices in (["CPU:0"], ["CPU:0", "CPU:1"]):
        keras.utils.set_random_seed(0)
        with strategy(devices).scope(), precision("float64"):
            model, randomness = build()
        fit(model, batches(columns, 16, 0, randomness), 20, progress=False)
        weights.append(model.get_weights())
    for one, two in zip(*weights, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-5)
