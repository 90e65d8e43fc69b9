"""Which files to read: paths, directories, globs, standard input and URLs of object stores.

Names only decide which files of a directory are logs; what a file is follows from its first bytes.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from costaudit.errors import InputError, did_you_mean, shown
from costaudit.ingest.logfile import LogFile, spool
from costaudit.ingest.object_store import expand_url, is_url
from costaudit.ingest.sniff import sniff

SUFFIXES: Final = (
    ".jsonl", ".ndjson", ".json", ".log", ".csv", ".tsv", ".parquet", ".pq", ".db", ".sqlite", ".sqlite3",
)  # fmt: skip
"""Endings that make a file of a directory a log, alone or followed by .gz or .zst."""


@dataclass(frozen=True, slots=True)
class _Found:
    """A file that a path stands for."""

    name: str
    place: Path
    filesystem: Any = None

    @property
    def key(self) -> str:
        """What two names of the same file have in common."""
        return self.name if self.filesystem is not None else os.path.realpath(self.place)


def find_logs(paths: Sequence[str], stdin: IO[bytes] | None = None) -> tuple[list[LogFile], list[InputError]]:
    """The files that `paths` name, each once, in order of their names; and those that are no logs.

    A path is a file, a directory (searched recursively by SUFFIXES, hidden entries left out), a glob
    pattern, a URL (`s3://bucket/prefix`) of any of these, or '-' for `stdin`, which is copied to a
    temporary file because it may be read twice. Raises InputError when a path names nothing at all. A
    file that exists and is not a log comes back in the second list: the caller decides whether it can go
    on without.
    """
    found: dict[str, LogFile] = {}
    refused: dict[str, InputError] = {}
    for path in paths:
        for file in _expand(path, stdin):
            if file.key in found or file.key in refused:
                continue
            try:
                found[file.key] = sniff(shown(file.name), file.place, file.filesystem)
            except InputError as error:
                refused[file.key] = error
    files = sorted(found.values(), key=lambda f: f.name)
    return files, sorted(refused.values(), key=lambda e: e.path or "")


def _expand(path: str, stdin: IO[bytes] | None) -> Iterator[_Found]:
    if path == "-":
        if stdin is None:
            raise InputError("standard input is not available", hint="name a file instead of -")
        yield _Found("-", spool(iter(lambda: stdin.read(1 << 20), b"")))
        return
    if is_url(path):
        yield from (_Found(*entry) for entry in expand_url(path, is_log_name, SUFFIXES))
        return
    place = Path(path)
    if place.is_dir():
        names = sorted(_walk(path))
        if not names:
            raise InputError(
                "the directory holds no logs", path=path, hint="looked for " + " ".join(SUFFIXES)
            )
        yield from (_Found(name, Path(name)) for name in names)
    elif place.exists():
        yield _Found(path, place)
    elif glob.has_magic(path):
        names = sorted(n for n in glob.glob(path, recursive=True) if Path(n).is_file())  # noqa: PTH207 - any path
        if not names:
            raise InputError("no file matches the pattern", path=path)
        yield from (_Found(name, Path(name)) for name in names)
    else:
        raise InputError("no such file or directory", path=path, hint=_neighbours(place))


def is_log_name(name: str) -> bool:
    """Whether a file of a directory is read, by its name."""
    return not name.startswith(".") and name.removesuffix(".gz").removesuffix(".zst").endswith(SUFFIXES)


def _walk(top: str) -> Iterator[str]:
    for folder, folders, names in os.walk(top):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        yield from (str(Path(folder, name)) for name in names if is_log_name(name))


def _neighbours(place: Path) -> str | None:
    try:
        return did_you_mean(place.name, (p.name for p in place.parent.iterdir()))
    except OSError:
        return None
