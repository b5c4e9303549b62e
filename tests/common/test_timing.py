import time

from gen_ai_examples.common.timing import take_turns


def test_calls_take_turns_and_keep_their_results():
    seen = []
    calls = {
        name: lambda x, name=name: seen.append((name, x)) or f"{name}{x}" for name in ("a", "b")
    }
    seconds, results = take_turns(calls, range(9))
    turns = [seen[i : i + 2] for i in range(0, 18, 2)]
    assert [sorted(turn) for turn in turns] == [[("a", i), ("b", i)] for i in range(9)]
    assert {turn[0][0] for turn in turns} == {"a", "b"}  # neither is always the first
    assert results == {name: [f"{name}{i}" for i in range(9)] for name in ("a", "b")}
    assert set(seconds) == {"a", "b"}


def test_the_median_of_each_calls_own_seconds_counts(monkeypatch):
    """On a clock that only calls move: 1, 9 and 2 seconds, and three times none."""
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])

    def slow(seconds):
        now[0] += seconds

    seconds, _ = take_turns({"slow": slow, "instant": lambda _: None}, [1, 9, 2])
    assert seconds == {"slow": 2.0, "instant": 0.0}
