"""Which machines train together, as `TF_CONFIG` says, and whether all of them are there and alike.

Nothing here imports TensorFlow: its own start waits for ever, deaf even to Ctrl-C, when one of the
others does not come. So the workers meet before it, over plain sockets, with a limit of time.
"""

import contextlib
import dataclasses
import functools
import json
import os
import platform
import socket
import sys
import time
from importlib import metadata

from gen_ai_examples.common.errors import InputError

WAIT_SECONDS = 300  # for the others to start
LIMIT = 1 << 20  # bytes that a greeting may have


@dataclasses.dataclass(frozen=True)
class Cluster:
    """The workers of one training run."""

    addresses: tuple[str, ...]  # "host:port" of each worker; the first is the chief
    index: int  # which of them this process is

    @property
    def is_chief(self) -> bool:
        return self.index == 0


def cluster() -> Cluster | None:
    """Return what the environment variable `TF_CONFIG` says, None if it is not set.

    Raises:
        InputError: it is not the JSON of a cluster of workers and of a task within it.
    """
    text = os.environ.get("TF_CONFIG")
    return _parse(text) if text else None


def is_chief() -> bool:
    """Whether this process writes results and checkpoints: the first worker, or the only one."""
    its = cluster()
    return its is None or its.is_chief


@functools.cache
def _parse(text: str) -> Cluster:
    try:
        config = json.loads(text)
        jobs, task = config["cluster"], config["task"]
        # TensorFlow lets the chief be a job of its own, and counts it first.
        names = [*jobs.get("chief", []), *jobs.get("worker", [])]
        index = int(task["index"]) + (len(jobs.get("chief", [])) if task["type"] == "worker" else 0)
        kind = task["type"]
        for name in names:
            host, port = name.rsplit(":", 1)
            if not host or not 0 < int(port) < 65536:
                raise ValueError(name)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            "TF_CONFIG is not understood "
            f"({error if isinstance(error, ValueError) else repr(error)}): it must look like "
            '{"cluster": {"worker": ["host:port", "host:port"]}, '
            '"task": {"type": "worker", "index": 0}}.'
        ) from None
    others = sorted(set(jobs) - {"chief", "worker"})
    if others or kind not in jobs:
        raise InputError(
            f"TF_CONFIG names {others or [kind]}: only the jobs chief and worker train here, and "
            "the task must be of one of them."
        )
    if not 0 <= index < len(names) or not 0 <= int(task["index"]) < len(jobs[kind]):
        raise InputError(
            f"TF_CONFIG says that this is {kind} {task['index']}, but lists {len(jobs[kind])} of "
            "them: count from 0."
        )
    if len(set(names)) < len(names):
        raise InputError(f"TF_CONFIG lists an address twice: {', '.join(sorted(names))}.")
    return Cluster(tuple(names), index)


def meet(its: Cluster, facts: dict[str, str], seconds: float = WAIT_SECONDS) -> None:
    """Wait until every worker is there, and make sure that they are about to do the same.

    Args:
        its: the cluster; every worker calls this.
        facts: what must be equal in all workers, by name; versions are added.
        seconds: how long to wait for the others.

    Raises:
        InputError: this worker's port is taken, another does not come in time or leaves early, or
            a fact differs.
    """
    facts = versions() | facts
    deadline = time.monotonic() + seconds
    with _listening(its.addresses[its.index]) as door:
        if its.is_chief:
            verdict = _receive(its, facts, door, deadline)
        else:
            verdict = _report(its, facts, deadline)
    if verdict:
        raise InputError(verdict)


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide about the numbers."""
    packages = {name: metadata.version(name) for name in ("tensorflow", "keras", "numpy")}
    return {"python": platform.python_version(), **packages}


def _listening(address: str) -> socket.socket:
    """Take the port that TensorFlow is going to listen on, which shows that it is free."""
    port = int(address.rsplit(":", 1)[1])
    try:
        return socket.create_server(("", port), backlog=64)
    except OSError as error:
        raise InputError(
            f"This worker cannot listen on port {port} ({error.strerror or error}): "
            "end the program that uses it, or give the worker another port in TF_CONFIG."
        ) from None


def _receive(its: Cluster, facts: dict[str, str], door: socket.socket, deadline: float) -> str:
    """As the chief: hear every other worker, and tell them all the same. Returns what is wrong."""
    missing, told, wrong = set(range(1, len(its.addresses))), [], ""
    with contextlib.ExitStack() as guests:
        while missing and not wrong:
            door.settimeout(max(deadline - time.monotonic(), 0.01))
            try:
                guest = guests.enter_context(door.accept()[0])
            except TimeoutError:
                wrong = (
                    f"Waited in vain for {_named(its, missing)}: start every worker with "
                    "the same command and its own index in TF_CONFIG, and make sure that this "
                    "machine can be reached."
                )
                break
            try:
                guest.settimeout(10)
                greeting = _read(guest)
                index, theirs = greeting["index"], greeting["facts"]
            except (OSError, ValueError, KeyError, TypeError):
                continue  # no worker of ours
            told.append(guest)
            if index not in missing:
                wrong = f"Two workers say that they are worker {index}: give each its own index."
            missing.discard(index)
            wrong = wrong or _difference(facts, theirs, index)
        for guest in told:
            with contextlib.suppress(OSError):
                guest.sendall(json.dumps({"wrong": wrong}).encode() + b"\n")
    return wrong


def _report(its: Cluster, facts: dict[str, str], deadline: float) -> str:
    """As any other worker: tell the chief, and wait for its word. Returns what is wrong."""
    host, port = its.addresses[0].rsplit(":", 1)
    greeting = json.dumps({"index": its.index, "facts": facts}).encode() + b"\n"
    noted = False
    while (left := deadline - time.monotonic()) > 0:
        try:
            with socket.create_connection((host, int(port)), timeout=min(5, left)) as chief:
                chief.settimeout(left)
                chief.sendall(greeting)
                return str(_read(chief)["wrong"])
        except (OSError, ValueError, KeyError) as error:
            if not noted:
                print(
                    f"Waiting for the chief, {its.addresses[0]} ({error}).",
                    file=sys.stderr,
                    flush=True,
                )
                noted = True
            time.sleep(0.2)
    return (
        f"Waited in vain for the chief, {its.addresses[0]}: start every worker with the same "
        "command and its own index in TF_CONFIG, and make sure that this address can be reached."
    )


def _read(connection: socket.socket) -> dict:
    with connection.makefile("rb") as stream:
        return json.loads(stream.readline(LIMIT))


def _named(its: Cluster, indices: set[int]) -> str:
    return ", ".join(f"worker {i} ({its.addresses[i]})" for i in sorted(indices))


def _difference(facts: dict[str, str], theirs: dict[str, str], index: int) -> str:
    """One sentence on what differs, empty if nothing does."""
    differ = [
        f"{name} {facts.get(name, '-')} and {theirs.get(name, '-')}"
        for name in sorted(facts | theirs)
        if facts.get(name) != theirs.get(name)
    ]
    if not differ:
        return ""
    return (
        f"Workers 0 and {index} differ: {'; '.join(differ)}. Give all of them the same "
        "versions, the same code and the same command."
    )
