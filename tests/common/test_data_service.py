"""A dispatcher and data workers on loopback: the same training, or one sentence."""

import socket
import subprocess
import sys
import threading
import time

import keras
import numpy as np
import pytest
import tensorflow as tf

from gen_ai_examples.common import data_service as module
from gen_ai_examples.common import service_address
from gen_ai_examples.common.batches import batches
from gen_ai_examples.common.data_service import ServiceLost, data_service, from_step
from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.fit import fit
from gen_ai_examples.common.strategy import strategy

SERVICE = tf.data.experimental.service
KEPT = []  # dispatchers: clients that wait for a dead one complain until the process ends
X = np.linspace(-1, 1, 32, dtype="float32")[:, None]


def dispatcher():
    KEPT.append(SERVICE.DispatchServer(SERVICE.DispatcherConfig(port=0)))
    return KEPT[-1]


def worker(dispatcher):
    address = dispatcher.target.removeprefix("grpc://")
    return SERVICE.WorkerServer(SERVICE.WorkerConfig(address, heartbeat_interval_ms=100))


@pytest.fixture(scope="module")
def one_worker():
    its = dispatcher()
    KEPT.append(worker(its))
    return its.target


@pytest.fixture(scope="module")
def two_workers():
    its = dispatcher()
    KEPT.extend(worker(its) for _ in range(2))
    return its.target


def noisy(batch, seed):
    x = batch["x"] + tf.random.stateless_normal(tf.shape(batch["x"]), seed) / 10
    return {"x": x, "y": batch["y"]}


def toy_data():
    pairs = batches({"x": X, "y": 2 * X}, 8, 0, noisy)
    return pairs.map(lambda batch: (batch["x"], batch["y"]))


def train(steps=40, checkpoint=None, its=None):
    keras.utils.set_random_seed(0)
    with (its or strategy(["CPU:0"])).scope():
        model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        model.compile(keras.optimizers.Adam(0.05), "mse")
    fit(model, toy_data(), steps, checkpoint=checkpoint, progress=False)
    return np.concatenate([np.ravel(w) for w in model.get_weights()])


def test_one_data_worker_changes_no_weight_on_any_number_of_devices(one_worker, replicas):
    alone = train(its=replicas)
    with data_service(one_worker):
        np.testing.assert_array_equal(train(its=replicas), alone)


def test_a_run_that_is_resumed_with_the_service_ends_with_the_same_weights(one_worker, tmp_path):
    alone = train(40)
    train(16, tmp_path / "it.npz")
    with data_service(one_worker):
        np.testing.assert_array_equal(train(40, tmp_path / "it.npz"), alone)


def test_several_data_workers_are_refused_unless_the_order_is_given_up(two_workers):
    with data_service(two_workers), pytest.raises(InputError, match="give it one worker"):
        train(2000)


def test_in_any_order_two_workers_deliver_each_batch_once(two_workers):
    with data_service(two_workers, any_order=True):
        served = iter(from_step(batches({"row": np.arange(400)}, 4, 0), 0, False))
        rows = []
        for _ in range(80):
            rows.extend(next(served)["row"].numpy().tolist())
            time.sleep(0.002)  # or one worker may be done before the other begins
        assert np.isfinite(train()).all()
    # All of one pass, but for a few batches that are still on their way; with counter() in the
    # place of range(), or with each worker making all batches, half of them come twice.
    assert len(rows) - len(set(rows)) == 0


def test_a_finite_data_set_arrives_whole_from_two_workers(two_workers):
    with data_service(two_workers, any_order=True):
        served = from_step(tf.data.Dataset.range(101).batch(5), 0, several_machines=False)
        found = sorted(np.concatenate(list(served.as_numpy_iterator())).tolist())
    assert found == list(range(101))


def test_without_a_service_nothing_is_asked(monkeypatch):
    monkeypatch.setattr(module, "check_reachable", None)
    assert list(from_step(tf.data.Dataset.range(5), 2, False).as_numpy_iterator()) == [2, 3, 4]


def python_function(x):
    return tf.py_function(lambda its: its, [x], tf.int64)


@pytest.mark.parametrize(
    ("data", "any_order", "said"),
    [
        (tf.data.Dataset.range(5).map(python_function), False, "call Python functions"),
        (tf.data.Dataset.range(5).map(lambda _: tf.random.uniform(())), False, "random numbers"),
        (tf.data.Dataset.counter(), True, "from ScanDataset, TensorDataset, and would"),
        (tf.data.Dataset.range(5).enumerate(), True, "from ZipDataset"),
        (tf.data.Dataset.range(5).take(2), True, "from TakeDataset"),
    ],
)
def test_what_the_service_cannot_prepare_is_refused(data, any_order, said, one_worker):
    with data_service(one_worker, any_order), pytest.raises(InputError, match=said):
        from_step(data, 0, several_machines=False)


def test_several_machines_need_the_order(one_worker):
    with data_service(one_worker, any_order=True), pytest.raises(InputError, match="same one"):
        from_step(tf.data.Dataset.range(5), 0, several_machines=True)


@pytest.mark.parametrize("address", ["localhost:5", "grpc://localhost", "grpc://h:0", "grpc://a/b"])
def test_an_address_that_is_none_is_named(address):
    with pytest.raises(InputError, match="grpc://HOST:PORT"), data_service(address):
        pass


def test_any_order_needs_a_service():
    with pytest.raises(InputError, match="give its address"), data_service(None, any_order=True):
        pass


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as its:
        return its.getsockname()[1]


def test_a_dispatcher_that_is_not_there_is_told_in_bounded_time(monkeypatch):
    monkeypatch.setattr(service_address, "WAIT_SECONDS", 0.3)
    address = f"grpc://127.0.0.1:{free_port()}"
    with pytest.raises(InputError, match=f"No data service answers at {address} "):
        service_address.check_reachable(address, seconds=0.3)


def test_a_service_without_workers_is_told_in_bounded_time(monkeypatch):
    monkeypatch.setattr(module, "START_SECONDS", 0.5)
    with (
        data_service(dispatcher().target),
        pytest.raises(InputError, match="no worker that answers"),
    ):
        train()


WORKER = (
    "import sys, tensorflow as tf\n"
    "service = tf.data.experimental.service\n"
    "its = service.WorkerServer(service.WorkerConfig(sys.argv[1], heartbeat_interval_ms=100))\n"
    "print('up', flush=True)\n"
    "its.join()\n"
)


def test_a_data_worker_that_dies_stops_training_with_one_sentence(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "STALL_SECONDS", 1)
    address = dispatcher().target
    process = subprocess.Popen(
        [sys.executable, "-c", WORKER, address.removeprefix("grpc://")],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    process.stdout.readline()
    killer = threading.Timer(1.5, process.kill)
    killer.start()
    began = time.monotonic()
    try:
        with (
            data_service(address),
            pytest.raises(ServiceLost, match=r"has stopped: .*--resume"),
        ):
            train(10**7, tmp_path / "it.npz")
    finally:
        process.kill()
        process.wait()
    assert time.monotonic() - began < 20
