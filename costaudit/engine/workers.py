"""A bounded pool of threads that keeps the order of its tasks."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Self, TypeVar

T = TypeVar("T")
R = TypeVar("R")


def default_threads() -> int:
    """How many threads are used where nobody says how many."""
    return os.cpu_count() or 1


class Workers:
    """At most two tasks per thread are in memory; use as a context manager."""

    def __init__(self, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="costaudit") if threads > 1 else None
        self._ahead = 2 * threads

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def map(self, work: Callable[[T], R], tasks: Iterator[T]) -> Iterator[R]:
        """Results in the order of the tasks."""
        if self._pool is None:
            yield from map(work, tasks)
            return
        waiting: deque[Future[R]] = deque()
        for task in tasks:
            waiting.append(self._pool.submit(work, task))
            if len(waiting) >= self._ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
