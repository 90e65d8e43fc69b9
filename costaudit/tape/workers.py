"""A bounded pool of threads that keeps the order of its tasks."""

from __future__ import annotations

import contextlib
import itertools
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self, TypeVar

try:
    import resource
except ImportError:  # Windows has no such limits
    resource = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

T = TypeVar("T")
R = TypeVar("R")

MOST: Final = 64
"""Threads that can be of use: each holds blocks in memory."""

_PER_THREAD: Final = 64 << 20
"""Bytes of address space that a thread takes: its stack, and an arena of the allocator."""


def default_threads() -> int:
    """How many threads are used where nobody says how many, unless the system gives fewer."""
    return _useful(os.cpu_count() or 1)


def _useful(threads: int) -> int:
    """So many threads, or as many as there is room for."""
    room = _room()
    return max(1, min(threads, MOST, MOST if room is None else room // _PER_THREAD))


class Workers:
    """In memory are a task per thread and two that wait; use as a context manager.

    Where the system gives fewer threads than are asked for, it works with those.
    """

    def __init__(self, threads: int) -> None:
        self._threads = _useful(threads)
        self._pool: ThreadPoolExecutor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Waits for what is at work, unless a signal ends the process anyway."""
        if self._pool is not None:
            waits = kind is None or issubclass(kind, (Exception, GeneratorExit))
            self._pool.shutdown(wait=waits, cancel_futures=True)

    def _started(self) -> ThreadPoolExecutor | None:
        """The pool; None where there is no thread but this one."""
        if self._pool is None and self._threads > 1:
            self._threads = startable(self._threads)
            if self._threads > 1:
                from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - start-up

                self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="costaudit")
        return self._pool

    def map(self, work: Callable[[T], R], tasks: Iterator[T], *, least: int = 2) -> Iterator[R]:
        """Results in the order of the tasks. No thread is started for fewer tasks than the least."""
        begun = list(itertools.islice(tasks, least))
        pool = self._started() if len(begun) >= least else None
        tasks = itertools.chain(begun, tasks)
        del begun  # they are held no longer than others
        if pool is None:
            yield from map(work, tasks)
            return
        waiting: deque[Future[R]] = deque()
        for task in tasks:
            waiting.append(pool.submit(work, task))
            if len(waiting) >= self._threads + 2:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _room() -> int | None:
    """Bytes of address space that are left; None without a limit."""
    if resource is None:
        return None
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit == resource.RLIM_INFINITY:
        return None
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
    except OSError:  # a system that does not tell
        return None
    return limit - pages * os.sysconf("SC_PAGE_SIZE")


def startable(threads: int) -> int:
    """How many of so many threads the system lets a process start now."""
    leave, started = threading.Event(), []
    with contextlib.suppress(RuntimeError):  # no more of them
        for _ in range(threads):
            thread = threading.Thread(target=leave.wait, daemon=True)
            thread.start()
            started.append(thread)
    leave.set()
    for thread in started:
        thread.join()
    return len(started)
