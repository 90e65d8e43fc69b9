"""Which files to read: paths, directories, globs, standard input and URLs of object stores.

Names only decide which files of a directory are logs; what a file is follows from its first bytes. What
cannot be read is told, a folder within a folder included; what is there twice is read once.
"""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, Final

from costaudit.errors import InputError, did_you_mean, shown
from costaudit.ingest.copies import without_copies
from costaudit.ingest.limits import DEFAULTS, ReadLimits
from costaudit.ingest.logfile import LogFile, spool
from costaudit.ingest.notation import UNSAID, Notation
from costaudit.ingest.object_store import expand_url, is_url
from costaudit.ingest.pipes import pieces_of_pipe
from costaudit.ingest.sniff import sniff

SUFFIXES: Final = (
    ".jsonl", ".ndjson", ".json", ".log", ".csv", ".tsv", ".parquet", ".pq", ".db", ".sqlite", ".sqlite3",
    ".xlsx", ".xlsm", ".tape",
)  # fmt: skip
"""Endings that make a file of a directory a log, alone or followed by .gz or .zst."""


@dataclass(frozen=True, slots=True)
class _Found:
    """A file that a path stands for."""

    name: str
    place: Path
    filesystem: Any = None

    def identity(self) -> object:
        """What two names of the same file have in common, links of both kinds included."""
        if self.filesystem is not None:
            return self.name
        try:
            found = self.place.stat()
        except (OSError, ValueError):
            return self.name
        return found.st_dev, found.st_ino


def find_logs(
    paths: Sequence[str],
    stdin: IO[bytes] | None = None,
    limits: ReadLimits = DEFAULTS,
    called: Mapping[str, str] | None = None,
    notation: Notation = UNSAID,
) -> tuple[list[LogFile], list[InputError]]:
    """The files that `paths` name, each once, in order of their names; and what could not be read.

    A path is a file, a directory (searched recursively by SUFFIXES, hidden entries left out), a glob
    pattern, a URL (`s3://bucket/prefix`) of any of these, or '-' for `stdin`, which is copied to a
    temporary file because it may be read twice; so is what comes through a pipe with a name. Raises
    InputError when a path names nothing at all. A file that exists and is not a log, and a folder that cannot
    be searched, come back in the second list: the caller decides whether it can go on without. A file of the
    same bytes as another is none of the files, but one of the other's `copies`. Paths that are `called`
    something are told by that.
    """
    found: dict[object, LogFile] = {}
    refused: dict[object, InputError] = {}
    for path in paths:
        for entry in _expand(path, stdin):
            if isinstance(entry, InputError):
                refused.setdefault(entry.path, entry)
                continue
            entry = replace(entry, name=(called or {}).get(entry.name, entry.name))  # noqa: PLW2901 - the same
            key = entry.identity()
            if key in found:
                found[key] = _also_called(found[key], shown(entry.name))
            elif key not in refused:
                try:
                    found[key] = sniff(shown(entry.name), entry.place, entry.filesystem, limits, notation)
                except InputError as error:
                    refused[key] = error
    files = without_copies(sorted(found.values(), key=lambda f: f.name))
    return files, sorted(refused.values(), key=lambda e: e.path or "")


def _also_called(file: LogFile, name: str) -> LogFile:
    """The file with another name of it, unless that is only another way to write the first."""
    known = (os.path.abspath(one) for one in (file.name, *file.copies))  # noqa: PTH100 - links are not resolved
    same = os.path.abspath(name) in known  # noqa: PTH100 - as above
    return file if same else replace(file, copies=(*file.copies, name))


def _expand(path: str, stdin: IO[bytes] | None) -> Iterator[_Found | InputError]:
    if path == "-":
        if stdin is None:
            raise InputError("standard input is not available", hint="name a file instead of -")
        yield _Found("-", spool(iter(lambda: stdin.read(1 << 20), b"")))
    elif is_url(path):
        yield from (_Found(*entry) for entry in expand_url(path, is_log_name, SUFFIXES))
    else:
        try:
            mode = os.stat(path).st_mode  # noqa: PTH116 - a name, not a place
        except (OSError, ValueError) as error:
            yield from _globbed(path, error)
            return
        if stat.S_ISDIR(mode):
            yield from _folder(path)
        elif stat.S_ISFIFO(mode):
            yield _Found(path, spool(pieces_of_pipe(path)))
        else:
            yield _file(path, mode)


