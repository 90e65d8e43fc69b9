"""How a command ends: an exit code and one line for every trouble, and what signals do."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import typer

from costaudit.cli import console, streams
from costaudit.drafts import temporary_folder
from costaudit.errors import CostauditError, shown
from costaudit.outputs import OutputError

EXIT_OK, EXIT_FAILED, EXIT_CANNOT_JUDGE, EXIT_BUG = 0, 1, 2, 3
BY_SIGNAL: Final = 128
"""What is added to the number of the signal that ended a command, as shells do it."""

_TOLD: Final = {"SIGINT": "interrupted", "SIGTERM": "ended by SIGTERM", "SIGHUP": "ended by SIGHUP"}


class Signalled(BaseException):
    """A signal asks to end: everything on the way out is cleaned up."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextlib.contextmanager
def by_signals() -> Iterator[None]:
    """SIGINT, SIGTERM and SIGHUP raise Signalled, once: the next one kills at once.

    What was ignored at the start, as nohup does with SIGHUP, stays ignored.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may say what signals do
        return
    numbers = [getattr(signal, name) for name in _TOLD if hasattr(signal, name)]
    before = {n: signal.getsignal(n) for n in numbers if signal.getsignal(n) not in (signal.SIG_IGN, None)}

    def end(number: int, _frame: object) -> None:
        for each in before:
            signal.signal(each, signal.SIG_DFL)
        raise Signalled(number)

    for number in before:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            if signal.getsignal(number) is end:
                signal.signal(number, handler)


def code_of(error: BaseException) -> int:
    """The exit code of what a command ended with, after one line on stderr that says what and what to do.

    Bugs are raised again where COSTAUDIT_DEBUG is set.
    """
    if isinstance(error, (SystemExit, typer.Exit)):
        code = error.code if isinstance(error, SystemExit) else error.exit_code
        return code if isinstance(code, int) else EXIT_FAILED if code else EXIT_OK
    if isinstance(error, BrokenPipeError):
        streams.silence()  # whoever read the answer has seen enough
        return EXIT_OK
    if isinstance(error, (Signalled, KeyboardInterrupt)):
        number = error.number if isinstance(error, Signalled) else signal.SIGINT
        console.fail(_TOLD[signal.Signals(number).name])
        return BY_SIGNAL + number
    if type(error).__name__ == "NoArgsIsHelpError":
        console.explain(error.format_message())  # type: ignore[attr-defined]  # of the command line's parser
        return EXIT_CANNOT_JUDGE
    told = _told(error)
    if told is not None:
        console.fail(told)
        for note in getattr(error, "__notes__", ()):
            console.explain_error(note)
        return EXIT_CANNOT_JUDGE
    if os.environ.get("COSTAUDIT_DEBUG"):
        raise error
    console.fail(
        f"this is a bug in costaudit: {type(error).__name__} in {_place(error)}; "
        "set COSTAUDIT_DEBUG=1 to see the traceback"
    )
    return EXIT_BUG


def _told(error: BaseException) -> str | None:
    """What the user can do something about; None for a bug."""
    if isinstance(error, (CostauditError, OutputError)):
        return str(error)
    if hasattr(error, "format_message"):  # of the command line's parser
        return _usage(error)
    if isinstance(error, MemoryError) or "failed to map segment" in str(error):
        return (
            "there is not enough memory (raise the limit, read fewer files at once, or with --threads 1; "
            "ledgers of parts can be read together)"
        )
    if any(words in str(error) for words in ("can't start new thread", "Failed to launch worker thread")):
        return "no more threads can be started (raise ulimit -u or free memory, or read with --threads 1)"
    return _of_system(error) if isinstance(error, OSError) else None


def _usage(error: Any) -> str:
    """What is wrong with the command line, and where help is."""
    message: str = error.format_message()
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "costaudit"
    return f"{' '.join(message.split()).rstrip('.')} (see {command} --help)"


_HINTS: Final = {
    errno.EMFILE: "raise ulimit -n",
    errno.ENFILE: "the system has no more handles of files",
    errno.EAGAIN: "raise ulimit -u",
}


def _of_system(error: OSError) -> str:
    """What the system refused."""
    what = error.strerror or str(error) or type(error).__name__
    if isinstance(error.filename, (str, bytes)):
        what = f"{shown(os.fsdecode(error.filename))}: {what}"
    hint = _HINTS.get(error.errno or 0)
    if error.filename is None and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        hint = f"temporary files are in {shown(temporary_folder())}: TMPDIR names another folder"
    elif "temporary directory" in what:
        what, hint = "no folder for temporary files can be written", "TMPDIR names one"
    elif error.errno == errno.ENOENT and not _is_somewhere():
        what, hint = "the working directory is gone", "cd to one that exists"
    return what + (f" ({hint})" if hint else "")


def _is_somewhere() -> bool:
    try:
        return bool(Path.cwd())
    except OSError:
        return False


def _place(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace is not None else "?"
