import concurrent.futures
import json
import socket
import time

import pytest

from gen_ai_examples.common import cluster as module
from gen_ai_examples.common.cluster import Cluster, cluster, is_chief, meet
from gen_ai_examples.common.errors import InputError


def config(jobs, kind="worker", index=0):
    return json.dumps({"cluster": jobs, "task": {"type": kind, "index": index}})


TWO = {"worker": ["10.0.0.1:2222", "node-2:2222"]}


def test_without_tf_config_this_process_is_the_chief_of_nobody(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    assert cluster() is None and is_chief()


def test_the_first_worker_is_the_chief(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", config(TWO, index=1))
    assert cluster() == Cluster(("10.0.0.1:2222", "node-2:2222"), 1)
    assert not is_chief()
    monkeypatch.setenv("TF_CONFIG", config(TWO))
    assert is_chief()


def test_a_chief_that_is_a_job_of_its_own_comes_first(monkeypatch):
    jobs = {"worker": ["b:1", "c:1"], "chief": ["a:1"]}
    monkeypatch.setenv("TF_CONFIG", config(jobs, "worker", 1))
    assert cluster() == Cluster(("a:1", "b:1", "c:1"), 2)
    monkeypatch.setenv("TF_CONFIG", config(jobs, "chief", 0))
    assert cluster().is_chief


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not understood"),
        ("[]", "not understood"),
        ("{}", "not understood"),
        ('{"cluster": {"worker": ["a:1"]}}', "not understood"),
        (config({"worker": ["a"]}), "not understood"),
        (config({"worker": [":1"]}), "not understood"),
        (config({"worker": ["a:99999"]}), "not understood"),
        (config({"worker": ["a:one"]}), "not understood"),
        (config({"worker": "a:1"}), "not understood"),
        (config(TWO, index="x"), "not understood"),
        (config(TWO, index=2), "lists 2 of them"),
        (config(TWO, index=-1), "lists 2 of them"),
        (config({"worker": ["a:1"], "chief": ["b:1"]}, index=1), "lists 1 of them"),
        (config({"worker": ["a:1", "a:1"]}), "twice"),
        (config({"worker": ["a:1"], "ps": ["b:1"]}), r"names \['ps'\]"),
        (config(TWO, "evaluator"), r"names \['evaluator'\]"),
    ],
)
def test_a_broken_tf_config_is_told_in_one_sentence(monkeypatch, text, said):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(InputError, match=f"TF_CONFIG .*{said}|{said}") as error:
        cluster()
    assert "\n" not in str(error.value)


@pytest.fixture
def addresses():
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
    found = tuple(f"127.0.0.1:{its.getsockname()[1]}" for its in sockets)
    for its in sockets:
        its.close()
    return found


def outcomes(clusters, facts, seconds=10.0):
    """What `meet` says in each worker, all at once."""

    def one(its, its_facts):
        try:
            meet(its, its_facts, seconds)
        except InputError as error:
            return str(error)
        return "met"

    with concurrent.futures.ThreadPoolExecutor() as pool:
        return list(pool.map(one, clusters, facts))


def test_workers_that_agree_meet(addresses):
    clusters = [Cluster(addresses, i) for i in range(3)]
    assert outcomes(clusters, [{"code": "1"}] * 3) == ["met"] * 3


def test_all_hear_of_a_difference(addresses):
    clusters = [Cluster(addresses[:2], i) for i in range(2)]
    first, second = outcomes(clusters, [{"code": "1"}, {"code": "2"}])
    assert first == second
    assert "Workers 0 and 1 differ: code 1 and 2." in first


def test_other_versions_are_a_difference(addresses, monkeypatch):
    found = iter([{"tensorflow": "2.21"}, {"tensorflow": "2.20"}])
    monkeypatch.setattr(module, "versions", lambda: next(found))
    clusters = [Cluster(addresses[:2], i) for i in range(2)]
    for said in outcomes(clusters, [{}, {}]):
        assert "tensorflow 2.2" in said and "2.21" in said and "2.20" in said


def test_two_workers_with_one_index_are_told(addresses):
    clusters = [Cluster(addresses, 0), Cluster(addresses, 1)]
    twin = Cluster((addresses[0], addresses[2], addresses[1]), 1)
    said = outcomes([*clusters, twin], [{}] * 3)
    assert said == ["Two workers say that they are worker 1: give each its own index."] * 3


def test_the_chief_does_not_wait_for_ever(addresses):
    began = time.monotonic()
    (said,) = outcomes([Cluster(addresses, 0)], [{}], seconds=0.5)
    assert f"worker 1 ({addresses[1]}), worker 2 ({addresses[2]})" in said
    assert time.monotonic() - began < 5


def test_a_worker_does_not_wait_for_ever(addresses, capsys):
    (said,) = outcomes([Cluster(addresses, 1)], [{}], seconds=0.5)
    assert f"in vain for the chief, {addresses[0]}" in said
    assert "Waiting for the chief" in capsys.readouterr().err


def test_those_who_came_hear_who_did_not(addresses):
    clusters = [Cluster(addresses, i) for i in range(2)]
    first, second = outcomes(clusters, [{}] * 2, seconds=1.0)
    assert f"worker 2 ({addresses[2]})" in first
    assert first == second or "in vain for the chief" in second


def test_a_port_in_use_is_told(addresses):
    with socket.create_server(("", int(addresses[1].rsplit(":", 1)[1]))):
        (said,) = outcomes([Cluster(addresses, 1)], [{}])
    assert "cannot listen on port" in said


def test_strangers_at_the_door_are_ignored(addresses):
    def stranger():
        host, port = addresses[0].split(":")
        for _ in range(50):
            try:
                with socket.create_connection((host, int(port))) as guest:
                    guest.sendall(b"GET / HTTP/1.1\r\n\r\n")
                    return
            except OSError:
                time.sleep(0.02)

    with concurrent.futures.ThreadPoolExecutor() as pool:
        chief = pool.submit(outcomes, [Cluster(addresses[:2], 0)], [{}])
        stranger()
        assert outcomes([Cluster(addresses[:2], 1)], [{}]) == ["met"]
        assert chief.result() == ["met"]
