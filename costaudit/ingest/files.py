"""Which files to read: paths, directories, globs and standard input, with container and compression.

What a file is follows from its first bytes, never from its name; names only decide which files of a
directory are logs.
"""

from __future__ import annotations

import glob
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import IO, Final

from costaudit.errors import InputError

SUFFIXES: Final = (".jsonl", ".ndjson", ".json", ".log", ".parquet", ".pq")
"""Endings that make a file of a directory a log, alone or followed by .gz or .zst."""

_MAGIC_GZIP, _MAGIC_ZSTD, _MAGIC_PARQUET = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PAR1"
_KNOWN_OTHERS: Final = {
    b"SQLite format 3\x00": "an SQLite database",
    b"PK\x03\x04": "a zip archive",
    b"%PDF": "a PDF document",
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"\x7fELF": "a program",
    b"BZh": "a bzip2 file",
    b"\xfd7zXZ": "an xz file",
    b"ARROW1": "an Arrow IPC file",
    b"Obj\x01": "an Avro file",
    b"ORC": "an ORC file",
}


class Container(StrEnum):
    """How records are laid out in a file."""

    JSONL = "jsonl"
    PARQUET = "parquet"


class Compression(StrEnum):
    """What the whole file is compressed with."""

    NONE = "none"
    GZIP = "gzip"
    ZSTD = "zstd"


@dataclass(frozen=True, slots=True)
class LogFile:
    """One file to read, with what its first bytes say it is."""

    name: str
    """The file as the user named it ('-' for standard input)."""
    path: Path
    """What is opened: the file, or the copy of standard input."""
    container: Container
    compression: Compression
    size: int
    """Bytes on disk."""


def find_logs(paths: Sequence[str], stdin: IO[bytes] | None = None) -> tuple[list[LogFile], list[InputError]]:
    """The files that `paths` name, each once, in order of their names; and those that are no logs.

    A path is a file, a directory (searched recursively by SUFFIXES, hidden entries left out), a glob
    pattern, or '-' for `stdin`, which is copied to a temporary file because it may be read twice.
    Raises InputError when a path names nothing at all. A file that exists and is not a log comes
    back in the second list: the caller decides whether it can go on without.
    """
    found: dict[str, LogFile] = {}
    refused: dict[str, InputError] = {}
    for path in paths:
        for name, place in _expand(path, stdin):
            key = os.path.realpath(place)
            if key in found or key in refused:
                continue
            try:
                found[key] = sniff(name, place)
            except InputError as error:
                refused[key] = error
    files = sorted(found.values(), key=lambda f: f.name)
    return files, sorted(refused.values(), key=lambda e: e.path or "")


def _expand(path: str, stdin: IO[bytes] | None) -> Iterator[tuple[str, Path]]:
    if path == "-":
        if stdin is None:
            raise InputError("standard input is not available", hint="name a file instead of -")
        yield "-", _spool(stdin)
        return
    place = Path(path)
    if place.is_dir():
        names = sorted(_walk(path))
        if not names:
            raise InputError(
                "the directory holds no logs", path=path, hint="looked for " + " ".join(SUFFIXES)
            )
        yield from ((name, Path(name)) for name in names)
    elif place.exists():
        yield path, place
    elif glob.has_magic(path):
        names = sorted(n for n in glob.glob(path, recursive=True) if Path(n).is_file())  # noqa: PTH207 - any path
        if not names:
            raise InputError("no file matches the pattern", path=path)
        yield from ((name, Path(name)) for name in names)
    else:
        raise InputError("no such file or directory", path=path, hint=_neighbours(place))


def _walk(top: str) -> Iterator[str]:
    for folder, folders, names in os.walk(top):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        for name in names:
            stem = name.removesuffix(".gz").removesuffix(".zst")
            if not name.startswith(".") and stem.endswith(SUFFIXES):
                yield str(Path(folder, name))


def _neighbours(place: Path) -> str | None:
    from costaudit.errors import did_you_mean  # noqa: PLC0415 - only on the way to an error

    try:
        return did_you_mean(place.name, (p.name for p in place.parent.iterdir()))
    except OSError:
        return None


def _spool(stdin: IO[bytes]) -> Path:
    with tempfile.NamedTemporaryFile(prefix="costaudit-stdin-", delete=False) as spool:
        while chunk := stdin.read(1 << 20):
            spool.write(chunk)
    path = Path(spool.name)
    _SPOOLS.append(path)
    return path


_SPOOLS: list[Path] = []


def remove_spools() -> None:
    """Delete the copies of standard input that this process made."""
    while _SPOOLS:
        _SPOOLS.pop().unlink(missing_ok=True)


def sniff(name: str, path: Path) -> LogFile:
    """What a file is, by its first bytes; raises InputError for one that cannot be a log."""
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            head = stream.read(4096)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path=name) from error
    if not head:
        raise InputError("the file is empty", path=name)
    for magic, what in _KNOWN_OTHERS.items():
        if head.startswith(magic):
            raise InputError(
                f"this is {what}, not a log", path=name, hint="JSON lines or Parquet, plain, .gz or .zst"
            )
    compression = _compression(head)
    if compression is Compression.NONE and head.startswith(_MAGIC_PARQUET):
        return LogFile(name, path, Container.PARQUET, compression, size)
    file = LogFile(name, path, Container.JSONL, compression, size)
    _require_json_start(file, head)
    return file


def _compression(head: bytes) -> Compression:
    if head.startswith(_MAGIC_GZIP):
        return Compression.GZIP
    return Compression.ZSTD if head.startswith(_MAGIC_ZSTD) else Compression.NONE


def _require_json_start(file: LogFile, head: bytes) -> None:
    if file.compression is not Compression.NONE:
        from costaudit.ingest.streams import peek  # noqa: PLC0415 - cycle: streams needs LogFile

        head = peek(file)
        if not head:
            raise InputError("the file is empty once decompressed", path=file.name)
        if head.startswith(_MAGIC_PARQUET):
            raise InputError(
                "a compressed Parquet file", path=file.name, hint="decompress it first: gunzip or zstd -d"
            )
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError("the file is UTF-16", path=file.name, hint="convert it: iconv -f UTF-16 -t UTF-8")
    if b"\x00" in head:
        raise InputError(
            "a binary file of unknown kind", path=file.name, hint="JSON lines or Parquet are read"
        )
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(b"["):
        raise InputError(
            "a JSON array, not JSON lines", path=file.name, hint="convert it: jq -c '.[]' FILE > FILE.jsonl"
        )
