"""Batches prepared by a tf.data service: other processes or machines that read, decode and augment.

Audibert et al. 2023, https://arxiv.org/abs/2210.14826. `fit` asks here for its data; without a
`data_service(...)` around it, it gets what it would have got anyway.

Two promises cannot both be kept, so the user chooses:

- In order, the default: the batches come numbered and every number is checked, so that training
  ends with the weights of a run without the service, and resumes to the bit. That takes one data
  worker, with any number of cores: TensorFlow has each of several workers prepare all batches.
- In any order: several data workers share the work, each batch comes once, the first ready first.
  No run can be repeated to the bit then; one that is resumed may see a few batches of the last
  moments before the interruption again, or never; and so it is with those of a worker that dies.

With several training machines each asks for all batches and takes its part of each, so one data
worker prepares every batch once per machine. (TensorFlow's coordinated reads, which would prepare
it once, need a job that outlives a machine that failed: then the resumed run would get the rest.)

The connection is neither encrypted nor authenticated: for a network that you trust.
"""

import contextlib
import contextvars
import dataclasses
import threading
import time
from collections.abc import Iterator

import tensorflow as tf
from tensorflow.python.eager import cancellation  # public nowhere; a dead service waits for ever

from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.service_address import check_address, check_reachable

START_SECONDS = 20  # for the first data worker to answer
STALL_SECONDS = 20  # without a step, after which the service is asked whether it is there
_FAIL = 2  # the number of ExternalStatePolicy.FAIL in the raw op
# Steps of a pipeline that hand on the elements of a source which TensorFlow deals out to workers.
# Others, such as those of counter(), enumerate() or take(), each worker would do for itself.
_SHARED = {
    "BatchDatasetV2", "FilterDataset", "FlatMapDataset", "InterleaveDataset", "MapDataset",
    "OptionsDataset", "PaddedBatchDatasetV2", "ParallelBatchDataset", "ParallelInterleaveDatasetV4",
    "ParallelMapDatasetV2", "PrefetchDataset", "RangeDataset", "RepeatDataset", "ShuffleDatasetV3",
    "TensorSliceDataset", "UnbatchDataset",
}  # fmt: skip

_OUT_OF_ORDER = "A batch of the data service is out of order"


class ServiceLost(InputError):
    """The data service stopped while a model was training."""


@dataclasses.dataclass(frozen=True)
class _Service:
    address: str
    any_order: bool


_current: contextvars.ContextVar[_Service | None] = contextvars.ContextVar(
    "data_service", default=None
)


@contextlib.contextmanager
def data_service(address: str | None, any_order: bool = False) -> Iterator[None]:
    """Let every `fit` inside get its batches from the service whose dispatcher is at `address`.

    Args:
        address: `grpc://HOST:PORT`; None changes nothing.
        any_order: let several data workers share the work, and give up the order.

    Raises:
        InputError: the address is not of that form, or there is none, but `any_order`.
    """
    if any_order and not address:
        raise InputError("Batches come in any order from a data service only: give its address.")
    service = _Service(check_address(address), any_order) if address else None
    token = _current.set(service)
    try:
        yield
    finally:
        _current.reset(token)


def from_step(dataset: tf.data.Dataset, step: int, several_machines: bool) -> tf.data.Dataset:
    """The batches from number `step` on, out of the service if there is one.

    Args:
        dataset: batches, the same in every run.
        step: how many to leave out.
        several_machines: whether each of several machines takes its part of each batch.

    Raises:
        InputError: the service does not answer, or cannot prepare these batches as promised.
    """
    service = _current.get()
    if service is None:
        return dataset.skip(step)
    _check_movable(dataset, service.any_order, several_machines)
    check_reachable(service.address)
    if not _answers(service, START_SECONDS):
        raise InputError(
            f"The data service at {service.address} has no worker that answers: start it anew with "
            "`gen-ai-examples data-service`, and make sure that its workers can be reached."
        )
    if service.any_order:
        return _distributed(dataset, service).skip(step)  # skipped there, each worker would skip
    numbered = _distributed(dataset.skip(step).enumerate(), service)
    return numbered.enumerate().map(_in_order)


