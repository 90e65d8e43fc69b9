"""Threads are taken as the system gives them; results come in the order of the tasks."""

from __future__ import annotations

import resource
import threading
import time

import pytest

from costaudit.tape import workers
from costaudit.tape.workers import MOST, Workers, startable


def results(threads: int) -> list[int]:
    with Workers(threads) as pool:
        return list(pool.map(lambda n: n * n, iter(range(100))))


@pytest.fixture
def limited(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """A system that starts only so many threads at once."""
    start, alive = threading.Thread.start, threading.active_count()

    def limit(thread: threading.Thread) -> None:
        if threading.active_count() - alive >= request.param:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", limit)


@pytest.mark.parametrize("limited", [0, 1, 2, 5], indirect=True)
@pytest.mark.usefixtures("limited")
def test_fewer_threads_do_the_same_work(request: pytest.FixtureRequest):
    assert results(8) == [n * n for n in range(100)]
    assert startable(8) == request.node.callspec.params["limited"]


@pytest.mark.parametrize("threads", [1, 2, 1_000_000])
def test_results_come_in_order(threads: int):
    assert results(threads) == [n * n for n in range(100)]


def test_no_more_threads_are_asked_for_than_are_of_use(monkeypatch: pytest.MonkeyPatch):
    asked: list[int] = []
    monkeypatch.setattr(workers, "startable", lambda n: asked.append(n) or 1)
    results(1_000_000)
    assert asked == [MOST]


@pytest.mark.parametrize(("room", "threads"), [(0, 1), (200 << 20, 3), (1 << 50, MOST)])
def test_a_limit_of_memory_limits_threads(monkeypatch: pytest.MonkeyPatch, room: int, threads: int):
    asked: list[int] = []
    monkeypatch.setattr(workers, "_room", lambda: room)
    monkeypatch.setattr(workers, "startable", lambda n: asked.append(n) or 1)
    results(1_000_000)
    assert asked == ([] if threads == 1 else [threads])


def test_the_room_is_what_the_limit_leaves(monkeypatch: pytest.MonkeyPatch):
    assert workers._room() is None
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1 << 50, 1 << 50))
    room = workers._room()
    assert room is not None
    assert 0 < (1 << 50) - room < 1 << 46


def test_an_error_waits_for_what_is_at_work_and_a_signal_does_not():
    done: list[int] = []

    def work(n: int) -> None:
        time.sleep(0.2)
        done.append(n)

    for kind, finished in ((ZeroDivisionError, True), (KeyboardInterrupt, False)):
        done.clear()
        pool = Workers(2)
        pool.__enter__()
        started = pool._started()
        assert started is not None
        started.submit(work, 1)
        pool.__exit__(kind, None, None)
        assert bool(done) is finished
