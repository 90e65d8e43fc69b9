"""What a file is, by its first bytes and never by its name."""

from __future__ import annotations

import csv
import json
import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import msgspec

from costaudit.errors import InputError
from costaudit.ingest.encoding import UTF8, encoding_of, line_ends_of
from costaudit.ingest.json_blocks import list_start
from costaudit.ingest.limits import DEFAULTS, ReadLimits
from costaudit.ingest.logfile import TAPE_MAGIC, Compression, Container, LineEnds, LogFile, open_bytes, spool
from costaudit.ingest.notation import UNSAID, Notation
from costaudit.ingest.streams import BOM, chunks, peek, peek_text
from costaudit.ingest.unpack import BrokenError, is_skippable

PEEK_BYTES: Final = 256 << 10
"""How much text is looked at to tell JSON lines from other JSON, and a table from both."""

_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_OUT_OF_ORDER: Final = {
    b"PAR1": Container.PARQUET,
    b"SQLite format 3\x00": Container.SQLITE,
    TAPE_MAGIC: Container.TAPE,
}
_KNOWN_OTHERS: Final = {
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
_OLD_OFFICE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""How Excel's files of before 2007 begin, and those with a password."""
_READ: Final = "JSON, CSV, Parquet, SQLite and Excel (.xlsx) are read, plain, .gz or .zst"


def sniff(
    name: str,
    path: Path,
    filesystem: Any = None,
    limits: ReadLimits = DEFAULTS,
    notation: Notation = UNSAID,
) -> LogFile:
    """What a file is; raises InputError for one that cannot be a log.

    Containers that are read out of order (Parquet, SQLite, tapes) are unpacked into a temporary copy, all but
    Parquet also where they are on another machine.
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
    whole = head if len(head) == size else None
    file = LogFile(name, path, Container.JSONL, compression, size, filesystem, limits=limits, data=whole)
    file = replace(file, notation=notation)
    return replace(_recognised(file, head), data=None)


def _recognised(file: LogFile, head: bytes) -> LogFile:
    """The file with what it is, by its first bytes."""
    if file.compression is not Compression.NONE:
        head = peek(file)
        if not head:
            raise InputError("the file is empty once decompressed", path=file.name)
        _refuse_others(file.name, head)
    for magic, container in _OUT_OF_ORDER.items():
        if head.startswith(magic):
            return _out_of_order(file, container)
    if head.startswith(b"PK\x03\x04"):
        return _archive(_out_of_order(file, Container.XLSX))
    return _text(file, head)


def _text(file: LogFile, head: bytes) -> LogFile:
    """The file with what its first bytes say of its text."""
    file = replace(file, encoding=encoding_of(head))
    if file.encoding == UTF8 and b"\x00" in head:
        raise InputError("a binary file of unknown kind", path=file.name, hint=_READ)
    text = peek_text(file, PEEK_BYTES)
    file = replace(file, line_ends=line_ends_of(text, table=not text.lstrip().startswith((b"{", b"["))))
    if file.line_ends is LineEnds.RETURN:
        text = peek_text(file, PEEK_BYTES)
    return replace(file, container=_text_container(text))


def _refuse_others(name: str, head: bytes) -> None:
    if head.startswith(_OLD_OFFICE):
        raise InputError("this is an old or protected Excel workbook", path=name, hint=_AS_CSV)
    for magic, what in _KNOWN_OTHERS.items():
        if head.startswith(magic):
            raise InputError(f"this is {what}, not a log", path=name, hint=_READ)


def _compression(head: bytes) -> Compression:
    if head.startswith(_GZIP):
        return Compression.GZIP
    return Compression.ZSTD if head.startswith(_ZSTD) or is_skippable(head) else Compression.NONE


_AS_CSV: Final = "save it as .xlsx or CSV"


def _archive(file: LogFile) -> LogFile:
    """A zip archive, if it is a workbook; raises InputError for any other."""
    try:
        with file.open() as stream, zipfile.ZipFile(stream) as archive:
            parts = {name.lower() for name in archive.namelist()}
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise InputError(
            "this is a zip archive that is not whole", path=file.name, hint="copy it again"
        ) from error
    if "xl/workbook.xml" in parts:
        return file
    if "xl/workbook.bin" in parts:
        raise InputError("this is a binary workbook (.xlsb)", path=file.name, hint=_AS_CSV)
    if "content.xml" in parts and "mimetype" in parts:
        raise InputError("this is an OpenDocument file", path=file.name, hint=_AS_CSV)
    raise InputError("this is a zip archive, not a log", path=file.name, hint=_READ)


def _out_of_order(file: LogFile, container: Container) -> LogFile:
    remote = container is not Container.PARQUET and file.filesystem is not None
    if file.compression is Compression.NONE and not remote:
        return replace(file, container=container)
    try:
        copy = spool(_bounded(file), named=container is Container.SQLITE)  # which opens by name alone
    except BrokenError as error:
        raise InputError(f"cannot be decompressed: {error}", path=file.name) from error
    unpacked = LogFile(file.name, copy, container, Compression.NONE, file.size, limits=file.limits)
    return replace(unpacked, notation=file.notation)


def _bounded(file: LogFile) -> Iterator[bytes]:
    """The uncompressed bytes; raises InputError where they are more than the file's limit."""
    size = 0
    for chunk in chunks(file, 1 << 20):
        size += len(chunk)
        if size > file.limits.unpacked:
            raise InputError(
                f"it unpacks to more than {file.limits.unpacked:,} bytes",
                path=file.name,
                hint="--limit unpacked=SIZE allows more",
            )
        yield chunk


def _text_container(head: bytes) -> Container:
    """What a text is by its beginning, without the blank lines before it."""
    text = head.lstrip()
    if not text.startswith((b"{", b"[")):
        return Container.JSONL if header_of(head) is None else Container.CSV
    if _keeps_to_lines(text):
        return Container.JSONL
    if re.match(rb"\[\s*(?:[\[{\]\"]|$)", text):
        return Container.JSON
    return Container.JSON if text.startswith(b"{") and _leaves_lines(text) else Container.JSONL


_LINES: Final = 20
"""Lines that are looked at to see whether each holds a value of its own."""


def _keeps_to_lines(text: bytes) -> bool:
    """Whether most of the lines after the first hold one JSON object each, whatever the first is.

    An array with a record per line ends its lines with commas, and one without commas begins with a bracket
    alone.
    """
    first, *lines = text.split(b"\n", _LINES)
    if len(lines) < 2 or first.strip() == b"[":
        return False
    whole = [line.strip() for line in lines[:-1] if line.strip()]
    return 2 * sum(_is_object(line) for line in whole) > len(whole)


def _is_object(line: bytes) -> bool:
    if not line.startswith(b"{"):
        return False
    try:
        return isinstance(msgspec.json.decode(line), dict)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


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

_TOLD: Final = re.compile(r"sep=([,;\t|])")


class Header(msgspec.Struct, frozen=True):
    """How a table as text begins."""

    delimiter: str
    names: tuple[str, ...]
    above: int
    """Lines before the header: blank ones, comments, and the line with which Excel is told the delimiter."""


_OBJECT_BEHIND_TEXT: Final = re.compile(r'[^\t;|",]\{"[^"]')
"""What no field of a table holds, where quotes are doubled or the object is all of it."""


def header_of(head: bytes) -> Header | None:
    """The header of a table; None where the text does not begin like one.

    Names are words: a line of prose, numbers or JSON is no header. A first column without a name is an
    index, as data frames write it.
    """
    lines = head.removeprefix(BOM).decode("utf-8", "replace").split("\n")
    above, told = 0, ""
    for line in lines:
        found = _TOLD.fullmatch(line.rstrip("\r"))
        if found is None and line.strip() and not line.startswith("#"):
            break
        above, told = above + 1, found[1] if found else told
    line = lines[above] if above < len(lines) else ""
    if line.count('"') < 2 and any(other.lstrip()[:1] in ("{", "[") for other in lines[above:]):
        return None
    if any(_OBJECT_BEHIND_TEXT.search(other) for other in lines[above + 1 : above + _LINES]):
        return None  # lines of a log with a text before each object
    for delimiter in told or sorted(DELIMITERS, key=line.count, reverse=True):
        names = _names_in(line.rstrip("\r"), delimiter)
        if len(names) > 1 and _are_names(names):
            return Header(delimiter, tuple(name.strip() for name in names), above)
    return None


def _names_in(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return []


def _are_names(names: Sequence[str]) -> bool:
    first, *others = names
    if 2 * sum("=" in name for name in names) > len(names):
        return False  # a line of key=value
    return all(
        re.fullmatch(r"\s{0,9}[^\W\d][^{}\n\t]{0,99}|\s{0,9}[$@€£¥µ#][^{}\n\t]{0,99}", n)
        for n in (*others, first or "index")
    )
