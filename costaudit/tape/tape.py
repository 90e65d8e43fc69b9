"""A tape: the requests of some logs, each once, to be gone through again and again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, Self

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from costaudit.ingest.canonical import Parsed
from costaudit.ingest.guess.result import Guess
from costaudit.ingest.hashes import Hashes
from costaudit.ingest.quarantine import Quarantine
from costaudit.ingest.reader import Reader
from costaudit.ingest.refused import Refused
from costaudit.ingest.unclear import Unclear
from costaudit.ingest.unused import Unused
from costaudit.tape.copied import RunCopies, rows_of, without_ids
from costaudit.tape.ids import RunIds, links_in, numbers_in, parts_of, records_of, sorted_keys
from costaudit.tape.merge import merge
from costaudit.tape.overlaps import Overlap
from costaudit.tape.record import FILE, LINE
from costaudit.tape.reuse import MOST_OF_ONE, content_hashes
from costaudit.tape.run_spans import RunSpans
from costaudit.tape.segment import Segment, join
from costaudit.tape.store import Store

Ints = npt.NDArray[np.int64]
Index = npt.NDArray[np.intp]

MERGED_AT_ONCE: Final = 300_000
"""Records of repeated calls that are merged at once (about 500 bytes each)."""

REEL_ROWS: Final = 1 << 17
"""Requests that are given out together, about: what a stretch costs at least is paid once for so many."""

AT: Final = "_at"
"""The column of a tape that keeps ids which says what records a request was made of: for each the number of
its segment times 2^32, and its row in it."""

_ROW, _RECORDS, _COST_FILE, _COST_LINE = "_row", "_records", "_cost_file", "_cost_line"
"""Further columns of merged calls: the row of the first record in its segment, the number of records, and
where the first one stands that states the cost."""


NAMED: Final = ("provider", "model", "service_tier", "region", "speed", "gateway")
"""The words by which a request is priced."""


class Found(msgspec.Struct):
    """What reading some logs came to, beside their requests."""

    files: int = 0
    bytes: int = 0
    records: int = 0
    """Records seen: calls, records that are not calls, and quarantined ones."""
    ignored: int = 0
    """Records that are not calls: headers, aggregates, tool runs."""
    quarantine: Quarantine = msgspec.field(default_factory=Quarantine)
    formats: Counter[str] = msgspec.field(default_factory=Counter)
    """Records that gave calls, by log format."""
    unused: Unused = msgspec.field(default_factory=Unused)
    """Numbers in the records of calls that speak of tokens or money, and that nobody reads, by name."""
    unclear: Unclear = msgspec.field(default_factory=Unclear)
    """Columns with dates or amounts that can be read in several ways, and are not read."""
    refused: Refused = msgspec.field(default_factory=Refused)
    """Calls that were refused, and the tokens that their records count: they are in no bill, and left out."""
    unread: frozenset[str] = frozenset()
    """Files that could not be read as logs."""
    copies: Sequence[tuple[str, str]] = ()
    """Files that were not read, with the one that each holds the same bytes as."""
    overlaps: Sequence[Overlap] = ()
    """Files with requests that are alike in everything and have no id."""
    guesses: Sequence[Guess] = ()
    """What logs of unknown format were taken for, or might be."""
    reused_ids: int = 0
    """Ids that were used again for other calls …"""
    reused_requests: int = 0
    """… and the requests that have no other id, each counted for itself."""

    def add(self, parsed: Parsed) -> None:
        """Take in what a block came to."""
        self.records += parsed.records
        self.ignored += parsed.ignored
        self.quarantine.merge(parsed.quarantine)
        self.formats.update(parsed.formats)
        self.unread |= parsed.unread
        self.unused.merge(parsed.unused)
        self.unclear.merge(parsed.unclear)

    def take(self, other: Found) -> None:
        """Take in what a part of the files came to; how many they are is known before."""
        self.records += other.records
        self.ignored += other.ignored
        self.quarantine.merge(other.quarantine)
        self.formats.update(other.formats)
        self.unread |= other.unread
        self.unused.merge(other.unused)
        self.unclear.merge(other.unclear)
        self.refused.add(other.refused)
        self.copies = sorted([*self.copies, *other.copies])
        self.guesses = [*self.guesses, *other.guesses]


class Reel(msgspec.Struct, frozen=True):
    """Some requests of a tape, in the order of the input."""

    number: int
    segment: Segment
    """Canonical columns, with hashes in the place of ids and traits in that of texts (see `record`)."""
    records: Ints
    """For every request how many records it was merged from."""
    _cost: pa.RecordBatch | None
    """_COST_FILE and _COST_LINE, where there are merged calls."""

    @property
    def size(self) -> int:
        """Number of requests."""
        return self.segment.size

    @property
    def batch(self) -> pa.RecordBatch:
        """The requests as a batch."""
        return self.segment.batch()

    def place(self, row: int) -> tuple[str, int]:
        """The file and the line (or row) of the first record of a request."""
        rows = self.segment.rows
        return rows.column(FILE)[row].as_py(), rows.column(LINE)[row].as_py()

    def cost_place(self, row: int) -> tuple[str, int]:
        """The same of the first record that states the cost of the request."""
        file = None if self._cost is None else self._cost.column(_COST_FILE)[row].as_py()
        if self._cost is None or file is None:
            return self.place(row)
        return file, self._cost.column(_COST_LINE)[row].as_py()

    def take(self, rows: Index) -> Reel:
        """Some of the requests."""
        cost = None if self._cost is None else self._cost.take(pa.array(rows))
        return Reel(self.number, self.segment.take(rows), self.records[rows], cost)


class Tape:
    """Use as a context manager: what is kept of it in files is gone afterwards."""

    def __init__(self, *, keeps_ids: bool = False) -> None:
        self.found = Found()
        self.store = Store()
        self.keeps_ids = keeps_ids
        self.files: Sequence[tuple[str, int]] = ()
        """Names and bytes of what was read."""
        self.readers: Mapping[int, Reader] = {}
        """What parsed the segments, by the number of a source …"""
        self.origins: dict[int, tuple[int, int]] = {}
        """… and by the number of a segment which of the sources, and the index of the block in it."""
        self.recorded_rows: dict[int, int] = {}
        """Rows of each segment as it was read."""
        self.requests = 0
        self.duplicates = 0
        self.has_sessions = False
        self.names: set[tuple[str | None, ...]] = set()
        """Distinct combinations of NAMED that were logged."""
        self.has_scores = False
        """Whether texts of any request speak for a tier."""
        self._segments: list[int] = []
        self._sizes: dict[int, int] = {}
        """Requests that begin in each segment."""
        self._repeated: dict[int, Index] = {}
        """By segment the rows that merged calls stand for."""
        self._nested: dict[int, int] = {}
        """By segment the number of the segment that has its records as the run has it …"""
        self._gone: dict[int, Index] = {}
        """… and which of its rows are no requests."""
        self._around: list[int] = []
        """The numbers of the segments of spans that are no calls."""
        self._merged: dict[int, list[int]] = {}
        """By segment the numbers of the segments with the merged calls that begin in it."""
        self._void_seen: set[int] = set()
        """Ids that join nothing, of which some records have no other."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.store.close()

    def add(self, segment: Segment, source: int, block: int) -> int:
        """Record the next segment, which comes from a block of a source; says under which number."""
        number = self.store.add(segment)
        self.origins[number], self.recorded_rows[number] = (source, block), segment.size
        self._know(number, segment)
        return number

    def add_kept(self, segment: Segment, load: Callable[[], Segment]) -> int:
        """Record the next segment, which is kept in a file already."""
        number = self.store.add_elsewhere(load)
        self._know(number, segment)
        return number

    def recorded(self) -> Iterator[Segment]:
        """The records as they were read, none of them merged."""
        return (self.store.get(number) for number in self._segments)

    def add_around(self, segment: Segment) -> None:
        """Record spans that are no calls, but may be around some."""
        self._around.append(self.store.add(segment))

    def add_around_kept(self, load: Callable[[], Segment]) -> None:
        """The same for some that are kept in a file already."""
        self._around.append(self.store.add_elsewhere(load))

    def recorded_around(self) -> Iterator[Segment]:
        """The spans that are no calls."""
        return (self.store.get(number) for number in self._around)

    def _know(self, number: int, segment: Segment) -> None:
        self._segments.append(number)
        self._sizes[number] = segment.size
        self.requests += segment.size
        self.names |= segment.combinations(NAMED)
        names = segment.rows.schema.names
        self.has_sessions = self.has_sessions or "session_hash" in names
        self.has_scores = self.has_scores or "text_score_0" in names

    def reels(self) -> Iterator[Reel]:
        """All requests, from the beginning."""
        number, held, size = 0, list[int](), 0
        for segment in self._segments:
            if held and size + self._sizes[segment] > REEL_ROWS:
                yield self._reel(number, held)
                number, held, size = number + 1, [], 0
            held.append(segment)
            size += self._sizes[segment]
        if held:
            yield self._reel(number, held)

    def _reel(self, reel: int, segments: Sequence[int]) -> Reel:
        """The requests of some segments."""
        parts, rows, start, moved = list[Segment](), list[Index](), 0, False
        for number in segments:
            own, order = self._own(number)
            size = sum(part.size for part in own)
            rows.append(np.arange(start, start + size) if order is None else order + start)
            parts, start, moved = [*parts, *own], start + size, moved or order is not None
        whole = join(parts)
        if moved:
            whole = whole.take(np.concatenate(rows))
        records = _numbers(whole.rows, _RECORDS, 1)
        extra = [n for n in (_ROW, _RECORDS, _COST_FILE, _COST_LINE) if n in whole.rows.schema.names]
        cost = whole.rows.select([_COST_FILE, _COST_LINE]) if _COST_FILE in extra else None
        requests = Segment(whole.rows.drop_columns(extra), whole.kinds) if extra else whole
        return Reel(reel, requests, records, cost)

    def _own(self, number: int) -> tuple[list[Segment], Index | None]:
        """The requests that begin in a segment: some rows in some order, those of their first records."""
        segment = self._now(number)
        if self.keeps_ids:
            codes = pa.array(np.arange(segment.size, dtype=np.int64) + (number << 32))
            ends = pa.array(np.arange(segment.size + 1, dtype=np.int32))
            segment = segment.with_column(AT, pa.ListArray.from_arrays(ends, codes))
        known = [rows[number] for rows in (self._repeated, self._gone) if number in rows]
        if not known:
            return [segment], None
        repeated = np.concatenate(known)
        merged = [self.store.get(n) for n in self._merged.get(number, ())]
        rows = np.concatenate([np.zeros(0, np.int64), *(_numbers(p.rows, _ROW, 0) for p in merged)])
        here = np.arange(segment.size)
        here[rows] = np.arange(
            segment.size, segment.size + len(rows)
        )  # a call stands where its first record did
        gone = np.setdiff1d(repeated, rows)
        return [segment, *merged], np.delete(here, gone)

    # Merging

    def _now(self, number: int) -> Segment:
        """The records of a segment, with what was found about the spans that they are."""
        return self.store.get(self._nested.get(number, number))

    def nest(self, spans: RunSpans, ids: RunIds) -> None:
        """Decide which spans are requests, and whose: see `costaudit.tape.nesting`."""
        spans.decide(self.store.count)
        for number, changes in spans.changes(self._segments):
            segment, gone = spans.changed(self.store.get(number), changes)
            self._nested[number] = self.store.add(segment)
            ids.replace(number, sorted_keys(segment.rows))
            self.has_sessions = self.has_sessions or "session_hash" in segment.rows.schema.names
            if len(gone):
                self._leave(number, gone)

    def leave_out(self, copies: RunCopies, ids: RunIds) -> None:
        """Leave out the records that repeat others of the run: see `costaudit.tape.copied`."""
        repeated = copies.found(self._now(number) for number in self._segments)
        if not len(repeated):
            return
        for number in self._segments:
            segment = self._now(number)
            rows = rows_of(segment, repeated)
            if len(rows):
                segment = without_ids(segment, rows)
                self._nested[number] = self.store.add(segment)
                ids.replace(number, sorted_keys(segment.rows))
                self._leave(number, rows)

    def _leave(self, number: int, rows: Index) -> None:
        """Note which rows of a segment are no requests. None of them has an id any more."""
        self._gone[number] = np.concatenate([self._gone.get(number, rows[:0]), rows])
        self._sizes[number] -= len(rows)
        self.requests -= len(rows)
        self.duplicates += len(rows)

    def merge_repeated(self, wanted: Hashes, where: frozenset[int]) -> None:
        """Merge the records that have one of the (sorted) hashes; `where` are the segments with such records.

        In parts that share no id, where there are too many to be held at once. An id that more records have
        than a call can have joins nothing: its records need to be together only where they are the same.
        """
        if not len(wanted):
            return
        some = [number for number in self._segments if number in where]
        rows = sum(int((numbers_in(self._now(n).rows, wanted) >= 0).sum()) for n in some)
        parts = 1 + rows // MERGED_AT_ONCE
        void = wanted[:0]
        if rows > MOST_OF_ONE:
            records = sum((records_of(self._now(n).rows, wanted) for n in some), np.zeros(len(wanted)))
            void = wanted[records > MOST_OF_ONE]
        names = np.setdiff1d(wanted, void)
        part_of = np.zeros(len(names), np.intp)
        if parts > 1:
            links = [links_in(self._now(n).rows, names) for n in some]
            part_of = parts_of(len(names), links, parts)
        for part in self._parted(some, _Parts(wanted, names, part_of, parts)):
            self._merge(part, void)
        self.found.reused_ids += len(self._void_seen)

    def _parted(self, segments: Sequence[int], into: _Parts) -> Iterator[list[_Records]]:
        """The repeated records of every part, which are taken out of their segments."""
        held: list[list[tuple[int, Index, int]]] = [[] for _ in range(into.number)]
        for number in segments:
            segment = self._now(number)
            repeated, part_of = into.of(segment)
            self._repeated[number] = repeated
            self._sizes[number] -= len(repeated)
            self.requests -= len(repeated)
            for part in np.unique(part_of).tolist():
                rows = repeated[part_of == part]
                held[part].append((number, rows, self.store.add(segment.take(rows))))
        for some in held:
            if some:
                yield [_Records(number, rows, self.store.get(place)) for number, rows, place in some]
            for _, _, place in some:
                self.store.drop(place)

    def _merge(self, parts: Sequence[_Records], void: Hashes) -> None:
        records = join([part.segment for part in parts]).batch()
        origin = np.repeat([part.number for part in parts], [len(part.rows) for part in parts])
        row = np.concatenate([part.rows for part in parts])
        merged = merge(records, void)
        order = np.lexsort([row[merged.first], origin[merged.first]])
        batch = merged.batch.take(pa.array(order))
        first, cost = merged.first[order], pa.array(merged.cost[order])
        batch = batch.append_column(_ROW, pa.array(row[first].astype(np.int64)))
        batch = batch.append_column(_RECORDS, pa.array(merged.records()[order]))
        batch = batch.append_column(_COST_FILE, records.column(FILE).take(cost))
        batch = batch.append_column(_COST_LINE, records.column(LINE).take(cost))
        if self.keeps_ids:
            codes = pa.array((origin.astype(np.int64) << 32 | row)[merged.members])
            ends = pa.array(np.append(merged.starts, len(merged.members)).astype(np.int32))
            batch = batch.append_column(AT, pa.ListArray.from_arrays(ends, codes).take(pa.array(order)))
        number, starts = np.unique(origin[first], return_index=True)
        for segment, start, end in zip(number, starts, [*starts[1:], len(first)], strict=True):
            own = Segment.of(batch.slice(start, end - start))
            self._merged.setdefault(int(segment), []).append(self.store.add(own))
            self._sizes[int(segment)] += own.size
        self.requests += len(first)
        self.duplicates += records.num_rows - len(first)
        everywhere = np.isin(merged.reused, void)  # other ids are in this part alone
        self._void_seen |= set(merged.reused[everywhere].tolist())
        self.found.reused_ids += int((~everywhere).sum())
        self.found.reused_requests += int(merged.nameless.sum())


