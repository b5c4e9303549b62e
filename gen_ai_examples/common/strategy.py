"""Which devices train, and how their losses add up.

`strategy()` picks the `tf.distribute` strategy for this machine. `replica_mean` and
`replica_logs` keep a hand-written `train_step` right on any number of replicas.
"""

import contextlib
import functools
import os
import pathlib

import keras
import tensorflow as tf

from gen_ai_examples.common.cluster import Cluster, cluster
from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.workers import connect


def strategy(
    devices: list[str] | None = None, *, facts: dict[str, str] | None = None
) -> tf.distribute.Strategy:
    """Return the strategy for `devices`, always the same object for the same devices.

    Args:
        devices: names such as `["GPU:0", "GPU:1"]`; None takes every GPU, without any GPU every
            logical CPU (one, unless `use_devices` split it), and several machines when the
            environment variable `TF_CONFIG` describes them.
        facts: of several machines, what must be equal on all besides the versions, by name.

    Returns:
        `MirroredStrategy` over two or more devices, TensorFlow's default strategy for the
        machine's first device (mirroring over one device costs a quarter of the speed),
        `OneDeviceStrategy` for any other single device, `MultiWorkerMirroredStrategy` under
        `TF_CONFIG`.

    Raises:
        InputError: a device is unknown or named twice, the list is empty, Keras does not run on
            TensorFlow, or the machines of `TF_CONFIG` cannot train together.
    """
    if keras.backend.backend() != "tensorflow":
        raise InputError(
            f"Keras was imported with the {keras.backend.backend()} backend: import "
            "gen_ai_examples before keras, or set KERAS_BACKEND=tensorflow."
        )
    if devices is None and (its := cluster()):
        return _multi_worker(its, facts or {})
    existing = _logical_devices("GPU") or _logical_devices("CPU")
    if devices is None:
        return _strategy(tuple(existing))
    wanted = tuple(_canonical(name) for name in devices)
    known = _logical_devices("GPU") + _logical_devices("CPU")
    if not wanted or len(set(wanted)) < len(wanted) or set(wanted) - set(known):
        raise InputError(
            f"Cannot train on the devices {list(devices)}: name each once, out of {known}."
        )
    return _strategy(wanted)


@functools.cache
def _strategy(devices: tuple[str, ...]) -> tf.distribute.Strategy:
    # Cached because two MirroredStrategy objects over the same CPUs in one process mix up
    # their collectives, after which nothing works.
    if len(devices) > 1:
        # On CPU replicas the default collectives fail inside a traced loop over steps.
        on_cpu = any("CPU" in name for name in devices)
        ops = tf.distribute.ReductionToOneDevice() if on_cpu else None
        return tf.distribute.MirroredStrategy(devices, cross_device_ops=ops)
    first = (_logical_devices("GPU") or _logical_devices("CPU"))[0]
    if devices[0] == first:
        return tf.distribute.get_strategy()
    return tf.distribute.OneDeviceStrategy(devices[0])


_workers: dict[Cluster, tf.distribute.Strategy] = {}


def _multi_worker(its: Cluster, facts: dict[str, str]) -> tf.distribute.Strategy:
    if its not in _workers:  # the workers meet once in the life of a process
        _workers[its] = connect(its, facts)
    return _workers[its]


def _logical_devices(kind: str) -> list[str]:
    return [_canonical(device.name) for device in tf.config.list_logical_devices(kind)]


def _canonical(name: str) -> str:
    try:
        spec = tf.DeviceSpec.from_string("/" + name.removeprefix("/"))
    except ValueError:
        return name
    return f"{spec.device_type}:{spec.device_index or 0}"


def use_devices(count: int) -> None:
    """Restrict this process to `count` devices: GPUs, or without any GPU parts of the CPU.

    Parts of the CPU have their share of its cores each. Call it before TensorFlow has touched a
    device.

    Raises:
        InputError: the machine has fewer GPUs, or fewer CPU cores, than `count`.
    """
    gpus = tf.config.list_physical_devices("GPU")
    available, kind = (len(gpus), "GPU") if gpus else (os.cpu_count() or 1, "CPU core")
    if not 1 <= count <= available:
        plural = "s" if available > 1 else ""
        raise InputError(
            f"Cannot use {count} devices: this machine has {available} {kind}{plural}; "
            f"ask for 1 to {available}."
        )
    if gpus:
        tf.config.set_visible_devices(gpus[:count], "GPU")
    else:
        _split_cpu(count)


