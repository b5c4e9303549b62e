"""How the cores of a CPU are divided among the operations of one network."""

import contextlib
import os

import tensorflow as tf


def work_side_by_side(operations: int) -> None:
    """Give each operation its share of the cores, for so many to run side by side.

    TensorFlow gives every operation the threads of all cores, and they meet at its end. Where a
    step is many short operations in branches that do not wait for one another, as in a GAN, whose
    discriminator scores real and generated images, two operations with half of the cores each are
    done sooner than two in turn with all of them: 1.1 to 1.3 times as fast on two cores. A chain of
    operations gains nothing, and one that XLA compiled loses. Where there is a GPU, or a core less
    than operations, and once TensorFlow has touched a device, all stays as it is.
    """
    cores = os.cpu_count() or 1
    if 1 < operations <= cores and not tf.config.list_physical_devices("GPU"):
        with contextlib.suppress(RuntimeError):
            tf.config.threading.set_intra_op_parallelism_threads(cores // operations)
