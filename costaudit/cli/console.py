"""The terminal: where answers, warnings and progress go, and how a command ends."""

from __future__ import annotations

import contextlib
import functools
import gc
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, ParamSpec, TypeVar

import typer

from costaudit.errors import CostauditError, UsageError

P = ParamSpec("P")
R = TypeVar("R")

EXIT_OK, EXIT_FAILED, EXIT_CANNOT_JUDGE, EXIT_BUG, EXIT_INTERRUPTED = 0, 1, 2, 3, 130

PIPED_WIDTH = 120
"""Columns of an answer that goes into a pipe or a file, unless COLUMNS says otherwise."""


def guarded(command: Callable[P, R]) -> Callable[P, R]:
    """Turn errors of the core into one line on stderr and the right exit code."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except CostauditError as error:
            fail(str(error))
            raise typer.Exit(EXIT_CANNOT_JUDGE) from None
        except KeyboardInterrupt:
            fail("interrupted")
            raise typer.Exit(EXIT_INTERRUPTED) from None
        except BrokenPipeError:
            # Whoever read the answer has seen enough; keep Python from complaining at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(EXIT_OK) from None
        except (typer.Exit, typer.Abort):
            raise
        except Exception as error:
            if os.environ.get("COSTAUDIT_DEBUG"):
                raise
            fail(
                f"this is a bug in costaudit: {type(error).__name__} in {_place(error)}; "
                "set COSTAUDIT_DEBUG=1 to see the traceback"
            )
            raise typer.Exit(EXIT_BUG) from None

    return run


def _place(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace is not None else "?"


def fail(message: str) -> None:
    """One line of error on stderr."""
    sys.stderr.write(f"costaudit: {_printable(message)}\n")


def warn(message: str, *, quiet: bool) -> None:
    """One line of warning on stderr."""
    if not quiet:
        sys.stderr.write(f"costaudit: warning: {_printable(message)}\n")


def say(message: str, *, quiet: bool) -> None:
    """One line on stderr about what was done."""
    if not quiet:
        sys.stderr.write(f"costaudit: {_printable(message)}\n")


def _printable(text: str) -> str:
    """Names of files and models may hold anything: nothing of it reaches the terminal as a command."""
    return "".join(c if c.isprintable() else "?" for c in text)


def width() -> int:
    """Columns that an answer on stdout may use."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns) > 0:
        return max(int(columns), 40)
    return max(shutil.get_terminal_size().columns, 40) if sys.stdout.isatty() else PIPED_WIDTH


def color() -> bool:
    """Whether stdout is a terminal that wants colour."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def as_json(value: object) -> str:
    """An answer as indented JSON; what a terminal would act upon is written as an escape."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text) + "\n"


def deliver(answer: str, output: Path | None) -> None:
    """Write an answer to stdout, or to a file that is replaced only once it is whole."""
    if output is None or str(output) == "-":
        sys.stdout.write(answer)
        sys.stdout.flush()
        return
    with replacing(output) as stream:
        stream.write(answer.encode("utf-8"))


@contextlib.contextmanager
def replacing(output: Path) -> Iterator[IO[bytes]]:
    """A stream whose bytes replace a file once all are written; after an error the file is as it was.

    Raises UsageError when the file cannot be written.
    """
    draft: str | None = None
    try:
        handle, draft = tempfile.mkstemp(dir=output.parent, prefix=f".{output.name}.")
        with os.fdopen(handle, "wb") as stream:
            yield stream
        mask = os.umask(0)
        os.umask(mask)
        Path(draft).chmod(0o666 & ~mask)
        Path(draft).replace(output)
    except OSError as error:
        raise UsageError(f"cannot be written: {error.strerror}", path=str(output)) from error
    finally:
        if draft is not None:
            Path(draft).unlink(missing_ok=True)


@contextlib.contextmanager
def progress(*, quiet: bool) -> Iterator[Callable[[int], None]]:
    """Records read so far, on a terminal and after half a second; silent everywhere else."""
    shows = (
        sys.stderr.isatty() and not quiet and not os.environ.get("CI") and os.environ.get("TERM") != "dumb"
    )
    start, state = time.monotonic(), {"records": 0, "shown": 0.0}

    def advance(records: int) -> None:
        state["records"] += records
        now = time.monotonic()
        if shows and now - start > 0.5 and now - state["shown"] > 0.1:
            state["shown"] = now
            rate = state["records"] / (now - start)
            sys.stderr.write(f"\rread {state['records']:,} records, {rate:,.0f} a second\x1b[K")
            sys.stderr.flush()

    try:
        yield advance
    finally:
        if state["shown"]:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


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


def one_of(value: str, known: Any, what: str) -> str:
    """A choice; raises UsageError with the nearest known words otherwise."""
    from costaudit.errors import did_you_mean  # noqa: PLC0415 - only on the way to an error

    if value in known:
        return value
    raise UsageError(
        f"unknown {what} {value!r}", hint=did_you_mean(value, known) or f"one of {', '.join(sorted(known))}"
    )
