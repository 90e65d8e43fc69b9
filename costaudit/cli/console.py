"""The terminal: where answers, warnings and progress go."""

from __future__ import annotations

import contextlib
import gc
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, cast

from costaudit.cli import lean, streams
from costaudit.errors import shown
from costaudit.front import telling
from costaudit.writing import replacing, write_whole

if TYPE_CHECKING:
    from costaudit.front.result import Result

PIPED_WIDTH = 120
"""Columns of an answer that goes into a pipe or a file, unless COLUMNS says otherwise."""

_LONGEST: Final = 1_500
"""Characters of a line on stderr: the middle of what is longer, as of a very long name, is left out."""


# Lines on stderr


def fail(message: str) -> None:
    """One line of error on stderr."""
    streams.tell(f"costaudit: {_printable(message)}\n")


def warn(message: str, *, quiet: bool) -> None:
    """One line of warning on stderr."""
    if not quiet:
        streams.tell(f"costaudit: warning: {_printable(message)}\n")


def say(message: str, *, quiet: bool) -> None:
    """One line on stderr about what was done."""
    if not quiet:
        streams.tell(f"costaudit: {_printable(message)}\n")


def explain_error(text: str) -> None:
    """What belongs to an error, line by line on stderr: it may quote a log."""
    for line in text.splitlines():
        streams.tell(f"{_printable(line)}\n")


def explain(text: str) -> None:
    """Lines of help on stderr."""
    streams.tell(f"{text}\n")


def _printable(text: str) -> str:
    """Names of files and models may hold anything: nothing of it reaches the terminal as a command."""
    plain = "".join(c if c.isprintable() else "?" for c in shown(text))
    if len(plain) <= _LONGEST:
        return plain
    half = _LONGEST // 2
    return f"{plain[:half]} … {plain[-half:]}"


def width() -> int:
    """Columns that an answer on stdout may use."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns) > 0:
        return max(int(columns), 40)
    return max(shutil.get_terminal_size().columns, 40) if streams.is_terminal(sys.stdout) else PIPED_WIDTH


def color() -> bool:
    """Whether stdout is a terminal that wants colour."""
    return (
        streams.is_terminal(sys.stdout)
        and not os.environ.get("NO_COLOR")
        and os.environ.get("TERM") != "dumb"
    )


class Terminal(telling.Listener):
    """Shows what it hears on stderr."""

    def warn(self, message: str) -> None:
        """A line."""
        warn(message, quiet=False)

    def reading(self, size: int, /) -> AbstractContextManager[Callable[[int, int], None]]:
        """See `progress`; what follows will need the same memory again and again."""
        lean.keep_freed_memory()
        return progress(size)


# Answers


def answer(found: Result[Any], format_: str, output: Path | None = None) -> None:
    """Write an answer in a format, as `deliver`."""
    deliver(found.render(format_, width(), color=color() and output is None), output, format_)


def show(text: str, output: Path | None = None) -> None:
    """Write an answer for the eye: where stdout is not UTF-8, with characters that it has."""
    _deliver(text, output, exact=False)


def deliver(answer: str, output: Path | None = None, format_: str = "json") -> None:
    """Write an answer in a format: to a file that is replaced only once it is whole, or to stdout.

    What programs read is UTF-8 there too, whatever the terminal takes; `text` is shown.
    """
    _deliver(answer, output, exact=format_ != "text")


def _deliver(answer: str, output: Path | None, *, exact: bool) -> None:
    file = _file(output)
    if file is not None:
        write_whole(file, answer.encode("utf-8", streams.READABLE))
        return
    with contextlib.suppress(BrokenPipeError), streams.open_stdout() as stdout:  # the reader has seen enough
        if exact and hasattr(stdout, "buffer"):
            stdout.flush()
            stdout.buffer.write(answer.encode("utf-8", streams.READABLE))
        else:
            stdout.write(answer)


@contextlib.contextmanager
def streamed(output: Path | None) -> Iterator[IO[bytes]]:
    """Where the bytes of a long answer go: into a file as `replacing`, or to stdout as they come.

    Raises BrokenPipeError where nobody reads stdout any more.
    """
    file = _file(output)
    if file is None:
        yield cast("IO[bytes]", streams.Stdout())
        return
    with replacing(file) as stream:
        yield stream


def _file(output: Path | None) -> Path | None:
    return None if output is None or str(output) == "-" else output


@contextlib.contextmanager
def progress(size: int) -> Iterator[Callable[[int, int], None]]:
    """How far a reading of so many bytes is, on a terminal and at once; silent everywhere else."""
    wanted = not os.environ.get("CI") and os.environ.get("TERM") != "dumb"
    if not wanted or not streams.is_terminal(sys.stderr):
        yield lambda _records, _taken: None
        return
    from rich.console import Console  # noqa: PLC0415 - start-up
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        DownloadColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("reading"), BarColumn(), TaskProgressColumn(), DownloadColumn(), TransferSpeedColumn(),
        TimeRemainingColumn(), TextColumn("{task.fields[records]:,} records"),
    )  # fmt: skip
    records = 0
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading", total=max(size, 1), records=0)

        def advance(more: int, taken: int) -> None:
            nonlocal records
            records += more
            bar.update(task, completed=min(taken, size), records=records)

        yield advance
        bar.update(task, completed=max(size, 1))  # what stands beside the records was looked at, too


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Work that makes many objects and keeps nearly all of them: looking for garbage only takes time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
