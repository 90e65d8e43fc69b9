"""A look at the first records of one log: which format each has, and what is read from it, field by field."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from costaudit.errors import InputError, UsageError
from costaudit.ingest.adapters import ADAPTERS
from costaudit.ingest.detect import SAMPLE, matching, read_record
from costaudit.ingest.envelopes import fill
from costaudit.ingest.extended_json import plain_types
from costaudit.ingest.format import Adapter, Record, Skip, around_of
from costaudit.ingest.guess.prices import KnownPrices
from costaudit.ingest.logfile import LogFile
from costaudit.ingest.nearest import Nearest, nearest_format
from costaudit.ingest.quarantine import Place, Quarantine
from costaudit.ingest.reader import FileReader, open_log
from costaudit.ingest.settle import settled
from costaudit.ingest.starter import starter_mapping
from costaudit.ingest.trace import KeyTrace, trace_record
from costaudit.ingest.unclear import Unclear, UnclearColumn, UnclearRecords
from costaudit.ingest.written_columns import WrittenColumns
from costaudit.schema import Call


@dataclass(frozen=True, slots=True)
class ReadRecord:
    """One record of a format, and what it came to."""

    line: int
    format: str
    calls: tuple[Call, ...]
    """Empty for a record that is not a call: a header, an aggregate."""
    trace: KeyTrace


@dataclass(frozen=True, slots=True)
class UnknownRecord:
    """A record of no known format."""

    line: int
    nearest: Nearest
    starter: str | None = None
    """A mapping to begin with, as TOML; None where no key looks like a model or a count."""


@dataclass(slots=True)
class Look:
    """What the first records of a file are."""

    file: LogFile
    detected: str | None
    """The format that the file is taken to have."""
    forced: bool
    records: int = 0
    """Records looked at."""
    line: int | None = None
    """The one line that was asked for."""
    votes: Counter[str] = field(default_factory=Counter)
    """Records by the first format that matches."""
    unmatched: int = 0
    calls: int = 0
    not_calls: int = 0
    """Records that are known and are no calls."""
    examples: list[ReadRecord] = field(default_factory=list)
    """The first record of each format."""
    unknown: UnknownRecord | None = None
    """The first record of no format."""
    quarantine: Quarantine = field(default_factory=Quarantine)
    unread: list[Record] = field(default_factory=list)
    """The records of no format."""
    unclear: Unclear = field(default_factory=Unclear)
    """Columns with dates or amounts that can be read in several ways, and are not read."""


def look_at(
    file: LogFile,
    forced: Adapter | None = None,
    adapters: Sequence[Adapter] = ADAPTERS,
    line: int | None = None,
    prices: Callable[[], KnownPrices] | None = None,
) -> Look:
    """Read the first SAMPLE records of a file, or one line of it.

    `prices` know names of models, where keys of no format are to be told by their values.
    Raises InputError for a file that cannot be read, UsageError for a line that it does not have.
    """
    reader = open_log(file, forced, adapters)
    look = Look(file, reader.adapter.name if reader.adapter else None, forced is not None, line=line)
    read = _reading(reader, adapters, forced=forced is not None)
    last = 0
    for last, record in reader.records():
        if line is None or last == line:
            look.records += 1
            _add(look, last, record, read, adapters, reader.written)
        elif last < line and reader.adapter is not None and reader.adapter.session is not None:
            _remember(record, read)
        if look.records == (SAMPLE if line is None else 1) or (line is not None and last > line):
            break
    if look.records == 0 and line is not None:
        raise UsageError(f"there is no record at line {line}", path=file.name, hint=f"one is at line {last}")
    if look.records == 0:
        raise InputError("no records found", path=file.name)
    look.examples = _most_telling(look.examples)
    if look.unknown is not None:
        starter = starter_mapping(look.unread, None if prices is None else prices())
        look.unknown = replace(look.unknown, starter=starter)
    return look


Read = Callable[[Record], tuple[Adapter, list[Call]]]


def _reading(reader: FileReader, adapters: Sequence[Adapter], *, forced: bool) -> Read:
    expected, plain = None if reader.adapter is None else reader.adapter.for_one_file(), reader.written.plain

    def read(record: Record) -> tuple[Adapter, list[Call]]:
        adapter, calls = read_record(plain(record)[0], expected, forced=forced, adapters=adapters)
        return adapter, [fill(call, around_of(record)) for call in calls]

    return read


def _remember(record: Record | Skip, read: Read) -> None:
    """Read a line only for what later lines of its session refer to."""
    if not isinstance(record, Skip):
        with contextlib.suppress(Skip):
            read(record)


def _add(
    look: Look,
    number: int,
    record: Record | Skip,
    read: Read,
    adapters: Sequence[Adapter],
    written: WrittenColumns,
) -> None:
    if isinstance(record, Skip):
        look.quarantine.add(record.reason, Place(look.file.name, number, None, record.detail))
        return
    voted = matching(record, adapters)
    if voted is None:
        look.unmatched += 1
    else:
        look.votes[voted.name] += 1
    try:
        adapter, calls = read(record)
    except Skip as skip:
        look.quarantine.add(skip.reason, Place(look.file.name, number, None, skip.detail))
        if skip.reason == "unrecognised" and voted is None:
            look.unread.append(written.plain(plain_types(record))[0])
            look.unknown = look.unknown or UnknownRecord(number, nearest_format(record, adapters))
        return
    for name, reason in written.plain(record)[1]:
        look.unclear.add(UnclearColumn(look.file.name, name, reason), UnclearRecords(1, number))
    look.calls += len(calls)
    look.not_calls += not calls
    known = {example.format for example in look.examples if example.calls or not calls}
    if adapter.name not in known:
        alone = _plainly(adapter, written, around_of(record), forced=look.forced)
        trace = trace_record(record, alone) if calls else KeyTrace()
        look.examples.append(ReadRecord(number, adapter.name, tuple(calls), trace))


def _plainly(
    adapter: Adapter, written: WrittenColumns, around: Sequence[Record], *, forced: bool
) -> Callable[[Record], list[Call]]:
    """A record read by itself, without what lines before it said."""

    def read(record: Record) -> list[Call]:
        if not (forced or adapter.matches(record)):
            raise Skip("unrecognised")
        calls = adapter.calls(written.plain(record)[0])
        return [fill(call, around) for call in settled(calls)]

    return read


def _most_telling(examples: Sequence[ReadRecord]) -> list[ReadRecord]:
    """One record of each format: the first with a call, or else the first."""
    with_calls = {example.format for example in examples if example.calls}
    return [e for e in examples if e.calls or e.format not in with_calls]
