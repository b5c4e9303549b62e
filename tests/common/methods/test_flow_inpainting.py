import keras
import numpy as np
import pytest
import tensorflow as tf

from gen_ai_examples.common.batches import batches
from gen_ai_examples.common.fit import fit
from gen_ai_examples.common.methods.flow_inpainting import FlowInpainting, inpainting_randomness
from gen_ai_examples.common.nets.conv import build_unet
from gen_ai_examples.common.sources import image
from gen_ai_examples.common.sources.holes import fixed_strokes
from gen_ai_examples.common.strategy import precision, strategy

SIZE = 8


def inpainting(scope=None, rate=1e-3, channels=1, optimizer=None):
    keras.utils.set_random_seed(0)
    with (scope or strategy(["CPU:0"])).scope():
        unet = build_unet((SIZE, SIZE, channels + 1), 0, widths=(16, 32), condition_dim=16)
        model = FlowInpainting(unet)
        model.compile(optimizer or keras.optimizers.AdamW(rate, use_ema=True, ema_momentum=0.9))
    return model


def data(pictures, batch_size=16, seed=0):
    return batches({"images": pictures}, batch_size, seed, inpainting_randomness((0.3, 0.6)))


def halves(n, agree, seed=0):
    """Bright or dark left and right: the same on both sides, or each by chance."""
    rng = np.random.default_rng(seed)
    left, right = rng.choice(np.float32([-0.8, 0.8]), (2, n, 1, 1, 1))
    sides = [left, left if agree else right]
    return np.concatenate([np.broadcast_to(x, (n, SIZE, SIZE // 2, 1)) for x in sides], 2)


def right_half(n):
    hole = np.zeros((n, SIZE, SIZE, 1), "float32")
    hole[:, :, SIZE // 2 :] = 1
    return hole


def draw_something(model):
    """Give the last layer, which starts at zero, weights."""
    head = next(x for x in reversed(model.network.get_layer("unet").layers) if x.weights)
    head.set_weights([np.full_like(w, 0.1) for w in head.get_weights()])


def normal(shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def test_noise_lies_in_the_hole_alone():
    digits = image.digits().images
    batch = next(iter(data(digits, 200)))
    state, noise = batch["images"].numpy(), batch["noise"].numpy()
    pictures, hole = state[..., :1], state[..., 1:]
    assert state.shape == noise.shape == (200, SIZE, SIZE, 2)
    assert {x.tobytes() for x in pictures} <= {x.tobytes() for x in digits}
    np.testing.assert_array_equal(noise[..., 1:], hole)
    np.testing.assert_array_equal(noise[..., :1][hole == 0], pictures[hole == 0])
    drawn = noise[..., :1][hole == 1]
    assert abs(drawn.mean()) < 0.05 and abs(drawn.std() - 1) < 0.05
    shares = hole.mean((1, 2, 3))
    assert 0.28 < shares.min() < 0.35 and 0.55 < shares.max() < 0.66
    assert np.abs(noise - next(iter(data(digits, 200, seed=1)))["noise"]).max() > 1


def test_the_loss_of_a_network_that_draws_grey(replicas):
    examples = data(image.digits().images).map(
        lambda batch: batch | {"times": tf.minimum(batch["times"], 0.9)}
    )
    batch = {name: x.numpy() for name, x in next(iter(examples)).items()}
    still = keras.optimizers.SGD(0.0)  # traced sooner than one that averages
    model = inpainting(replicas, optimizer=still)
    history = fit(model, examples, 1, progress=False).history
    # A picture missed by its own brightness, in the hole; half of the state is the hole itself.
    missed = batch["images"][..., :1] * batch["images"][..., 1:]
    velocity = missed / (1 - batch["times"])[:, None, None, None]
    assert history["loss"][0] == pytest.approx(np.mean(velocity**2) / 2, rel=1e-4)


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("channels", [1, 3])
def test_all_along_the_way_what_is_known_stays(policy, channels):
    with precision(policy):
        model = inpainting(channels=channels)
    draw_something(model)
    pictures = np.random.default_rng(0).uniform(-1, 1, (4, SIZE, SIZE, channels)).astype("float32")
    hole = fixed_strokes(0.4, 4, SIZE, 0)
    state = np.concatenate([pictures * (1 - hole), hole], -1)
    velocity = np.asarray(model.velocity(tf.constant(state), 0.3, tf.zeros((4,), tf.int32)))
    assert np.abs(velocity * (1 - hole)).max() < 1e-6 < np.abs(velocity[..., :-1] * hole).max()
    assert np.abs(velocity[..., -1]).max() < 1e-6


def test_what_is_hidden_is_never_looked_at():
    model = inpainting()
    draw_something(model)
    pictures = image.digits().images[:5]
    hole, noise = fixed_strokes(0.4, 5, SIZE, 0), normal(pictures.shape)
    filled = model.fill(pictures, hole, noise, 3)
    assert filled.dtype == np.float32 and np.abs(filled).max() <= 1
    np.testing.assert_array_equal(filled[hole == 0], pictures[hole == 0])
    spoiled = np.where(hole > 0, 1.0, pictures).astype("float32")
    np.testing.assert_array_equal(model.fill(spoiled, hole, noise, 3), filled)


@pytest.fixture(scope="module")
def filled_right_halves(way_back):
    """Train on halves that agree or not, always the same network, and fill the right ones."""
    model = inpainting(rate=5e-3)
    back = way_back(model)

    def train_and_fill(agree):
        back()
        fit(model, data(halves(400, agree), 32), 150, progress=False)
        pictures = halves(60, agree, seed=1)
        filled = model.fill(pictures, right_half(60), normal(pictures.shape), 12)
        return pictures[:, :, 0].mean((1, 2)), filled[:, :, SIZE // 2 :].mean((1, 2, 3))

    return train_and_fill


@pytest.mark.xdist_group("halves")  # in one process, where the network is traced once
def test_what_the_surroundings_decide_is_continued(filled_right_halves):
    left, right = filled_right_halves(agree=True)
    assert np.mean(np.sign(left) == np.sign(right)) > 0.9


@pytest.mark.xdist_group("halves")
def test_what_is_open_is_drawn_one_way_or_the_other(filled_right_halves):
    left, right = filled_right_halves(agree=False)
    assert np.median(np.abs(right)) > 0.6  # a mean would be 0
    assert 0.2 < np.mean(right > 0) < 0.8
    assert 0.2 < np.mean(np.sign(left) == np.sign(right)) < 0.8
