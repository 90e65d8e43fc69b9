"""The one way in: logs read block by block into a tape, and the records of the same call merged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from costaudit.errors import InputError
from costaudit.ingest.adapters import ADAPTERS
from costaudit.ingest.canonical import Parsed, numbers_of
from costaudit.ingest.detect import matching
from costaudit.ingest.format import Adapter, Record, Skip
from costaudit.ingest.hashes import Hashes
from costaudit.ingest.logfile import LogFile
from costaudit.ingest.nearest import nearest_format
from costaudit.ingest.quarantine import NO_RECORD, REASONS, Place
from costaudit.ingest.reader import FileReader, Reader, open_log, open_logs
from costaudit.tape.ids import RunIds, sorted_keys
from costaudit.tape.overlaps import Overlaps
from costaudit.tape.record import Keeps, placed, recorded
from costaudit.tape.segment import Segment
from costaudit.tape.tape import Found, Tape
from costaudit.tape.workers import Workers, default_threads
from costaudit.tiers.tagger import Tagger

Progress = Callable[[int], None]
"""Called with the number of records of every finished block."""

Select = Callable[[pa.RecordBatch], npt.NDArray[np.bool_]]
"""Which rows of a canonical batch are wanted."""


class HowToRead(msgspec.Struct, frozen=True):
    """How logs are read."""

    forced: Adapter | None = None
    """The format of all records, if the user says so."""
    adapters: Sequence[Adapter] = ADAPTERS
    """The formats that a record may have, the first that matches reads it."""
    threads: int | None = None
    keeps: Keeps = msgspec.field(default_factory=Keeps)
    select: Select | None = None
    """Which calls are wanted; only those are merged. All by default."""


def read_tape(
    files: Sequence[LogFile],
    tagger: Tagger,
    how: HowToRead | None = None,
    *,
    refused: Sequence[InputError] = (),
    progress: Progress | None = None,
) -> Tape:
    """The requests of some files. `refused` are files that turned out not to be logs: they are counted.

    The tagger reads the texts, which are gone afterwards. Raises InputError when nothing at all could be
    read, naming the first reason; the caller closes the tape.
    """
    how = how or HowToRead()
    found = Found(files=len(files), bytes=sum(file.size for file in files))
    found.copies = sorted((copy, file.name) for file in files for copy in file.copies)
    readers = _opened(files, how, refused, found)
    tape = Tape(keeps_ids=how.keeps.ids)
    tape.found, tape.sources = found, readers
    try:
        _record(tape, readers, tagger, how, progress or (lambda _: None))
    except BaseException:
        tape.store.close()
        raise
    if found.records == 0 or (tape.requests == 0 and how.select is None):
        tape.store.close()
        raise _nothing_read(files, how, found)
    return tape


def _opened(
    files: Sequence[LogFile], how: HowToRead, refused: Sequence[InputError], found: Found
) -> list[Reader]:
    """Readers of the files that can be read; the others go into the quarantine, as do those refused.

    Raises InputError with the first reason when there is no reader.
    """
    readers: list[Reader] = []
    errors = list(refused)
    for opened in open_logs(files, how.forced, how.adapters):
        if isinstance(opened, InputError):
            errors.append(opened)
        else:
            readers.append(opened)
    if errors and not readers:
        raise errors[0]
    for trouble in errors:
        found.quarantine.add("unreadable_file", Place(trouble.path or "", 0, None, trouble.message))
    found.unread = frozenset(trouble.path or "" for trouble in errors)
    return readers


class _Task(msgspec.Struct, frozen=True):
    source: int
    reader: Reader
    block: Any


class _Done(msgspec.Struct, frozen=True):
    """What a block came to."""

    task: _Task
    parsed: Parsed
    batch: pa.RecordBatch
    segment: Segment
    keys: Hashes


def _record(
    tape: Tape, readers: Sequence[Reader], tagger: Tagger, how: HowToRead, progress: Progress
) -> None:
    """Read all blocks, then merge what is of one call."""
    found, ids, overlaps = tape.found, RunIds(), Overlaps()
    tasks = (
        _Task(source, reader, block) for source, reader in enumerate(readers) for block in reader.blocks()
    )
    try:
        with Workers(how.threads or default_threads()) as workers:
            for done in workers.map(lambda task: _done(task, tagger, how), tasks):
                parsed = done.parsed
                found.records += parsed.records
                found.ignored += parsed.ignored
                found.quarantine.merge(parsed.quarantine)
                found.formats.update(parsed.formats)
                found.unread |= parsed.unread
                found.unused.merge(parsed.unused)
                if done.segment.size:
                    number = tape.add(done.segment, done.task.source, done.task.block.index)
                    ids.add(number, done.keys)
                    if found.files > 1:
                        overlaps.add(done.batch)
                progress(parsed.records)
        tape.merge_repeated(*ids.repeated())
    finally:
        ids.close()
    found.overlaps = overlaps.found()


def _done(task: _Task, tagger: Tagger, how: HowToRead) -> _Done:
    parsed = task.reader.parse(task.block)
    batch, lines = parsed.batch, numbers_of(parsed.lines)
    if how.select is not None:
        rows = np.flatnonzero(how.select(batch))
        batch, lines = batch.take(pa.array(rows)), lines[rows]
    batch = placed(recorded(batch, tagger, how.keeps), *task.reader.places(lines))
    return _Done(task, parsed, batch, Segment.of(batch), sorted_keys(batch))


def _nothing_read(files: Sequence[LogFile], how: HowToRead, found: Found) -> InputError:
    """Why a file with content came to no requests: the commonest reason and its first place."""
    where = ", ".join(f.name for f in files[:3]) + (" …" if len(files) > 3 else "")
    counts = found.quarantine.counts
    if not counts:
        return InputError("no requests found", path=where, hint="the records are not calls of a model")
    reason = max(counts, key=lambda r: (counts[r], r))
    place = found.quarantine.places[reason][0]
    if reason == "unreadable_file":
        return InputError(place.detail, path=place.file)
    detail = f": {place.detail}" if place.detail else ""
    hint = None if reason in NO_RECORD else f"costaudit formats test {place.file} says more"
    if reason == "unrecognised":
        named = next((file for file in files if file.name == place.file), None)
        record = None if named is None else _record_at(open_log(named, how.forced, how.adapters), place.line)
        if record is not None and matching(record, how.adapters) is None:
            hint = f"{nearest_format(record, how.adapters).told()}; {hint}"
    return InputError(
        f"no request could be read from {found.records} records; {REASONS[reason]}{detail}",
        path=place.file or where,
        line=place.line or None,
        hint=hint,
    )


def _record_at(reader: FileReader, line: int) -> Record | None:
    found = next((record for number, record in reader.records() if number >= line), None)
    return None if isinstance(found, Skip) else found
