"""The pass on one machine: files in blocks, blocks over threads, partial ledgers added up.

Two things cannot be known from a block alone. Which records repeat one of another block: their blocks are
read again. All repeated records are then taken out of the sums and put back merged. And which providers the
log uses: should a new one turn up late, the blocks before it are priced again. Both leave the result
independent of the order in which blocks are read.
"""

from __future__ import annotations

import itertools
import os
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from costaudit.engine.choice import KEPT
from costaudit.engine.kernel import Partial, audit_batch
from costaudit.engine.ledger import Cells, CellSum
from costaudit.engine.plan import Plan
from costaudit.engine.workers import Workers
from costaudit.errors import InputError
from costaudit.ingest.adapters import ADAPTERS
from costaudit.ingest.canonical import Parsed, batch_of
from costaudit.ingest.detect import matching
from costaudit.ingest.format import Adapter, Record, Skip
from costaudit.ingest.identity import Hashes, Ids, calls_with, links_in, merge_calls, repeated, split_linked
from costaudit.ingest.logfile import LogFile
from costaudit.ingest.nearest import nearest_format
from costaudit.ingest.quarantine import NO_RECORD, REASONS, Place, Quarantine
from costaudit.ingest.reader import Reader, open_log
from costaudit.schema import Call

Progress = Callable[[int], None]
"""Called with the number of records of every finished block."""


@dataclass(frozen=True, slots=True, order=True)
class OddCostAt:
    """A reported cost that was set aside. Sorts by size, largest last."""

    reported_picousd: int
    tokens: int
    model: str
    file: str
    line: int


@dataclass(slots=True)
class Pass:
    """Everything that one pass over the logs found."""

    cells: Cells
    users: Cells
    plan: Plan
    files: int = 0
    bytes: int = 0
    records: int = 0
    requests: int = 0
    duplicates: int = 0
    ignored: int = 0
    quarantine: Quarantine = field(default_factory=Quarantine)
    formats: Counter[str] = field(default_factory=Counter)
    first_ts: int | None = None
    last_ts: int | None = None
    odd_costs: list[OddCostAt] = field(default_factory=list)
    repeated: Hashes = field(default_factory=lambda: np.zeros(0, np.uint64))
    """Hashes of the ids that more than one record has, sorted (see `ingest.identity`)."""
    repeated_in: frozenset[tuple[str, int]] = frozenset()
    """The blocks that hold them: file name and index of the block."""
    repeated_ids: int = 0
    """How often they occur, counted once per block: about the number of such records."""


ODD_COSTS_KEPT = 20

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


def audit_files(  # noqa: PLR0913 - what to read, and how
    files: Sequence[LogFile],
    plan: Plan,
    *,
    forced: Adapter | None = None,
    adapters: Sequence[Adapter] = ADAPTERS,
    refused: Sequence[InputError] = (),
    threads: int | None = None,
    progress: Progress | None = None,
) -> Pass:
    """One pass over the files. `refused` are files that turned out not to be logs: they are counted.

    `adapters` are the formats that a record may have, the first that matches reads it.

    Raises InputError when nothing at all could be read, naming the first reason.
    """
    total = Pass(
        Cells({}, {}, {}), Cells({}, {}, {}), plan, files=len(files), bytes=sum(f.size for f in files)
    )
    readers = _open_all(files, forced, adapters, refused, total)
    with Workers(threads or os.cpu_count() or 1) as workers:
        _Run(readers, plan, total, workers, progress or (lambda _: None)).all()
    if total.records == 0 or total.requests == 0:
        raise _nothing_read(files, readers, adapters, total)
    return total


def _open_all(
    files: Sequence[LogFile],
    forced: Adapter | None,
    adapters: Sequence[Adapter],
    refused: Sequence[InputError],
    total: Pass,
) -> list[Reader]:
    readers, errors = [], list(refused)
    for file in files:
        try:
            readers.append(open_log(file, forced, adapters))
        except InputError as error:
            errors.append(error)
    if errors and not readers:
        raise errors[0]
    for trouble in errors:
        total.quarantine.add("unreadable_file", Place(trouble.path or "", 0, None, trouble.message))
    return readers


