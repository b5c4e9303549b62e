"""Several workers of one training run as processes on this machine."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

from gen_ai_examples import catalog
from gen_ai_examples.common.errors import InputError

STOP_SECONDS = 20  # for a worker to save and end, before it is killed


def launch(n_workers: int, command: list[str]) -> int:
    """Start workers that each run `gen-ai-examples *command`; returns the exit code of them all.

    Their output comes line by line, with the number of the worker in front. When one fails, the
    others are stopped; Ctrl-C reaches all of them.

    Raises:
        InputError: the command is not `run NAME ...`.
    """
    if command[:1] != ["run"] or len(command) < 2:
        raise InputError(f"Workers only run examples: launch --workers {n_workers} run NAME ...")
    catalog.example(command[1])
    addresses = [f"127.0.0.1:{port}" for port in _free_ports(n_workers)]
    workers = [_start(index, addresses, command) for index in range(n_workers)]
    readers = [
        threading.Thread(target=_relay, args=(f"[{index}] ", *streams))
        for index, worker in enumerate(workers)
        for streams in ((worker.stdout, sys.stdout), (worker.stderr, sys.stderr))
    ]
    for reader in readers:
        reader.start()
    try:
        code = _wait(workers)
    finally:
        _stop(workers)
        for reader in readers:
            reader.join()
    return code


def _free_ports(n: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(n)]
    ports = [its.getsockname()[1] for its in sockets]
    for its in sockets:
        its.close()
    return ports


def _start(index: int, addresses: list[str], command: list[str]) -> subprocess.Popen:
    task = {"type": "worker", "index": index}
    environment = {
        "TF_CONFIG": json.dumps({"cluster": {"worker": addresses}, "task": task}),
        "PYTHONUNBUFFERED": "1",
        # The workers share the cores of this machine, and the memory of its GPUs.
        "TF_NUM_INTRAOP_THREADS": str(max(1, (os.cpu_count() or 1) // len(addresses))),
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
    }
    return subprocess.Popen(
        [sys.executable, "-m", "gen_ai_examples", *command],
        env=environment | os.environ | {"TF_CONFIG": environment["TF_CONFIG"]},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,  # so that Ctrl-C reaches them once, from here
    )


def _relay(prefix: str, source, target) -> None:
    for line in source:
        target.write(prefix + line)
        target.flush()


def _wait(workers: list[subprocess.Popen]) -> int:
    """Until all have ended well, one has failed, or they have stopped after Ctrl-C."""
    interrupted = False
    while True:
        try:
            codes = [worker.poll() for worker in workers]
            failed = next((code for code in codes if code), None)
            if failed is not None and not interrupted:
                return failed if failed > 0 else 128 - failed  # as a shell counts signals
            if None not in codes:
                return 130 if interrupted else 0
            time.sleep(0.1)
        except KeyboardInterrupt:
            if interrupted:
                return 130
            interrupted = True
            _signal(workers, signal.SIGINT)


def _stop(workers: list[subprocess.Popen]) -> None:
    _signal(workers, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    for worker in workers:
        try:
            worker.wait(max(deadline - time.monotonic(), 0))
        except subprocess.TimeoutExpired:
            worker.kill()


def _signal(workers: list[subprocess.Popen], number: int) -> None:
    for worker in workers:
        if worker.poll() is None:
            worker.send_signal(number)
