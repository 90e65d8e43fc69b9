"""The file that a tape is kept in: segments as they were read, not merged, and what reading came to.

First a line that names the format, then the parts, then what they are (JSON), then the length of that and
checksums of all. A file that is cut off, damaged, or of another version is none. It has no texts and no ids:
see `costaudit.tape.record`.
"""

from __future__ import annotations

import functools
import mmap
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import IO, Final

import msgspec
import numpy as np
import pyarrow as pa
from msgspec.structs import replace

from costaudit import __version__
from costaudit.errors import InputError
from costaudit.ingest.guess.result import Guess
from costaudit.ingest.hashes import Hashes
from costaudit.ingest.logfile import TAPE_MAGIC
from costaudit.ingest.quarantine import REASONS, Place
from costaudit.ingest.refused import Refused
from costaudit.ingest.unclear import UnclearColumn, UnclearRecords
from costaudit.tape.ids import sorted_keys
from costaudit.tape.record import FILE
from costaudit.tape.segment import Segment, join
from costaudit.tape.store import packed, unpacked
from costaudit.tape.tape import Found, Tape
from costaudit.tiers.traits import is_trait

VERSION: Final = 3
"""Of the layout."""

PART_ROWS: Final = 1 << 17
"""Rows of a part, about: many small blocks become one."""

_ALIGNMENT: Final = 64
_ENDING: Final = b"costaudit\n"
_SIZES: Final = 8 + 4 + 4


class _Part(msgspec.Struct, frozen=True):
    """A segment of the file, and the hashes by which its records may be of one call."""

    offset: int
    size: int
    keys: int
    """Number of hashes, which follow the segment."""
    rows: int
    is_around: bool = False
    """Whether it holds spans that are no calls."""


class _Head(msgspec.Struct, frozen=True):
    """What a file says of itself."""

    version: int
    made_by: str
    rules: str
    """By what texts were read: `Tagger.text_digest`; empty where there were none."""
    files: list[tuple[str, int]]
    """Names and bytes; the column FILE holds places in this list."""
    parts: list[_Part]
    records: int
    ignored: int
    counts: dict[str, int]
    places: dict[str, list[tuple[str, int, int | None, str]]]
    formats: dict[str, int]
    unused: dict[str, tuple[int, str]]
    refused: tuple[int, int]
    """Requests and their tokens."""
    unread: list[str]
    copies: list[tuple[str, str]]
    unclear: list[tuple[str, str, str, int, int]] = []
    """Files, columns, reasons, records and first lines."""
    guesses: list[Guess] = []


class TapeWriter:
    """Writes a file from one end to the other."""

    def __init__(self, stream: IO[bytes], files: Sequence[tuple[str, int]]) -> None:
        """`files` are the names and bytes of what is read."""
        self._stream, self._files = stream, list(files)
        self._number = {name: number for number, (name, _) in enumerate(files)}
        self._parts: list[_Part] = []
        self._held: list[Segment] = []
        self._around: list[Segment] = []
        self._rows = 0
        self._has_texts = False
        self._place = self._sum = 0
        self._write(TAPE_MAGIC)

    def add(self, segment: Segment) -> None:
        """The next records."""
        self._held.append(segment)
        self._rows += segment.size
        if self._rows >= PART_ROWS:
            self._flush()

    def add_around(self, segment: Segment) -> None:
        """The next spans that are no calls."""
        self._around.append(segment)
        if sum(part.size for part in self._around) >= PART_ROWS:
            self._flush_around()

    def finish(self, found: Found, rules: str) -> None:
        """Write what the records came to; nothing can be added afterwards."""
        self._flush()
        self._flush_around()
        head = _Head(
            version=VERSION,
            made_by=__version__,
            rules=rules if self._has_texts else "",
            files=self._files,
            parts=self._parts,
            records=found.records,
            ignored=found.ignored,
            counts=found.quarantine.counts,
            places={
                reason: [(place.file, place.line, place.byte, place.detail) for place in some]
                for reason, some in found.quarantine.places.items()
            },
            formats=dict(found.formats),
            unused={name: (held, str(total)) for name, (held, total) in found.unused.sums.items()},
            refused=(found.refused.requests, found.refused.tokens),
            unread=sorted(found.unread),
            copies=list(found.copies),
            unclear=[(*column, *held) for column, held in found.unclear.columns.items()],
            guesses=list(found.guesses),
        )
        told = msgspec.json.encode(head)
        self._write(told)
        self._stream.write(_trailer(len(told), self._sum))

    def _flush(self) -> None:
        if not self._held:
            return
        segment = join(self._held)
        self._has_texts |= any(is_trait(name) for name in segment.rows.schema.names)
        self._put(segment, sorted_keys(segment.rows), is_around=False)
        self._held, self._rows = [], 0

    def _flush_around(self) -> None:
        if self._around:
            self._put(join(self._around), np.zeros(0, np.uint64), is_around=True)
        self._around = []

    def _put(self, segment: Segment, keys: Hashes, *, is_around: bool) -> None:
        self._write(bytes(-self._place % _ALIGNMENT))
        offset = self._place
        rows = packed(segment.with_codes(FILE, self._number))
        self._write(rows)
        self._write(bytes(-self._place % _ALIGNMENT))
        self._write(keys.tobytes())
        self._parts.append(_Part(offset, rows.size, len(keys), segment.size, is_around))

    def _write(self, data: bytes | pa.Buffer) -> None:
        self._stream.write(data)
        self._sum = zlib.crc32(data, self._sum)
        self._place += len(data)


def write_tape(tape: Tape, rules: str, stream: IO[bytes]) -> None:
    """Write a tape as it was read; `rules` is the digest of how texts were."""
    writer = TapeWriter(stream, tape.files)
    for segment in tape.recorded():
        writer.add(segment)
    for segment in tape.recorded_around():
        writer.add_around(segment)
    writer.finish(tape.found, rules)