def _file(path: str, mode: int) -> _Found | InputError:
    """A file to read, if it is one that ends and can be read again."""
    if stat.S_ISREG(mode):
        return _Found(path, Path(path))
    if stat.S_ISCHR(mode) and Path(path).samefile(os.devnull):
        return InputError("the file is empty", path=path)
    kinds = {
        stat.S_IFIFO: "a FIFO",
        stat.S_IFSOCK: "a socket",
        stat.S_IFCHR: "a device",
        stat.S_IFBLK: "a device",
    }
    return InputError(f"{kinds.get(stat.S_IFMT(mode), 'this')} is no regular file", path=path)


def _folder(path: str) -> Iterator[_Found | InputError]:
    found = sorted(_walk(path), key=lambda entry: str(entry if isinstance(entry, str) else entry.path))
    if not any(isinstance(entry, str) for entry in found):
        unread = [entry for entry in found if isinstance(entry, InputError)]
        if unread:
            raise unread[0]
        raise InputError("the directory holds no logs", path=path, hint="looked for " + " ".join(SUFFIXES))
    yield from _told(found)


def _told(found: Sequence[str | InputError]) -> Iterator[_Found | InputError]:
    """Names of files as what they stand for."""
    for entry in found:
        if isinstance(entry, InputError):
            yield entry
            continue
        try:
            yield _file(entry, os.stat(entry).st_mode)  # noqa: PTH116 - a name, not a place
        except OSError as error:
            yield InputError(f"cannot be read: {error.strerror}", path=entry)


def _globbed(path: str, error: OSError | ValueError) -> Iterator[_Found | InputError]:
    """The files that a pattern matches; raises InputError for a path that names nothing."""
    if not isinstance(error, (FileNotFoundError, NotADirectoryError)):
        said = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"cannot be read: {said}", path=path) from error
    if not glob.has_magic(path):
        raise InputError("no such file or directory", path=path, hint=_neighbours(Path(path))) from None
    names = [name for name in glob.glob(path, recursive=True) if not os.path.isdir(name)]  # noqa: PTH207, PTH112
    unread = list(_unread_below(path))
    if not names:
        if unread:
            raise unread[0]
        raise InputError("no file matches the pattern", path=path)
    yield from _told([*sorted(set(names)), *unread])


def _unread_below(pattern: str) -> Iterator[InputError]:
    """The folders that a pattern had to look into and could not."""
    parts = Path(pattern).parts
    fixed = next(number for number, part in enumerate(parts) if glob.has_magic(part))
    top = str(Path(*parts[:fixed]))
    depth = None if "**" in parts else len(parts) - fixed
    for entry in _walk(top, depth):
        if isinstance(entry, InputError):
            yield entry


def is_log_name(name: str) -> bool:
    """Whether a file of a directory is read, by its name."""
    return not name.startswith(".") and name.removesuffix(".gz").removesuffix(".zst").endswith(SUFFIXES)


def _walk(top: str, depth: int | None = None) -> Iterator[str | InputError]:
    """The logs below a folder, so many folders deep, and the folders that cannot be searched."""
    unread: list[InputError] = []

    def note(error: OSError) -> None:
        folder = error.filename if isinstance(error.filename, str) else top
        unread.append(InputError(f"the folder cannot be read: {error.strerror}", path=folder))

    for folder, folders, names in os.walk(top, onerror=note):
        below = 0 if folder == top else folder[len(top) :].strip(os.sep).count(os.sep) + 1
        is_deepest = depth is not None and below + 1 >= depth
        folders[:] = [] if is_deepest else sorted(f for f in folders if not f.startswith("."))
        yield from (os.path.join(folder, name) for name in names if is_log_name(name))  # noqa: PTH118 - a name
    yield from unread


def _neighbours(place: Path) -> str | None:
    try:
        return did_you_mean(place.name, (p.name for p in place.parent.iterdir()))
    except OSError:
        return None
