"""Temporary files that no killed process leaves behind.

They have no name where the system can do that (Linux). Elsewhere, and for what must be opened by a name,
they are locked as long as their process lives; whoever comes next deletes those that nobody has locked.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from pathlib import Path
from typing import Final

try:
    import fcntl
except ImportError:  # Windows: a file that is open cannot be deleted there, which is a lock as well
    fcntl = None  # type: ignore[assignment]

ENDING: Final = ".costaudit-draft"
"""What the name of a draft ends with; it begins with a dot, so that no folder of logs counts it."""

_HANDLES: Final = "/proc/self/fd"
_NO_SUCH_THING: Final = {errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOSYS, errno.ENOENT}
"""How file systems without unnamed files say so; ENOENT also where the folder is missing."""


def temporary_folder() -> Path:
    """Where temporary files go, as `tempfile.gettempdir` says, and from now on also for `tempfile`.

    That one tries folders by writing to them, and leaves what it wrote where it is killed. Raises
    FileNotFoundError where there is none.
    """
    import tempfile  # noqa: PLC0415 - start-up

    if tempfile.tempdir is None and os.name == "posix":
        named = (os.environ.get(name) for name in ("TMPDIR", "TEMP", "TMP"))
        usable = (
            str(Path(folder).absolute())
            for folder in (*named, "/tmp", "/var/tmp", "/usr/tmp")  # noqa: S108 - where the system has them
            if folder and Path(folder).is_dir() and os.access(folder, os.W_OK | os.X_OK)
        )
        tempfile.tempdir = next(usable, None)
    return Path(tempfile.gettempdir())


def unnamed(folder: Path, mode: int = 0o600) -> int | None:
    """A new file without a name on the file system of a folder, to write and read; None where there is none.

    Raises OSError as opening does.
    """
    kind = getattr(os, "O_TMPFILE", None)
    if kind is None or not Path(_HANDLES).is_dir():
        return None
    try:
        return _locked(os.open(folder, kind | os.O_RDWR, mode))
    except OSError as error:
        if error.errno in _NO_SUCH_THING:
            return None
        raise


def named(folder: Path, mode: int = 0o600) -> tuple[int, Path]:
    """A new, locked file with a name of its own, to write and read. Raises OSError as opening does."""
    while True:
        path = new_name(folder)
        flags = os.O_CREAT | os.O_EXCL | os.O_RDWR | getattr(os, "O_BINARY", 0)
        handle = _locked(os.open(path, flags, mode))
        if _is_at(handle, path):
            return handle, path
        os.close(handle)  # swept between its opening and its lock


def new_name(folder: Path) -> Path:
    """A name that no other draft has."""
    return folder / f".{os.urandom(8).hex()}{ENDING}"


def path_of(handle: int) -> Path:
    """A path that opens an unnamed file of this process."""
    return Path(_HANDLES, str(handle))


def link(handle: int, path: Path) -> None:
    """Give an unnamed file a name that is free. Raises OSError."""
    folder = os.open(path.parent, os.O_RDONLY)
    try:  # with a folder's handle it is linkat, which follows the link that a handle's path is
        os.link(path_of(handle), path.name, dst_dir_fd=folder)
    finally:
        os.close(folder)


def sweep(folder: Path) -> None:
    """Delete the drafts of processes that are dead; what cannot be deleted stays."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(".") and entry.name.endswith(ENDING):
                with contextlib.suppress(OSError):  # another one was quicker, or it lives
                    _delete_if_dead(Path(entry.path))


def _delete_if_dead(path: Path) -> None:
    if fcntl is None:
        path.unlink()
        return
    handle = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        found = os.fstat(handle)
        if stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid():
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(handle, path):
                path.unlink()
    finally:
        os.close(handle)


def _locked(handle: int) -> int:
    """Where a file system has no locks nobody can take a draft for dead either."""
    if fcntl is not None:
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return handle


def _is_at(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.lstat())
    except FileNotFoundError:
        return False
