"""What a file is, by its first bytes and never by its name."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from costaudit.errors import InputError
from costaudit.ingest.json_blocks import list_start
from costaudit.ingest.logfile import Compression, Container, LogFile, open_bytes, spool
from costaudit.ingest.streams import BOM, chunks, peek

PEEK_BYTES: Final = 256 << 10
"""How much text is looked at to tell JSON lines from other JSON, and a table from both."""

_GZIP, _ZSTD, _PARQUET, _SQLITE = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PAR1", b"SQLite format 3\x00"
_KNOWN_OTHERS: Final = {
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
_READ: Final = "JSON, CSV, Parquet and SQLite are read, plain, .gz or .zst"


def sniff(name: str, path: Path, filesystem: Any = None) -> LogFile:
    """What a file is; raises InputError for one that cannot be a log.

    Containers that are read out of order (Parquet, SQLite) are unpacked into a temporary copy, SQLite
    also where it is on another machine.
    """
    try:
        with open_bytes(path, filesystem) as stream:
            head = stream.read(4096)
            size = stream.seek(0, 2)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", path=name) from error
    if not head:
        raise InputError("the file is empty", path=name)
    _refuse_others(name, head)
    compression = _compression(head)
    file = LogFile(name, path, Container.JSONL, compression, size, filesystem)
    if compression is not Compression.NONE:
        head = peek(file)
        if not head:
            raise InputError("the file is empty once decompressed", path=name)
        _refuse_others(name, head)
    if head.startswith((_PARQUET, _SQLITE)):
        return _out_of_order(file, head)
    return LogFile(name, path, _text_container(name, peek(file, PEEK_BYTES)), compression, size, filesystem)


def _refuse_others(name: str, head: bytes) -> None:
    for magic, what in _KNOWN_OTHERS.items():
        if head.startswith(magic):
            raise InputError(f"this is {what}, not a log", path=name, hint=_READ)


def _compression(head: bytes) -> Compression:
    if head.startswith(_GZIP):
        return Compression.GZIP
    return Compression.ZSTD if head.startswith(_ZSTD) else Compression.NONE


def _out_of_order(file: LogFile, head: bytes) -> LogFile:
    container = Container.PARQUET if head.startswith(_PARQUET) else Container.SQLITE
    remote = container is Container.SQLITE and file.filesystem is not None
    if file.compression is Compression.NONE and not remote:
        return LogFile(file.name, file.path, container, Compression.NONE, file.size, file.filesystem)
    return LogFile(file.name, spool(chunks(file, 1 << 20)), container, Compression.NONE, file.size)


def _text_container(name: str, head: bytes) -> Container:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError("the file is UTF-16", path=name, hint="convert it: iconv -f UTF-16 -t UTF-8")
    if b"\x00" in head[:4096]:
        raise InputError("a binary file of unknown kind", path=name, hint=_READ)
    text = head.removeprefix(BOM).lstrip()
    if re.match(rb"\[\s*[\[{\]]", text):
        return Container.JSON
    if text.startswith(b"{"):
        return Container.JSON if _leaves_lines(text) else Container.JSONL
    return Container.JSONL if header_of(head) is None else Container.CSV


def _leaves_lines(text: bytes) -> bool:
    """Whether JSON that begins with an object is something other than one object per line.

    A document over several lines breaks its first line where a value is still to come, and does not begin
    the next with an object. Two objects in the first line are no JSON lines either.
    """
    line, newline, rest = text.partition(b"\n")
    following = rest.lstrip(b"\r\n")
    if newline and line.rstrip().endswith((b"{", b"[", b",", b":")):
        return not following.startswith(b"{")
    if not newline and len(text) >= PEEK_BYTES - 64 and list_start(text) is not None:
        return True  # one endless line: as a page it can be taken apart
    try:
        _, end = json.JSONDecoder().raw_decode(line.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return False
    return line.decode("utf-8", "replace")[end:].lstrip().startswith("{")


DELIMITERS: Final = ",;\t|"


def header_of(head: bytes) -> tuple[str, list[str]] | None:
    """The delimiter and column names of a table; None where the text does not begin like one.

    Names are words: a line of prose, numbers or JSON is no header. A first column without a name is an
    index, as data frames write it.
    """
    text = head.removeprefix(BOM).decode("utf-8", "replace")
    line = next(iter(text.splitlines()), "")
    if re.search(r"^[^\S\n]*[{\[]", text, re.MULTILINE) and line.count('"') < 2:
        return None
    for delimiter in sorted(DELIMITERS, key=line.count, reverse=True):
        names = next(csv.reader([line], delimiter=delimiter), [])
        if len(names) > 1 and _are_names(names):
            return delimiter, names
    return None


def _are_names(names: Sequence[str]) -> bool:
    first, *others = names
    return all(re.fullmatch(r"\s*[A-Za-z_$@][^{}\n\t]{0,99}", n) for n in (*others, first or "index"))
