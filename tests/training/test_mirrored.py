import numpy as np
import tensorflow as tf

from gen_ai_examples.common.strategy import replica_mean, strategy
from gen_ai_examples.training.mirrored import Denoiser, devices, distinct, train

BATCH = {"images": np.ones((4, 8, 8, 1), "float32"), "noise": np.ones((4, 8, 8, 1), "float32")}


def test_two_parts_of_the_processor_stand_in_for_two_devices():
    one, several = devices()
    assert (one.num_replicas_in_sync, several.num_replicas_in_sync) == (1, 2)


def test_noise_in_the_batch_is_distinct_and_noise_in_the_step_repeats(replicas):
    n = replicas.num_replicas_in_sync
    assert distinct(replicas, 8, inside=False) == 1
    assert distinct(replicas, 8, inside=True) == 1 / n


def test_the_loss_is_the_squared_error_per_pixel():
    model = Denoiser()
    for weights in model.network.trainable_weights:
        weights.assign(tf.zeros_like(weights))
    np.testing.assert_allclose(model.losses_of(BATCH), np.ones(4))  # says 0 where pixels are 1


def test_a_plain_mean_on_two_replicas_steps_twice_as_far():
    images = np.random.default_rng(0).normal(size=(8, 8, 8, 1)).astype("float32")
    moved = {}
    for name, its, mean in (
        ("start", strategy(["CPU:0"]), lambda losses: 0 * replica_mean(losses)),
        ("alone", strategy(["CPU:0"]), replica_mean),
        ("both", strategy(["CPU:0", "CPU:1"]), replica_mean),
        ("plain", strategy(["CPU:0", "CPU:1"]), tf.reduce_mean),
    ):
        moved[name] = train(its, images, BATCH, 8, 0.01, 1, 1, 0, mean)[0][0]
    step = moved["alone"] - moved["start"]
    np.testing.assert_allclose(moved["both"] - moved["start"], step, atol=1e-6)
    np.testing.assert_allclose(moved["plain"] - moved["start"], 2 * step, atol=1e-6)
    assert np.abs(step).max() > 1e-4


def test_the_weights_and_losses_of_every_epoch_are_kept():
    weights, losses = train(strategy(["CPU:0"]), BATCH["images"], BATCH, 4, 0.1, 6, 2, 0)
    assert weights.shape[0] == len(losses) == 3
    assert not np.allclose(weights[0], weights[-1])
