"""What is said while a question is answered, and who hears it: nobody, unless a program says who."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from costaudit.ingest.logfile import LogFile


class Listener:
    """Hears nothing. The command line and notebooks have listeners of their own."""

    def warn(self, message: str) -> None:
        """Something was set aside, left out, or may be counted twice."""

    def reading(self, _size: int, /) -> AbstractContextManager[Callable[[int, int], None]]:
        """While logs of so many bytes are read: what is told of further records, and of all bytes so far."""
        return contextlib.nullcontext(_hear_nothing)


class Notes(Listener):
    """Writes down what it hears, and lets another one hear it."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._other = _listener.get()

    def warn(self, message: str) -> None:
        """Keep it."""
        self.lines.append(message)
        self._other.warn(message)

    def reading(self, size: int, /) -> AbstractContextManager[Callable[[int, int], None]]:
        """Another one's business."""
        return self._other.reading(size)


def _hear_nothing(_records: int, _taken: int) -> None:
    pass


_listener: Final[ContextVar[Listener]] = ContextVar("who hears what is said", default=Listener())  # noqa: B039 - it keeps nothing


@contextlib.contextmanager
def heard_by(listener: Listener) -> Iterator[None]:
    """Within it, the listener hears what is said."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def warn(message: str, *, quiet: bool = False) -> None:
    """Say what the user should know, unless it is to be quiet."""
    if not quiet:
        _listener.get().warn(message)


@contextlib.contextmanager
def reading(files: Iterable[LogFile], *, quiet: bool = False) -> Iterator[Callable[[int], None]]:
    """While files are read: what is told of every further number of records."""
    from costaudit.ingest.meter import METER  # noqa: PLC0415 - start-up

    listener, start = Listener() if quiet else _listener.get(), METER.taken
    with listener.reading(sum(file.size for file in files)) as hear:
        yield lambda records: hear(records, METER.taken - start)
