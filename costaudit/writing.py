"""How every file of costaudit is written: the old one stays until the new one is whole."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final

import msgspec

from costaudit import drafts
from costaudit.errors import UsageError
from costaudit.outputs import handle_of, replaces

_NEW: Final = 0o666
"""The mode of new files, before the system takes away what the umask says."""


def write_whole(output: Path, content: bytes) -> None:
    """Put bytes in the place of a file, as `replacing` does."""
    with replacing(output) as stream:
        stream.write(content)


@contextlib.contextmanager
def replacing(output: Path) -> Iterator[IO[bytes]]:
    """A stream whose bytes replace a file once all are written; after an error the file is as it was.

    Links are followed, and the old file's mode stays; as root its owner too. What is no file (a device, a
    pipe, an open stream like /dev/stdout) is written to as it is. Raises UsageError where it cannot be
    written, OutputError where the run has read it, and BrokenPipeError where nobody reads it any more.
    """
    replaces(output)
    with _told(output):
        handle = _opened_as_it_is(output)
    if handle is not None:
        with _open_stream(handle, output) as stream:
            yield stream
        return
    with _told(output):
        draft = _Draft.for_file(output)
    try:
        with _open_stream(draft.handle, output) as stream:
            yield stream
            stream.flush()
            with _told(output):
                draft.keep(stream)
    finally:
        draft.drop()


def _opened_as_it_is(output: Path) -> int | None:
    """A handle to write to what is no file; None for a file, also one that is not yet. Raises OSError."""
    own = handle_of(output)
    if own is not None:
        return os.dup(own)
    try:
        mode = output.stat().st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISREG(mode):
        return None
    if stat.S_ISCHR(mode) or stat.S_ISFIFO(mode):
        return os.open(output, os.O_WRONLY)
    code = errno.EISDIR if stat.S_ISDIR(mode) else errno.ENXIO  # a disk, or a socket that has a name
    raise OSError(code, os.strerror(code))


class _Draft(msgspec.Struct):
    """The new content of a file while it is written."""

    target: Path
    """The file itself, where links to it lead."""
    old: os.stat_result | None
    handle: int
    path: Path | None
    """Its name for the time being; None for a draft without a name."""

    @classmethod
    def for_file(cls, output: Path) -> _Draft:
        """A draft beside a file. Raises OSError."""
        target = Path(os.path.realpath(output))
        old = target.stat() if target.exists() else None
        mode = _NEW if old is None else 0o600
        drafts.sweep(target.parent)
        handle = drafts.unnamed(target.parent, mode)
        if handle is not None:
            return cls(target, old, handle, None)
        return cls(target, old, *drafts.named(target.parent, mode))

    def keep(self, stream: IO[bytes]) -> None:
        """Put it in the place of the file. Raises OSError."""
        if self.old is not None:
            _dress(self.handle, self.old)
        os.fsync(self.handle)
        if self.path is not None or self.old is not None or not self._links(self.target):
            self.path = self.path or self._named()
            if os.name == "nt":
                stream.close()  # what is open can be neither moved nor deleted there
            self.path.replace(self.target)
            self.path = None
        _sync_folder(self.target.parent)

    def _links(self, path: Path) -> bool:
        """Whether it has a name now: not where a file has it, nor on systems that refuse."""
        try:
            drafts.link(self.handle, path)
        except OSError:
            return False
        return True

    def _named(self) -> Path:
        """A name for a draft without one."""
        path = drafts.new_name(self.target.parent)
        return path if self._links(path) else self._copied()

    def _copied(self) -> Path:
        """A copy that has a name; its handle takes the place of the other."""
        copy, path = drafts.named(self.target.parent)
        with os.fdopen(os.dup(self.handle), "rb") as whole, os.fdopen(copy, "wb") as into:
            whole.seek(0)
            shutil.copyfileobj(whole, into)
            into.flush()
            _dress(copy, os.fstat(self.handle))
            os.fsync(copy)
            os.dup2(copy, self.handle, inheritable=False)  # with its lock
        return path

    def drop(self) -> None:
        """Delete it, unless it was kept."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)


def _dress(handle: int, like: os.stat_result) -> None:
    """Owner and mode of another file, as far as the user may give them."""
    if hasattr(os, "fchown"):
        for owner, group in ((-1, like.st_gid), (like.st_uid, -1)):
            with contextlib.suppress(PermissionError):
                os.fchown(handle, owner, group)
        os.fchmod(handle, stat.S_IMODE(like.st_mode))


def _sync_folder(folder: Path) -> None:
    """Make a new name last; not every file system can."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


class _Output(io.FileIO):
    """A file whose errors name it as the user did."""

    def __init__(self, handle: int, output: Path) -> None:
        super().__init__(handle, "wb")
        self.output = output

    def write(self, data: Any, /) -> int | None:  # type: ignore[override]  # as FileIO has it
        """As FileIO, but raises UsageError."""
        with _told(self.output):
            return super().write(data)


@contextlib.contextmanager
def _open_stream(handle: int, output: Path) -> Iterator[IO[bytes]]:
    """A buffered stream to a handle; after an error what is left in the buffer is forgotten."""
    raw = _Output(handle, output)
    stream = io.BufferedWriter(raw, 1 << 16)
    try:
        yield stream
    except BaseException:
        raw.close()
        raise
    stream.close()


@contextlib.contextmanager
def _told(output: Path) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UsageError(f"cannot be written: {error.strerror}", path=str(output)) from error
