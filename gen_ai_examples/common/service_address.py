"""Where a tf.data service is, told without TensorFlow, which would wait for it for an hour."""

import re
import socket
import time

from gen_ai_examples.common.errors import InputError

WAIT_SECONDS = 10  # for a dispatcher that has just been started


def check_address(address: str) -> str:
    """Return the address of a dispatcher, such as `grpc://localhost:5050`, as it is.

    Raises:
        InputError: it is not of that form.
    """
    _host_and_port(address)
    return address


def check_reachable(address: str, seconds: float = WAIT_SECONDS) -> None:
    """Wait until something listens at the address.

    Raises:
        InputError: nothing does in time, or the address is not of the form `grpc://HOST:PORT`.
    """
    host, port = _host_and_port(address)
    deadline = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection((host, port), max(deadline - time.monotonic(), 0.1)).close()
            return
        except OSError as error:
            if time.monotonic() + 0.2 > deadline:
                raise InputError(
                    f"No data service answers at {address} ({error.strerror or error}): start one "
                    "with `gen-ai-examples data-service`, and give the address that it prints."
                ) from None
            time.sleep(0.2)


def _host_and_port(address: str) -> tuple[str, int]:
    match = re.fullmatch(r"grpc://([^/:\s]+|\[[0-9a-fA-F:]+\]):(\d{1,5})", address)
    if not match or not 0 < int(match[2]) < 65536:
        raise InputError(
            f"{address!r} is no address of a data service: it must look like grpc://HOST:PORT."
        )
    return match[1].strip("[]"), int(match[2])
