"""The one way in: logs read block by block into a tape, and the records of the same call merged."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from msgspec.structs import replace

from costaudit.errors import InputError, UsageError
from costaudit.ingest.adapters import ADAPTERS
from costaudit.ingest.canonical import numbers_of
from costaudit.ingest.detect import matching
from costaudit.ingest.format import Adapter, Record, Skip
from costaudit.ingest.guess.files import (
    MOST_ADVISED,
    MOST_FILES_ADVISED,
    Guessed,
    Guessing,
    guesses_for,
)
from costaudit.ingest.guess.result import Guess
from costaudit.ingest.guess.told import advise
from costaudit.ingest.hashes import Hashes
from costaudit.ingest.logfile import LogFile
from costaudit.ingest.nearest import nearest_format
from costaudit.ingest.quarantine import NO_RECORD, REASONS
from costaudit.ingest.reader import FileReader, Reader, open_log
from costaudit.ingest.refused import without_refused
from costaudit.schema import Quality
from costaudit.tape.cache import Cache, TapeDraft
from costaudit.tape.call_hashes import with_ids
from costaudit.tape.columns import Batch
from costaudit.tape.copied import RunCopies
from costaudit.tape.ids import RunIds, sorted_keys
from costaudit.tape.overlaps import Overlaps
from costaudit.tape.record import HASHED, Keeps, placed, recorded
from costaudit.tape.run_spans import RunSpans
from costaudit.tape.segment import Segment
from costaudit.tape.sources import Parsing, Source, Sources
from costaudit.tape.tape import Found, Tape
from costaudit.tape.tapefile import TapeFile
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
    cache: Cache | None = None
    """Keeps what files come to, where all of it is wanted, without ids and texts."""
    guessing: Guessing | None = None
    """What is to be done with logs of unknown format; None: nothing is guessed."""


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
    found = Found(copies=sorted((copy, file.name) for file in files for copy in file.copies))
    guessed = _guessed(files, how)
    cache = how.cache if _can_be_kept(tagger, how) and not guessed.adapters else None
    if cache is not None:  # what is kept is for every question
        how = replace(how, keeps=Keeps())
    opener = Sources(how.forced, how.adapters, tagger.text_digest, cache, guessed.adapters)
    try:
        sources, logs = opener.open(files, refused, found)
    except InputError as error:
        advise(error, guessed.guesses or _advised(files, how))
        raise
    found.files, found.bytes = len(logs), sum(size for _, size in logs)
    tape = Tape(keeps_ids=how.keeps.ids)
    tape.found = found
    tape.files = logs
    tape.readers = {n: source.reader for n, source in enumerate(sources) if isinstance(source, Parsing)}
    try:
        recorder = _Recorder(tape, tagger, how, cache)
        recorder.record(sources, progress or (lambda _: None))
    except BaseException:
        tape.store.close()
        raise
    unknown = [file for file in files if file.name in recorder.unknown or file.name in found.unread]
    found.guesses = [*found.guesses, *(guessed.guesses or _advised(unknown, how))]
    if found.records == 0 or (tape.requests == 0 and how.select is None):
        tape.store.close()
        trouble = _nothing_read(files, how, found)
        advise(trouble, found.guesses)
        raise trouble
    return tape


def _guessed(files: Sequence[LogFile], how: HowToRead) -> Guessed:
    """What logs of unknown format are to be taken for, where the user asks for that."""
    if how.guessing is None or not how.guessing.use:
        return Guessed()
    if how.forced is not None:
        raise UsageError(
            "--guess and --input-format cannot be meant together",
            hint="a format that is named leaves nothing to guess",
        )
    guessed = guesses_for(files, how.adapters, how.guessing.prices())
    return Guessed([replace(one, is_used=one.has_mapping) for one in guessed.guesses], guessed.adapters)


def _advised(files: Sequence[LogFile], how: HowToRead) -> Sequence[Guess]:
    """What logs of unknown format might be taken for, by the first records of the first of them."""
    if how.guessing is None or how.guessing.use or how.forced is not None or not files:
        return ()
    some = files[:MOST_FILES_ADVISED]
    return guesses_for(some, how.adapters, how.guessing.prices(), MOST_ADVISED).guesses


def _can_be_kept(tagger: Tagger, how: HowToRead) -> bool:
    """Whether what is read has no texts and ids, and all of it is wanted."""
    has_ids = how.keeps.ids or not tagger.word_columns.isdisjoint(HASHED)
    return not has_ids and not how.keeps.texts and how.select is None


class _Block(msgspec.Struct, frozen=True):
    """A block of a file that is still to be parsed."""

    source: int
    reader: Reader
    block: Any


class _Part(msgspec.Struct, frozen=True):
    """A part of a file that keeps what was parsed before."""

    source: int
    file: TapeFile
    number: int


class _End(msgspec.Struct, frozen=True):
    """The end of a source."""

    source: int


_Task = _Block | _Part | _End


class _Done(msgspec.Struct, frozen=True):
    """What a task came to."""

    task: _Task
    found: Found
    """Beside the records."""
    segment: Segment | None = None
    keys: Hashes | None = None
    """See `ids.sorted_keys`."""
    around: Segment | None = None
    """Spans that are no calls."""


class _Recorder:
    """Puts what sources come to on a tape."""

    def __init__(self, tape: Tape, tagger: Tagger, how: HowToRead, cache: Cache | None) -> None:
        self.tape, self.tagger, self.how, self.cache = tape, tagger, how, cache
        self.ids, self.spans, self.overlaps = RunIds(), RunSpans(), Overlaps()
        self.copies = RunCopies()
        self.of_source = Found()
        self.weak = self.strong = 0
        """Requests of the source without all of their counts, and with them."""
        self.unknown: set[str] = set()
        """Files of which something is of no known format, or of which most requests lack counts."""
        self.draft: TapeDraft | None = None
        """What is to be kept of the source that is read."""

    def record(self, sources: Sequence[Source], progress: Progress) -> None:
        """Read all blocks, then merge what is of one call."""
        try:
            with Workers(self.how.threads or default_threads()) as workers:
                for done in workers.map(
                    self._work, self._tasks(sources), least=3
                ):  # a block and its end are 2
                    self._take(done, sources)
                    progress(done.found.records)
            self.tape.nest(self.spans, self.ids)
            self.tape.leave_out(self.copies, self.ids)
            self.tape.merge_repeated(*self.ids.repeated())
        finally:
            self.ids.close()
            self.spans.close()
            self._drop_draft()
        if self.cache is not None:
            self.cache.trim()
        self.tape.found.overlaps = self.overlaps.found()

    @staticmethod
    def _tasks(sources: Sequence[Source]) -> Iterator[_Task]:
        for number, source in enumerate(sources):
            if isinstance(source, Parsing):
                yield from (_Block(number, source.reader, block) for block in source.reader.blocks())
            else:
                yield from (_Part(number, source, part) for part in range(source.parts))
            yield _End(number)

    def _work(self, task: _Task) -> _Done:
        """May be called from several threads at once."""
        if isinstance(task, _End):
            return _Done(task, Found())
        if isinstance(task, _Part) and task.file.is_around(task.number):
            return _Done(task, Found(), around=task.file.segment(task.number))
        if isinstance(task, _Part):
            segment, keys = self._load(task), task.file.keys(task.number)
            if self.how.select is not None:
                segment = segment.take(np.flatnonzero(self.how.select(segment.batch())))
                keys = sorted_keys(segment.rows)
            return _Done(task, Found(), segment, keys)
        parsed = task.reader.parse(task.block)
        batch, refused = without_refused(parsed.batch)
        lines = numbers_of(parsed.lines)
        if self.how.select is not None:
            rows = np.flatnonzero(self.how.select(batch))
            batch, lines = batch.take(pa.array(rows)), lines[rows]
        batch = placed(recorded(batch, self.tagger, self.how.keeps), *task.reader.places(lines))
        found = Found()
        found.add(parsed)
        found.refused = refused
        around = None if parsed.around is None else self._around(parsed.around, task.reader)
        return _Done(task, found, Segment.of(batch), sorted_keys(batch), around)

    def _around(self, batch: pa.RecordBatch, reader: Reader) -> Segment:
        """Spans that are no calls, as the tape keeps them: where each stands is nobody's question."""
        places = reader.places(np.zeros(batch.num_rows, np.int64))
        return Segment.of(placed(recorded(batch, self.tagger, self.how.keeps), *places))

    def _load(self, part: _Part) -> Segment:
        segment = part.file.segment(part.number)
        return with_ids(segment) if self.how.keeps.ids else segment

    def _take(self, done: _Done, sources: Sequence[Source]) -> None:
        self.of_source.take(done.found)
        source = sources[done.task.source]
        if isinstance(source, Parsing) and source.key is not None and self.draft is None and self.cache:
            self.draft = self.cache.draft(source.key, source.names, self.tagger.text_digest)
        if done.segment is not None and done.segment.size:
            self._add(done.task, done.segment, done.keys)
        if done.around is not None:
            self._add_around(done.task, done.around)
        if isinstance(done.task, _End):
            if isinstance(source, TapeFile):
                self.of_source.take(source.found)
            self._note_unknown(source)
            if self.draft is not None:
                self.draft.finish(self.of_source)
            self._drop_draft()
            self.tape.found.take(self.of_source)
            self.of_source = Found()

    def _note_unknown(self, source: Source) -> None:
        """Note files that a guess might read, or read better."""
        is_flat = "flat" in self.of_source.formats and self.weak > self.strong
        if isinstance(source, Parsing) and (is_flat or "unrecognised" in self.of_source.quarantine.counts):
            self.unknown.update(source.names)
        self.weak = self.strong = 0

    def _add(self, task: _Task, segment: Segment, keys: Hashes | None) -> None:
        weak = _weak(segment)
        self.weak, self.strong = self.weak + weak, self.strong + segment.size - weak
        if isinstance(task, _Part) and self.how.select is None:
            number = self.tape.add_kept(segment, partial(self._load, task))
        else:
            block = task.block.index if isinstance(task, _Block) else 0
            number = self.tape.add(segment, task.source, block)
            if self.draft is not None:
                self.draft.add(segment)
        if keys is not None:
            self.ids.add(number, keys)
        if "span_hash" in segment.rows.schema.names:
            self.spans.add(segment.batch(), number)
        if "copy_hash" in segment.rows.schema.names:
            self.copies.add(segment.rows)
        if self.tape.found.files > 1:
            self.overlaps.add(segment.batch())

    def _add_around(self, task: _Task, segment: Segment) -> None:
        if isinstance(task, _Part):
            self.tape.add_around_kept(partial(task.file.segment, task.number))
        else:
            self.tape.add_around(segment)
            if self.draft is not None:
                self.draft.add_around(segment)
        self.spans.add(segment.batch(), -1)

    def _drop_draft(self) -> None:
        if self.draft is not None:
            self.draft.close()
        self.draft = None


def _weak(segment: Segment) -> int:
    """Requests that do not state all of their counts."""
    words = Batch(segment.batch()).words("quality", Quality.EXACT)
    return int(words.among(Quality.PARTIAL, Quality.NONE).sum())


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
