"""What a run reads and what it writes: no file may be both, nor take two answers.

A command runs within `watched`; whatever opens a file says so with `reads`, and an option that names an
output with `writes`, before any work is done. Outside of `watched`, as in a library call, nothing is checked.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Final

import msgspec

from costaudit.drafts import ENDING
from costaudit.errors import UsageError, shown


class OutputError(Exception):
    """A run would replace what it reads. No CostauditError: no rule or default stands in for the file."""


_File = tuple[int, int] | str
"""Device and inode, the same for all links to a file; the whole path of a file that does not exist yet."""


class _Run(msgspec.Struct):
    """The files of a run, by how the user named them."""

    read: dict[_File, str] = msgspec.field(default_factory=dict)
    written: dict[_File, str] = msgspec.field(default_factory=dict)


_run: ContextVar[_Run | None] = ContextVar("files of the run", default=None)


@contextlib.contextmanager
def watched() -> Iterator[None]:
    """A run whose files are kept apart."""
    token = _run.set(_Run())
    try:
        yield
    finally:
        _run.reset(token)


@contextlib.contextmanager
def unwatched() -> Iterator[None]:
    """Within it files may be read that the run replaces: that they are there is what they are read for."""
    token = _run.set(None)
    try:
        yield
    finally:
        _run.reset(token)


def reads(path: Path, name: str | None = None) -> None:
    """Note a file that is about to be read; raises OutputError where this run replaces it."""
    run = _run.get()
    if run is None:
        return
    with contextlib.suppress(OSError, ValueError):  # whoever opens it says what is wrong
        _note_read(run, path.stat(), name or str(path))


def reads_handle(handle: int, name: str) -> None:
    """The same for a stream that is open already."""
    run = _run.get()
    if run is not None:
        _note_read(run, os.fstat(handle), name)


def _note_read(run: _Run, found: os.stat_result, name: str) -> None:
    file = (found.st_dev, found.st_ino)
    if not stat.S_ISREG(found.st_mode) or file in run.read:
        return
    if found.st_nlink == 0 or name.endswith(ENDING):
        return  # a temporary copy, whose inode another file will have
    if file in run.written:
        raise _both(run.written[file], name)
    run.read[file] = name


def writes(path: Path, *, read_before: bool = False) -> None:
    """Note a file that an answer is going to replace.

    Raises OutputError where the run reads it (unless that was before, and is meant so), and UsageError where
    another answer goes to it, or there can be no such file. Devices and pipes take any number of answers.
    """
    run = _run.get()
    if run is None:
        return
    try:
        file = _destined(path)
    except OSError as error:
        raise UsageError(f"cannot be written: {error.strerror}", path=str(path)) from error
    if file is None:
        return
    if file in run.written:
        raise UsageError(f"is named for two answers, also as {run.written[file]}", path=str(path))
    if file in run.read and not read_before:
        raise _both(str(path), run.read[file])
    run.written[file] = str(path)


def replaces(path: Path) -> None:
    """Note that a file is replaced now; raises OutputError for one that was read, and that nothing named."""
    run = _run.get()
    if run is None:
        return
    with contextlib.suppress(OSError):  # whoever opens it says what is wrong
        file = _destined(path)
        if file in run.read and str(path) not in run.written.values():
            raise _both(str(path), run.read[file])


def appends(handle: int, name: str) -> None:
    """Note a stream that an answer is added to: a file that was not empty before."""
    run = _run.get()
    found = os.fstat(handle)
    if run is not None and stat.S_ISREG(found.st_mode) and found.st_size:
        run.written[found.st_dev, found.st_ino] = name


_STREAM: Final = re.compile(r"/dev/fd/(\d+)|/proc/(?:self|(?P<process>\d+))(?:/task/\d+)?/fd/(\d+)")
_NAMED: Final = {"/dev/stdout": 1, "/dev/stderr": 2}
_LINKS: Final = 40


def handle_of(path: Path) -> int | None:
    """The open stream of this process that a path stands for, like /dev/stdout or /dev/fd/3."""
    place = path
    for _ in range(_LINKS):
        if str(place) in _NAMED:
            return _NAMED[str(place)]
        found = _STREAM.fullmatch(str(place))
        if found is not None and found["process"] in (None, str(os.getpid())):
            return int(found[1] or found[3])
        whole = Path(os.path.realpath(place.parent), place.name)
        if whole == place and not whole.is_symlink():
            return None
        place = whole.parent / whole.readlink() if whole == place else whole
    return None


def _destined(path: Path) -> _File | None:
    """The file that a path stands for; None for what is no file."""
    if handle_of(path) is not None:
        return None
    try:
        found = path.stat()
    except FileNotFoundError:
        whole = os.path.realpath(path)  # where a dangling link leads
        if not stat.S_ISDIR(Path(whole).parent.stat().st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)) from None
        return whole
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    return (found.st_dev, found.st_ino) if stat.S_ISREG(found.st_mode) else None


def _both(written: str, read: str) -> OutputError:
    return OutputError(
        f"{shown(written)}: would replace {shown(read)}, which this run reads (name another file)"
    )
