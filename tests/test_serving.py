"""`data-service`: the command that a user types, and what it delivers."""

import re
import signal
import socket

import pytest
import tensorflow as tf
from rich.console import Console

from gen_ai_examples import serving
from gen_ai_examples.common import service_address
from gen_ai_examples.common.data_service import data_service, from_step
from gen_ai_examples.common.errors import InputError


def test_it_says_where_it_is_prepares_batches_and_ends_on_ctrl_c(command_with_toy):
    process = command_with_toy("data-service", "--workers", "2")
    try:
        said = process.stdout.readline() + process.stdout.readline()
        address = re.search(r"2 data workers at (grpc://localhost:\d+)\.", said)[1]
        assert f"--data-service {address} --any-order" in said
        with data_service(address, any_order=True):
            numbers = from_step(tf.data.Dataset.range(20), 0, several_machines=False)
            assert sorted(numbers.as_numpy_iterator()) == list(range(20))
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 130
    assert errors == "The data service has ended.\n"


def test_a_port_that_is_taken_is_named():
    with socket.create_server(("", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f"Cannot listen on port {port} .* another --port"):
            serving.serve(1, port, "localhost", None, Console())


def test_workers_that_join_nobody_are_told(monkeypatch):
    monkeypatch.setattr(service_address.check_reachable, "__defaults__", (0.1,))
    with pytest.raises(InputError, match="No data service answers at grpc://localhost:1 "):
        serving.serve(1, 0, "localhost", "grpc://localhost:1", Console())
