"""A tf.data service on this machine, for training processes here or elsewhere.

Dispatcher and data workers are TensorFlow's own servers, which run outside Python in threads of
this process: a data worker of its own process would compute no faster.
"""

import socket
import time

from rich.console import Console

from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.service_address import check_reachable
from gen_ai_examples.running import native_stderr_muted


def serve(n_workers: int, port: int, host: str, join: str | None, console: Console) -> None:
    """Start the service, print its address, and wait for Ctrl-C.

    Args:
        n_workers: data workers to start.
        port: of the dispatcher; 0 takes a free one.
        host: name or number by which the training machines reach this one.
        join: address of a dispatcher that runs already; None starts one.

    Raises:
        InputError: the port is taken, or no dispatcher answers at `join`.
        KeyboardInterrupt: Ctrl-C; says that the service has ended.
    """
    if join:
        check_reachable(join)
    elif port:
        _check_free(port)
    with native_stderr_muted():
        import tensorflow as tf

        service = tf.data.experimental.service
        dispatcher = None if join else service.DispatchServer(service.DispatcherConfig(port=port))
        target = join or dispatcher.target.replace("localhost", host, 1)
        workers = [
            service.WorkerServer(
                service.WorkerConfig(
                    target.removeprefix("grpc://"), worker_address=f"{host}:%port%"
                )
            )
            for _ in range(n_workers)
        ]
    plural = "s" if n_workers > 1 else ""
    order = " --any-order" if n_workers > 1 or join else ""
    console.print(f"{n_workers} data worker{plural} at {target}. On the machines that train:")
    console.print(f"  gen-ai-examples run NAME --data-service {target}{order}", soft_wrap=True)
    console.print("Ctrl-C ends it.", style="dim")
    try:
        while True:
            time.sleep(1)
    except KeyboardInterrupt:
        for worker in workers:
            worker.stop()
        raise KeyboardInterrupt("The data service has ended.") from None


def _check_free(port: int) -> None:
    try:
        socket.create_server(("", port)).close()
    except OSError as error:
        raise InputError(
            f"Cannot listen on port {port} ({error.strerror or error}): end the program that uses "
            "it, or give another --port."
        ) from None