@contextlib.contextmanager
def service_watched(step: tf.Variable, kept: str) -> Iterator[None]:
    """Turn the end of the service, and a lost order, into one sentence.

    Args:
        step: counts the steps; while it does, all is well.
        kept: how training goes on.

    Raises:
        ServiceLost: no worker of the service answers any more.
        InputError: it delivers batches out of order.
    """
    service = _current.get()
    if service is None:
        yield
        return
    manager, done, lost = cancellation.CancellationManager(), threading.Event(), threading.Event()
    watch = threading.Thread(
        target=_watch, args=(service, step, manager, done, lost), name="data service", daemon=True
    )
    watch.start()
    try:
        with cancellation.CancellationManagerContext(manager):
            yield
    except tf.errors.OpError as error:
        if _OUT_OF_ORDER in error.message:
            raise InputError(
                f"The data service at {service.address} delivers batches out of order, as several "
                "data workers do, or one that was started anew in between: give it one worker, or "
                f"give up the order with --any-order. {kept}"
            ) from None
        if lost.is_set() or isinstance(error, tf.errors.UnavailableError):
            raise ServiceLost(
                f"The data service at {service.address} has stopped: start it anew. {kept}"
            ) from None
        raise
    finally:
        done.set()


def _watch(service, step, manager, done, lost):
    """Cancel the training that waits for a service of which nothing is left."""
    seen, since = int(step), time.monotonic()
    while not done.wait(1):
        if (now := int(step)) != seen:
            seen, since = now, time.monotonic()
        elif time.monotonic() - since > STALL_SECONDS:
            if not _answers(service, STALL_SECONDS) and not done.is_set():
                lost.set()
                manager.start_cancel()
                return
            since = time.monotonic()  # it is there: the step, or its batch, takes long


def _answers(service: _Service, seconds: float) -> bool:
    """Whether some worker of the service delivers a number."""

    def ask():
        with contextlib.suppress(tf.errors.OpError, InputError):
            check_reachable(service.address, seconds)
            one = _distributed(
                tf.data.Dataset.range(1), dataclasses.replace(service, any_order=True)
            )
            got.extend(one.as_numpy_iterator())

    got: list[int] = []
    thread = threading.Thread(target=ask, daemon=True)  # TensorFlow would wait for an hour
    thread.start()
    thread.join(seconds)
    return bool(got)


def _distributed(dataset: tf.data.Dataset, service: _Service) -> tf.data.Dataset:
    policy = tf.data.experimental.service.ShardingPolicy
    return dataset.apply(
        tf.data.experimental.service.distribute(
            policy.DYNAMIC if service.any_order else policy.OFF, service.address
        )
    )


def _in_order(expected, numbered):
    number, batch = numbered
    with tf.control_dependencies([tf.debugging.assert_equal(number, expected, _OUT_OF_ORDER)]):
        return tf.nest.map_structure(tf.identity, batch)


def _check_movable(dataset, any_order, several_machines):
    if any_order and several_machines:
        raise InputError(
            "Several machines need the batches in order, since each takes its part of the same "
            "one: leave --any-order out, and start the data service with one worker."
        )
    try:
        graph = tf.raw_ops.DatasetToGraphV2(
            input_dataset=tf.data.experimental.to_variant(dataset), external_state_policy=_FAIL
        )
    except tf.errors.FailedPreconditionError:
        raise InputError(
            "These batches cannot be made by a data service: they call Python functions or draw "
            "random numbers that depend on the process. Leave --data-service out."
        ) from None
    except tf.errors.OpError as error:  # such as arrays of more than 2 GB within the pipeline
        raise InputError(
            f"These batches cannot be sent to a data service: {error.message}"
        ) from None
    ops = {node.op for node in tf.compat.v1.GraphDef.FromString(graph.numpy()).node}
    unshared = sorted(op for op in ops - _SHARED if "Dataset" in op)
    if any_order and unshared:
        raise InputError(
            f"Several data workers cannot share batches that come from {', '.join(unshared)}, and "
            "would deliver some twice or never: leave --any-order out."
        )
