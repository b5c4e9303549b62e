"""Several machines training one model: what they have to agree on, by TensorFlow's collectives."""

import contextlib
import faulthandler
import hashlib
import os
import re
import signal
import threading

import numpy as np
import tensorflow as tf

from gen_ai_examples.common.cluster import Cluster, meet
from gen_ai_examples.common.errors import InputError

START_SECONDS = 120  # for TensorFlow to connect the workers, which have all met


class WorkerLost(InputError):
    """Another worker stopped while this one was training with it."""


def connect(its: Cluster, facts: dict[str, str]) -> tf.distribute.MultiWorkerMirroredStrategy:
    """Meet the other workers and start TensorFlow's strategy for them all.

    It must come before anything else that TensorFlow computes.

    Raises:
        InputError: see `meet`; or TensorFlow has started already.
    """
    meet(its, facts)
    # In C, without Python's lock: the only thing that can end TensorFlow's own waiting.
    with open(os.devnull, "w") as nowhere:
        faulthandler.dump_traceback_later(START_SECONDS, exit=True, file=nowhere)
        try:
            resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
                tf.train.ClusterSpec({"worker": list(its.addresses)}),
                task_type="worker",
                task_id=its.index,
                rpc_layer="grpc",
            )
            return tf.distribute.MultiWorkerMirroredStrategy(resolver)
        except RuntimeError as error:
            raise InputError(
                f"TensorFlow cannot train on several machines any more ({error}): call strategy() "
                "before anything else."
            ) from None
        except tf.errors.OpError as error:
            raise InputError(f"TensorFlow could not connect the workers: {error.message}") from None
        finally:
            faulthandler.cancel_dump_traceback_later()


def several(strategy: tf.distribute.Strategy) -> bool:
    """Whether it trains on several machines."""
    return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)


def index_of(strategy: tf.distribute.Strategy) -> int:
    """Which of its workers this process is, counted from the chief, 0."""
    return strategy.extended._id_in_cluster if several(strategy) else 0  # public nowhere


def in_order_of_workers(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """Let every worker take its part out of each global batch, whatever the data are read from.

    By default TensorFlow deals out files instead, where it finds any, and batches then differ from
    those of one machine.
    """
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return dataset.with_options(options)


def sum_over_workers(strategy: tf.distribute.Strategy, values: tf.Tensor) -> tf.Tensor:
    """Sum of each worker's `values`, in eager code or within a traced function. All must call it.

    Args:
        values: of one shape and type in all workers.
    """
    local = strategy.extended._num_devices_per_worker  # replicas in this worker; public nowhere

    def first_replica(values):
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        return tf.where(replica % local == 0, values, tf.zeros_like(values))

    return strategy.reduce("SUM", strategy.run(first_replica, args=(values,)), axis=None)


def from_chief(strategy: tf.distribute.Strategy, content: bytes | None) -> bytes | None:
    """The chief's `content`, in every worker, byte for byte."""
    if not several(strategy):
        return content
    chief = index_of(strategy) == 0
    total = tf.function(lambda values: sum_over_workers(strategy, values))
    mine = 0 if not chief else -1 if content is None else len(content)
    length = int(total(tf.constant(mine)))
    if length < 1:  # TensorFlow crashes on collectives of nothing
        return None if length else b""
    padded = np.zeros(-(-length // 4), "<i4")  # the rest of the last number is 0
    if chief:
        padded.view("u1")[:length] = np.frombuffer(content, "u1")
    return total(tf.constant(padded)).numpy().astype("<i4").tobytes()[:length]


def check_agreement(strategy: tf.distribute.Strategy, facts: dict[str, bytes]) -> None:
    """Make sure that all workers train the same.

    Args:
        facts: content by name that must be equal in all workers, with equal names.

    Raises:
        InputError: one differs.
    """
    digests = [hashlib.sha256(content).digest()[:4] for content in facts.values()]
    mine = np.array([int.from_bytes(digest, "big", signed=True) for digest in digests], np.int32)
    n_workers = strategy.num_replicas_in_sync // strategy.extended._num_devices_per_worker
    table = np.zeros((n_workers, len(mine)), np.int32)
    table[index_of(strategy)] = mine
    table = tf.function(lambda values: sum_over_workers(strategy, values))(table).numpy()
    for number, name in enumerate(facts):
        strangers = np.flatnonzero(table[:, number] != table[0, number])
        if len(strangers):
            raise InputError(
                f"Workers 0 and {', '.join(map(str, strangers))} differ in {name}: "
                "give all of them the same data, settings and code."
            )


@contextlib.contextmanager
def other_workers_watched(strategy: tf.distribute.Strategy, kept: str):
    """Turn the end of another worker into one sentence; `kept` says how training goes on.

    Raises:
        WorkerLost: another worker stopped.
    """
    try:
        yield
    except (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError) as error:
        if not several(strategy):
            raise
        other = re.search(r"task:(\d+)", error.message)
        who = f"worker {other[1]}" if other else "another worker"
        raise WorkerLost(
            f"Training stopped, since {who} did: see its own output for why. {kept}"
        ) from None


class InStep:
    """Lets training stop between two calls at Ctrl-C, and workers all after the same step.

    A context manager around training. The first Ctrl-C, in any worker, waits for the end of a call,
    whose losses would be lost else, or of an epoch's callbacks. A second one stops at once: then a
    step may have been left half done, and `forced` says so.
    """

    def __init__(self, strategy: tf.distribute.Strategy):
        self._strategy = strategy
        self._alone = not several(strategy)
        self._asked = self.forced = False
        self._before = None
        self._sum = tf.function(lambda values: sum_over_workers(strategy, values))

    def __enter__(self) -> "InStep":
        # A shell makes what it starts in the background ignore Ctrl-C.
        ignored = self._alone and signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        if not ignored and threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *_) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _note(self, number, frame):
        if self._asked:
            self.forced = True
            raise KeyboardInterrupt
        self._asked = True

    def steps(self, wanted: int) -> int:
        """The chief's `wanted` steps, in every worker.

        Raises:
            KeyboardInterrupt: Ctrl-C was pressed in one of them.
        """
        if self._alone:
            self.stop_if_asked()
            return wanted
        chiefs = wanted if index_of(self._strategy) == 0 else 0
        total = self._sum(tf.constant([chiefs, int(self._asked)])).numpy()
        if total[1]:
            raise KeyboardInterrupt
        return int(total[0])

    def stop_if_asked(self) -> None:
        """Stop here after a Ctrl-C, unless there are other workers, who do not know of it yet.

        Raises:
            KeyboardInterrupt: it was pressed.
        """
        if self._alone and self._asked:
            raise KeyboardInterrupt