def _nothing_read(
    files: Sequence[LogFile], readers: Sequence[Reader], adapters: Sequence[Adapter], total: Pass
) -> InputError:
    """Why a file with content came to no requests: the commonest reason and its first place."""
    where = ", ".join(f.name for f in files[:3]) + (" …" if len(files) > 3 else "")
    if not total.quarantine.counts:
        return InputError("no requests found", path=where, hint="the records are not calls of a model")
    reason = max(total.quarantine.counts, key=lambda r: (total.quarantine.counts[r], r))
    place = total.quarantine.places[reason][0]
    detail = f": {place.detail}" if place.detail else ""
    hint = None if reason in NO_RECORD else f"costaudit formats test {place.file} says more"
    if reason == "unrecognised":
        record = next((_record_at(r, place.line) for r in readers if r.file.name == place.file), None)
        if record is not None and matching(record, adapters) is None:
            hint = f"{nearest_format(record, adapters).told()}; {hint}"
    return InputError(
        f"no request could be read from {total.records} records; {REASONS[reason]}{detail}",
        path=place.file or where,
        line=place.line or None,
        hint=hint,
    )


def _record_at(reader: Reader, line: int) -> Record | None:
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
    routable: bool


class _Run:
    """One pass: first every block, then the blocks that need a second look."""

    def __init__(
        self, readers: Sequence[Reader], plan: Plan, total: Pass, workers: Workers, progress: Progress
    ) -> None:
        self.readers, self.plan, self.total = readers, plan, total
        self.workers, self.progress = workers, progress
        self.cells, self.users = CellSum(), CellSum()
        self.used: frozenset[str] = plan.providers_used
        self.blocks: list[_Block] = []
        self.held = 0
        """Calls that blocks have kept because they repeat each other."""

    def all(self) -> None:
        for done in self.workers.map(self._work, self._tasks()):
            self._add_block(done)
        self._reprice_early_blocks()
        self._merge_duplicates()
        self.total.plan = self.plan.with_providers(self.used)
        self.total.cells, self.total.users = self.cells.total(), self.users.total()

    def _tasks(self) -> Iterator[_Task]:
        for number, reader in enumerate(self.readers):
            for block in reader.blocks():
                yield _Task(number, block)

    def _work(self, task: _Task) -> _Done:
        parsed = self.readers[task.file].parse(task.block)
        used = self.used
        partial = audit_batch(parsed.batch, self.plan.with_providers(used))
        if not partial.providers <= used:  # a block knows its own providers at once
            used |= partial.providers
            partial = audit_batch(parsed.batch, self.plan.with_providers(used))
        index = task.block.index  # type: ignore[attr-defined]  # a Block of this reader
        kept = partial.cells.keys["kept"] if partial.rows else np.zeros(0, np.int32)
        routable = bool(np.isin(kept, (KEPT.index("routed"), KEPT.index("not_cheaper"))).any())
        return _Done(task.file, index, parsed, partial, Ids.of(parsed.batch), used, routable)

    def _add_block(self, done: _Done) -> None:
        parsed, total = done.parsed, self.total
        if parsed is None:
            raise AssertionError("a first reading always keeps what it parsed")
        total.records += parsed.records
        total.ignored += parsed.ignored
        total.quarantine.merge(parsed.quarantine)
        total.formats.update(parsed.formats)
        self.used |= done.partial.providers
        self.held += len(done.ids.calls)
        ids = done.ids if self.held <= CALLS_AT_ONCE else done.ids.without_calls()
        self.blocks.append(_Block(done.file, done.index, done.used, ids, done.routable))
        name = self.readers[done.file].file.name
        self._add(done.partial, 1, [
            OddCostAt(o.reported_picousd, o.tokens, o.model or "", name, parsed.lines[o.row])
            for o in done.partial.odd_costs
        ])  # fmt: skip
        self.progress(parsed.records)

    def _add(self, partial: Partial, sign: int, odd: Sequence[OddCostAt] = ()) -> None:
        total = self.total
        if partial.rows == 0:
            return
        self.cells.add(partial.cells if sign > 0 else partial.cells.negated())
        self.users.add(partial.users if sign > 0 else partial.users.negated())
        total.requests += sign * partial.rows
        total.odd_costs = sorted([*total.odd_costs, *odd], reverse=True)[:ODD_COSTS_KEPT]
        if sign > 0:
            for moment in (partial.first_ts, partial.last_ts):
                if moment is not None:
                    total.first_ts = moment if total.first_ts is None else min(total.first_ts, moment)
                    total.last_ts = moment if total.last_ts is None else max(total.last_ts, moment)

    def _again(self, wanted: Collection[tuple[int, int]]) -> Iterator[tuple[_Block, pa.RecordBatch]]:
        """Read some blocks a second time."""
        known = {(b.file, b.index): b for b in self.blocks}
        for number, reader in enumerate(self.readers):
            only = {index for file, index in wanted if file == number}
            if only:
                for block in reader.blocks(only):
                    yield known[number, block.index], reader.parse(block).batch

    def _reprice_early_blocks(self) -> None:
        stale = {
            (b.file, b.index) for b in self.blocks if b.routable and self._candidates_of(self.used - b.used)
        }
        for block, batch in self._again(stale):
            self._add(audit_batch(batch, self.plan.with_providers(block.used)), -1)
            self._add(audit_batch(batch, self.plan.with_providers(self.used)), 1)
        for block in self.blocks:
            block.used = self.used

    def _candidates_of(self, providers: frozenset[str]) -> bool:
        """Whether any of the providers could serve a route: others change nothing."""
        seats = [seat for groups in self.plan.policy.groups.values() for group in groups for seat in group]
        return bool({seat[0].partition("/")[0] for seat in seats} & providers)

    def _merge_duplicates(self) -> None:
        wanted = repeated([b.ids.hashes for b in self.blocks])
        hits = {(self.readers[b.file].file.name, b.index): len(b.ids.common(wanted)) for b in self.blocks}
        self.total.repeated, self.total.repeated_ids = wanted, sum(hits.values())
        self.total.repeated_in = frozenset(block for block, number in hits.items() if number)
        near: list[Call] = []
        elsewhere = set()
        far = 0
        for block in self.blocks:
            common = len(block.ids.common(wanted))
            if common == len(block.ids.repeated):
                near += block.ids.calls
            else:
                elsewhere.add((block.file, block.index))
                far += common
        if far <= CALLS_AT_ONCE:
            found = (calls_with(batch, wanted) for _, batch in self._again(elsewhere))
            self._merge([*near, *itertools.chain.from_iterable(found)])
            return
        # Too many to hold at once: in parts that share no id, reading the blocks again for each.
        beside = batch_of(near)
        links = [links_in(beside, wanted), *(links_in(batch, wanted) for _, batch in self._again(elsewhere))]
        for part in split_linked(wanted, links, 1 + far // CALLS_AT_ONCE):
            found = (calls_with(batch, part) for _, batch in self._again(elsewhere))
            self._merge([*calls_with(beside, part), *itertools.chain.from_iterable(found)])

    def _merge(self, calls: list[Call]) -> None:
        """Take calls that repeat each other out of the sums, and put them back merged."""
        plan = self.plan.with_providers(self.used)
        self._add(audit_batch(batch_of(calls), plan), -1)  # before `merge_calls` changes them
        merged = merge_calls(calls)
        self._add(audit_batch(batch_of(merged), plan), 1)
        self.total.duplicates += len(calls) - len(merged)
