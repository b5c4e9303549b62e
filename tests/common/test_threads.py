import json
import subprocess
import sys

CASES = [  # cores, GPUs, operations, threads of each: 0 is TensorFlow's default
    (8, 0, 2, 4),
    (2, 0, 2, 1),
    (3, 0, 2, 1),
    (1, 0, 2, 0),
    (8, 1, 2, 0),
    (8, 0, 1, 0),
]


def test_operations_side_by_side_have_their_share_of_the_cores():
    """In a process of its own, since threads are set once TensorFlow has touched a device."""
    code = f"""
import json, os, tensorflow as tf
from gen_ai_examples.common.threads import work_side_by_side
known, threads, found = tf.config.list_physical_devices, tf.config.threading, []
for cores, gpus, operations, _ in {CASES}:
    threads.set_intra_op_parallelism_threads(0)
    tf.config.list_physical_devices = lambda kind: ["GPU"] * gpus if kind == "GPU" else known(kind)
    os.cpu_count = lambda: cores
    work_side_by_side(operations)
    found.append(threads.get_intra_op_parallelism_threads())
tf.constant(0) + 1
os.cpu_count = lambda: 8
work_side_by_side(2)  # too late, and no error
found.append(threads.get_intra_op_parallelism_threads())
print(json.dumps(found))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [*(threads for *_, threads in CASES), 0]