def _trailer(length: int, checksum: int) -> bytes:
    sizes = length.to_bytes(8, "little") + checksum.to_bytes(4, "little")
    return sizes + zlib.crc32(sizes).to_bytes(4, "little") + _ENDING


class TapeFile:
    """A file that is read; the parts stay in it until they are asked for."""

    def __init__(self, data: pa.Buffer, head: _Head, names: Sequence[str], shown: str) -> None:
        """`names` are those of the files now, in their order."""
        self._data, self._head, self._shown = data, head, shown
        self.names = list(names)

    def renamed(self, names: Mapping[str, str]) -> TapeFile:
        """The same with other names for some of the files."""
        return TapeFile(self._data, self._head, [names.get(name, name) for name in self.names], self._shown)

    @property
    def files(self) -> list[tuple[str, int]]:
        """Names and bytes of the files that were read."""
        return [(name, size) for name, (_, size) in zip(self.names, self._head.files, strict=True)]

    @property
    def rules(self) -> str:
        """By what texts were read."""
        return self._head.rules

    @property
    def parts(self) -> int:
        """How many segments there are."""
        return len(self._head.parts)

    def rows(self, number: int) -> int:
        """Rows of a part."""
        return self._head.parts[number].rows

    def is_around(self, number: int) -> bool:
        """Whether a part holds spans that are no calls."""
        return self._head.parts[number].is_around

    def segment(self, number: int) -> Segment:
        """The records of a part, with the files' names as they are now."""
        part = self._head.parts[number]
        try:
            segment = unpacked(self._data.slice(part.offset, part.size))
            for batch in (segment.rows, segment.kinds):
                batch.validate(full=True)
            return segment.with_words(FILE, self.names)
        except (pa.ArrowException, KeyError) as error:
            raise InputError("the tape is damaged", path=self._shown, hint="make it again") from error

    def keys(self, number: int) -> Hashes:
        """The sorted hashes of `ids.sorted_keys` for a part."""
        part = self._head.parts[number]
        start = part.offset + part.size
        return np.frombuffer(self._data, np.uint64, part.keys, start + -start % _ALIGNMENT)

    @functools.cached_property
    def found(self) -> Found:
        """What reading the files came to, under their names as they are now."""
        head = self._head
        renamed = dict(zip((name for name, _ in head.files), self.names, strict=True))
        found = Found(files=len(head.files), bytes=sum(size for _, size in head.files))
        found.records, found.ignored, found.formats = head.records, head.ignored, Counter(head.formats)
        for reason, number in head.counts.items():
            places = [
                Place(renamed.get(file, file), line, byte, detail)
                for file, line, byte, detail in head.places[reason]
            ]
            found.quarantine.add_many(reason, number, places)
        for name, (held, total) in head.unused.items():
            found.unused.add(name, Decimal(total), held)
        for file, column, reason, records, line in head.unclear:
            found.unclear.add(
                UnclearColumn(renamed.get(file, file), column, reason), UnclearRecords(records, line)
            )
        found.guesses = [
            replace(guess, files=tuple(renamed.get(file, file) for file in guess.files))
            for guess in head.guesses
        ]
        found.refused = Refused(*head.refused)
        found.unread = frozenset(renamed.get(name, name) for name in head.unread)
        found.copies = [(copy, renamed.get(name, name)) for copy, name in head.copies]
        return found


def open_tape(path: Path, names: Sequence[str] | None = None, shown: str | None = None) -> TapeFile:
    """A file of `TapeWriter`; `names` are those of the files now, in their order.

    Raises InputError, which names it as `shown`, for any other file; OSError where it cannot be read.
    """
    shown = shown or str(path)
    with path.open("rb") as stream:
        if not stream.read(1):
            raise InputError("the file is empty", path=shown)
        data = pa.py_buffer(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ))
    head = _head_of(memoryview(data), shown)
    return TapeFile(data, head, [name for name, _ in head.files] if names is None else names, shown)


def _head_of(data: memoryview, shown: str) -> _Head:
    """What a whole file says of itself; raises InputError where it is none."""
    end = len(data) - _SIZES - len(_ENDING)
    sizes = bytes(data[end : end + _SIZES]) if end > len(TAPE_MAGIC) else b""
    if bytes(data[: len(TAPE_MAGIC)]) != TAPE_MAGIC:
        raise InputError("this is no tape", path=shown)
    length, checksum = int.from_bytes(sizes[:8], "little"), int.from_bytes(sizes[8:12], "little")
    if not sizes or _trailer(length, checksum) != bytes(data[end:]) or length > end:
        raise InputError("the tape is cut off", path=shown, hint="make it again")
    told = bytes(data[end - length : end])
    try:
        version = msgspec.json.decode(told, type=_Version).version
        if version == VERSION and zlib.crc32(data[:end]) == checksum:
            head = msgspec.json.decode(told, type=_Head)
            is_inside = all(_is_inside(part, end - length) for part in head.parts)
            if is_inside and head.counts.keys() <= REASONS.keys():
                return head
    except msgspec.MsgspecError:
        version = VERSION
    if version != VERSION:
        raise InputError("the tape is of another version of costaudit", path=shown, hint="make it again")
    raise InputError("the tape is damaged", path=shown, hint="make it again")


class _Version(msgspec.Struct):
    """What every version of the head has."""

    version: int


def _is_inside(part: _Part, end: int) -> bool:
    whole = part.offset >= 0 and part.size >= 0 and part.keys >= 0 and part.rows >= 0
    return whole and part.offset + part.size + _ALIGNMENT + 8 * part.keys <= end + _ALIGNMENT
