import json
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from gen_ai_examples.common import strategy as module
from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.fit import fit
from gen_ai_examples.common.strategy import (
    clipped,
    native_precision,
    precision,
    replica_logs,
    replica_mean,
    strategy,
    use_devices,
)

TWO = ["CPU:0", "CPU:1"]


def test_the_same_devices_give_the_same_object():
    """A second MirroredStrategy over the same CPUs breaks the first one's collectives."""
    assert strategy(TWO) is strategy(["/cpu:0", "/device:CPU:1"])
    assert strategy(["CPU:0"]) is strategy(["cpu:0"])


def test_one_device_is_not_mirrored():
    assert not isinstance(strategy(["CPU:0"]), tf.distribute.MirroredStrategy)
    assert strategy(["CPU:0"]) is tf.distribute.get_strategy()
    other = strategy(["CPU:1"])
    assert isinstance(other, tf.distribute.OneDeviceStrategy)
    assert "CPU:1" in other.extended.worker_devices[0]


def test_by_default_every_logical_device_trains():
    assert strategy() is strategy(TWO)
    assert isinstance(strategy(), tf.distribute.MirroredStrategy)
    assert strategy().num_replicas_in_sync == 2


def test_tf_config_asks_for_several_machines(monkeypatch):
    task = {"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 1}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(task))
    monkeypatch.setattr(module, "_workers", {})
    monkeypatch.setattr(module, "connect", lambda its, facts: (its.addresses, its.index, facts))
    assert strategy(facts={"code": "1"}) == (("a:1", "b:1"), 1, {"code": "1"})
    assert strategy() is strategy()  # they meet once
    assert strategy(TWO) is not None  # devices that are named win


@pytest.mark.parametrize("devices", [[], ["CPU:7"], ["CPU:0", "cpu:0"], ["GPU:0"], ["toaster"]])
def test_devices_that_do_not_exist_are_refused(devices):
    with pytest.raises(InputError, match="CPU:0"):
        strategy(devices)


def test_another_backend_is_refused(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(InputError, match="jax backend"):
        strategy()


@pytest.mark.parametrize("count", [0, 1000])
def test_more_devices_than_the_machine_has_are_refused(count):
    with pytest.raises(InputError, match=f"Cannot use {count} devices"):
        use_devices(count)


CPU_CASES = [  # cores, GPUs, replicas, what is found: replicas and threads, 0 being the default
    (4, 0, 2, [2, 2]),
    (2, 0, 2, [2, 1]),
    (1, 0, 2, [1, 0]),
    (4, 1, 2, [1, 0]),
    (4, 0, 1, [1, 0]),
]


def test_a_cpu_is_shared_where_it_has_the_cores_and_nothing_faster_is_there():
    """In processes of their own, since devices are set once; TensorFlow is imported for all."""
    code = f"""
import os, tensorflow as tf
from gen_ai_examples.common.strategy import share_cpu, strategy
known = tf.config.list_physical_devices
for cores, gpus, replicas, _ in {CPU_CASES}:
    if os.fork():
        os.wait()
        continue
    tf.config.list_physical_devices = lambda kind: ["GPU"] * gpus if kind == "GPU" else known(kind)
    os.cpu_count = lambda: cores
    share_cpu(replicas)
    threads = tf.config.threading.get_intra_op_parallelism_threads()
    print([strategy().num_replicas_in_sync, threads], flush=True)
    share_cpu(2)  # too late, and no error
    os._exit(0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [str(found) for *_, found in CPU_CASES], done.stderr


class Line(keras.Model):
    """y = w x from w = 1, squared error, reduced by `reduce`."""

    def __init__(self, reduce):
        super().__init__()
        self.dense = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")
        self.dense.build((None, 1))
        self.reduce = reduce
        self.built = True

    def train_step(self, xy):
        with tf.GradientTape() as tape:
            loss = self.reduce((self.dense(xy[0]) - xy[1]) ** 2)
        weights = self.trainable_variables
        self.optimizer.apply(tape.gradient(loss, weights), weights)
        return replica_logs(loss=loss)


def weight_after_one_step(scope, reduce):
    with scope.scope():
        line = Line(reduce)
        line.compile(keras.optimizers.SGD(0.01))
    xy = np.ones((8, 1), "float32"), np.repeat([[0.0], [-2.0]], 4, 0).astype("float32")
    history = fit(line, tf.data.Dataset.from_tensors(xy).repeat(), 1, progress=False)
    return float(line.dense.kernel.numpy().item()), history.history["loss"][0]


def test_replica_mean_steps_equally_far_on_any_number_of_replicas(replicas):
    weight, loss = weight_after_one_step(replicas, replica_mean)
    assert weight == pytest.approx(1 - 0.01 * np.mean([2 * 1, 2 * 3]))
    assert loss == pytest.approx(np.mean([1, 9]))  # and `replica_logs` reports the plain mean


def test_a_plain_mean_steps_twice_as_far_on_two_replicas():
    """The trap that `replica_mean` is for; if it ever closes, the remedy must go."""
    weight, _ = weight_after_one_step(strategy(TWO), keras.ops.mean)
    assert weight == pytest.approx(1 - 2 * 0.01 * np.mean([2 * 1, 2 * 3]))


@pytest.mark.parametrize(("norm", "length"), [(1.0, 1.0), (5.0, 5.0), (13.0, 10.0)])
def test_what_is_clipped_is_the_sum_over_replicas(replicas, norm, length):
    """Gradients (6, 0) and (0, 8) are 10 long together, on one replica or spread over two."""
    n = replicas.num_replicas_in_sync

    @tf.function
    def run():
        def step():
            replica = tf.distribute.get_replica_context().replica_id_in_sync_group
            first = tf.constant([6.0]) * tf.cast(replica == 0, tf.float32)
            second = tf.constant([8.0]) * tf.cast(replica == n - 1, tf.float32)
            return clipped([first, second], norm)

        return [replicas.reduce("SUM", g, axis=None) for g in replicas.run(step)]

    total = np.concatenate([g.numpy() for g in run()])
    assert np.linalg.norm(total) == pytest.approx(length)
    assert total[1] / total[0] == pytest.approx(8 / 6)


def test_replica_mean_averages_half_precision_in_float32():
    losses = tf.fill([4096], tf.constant(1.01, tf.bfloat16))
    assert replica_mean(losses).dtype == tf.float32


@pytest.mark.parametrize(
    ("flags", "policy"),
    [
        ({"avx2", "avx512_bf16"}, "mixed_bfloat16"),
        ({"amx_bf16"}, "mixed_bfloat16"),
        ({"avx2", "avx512f"}, "float32"),
        (set(), "float32"),
    ],
)
def test_half_precision_only_where_the_processor_computes_it(monkeypatch, flags, policy):
    monkeypatch.setattr(module, "_cpu_flags", lambda: flags)
    assert native_precision() == policy
    with precision():
        assert keras.config.dtype_policy().name == policy
    assert keras.config.dtype_policy().name == "float32"


def test_precision_ends_with_its_block_even_by_an_error():
    with pytest.raises(ZeroDivisionError), precision("mixed_bfloat16"):
        _ = 1 / 0
    assert keras.config.dtype_policy().name == "float32"
    with pytest.raises(InputError, match="bfloat17"), precision("bfloat17"):
        pass