def share_cpu(replicas: int) -> None:
    """Split the CPU among `replicas`, where there is no GPU and there are cores for all of them.

    Two replicas with a thread each train a convolutional network 1.1 to 1.4 times as fast on two
    cores as one replica with two threads: they meet once a step, threads at every operation. A
    network of tiny operations gains nothing. Once TensorFlow has touched a device it stays as it
    is.
    """
    gpus = tf.config.list_physical_devices("GPU")
    if replicas > 1 and not gpus and replicas <= (os.cpu_count() or 1):
        with contextlib.suppress(RuntimeError):
            _split_cpu(replicas)


def _split_cpu(parts: int) -> None:
    cpu = tf.config.list_physical_devices("CPU")[0]
    split = [tf.config.LogicalDeviceConfiguration()] * parts
    tf.config.set_logical_device_configuration(cpu, split)
    # With the threads of all cores each, they would take turns.
    tf.config.threading.set_intra_op_parallelism_threads((os.cpu_count() or 1) // parts)


def replica_mean(per_example: tf.Tensor) -> tf.Tensor:
    """Mean of per-example losses, divided by the number of replicas in sync.

    `tf.distribute` *sums* gradients over replicas, so a loss reduced with a plain mean in a
    hand-written `train_step` steps as many times too far as there are replicas. `keras.losses`
    objects divide by themselves: never use both. Exact when every replica holds equally many
    examples, which `fit` makes sure of.

    Args:
        per_example: losses of the local examples, any shape, nats or squared units.

    Returns:
        A scalar whose *sum* over replicas is the mean over the global batch. Half-precision
        input is averaged in float32.

    Source: https://www.tensorflow.org/tutorials/distribute/custom_training
    """
    return keras.ops.mean(keras.ops.cast(per_example, "float32")) / _replicas()


def replica_logs(**losses: tf.Tensor) -> dict[str, tf.Tensor]:
    """Undo the division of `replica_mean`, so that `train_step` reports means per example."""
    return {name: loss * _replicas() for name, loss in losses.items()}


def clipped(gradients: list[tf.Tensor], norm: float) -> list[tf.Tensor]:
    """Scale gradients so that together, *summed over replicas*, they are at most `norm` long.

    Keras' own `global_clipnorm`, `clipnorm` and `clipvalue` clip what each replica has before it
    is added up, so two replicas clip something else than one device does, and `fit` refuses them.

    Args:
        gradients: of a loss reduced with `replica_mean`, on this replica.
        norm: largest allowed Euclidean norm of all of them together.

    Returns:
        What to give `optimizer.apply`, which adds it up over the replicas.

    Source: https://arxiv.org/abs/1211.5063 (Pascanu et al. 2013, section 3.2)
    """
    context = tf.distribute.get_replica_context()
    gradients = [tf.convert_to_tensor(gradient) for gradient in gradients]  # of embeddings: dense
    total = context.all_reduce("SUM", gradients) if _replicas() > 1 else gradients
    scale = norm / tf.maximum(tf.linalg.global_norm(total), norm)
    return [gradient * tf.cast(scale, gradient.dtype) for gradient in gradients]


def _replicas() -> int:
    return tf.distribute.get_strategy().num_replicas_in_sync


def native_precision() -> str:
    """Name the fastest Keras dtype policy this machine computes natively.

    bfloat16 where the device multiplies it in hardware (emulated elsewhere, and slow), else
    float32. Weights stay float32 either way.
    """
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
        native = all(d.get("compute_capability", (0, 0)) >= (8, 0) for d in details)
    else:
        native = bool(_cpu_flags() & {"avx512_bf16", "amx_bf16"})
    return "mixed_bfloat16" if native else "float32"


def _cpu_flags() -> set[str]:
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:  # not Linux: nothing known, so nothing assumed
        return set()
    return next((set(line.split()) for line in lines if line.startswith("flags")), set())


@contextlib.contextmanager
def precision(policy: str = "auto"):
    """Build networks under a Keras dtype policy: `"auto"` is `native_precision()`.

    Raises:
        InputError: Keras does not know the policy.
    """
    previous = keras.config.dtype_policy()
    try:
        keras.config.set_dtype_policy(native_precision() if policy == "auto" else policy)
    except ValueError:
        raise InputError(
            f"Unknown precision {policy!r}: use auto, float32 or mixed_bfloat16."
        ) from None
    try:
        yield
    finally:
        keras.config.set_dtype_policy(previous)