class _Records(msgspec.Struct, frozen=True):
    """Some records of one segment, and their rows in it."""

    number: int
    rows: Index
    segment: Segment


class _Parts(msgspec.Struct, frozen=True):
    """Into which parts repeated records go."""

    wanted: Hashes
    """The ids that they have."""
    names: Hashes
    """Those of them that may join records …"""
    part_of: Index
    """… and the part of each."""
    number: int

    def of(self, segment: Segment) -> tuple[Index, Index]:
        """The rows with a wanted id, and the part of each: without a name by all that the record says."""
        repeated = np.flatnonzero(numbers_in(segment.rows, self.wanted) >= 0)
        if self.number == 1:
            return repeated, np.zeros(len(repeated), np.intp)
        which = numbers_in(segment.rows, self.names)[repeated]
        part = np.zeros(len(repeated), np.intp)
        part[which >= 0] = self.part_of[which[which >= 0]]
        if (which < 0).any():
            nameless = segment.take(repeated[which < 0]).batch()
            part[which < 0] = (content_hashes(nameless) % np.uint64(self.number)).astype(np.intp)
        return repeated, part


def _numbers(batch: pa.RecordBatch, name: str, absent: int) -> Any:
    index = batch.schema.get_field_index(name)
    if index < 0:
        return np.full(batch.num_rows, absent, np.int64)
    column = batch.column(index)
    return np.asarray(column.fill_null(absent).to_numpy(zero_copy_only=False), np.int64)
