import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("cores", "gpus", "operations", "found"),
    [(8, 0, 2, 4), (2, 0, 2, 1), (3, 0, 2, 1), (1, 0, 2, 0), (8, 1, 2, 0), (8, 0, 1, 0)],
)
def test_operations_side_by_side_have_their_share_of_the_cores(cores, gpus, operations, found):
    """In a process of its own, since threads are set once; 0 is TensorFlow's default."""
    code = f"""
import os, tensorflow as tf
from gen_ai_examples.common.threads import work_side_by_side
known = tf.config.list_physical_devices
tf.config.list_physical_devices = lambda kind: ["GPU:0"] * {gpus} if kind == "GPU" else known(kind)
os.cpu_count = lambda: {cores}
work_side_by_side({operations})
print(tf.config.threading.get_intra_op_parallelism_threads())
tf.constant(0) + 1
work_side_by_side(3)  # too late, and no error
assert tf.config.threading.get_intra_op_parallelism_threads() == {found}
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) == found
