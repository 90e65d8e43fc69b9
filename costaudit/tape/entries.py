"""Entries: what reading one file came to, as bytes to keep: segments, counts, and what was set aside.

An entry holds no name of its file: a file that was moved is read under its new one. An entry that is cut off,
damaged or of another version is none.
"""

from __future__ import annotations

import hashlib
import struct
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import IO, Final

import msgspec
import pyarrow as pa

from costaudit.ingest.canonical import Parsed
from costaudit.ingest.quarantine import Place, Quarantine
from costaudit.tape.record import FILE
from costaudit.tape.segment import Segment
from costaudit.tape.store import packed, unpacked

VERSION: Final = 1
"""Of the layout of entries, and of what readers make of records: raised with every change of either."""

_MAGIC: Final = b"costaudit tape\n"
_LENGTH: Final = struct.Struct("<Q")
_DIGEST: Final = 32


class Entry(msgspec.Struct):
    """What reading one file came to."""

    records: int = 0
    ignored: int = 0
    quarantine: Quarantine = msgspec.field(default_factory=Quarantine)
    formats: Counter[str] = msgspec.field(default_factory=Counter)
    unread: bool = False
    """The file could not be read as a log."""
    segments: list[Segment] = msgspec.field(default_factory=list)
    """Records as read, not merged, without `FILE`."""

    def add(self, parsed: Parsed, segment: Segment) -> None:
        """Take in what a block came to."""
        self.records += parsed.records
        self.ignored += parsed.ignored
        self.quarantine.merge(parsed.quarantine)
        self.formats.update(parsed.formats)
        self.unread = self.unread or bool(parsed.unread)
        if segment.size:
            self.segments.append(segment.without_column(FILE))


class _Head(msgspec.Struct, frozen=True):
    """What an entry says of itself."""

    version: int
    records: int
    ignored: int
    counts: dict[str, int]
    places: dict[str, list[tuple[int, int | None, str]]]
    """By reason: line, byte and detail of the first places."""
    formats: dict[str, int]
    unread: bool
    sizes: list[int]
    """Bytes of each segment."""


def write_entry(stream: IO[bytes], entry: Entry) -> None:
    """Write an entry: its length and digest first, so that what is cut off is known to be."""
    segments = [packed(segment) for segment in entry.segments]
    places = {
        reason: [(place.line, place.byte, place.detail) for place in some]
        for reason, some in entry.quarantine.places.items()
    }
    told = _Head(
        version=VERSION,
        records=entry.records,
        ignored=entry.ignored,
        counts=entry.quarantine.counts,
        places=places,
        formats=dict(entry.formats),
        unread=entry.unread,
        sizes=[segment.size for segment in segments],
    )
    head = msgspec.json.encode(told)
    parts: list[bytes | pa.Buffer] = [_LENGTH.pack(len(head)), head, *segments]
    digest, size = hashlib.blake2b(digest_size=_DIGEST), 0
    for part in parts:
        digest.update(part)
        size += len(part)
    stream.write(_MAGIC)
    stream.write(_LENGTH.pack(size))
    stream.write(digest.digest())
    for part in parts:
        stream.write(part)


def read_entries(data: pa.Buffer, names: Sequence[str]) -> Iterator[Entry] | None:
    """The entries in some bytes, each under a name for its file; None where they are no whole entries."""
    bodies = _bodies(memoryview(data))
    if bodies is None or len(bodies) != len(names):
        return None
    return (_entry(data, start, name) for start, name in zip(bodies, names, strict=True))


def _bodies(view: memoryview) -> list[int] | None:
    """Where the bodies of whole entries begin."""
    found, place = [], 0
    while place < len(view):
        begin = place + len(_MAGIC) + _LENGTH.size + _DIGEST
        if bytes(view[place : place + len(_MAGIC)]) != _MAGIC or begin > len(view):
            return None
        (size,) = _LENGTH.unpack_from(view, place + len(_MAGIC))
        digest = hashlib.blake2b(view[begin : begin + size], digest_size=_DIGEST).digest()
        if begin + size > len(view) or digest != bytes(view[begin - _DIGEST : begin]):
            return None
        (length,) = _LENGTH.unpack_from(view, begin)
        head = msgspec.json.decode(view[begin + _LENGTH.size : begin + _LENGTH.size + length])
        if head.get("version") != VERSION:
            return None
        found.append(begin)
        place = begin + size
    return found


def _entry(data: pa.Buffer, start: int, name: str) -> Entry:
    view = memoryview(data)
    (length,) = _LENGTH.unpack_from(view, start)
    place = start + _LENGTH.size
    head = msgspec.json.decode(view[place : place + length], type=_Head)
    place += length
    entry = Entry(head.records, head.ignored, formats=Counter(head.formats), unread=head.unread)
    entry.quarantine.counts = dict(head.counts)
    entry.quarantine.places = {
        reason: [Place(name, line, byte, detail) for line, byte, detail in some]
        for reason, some in head.places.items()
    }
    for size in head.sizes:
        entry.segments.append(unpacked(data.slice(place, size)).with_constant(FILE, name))
        place += size
    return entry
