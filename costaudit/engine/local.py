"""The pass on one machine: files in blocks, blocks over threads, partial ledgers added up.

Two things cannot be known from a block alone. Which records repeat one of another block: their blocks are
read again. All repeated records are then taken out of the sums and put back merged. And which providers the
log uses: should a new one turn up late, the blocks before it are priced again. Both leave the result
independent of the order in which blocks are read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from costaudit.engine.choice import KEPT
from costaudit.engine.columns import Batch
from costaudit.engine.kernel import Partial, audit_batch
from costaudit.engine.ledger import Cells, CellSum
from costaudit.engine.ledger_facts import LedgerFacts
from costaudit.engine.memory import BlockMemory
from costaudit.engine.overlaps import Overlap, Overlaps
from costaudit.engine.plan import Plan
from costaudit.engine.standouts import Standouts
from costaudit.engine.workers import Workers, default_threads
from costaudit.errors import InputError
from costaudit.ingest.adapters import ADAPTERS
from costaudit.ingest.canonical import Parsed, batch_of
from costaudit.ingest.detect import matching
from costaudit.ingest.format import Adapter, Record, Skip
from costaudit.ingest.hashes import Hashes
from costaudit.ingest.identity import (
    Ids,
    calls_at,
    links_in,
    merge_calls,
    repeated,
    rows_with,
    split_linked,
)
from costaudit.ingest.logfile import LogFile
from costaudit.ingest.nearest import nearest_format
from costaudit.ingest.quarantine import NO_RECORD, REASONS, Place, Quarantine
from costaudit.ingest.reader import FileReader, Reader, open_log, open_logs
from costaudit.schema import Call, Status
from costaudit.tiers.tagger import Judged
from costaudit.tiers.votes import BallotBox, Ballots

Progress = Callable[[int], None]
"""Called with the number of records of every finished block."""


@dataclass(slots=True)
class Pass:
    """Everything that one pass over the logs found."""

    cells: Cells
    users: Cells
    ratios: Cells
    """See `Partial`."""
    plan: Plan
    files: int = 0
    bytes: int = 0
    records: int = 0
    requests: int = 0
    duplicates: int = 0
    ignored: int = 0
    quarantine: Quarantine = field(default_factory=Quarantine)
    formats: Counter[str] = field(default_factory=Counter)
    unread: frozenset[str] = frozenset()
    """Files that could not be read as logs."""
    copies: Sequence[tuple[str, str]] = ()
    """Files that were not read, with the one that each holds the same bytes as."""
    overlaps: Sequence[Overlap] = ()
    """Files with requests that are alike in everything and have no id."""
    first_ts: int | None = None
    last_ts: int | None = None
    standouts: Standouts = field(default_factory=Standouts)
    repeated: Hashes = field(default_factory=lambda: np.zeros(0, np.uint64))
    """Hashes of the ids that more than one record has, sorted (see `ingest.identity`)."""
    repeated_in: frozenset[tuple[str, int]] = frozenset()
    """The blocks that hold them: file name and index of the block."""
    sessions: bool = False
    """Whether any request names its session."""
    repeated_ids: int = 0
    """How often they occur, counted once per block: about the number of such records."""
    ledgers: tuple[LedgerFacts, ...] = ()
    """The saved ledgers that stand for the logs, if they do: users, ratios and places are then not known."""


HELD_BYTES = 256 << 20
"""Parsed blocks that are kept until fingerprints have voted; the others are read again then."""

CALLS_AT_ONCE = 300_000
"""Repeated calls that are held in memory at once (about 2 KB each)."""


@dataclass(slots=True)
class _Done:
    """A block that went through the kernel."""

    file: int
    index: int
    parsed: Parsed | None
    partial: Partial
    ids: Ids
    used: frozenset[str]
    """The providers that the plan took for used."""
    routable: bool
    judged: Judged
    ballots: Ballots | None


def audit_files(  # noqa: PLR0913 - what to read, and how
    files: Sequence[LogFile],
    plan: Plan,
    *,
    forced: Adapter | None = None,
    adapters: Sequence[Adapter] = ADAPTERS,
    refused: Sequence[InputError] = (),
    threads: int | None = None,
    progress: Progress | None = None,
    memory: BlockMemory | None = None,
) -> Pass:
    """One pass over the files. `refused` are files that turned out not to be logs: they are counted.

    `adapters` are the formats that a record may have, the first that matches reads it. With a `memory`,
    blocks that it holds are not parsed again: several passes over the same files share one.

    Raises InputError when nothing at all could be read, naming the first reason.
    """
    nothing = Cells({}, {}, {})
    total = Pass(nothing, nothing, nothing, plan, files=len(files), bytes=sum(f.size for f in files))
    total.copies = sorted((copy, file.name) for file in files for copy in file.copies)
    readers, total.unread = open_all(files, forced, adapters, refused, total.quarantine)
    readers = memory.wrap(readers) if memory is not None else readers
    with Workers(threads or default_threads()) as workers:
        _Run(readers, plan, total, workers, progress or (lambda _: None)).all()
    if total.records == 0 or total.requests == 0:
        raise _nothing_read(files, forced, adapters, total)
    return total


def open_all(
    files: Sequence[LogFile],
    forced: Adapter | None,
    adapters: Sequence[Adapter],
    refused: Sequence[InputError],
    quarantine: Quarantine,
) -> tuple[list[Reader], frozenset[str]]:
    """Readers of the files that can be read, and the names of the others: they go into the quarantine.

    So do those `refused`. Raises InputError with the first reason when there is no reader.
    """
    readers: list[Reader] = []
    errors = list(refused)
    for opened in open_logs(files, forced, adapters):
        if isinstance(opened, InputError):
            errors.append(opened)
        else:
            readers.append(opened)
    if errors and not readers:
        raise errors[0]
    for trouble in errors:
        quarantine.add("unreadable_file", Place(trouble.path or "", 0, None, trouble.message))
    return readers, frozenset(trouble.path or "" for trouble in errors)


def _nothing_read(
    files: Sequence[LogFile], forced: Adapter | None, adapters: Sequence[Adapter], total: Pass
) -> InputError:
    """Why a file with content came to no requests: the commonest reason and its first place."""
    where = ", ".join(f.name for f in files[:3]) + (" …" if len(files) > 3 else "")
    if not total.quarantine.counts:
        return InputError("no requests found", path=where, hint="the records are not calls of a model")
    reason = max(total.quarantine.counts, key=lambda r: (total.quarantine.counts[r], r))
    place = total.quarantine.places[reason][0]
    if reason == "unreadable_file":
        return InputError(place.detail, path=place.file)
    detail = f": {place.detail}" if place.detail else ""
    hint = None if reason in NO_RECORD else f"costaudit formats test {place.file} says more"
    if reason == "unrecognised":
        named = next((file for file in files if file.name == place.file), None)
        record = None if named is None else _record_at(open_log(named, forced, adapters), place.line)
        if record is not None and matching(record, adapters) is None:
            hint = f"{nearest_format(record, adapters).told()}; {hint}"
    return InputError(
        f"no request could be read from {total.records} records; {REASONS[reason]}{detail}",
        path=place.file or where,
        line=place.line or None,
        hint=hint,
    )


def _record_at(reader: FileReader, line: int) -> Record | None:
    found = next((record for number, record in reader.records() if number >= line), None)
    return None if isinstance(found, Skip) else found


@dataclass(frozen=True, slots=True)
class _Task:
    file: int
    block: object


@dataclass(slots=True)
class _Block:
    """What is remembered of a block once it is added."""

    file: int
    index: int
    used: frozenset[str]
    ids: Ids
    lines: list[int]
    """Where the calls of `ids` stand."""
    standouts: Standouts
    """Of the rows that the block does not repeat itself."""
    routable: bool
    votes: bool
    """Whether fingerprints of the block have votes."""
    held: _Held | None
    """What the block came to, as long as there is room to keep it."""


@dataclass(frozen=True, slots=True)
class _Held:
    """A parsed and judged block, kept so that it need not be read again when votes are counted."""

    batch: pa.RecordBatch
    judged: Judged


@dataclass(frozen=True, slots=True)
class _Repeat:
    """A call that another record may repeat, and where it stands."""

    call: Call
    file: int
    line: int


class _Run:
    """One pass: first every block, then the blocks that need a second look."""

    def __init__(
        self, readers: Sequence[Reader], plan: Plan, total: Pass, workers: Workers, progress: Progress
    ) -> None:
        self.readers, self.plan, self.total = readers, plan, total
        self.workers, self.progress = workers, progress
        self.cells, self.users, self.ratios = CellSum(), CellSum(), CellSum()
        self.used: frozenset[str] = plan.providers_used
        self.blocks: list[_Block] = []
        self.held = 0
        """Calls that blocks have kept because they repeat each other."""
        self.box = BallotBox()
        self.overlaps = Overlaps()
        self.room = HELD_BYTES
        """Bytes of blocks that may still be kept."""

    def all(self) -> None:
        for done in self.workers.map(self._work, self._tasks()):
            self._add_block(done)
        self._count_votes()
        self._reprice_early_blocks()
        self._merge_duplicates()
        self.total.overlaps = self.overlaps.found()
        self.total.plan = self.plan.with_providers(self.used)
        total = self.total
        total.cells, total.users, total.ratios = self.cells.total(), self.users.total(), self.ratios.total()

    def _tasks(self) -> Iterator[_Task]:
        for number, reader in enumerate(self.readers):
            for block in reader.blocks():
                yield _Task(number, block)

    def _work(self, task: _Task) -> _Done:
        parsed = self.readers[task.file].parse(task.block)
        used = self.used
        ids = Ids.of(parsed.batch)
        judged = self.plan.tagger.judge(self.plan.seen(parsed.batch))
        partial = audit_batch(parsed.batch, self.plan.with_providers(used), ids.rows, judged)
        if not partial.providers <= used:  # a block knows its own providers at once
            used |= partial.providers
            partial = audit_batch(parsed.batch, self.plan.with_providers(used), ids.rows, judged)
        index = task.block.index  # type: ignore[attr-defined]  # a Block of this reader
        routable, ballots = _is_routable(partial), judged.ballots()
        return _Done(task.file, index, parsed, partial, ids, used, routable, judged, ballots)

    def _add_block(self, done: _Done) -> None:
        parsed, total = done.parsed, self.total
        if parsed is None:
            raise AssertionError("a first reading always keeps what it parsed")
        total.records += parsed.records
        total.ignored += parsed.ignored
        total.quarantine.merge(parsed.quarantine)
        total.formats.update(parsed.formats)
        total.unread |= parsed.unread
        total.sessions = total.sessions or Batch(parsed.batch).column("session") is not None
        self.used |= done.partial.providers
        self.held += len(done.ids.calls)
        ids = done.ids if self.held <= CALLS_AT_ONCE else done.ids.without_calls()
        lines = [int(parsed.lines[row]) for row in ids.rows.tolist()]
        if total.files > 1:
            self.overlaps.add(parsed.batch, self._places(done.file, parsed))
        standouts = done.partial.standouts.at(self._places(done.file, parsed))
        held = self._vote(done, parsed)
        votes = done.ballots is not None
        block = _Block(done.file, done.index, done.used, ids, lines, standouts, done.routable, votes, held)
        self.blocks.append(block)
        self._add(done.partial, 1)
        self.progress(parsed.records)

    def _vote(self, done: _Done, parsed: Parsed) -> _Held | None:
        """Put the votes of a block into the box, and keep the block if there is room."""
        if done.ballots is None:
            return None
        self.box.add(done.ballots)
        self.room -= parsed.batch.nbytes
        return _Held(parsed.batch, done.judged) if self.room > 0 else None

    def _count_votes(self) -> None:
        """Tag the blocks with votes again, now that the outcome is known."""
        votes = self.box.count(self.plan.tagger.risk)
        if not len(votes):
            return
        voted = self.plan.with_votes(votes)
        for block, before, after in self.workers.map(
            lambda task: _revised(task, self.plan, voted), self._with_votes()
        ):
            self._add(before, -1)
            self._add(after, 1)
            block.routable = block.routable or _is_routable(after)
            block.held = None
        self.plan = voted

    def _with_votes(self) -> Iterator[_Revision]:
        """The blocks that have votes: those that were kept, and the others read again."""
        known = {(b.file, b.index): b for b in self.blocks if b.votes and b.held is None}
        yield from (_Revision(block, block.held) for block in self.blocks if block.held is not None)
        for number, reader in enumerate(self.readers):
            only = {index for file, index in known if file == number}
            for raw in reader.blocks(only) if only else ():
                yield _Revision(known[number, raw.index], None, reader, raw)

    def _places(self, file: int, parsed: Parsed) -> Callable[[int], tuple[str, int]]:
        reader = self.readers[file]
        return lambda row: reader.place(int(parsed.lines[row]))

    def _add(self, partial: Partial, sign: int) -> None:
        total = self.total
        if partial.rows == 0:
            return
        for sums, cells in (
            (self.cells, partial.cells), (self.users, partial.users), (self.ratios, partial.ratios),
        ):  # fmt: skip
            if cells.rows:
                sums.add(cells if sign > 0 else cells.negated())
        total.requests += sign * partial.rows
        if sign > 0:
            for moment in (partial.first_ts, partial.last_ts):
                if moment is not None:
                    total.first_ts = moment if total.first_ts is None else min(total.first_ts, moment)
                    total.last_ts = moment if total.last_ts is None else max(total.last_ts, moment)

    def _again(self, wanted: Collection[tuple[int, int]]) -> Iterator[tuple[_Block, Parsed]]:
        """Read some blocks a second time."""
        known = {(b.file, b.index): b for b in self.blocks}
        for number, reader in enumerate(self.readers):
            only = {index for file, index in wanted if file == number}
            if only:
                for block in reader.blocks(only):
                    yield known[number, block.index], reader.parse(block)

    def _reprice_early_blocks(self) -> None:
        stale = {
            (b.file, b.index) for b in self.blocks if b.routable and self._candidates_of(self.used - b.used)
        }
        for block, parsed in self._again(stale):
            self._add(audit_batch(parsed.batch, self.plan.with_providers(block.used)), -1)
            self._add(audit_batch(parsed.batch, self.plan.with_providers(self.used)), 1)
        for block in self.blocks:
            block.used = self.used

    def _candidates_of(self, providers: frozenset[str]) -> bool:
        """Whether any of the providers could serve a route: others change nothing."""
        seats = [seat for groups in self.plan.policy.groups.values() for group in groups for seat in group]
        return bool({seat[0].partition("/")[0] for seat in seats} & providers)

    def _merge_duplicates(self) -> None:
        wanted = repeated([b.ids.hashes for b in self.blocks])
        hits = {(self.readers[b.file].name, b.index): len(b.ids.common(wanted)) for b in self.blocks}
        self.total.repeated, self.total.repeated_ids = wanted, sum(hits.values())
        self.total.repeated_in = frozenset(block for block, number in hits.items() if number)
        near: list[_Repeat] = []
        elsewhere = set()
        far = 0
        for block in self.blocks:
            common = len(block.ids.common(wanted))
            if common == len(block.ids.repeated):
                lines = zip(block.ids.calls, block.lines, strict=True)
                near += [_Repeat(call, block.file, line) for call, line in lines]
                self.total.standouts.add(block.standouts)
            else:
                elsewhere.add((block.file, block.index))
                far += common
        if far <= CALLS_AT_ONCE:
            found: list[_Repeat] = []
            for block, parsed in self._again(elsewhere):
                rows = rows_with(parsed.batch, wanted)
                self._note_single(block, parsed, rows)
                found += _repeats(block, parsed, rows)
            self._merge([*near, *found])
            return
        # Too many to hold at once: in parts that share no id, reading the blocks again for each.
        beside = batch_of([one.call for one in near])
        links = [links_in(beside, wanted)]
        for block, parsed in self._again(elsewhere):
            links.append(links_in(parsed.batch, wanted))
            self._note_single(block, parsed, rows_with(parsed.batch, wanted))
        for part in split_linked(wanted, links, 1 + far // CALLS_AT_ONCE):
            here = [near[row] for row in np.flatnonzero(rows_with(beside, part)).tolist()]
            for block, parsed in self._again(elsewhere):
                here += _repeats(block, parsed, rows_with(parsed.batch, part))
            self._merge(here)

    def _note_single(self, block: _Block, parsed: Parsed, repeats: npt.NDArray[np.bool_]) -> None:
        """Take in the standouts of a block but for those that are to be merged with other records."""
        kept = block.standouts.without(repeats)
        if block.standouts.is_cut() and len(kept.rows()) < len(block.standouts.rows()):
            plan = self.plan.with_providers(block.used)
            partial = audit_batch(parsed.batch, plan, np.flatnonzero(repeats))
            kept = partial.standouts.at(self._places(block.file, parsed))
        self.total.standouts.add(kept)

    def _merge(self, repeats: list[_Repeat]) -> None:
        """Take calls that repeat each other out of the sums, and put them back merged."""
        plan = self.plan.with_providers(self.used)
        calls = [one.call for one in repeats]
        self._add(audit_batch(batch_of(calls), plan), -1)  # before `merge_calls` changes them
        merged = merge_calls(calls)
        partial = audit_batch(batch_of(merged), plan)
        self._add(partial, 1)
        rows = partial.standouts.rows()
        first = self._first_records({row: merged[row] for row in rows}, repeats)
        self.total.standouts.add(partial.standouts.at(first.__getitem__))
        self.total.duplicates += len(calls) - len(merged)

    def _first_records(
        self, merged: Mapping[int, Call], repeats: Sequence[_Repeat]
    ) -> dict[int, tuple[str, int]]:
        """For some merged calls by row, the first record that stated the cost which they have."""
        rows: dict[object, list[int]] = {}
        for row, call in merged.items():
            for ident in _idents(call):
                rows.setdefault(ident, []).append(row)
        found: dict[int, tuple[bool, int, int]] = {}
        for one in repeats:
            for row in {row for ident in _idents(one.call) for row in rows.get(ident, ())}:
                if one.call.call_id not in (None, merged[row].call_id):
                    continue  # another call with the same response id
                differs = one.call.reported_picousd != merged[row].reported_picousd
                place = (differs, one.file, one.line)
                found[row] = min(found.get(row, place), place)
        return {row: self.readers[file].place(line) for row, (_, file, line) in found.items()}


@dataclass(frozen=True, slots=True)
class _Revision:
    """A block that is to be tagged again: kept, or to be parsed again."""

    block: _Block
    held: _Held | None
    reader: Reader | None = None
    raw: object = None


def _revised(task: _Revision, plan: Plan, voted: Plan) -> tuple[_Block, Partial, Partial]:
    """What a block came to before fingerprints voted, and after."""
    used = task.block.used
    if task.held is not None:
        batch, judged = task.held.batch, task.held.judged
    else:
        batch = task.reader.parse(task.raw).batch  # type: ignore[union-attr]  # there where nothing is held
        judged = plan.tagger.judge(plan.seen(batch))
    before = audit_batch(batch, plan.with_providers(used), judged=judged)
    return task.block, before, audit_batch(batch, voted.with_providers(used), judged=judged)


def _is_routable(partial: Partial) -> bool:
    """Whether calls of a block have candidates: another provider could change where they go."""
    kept = partial.cells.keys["kept"] if partial.rows else np.zeros(0, np.int32)
    return bool(np.isin(kept, (KEPT.index("routed"), KEPT.index("not_cheaper"))).any())


def _repeats(block: _Block, parsed: Parsed, rows: npt.NDArray[np.bool_]) -> list[_Repeat]:
    numbers = np.flatnonzero(rows)
    calls = calls_at(parsed.batch, numbers)
    return [
        _Repeat(call, block.file, int(parsed.lines[row]))
        for call, row in zip(calls, numbers.tolist(), strict=True)
    ]


def _idents(call: Call) -> list[object]:
    """What a call is found again by once it is merged: its ids with the try, or itself."""
    which = (call.attempt or 0, call.status == Status.ERROR)
    ids = {"call_id": call.call_id, "response_id": call.response_id}
    known: list[object] = [(name, ident, which) for name, ident in ids.items() if ident is not None]
    return known or [id(call)]
