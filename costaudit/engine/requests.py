"""The requests of a log one by one: a second reading after the pass, with repeated records merged.

The pass knows which providers the log uses and which ids repeat; only with both can a single request be
judged. A request stands where the first of its records stood, so the order is that of the input, whatever
the blocks and threads.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from costaudit.engine.local import CALLS_AT_ONCE, Pass, Progress
from costaudit.engine.plan import Plan
from costaudit.engine.rows import JudgedRows, judge_rows
from costaudit.engine.workers import Workers, default_threads
from costaudit.errors import InputError
from costaudit.ingest.adapters import ADAPTERS
from costaudit.ingest.canonical import batch_of, completed
from costaudit.ingest.format import Adapter
from costaudit.ingest.hashes import Hashes
from costaudit.ingest.identity import calls_of, links_in, merge_records, rows_with, split_linked
from costaudit.ingest.logfile import LogFile
from costaudit.ingest.reader import Reader, open_logs
from costaudit.schema import Call

_IN_MEMORY: Final = 256 << 20
"""Bytes of merged calls beyond which they are kept in a temporary file."""


@dataclass(frozen=True, slots=True)
class Requests:
    """Requests of one block of a file, each once and judged."""

    batch: pa.RecordBatch
    """Canonical columns."""
    judged: JudgedRows
    place: Callable[[int], tuple[str, int]]
    """The file and the line that an entry of `lines` stands for."""
    lines: npt.NDArray[np.int64]
    """For every request the line (or row) of its first record, counted from 1."""
    records: npt.NDArray[np.int64]
    """For every request how many records it was merged from."""

    def take(self, rows: npt.NDArray[np.intp], plan: Plan) -> Requests:
        """Some of the requests, judged under the plan of the pass."""
        batch = self.batch.take(pa.array(rows))
        return Requests(batch, judge_rows(batch, plan), self.place, self.lines[rows], self.records[rows])


def read_requests(
    files: Sequence[LogFile],
    passed: Pass,
    *,
    forced: Adapter | None = None,
    adapters: Sequence[Adapter] = ADAPTERS,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Iterator[Requests]:
    """Every request of a pass once, in the order of the input; `forced` and `adapters` as in the pass.

    Raises InputError where less can be read than in the pass.
    """
    readers = _readable(files, passed, forced, adapters)
    seen = 0
    with _Merged.of(readers, passed) as merged, Workers(threads or default_threads()) as workers:
        tasks = (
            _Task(reader, block, merged.starting_in((number, block.index)))
            for number, reader in enumerate(readers)
            for block in reader.blocks()
        )
        for requests, read in workers.map(lambda task: _judged(task, passed), tasks):
            seen += read
            if progress is not None:
                progress(requests.batch.num_rows)
            if requests.batch.num_rows:
                yield requests
    if seen < passed.records:
        raise InputError(
            f"the logs have changed while they were read: {passed.records - seen:,} records are gone",
            path=files[0].name if len(files) == 1 else None,
            hint="read a copy of them",
        )


def _readable(
    files: Sequence[LogFile], passed: Pass, forced: Adapter | None, adapters: Sequence[Adapter]
) -> list[Reader]:
    readers: list[Reader] = []
    for opened in open_logs(files, forced, adapters):
        if not isinstance(opened, InputError):
            readers.append(opened)
        elif opened.path not in passed.unread:
            raise opened
    return readers


@dataclass(frozen=True, slots=True)
class _Task:
    reader: Reader
    block: Any
    merged: tuple[pa.RecordBatch, ...]
    """Merged calls whose first record stands in the block."""


def _judged(task: _Task, passed: Pass) -> tuple[Requests, int]:
    """The requests of a block, and how many records were read for them."""
    name = task.reader.name
    parsed = task.reader.parse(task.block)
    gone = min(parsed.unread - passed.unread, default=None)
    if gone is not None:
        raise InputError(
            "it could be read before, and now it cannot", path=gone, hint="read a copy of the logs"
        )
    batch, lines = parsed.batch, np.asarray(parsed.lines, np.int64)
    records = np.ones(len(lines), np.int64)
    if (name, task.block.index) in passed.repeated_in:
        alone = np.flatnonzero(~rows_with(batch, passed.repeated))
        parts = [completed(batch.take(pa.array(alone))), *(m.drop_columns(_EXTRA) for m in task.merged)]
        rows = np.concatenate([alone, *(_numbers(m, _ROW) for m in task.merged)])
        of_rows = np.concatenate([records[alone], *(_numbers(m, _RECORDS) for m in task.merged)])
        order = np.argsort(rows)  # every row starts at most one request
        batch = pa.concat_batches(parts).take(pa.array(order))
        lines, records = lines[rows[order]], of_rows[order]
    batch = passed.plan.seen(batch)
    judged = judge_rows(batch, passed.plan)
    return Requests(batch, judged, task.reader.place, lines, records), parsed.records


def _numbers(batch: pa.RecordBatch, column: str) -> npt.NDArray[np.int64]:
    return batch.column(column).to_numpy()  # type: ignore[no-any-return]


_ROW, _RECORDS = "_row", "_records"
_EXTRA: Final = [_ROW, _RECORDS]
_Block = tuple[int, int]
"""Number of the reader, index of the block."""


class _Merged:
    """The calls that came of repeated records, by the block in which their first record stands."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - closed on exit
        self._batches: dict[_Block, list[int]] = defaultdict(list)
        self._written: Any = None
        self._number = 0
        self._reader: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    @classmethod
    def of(cls, readers: Sequence[Reader], passed: Pass) -> _Merged:
        """Read the blocks with repeated ids again and merge, in parts where there are too many to hold."""
        merged = cls()
        for part in _parts(readers, passed):
            calls: list[Call] = []
            places: list[tuple[int, int, int]] = []
            for number, index, batch in _again(readers, passed):
                rows = np.flatnonzero(rows_with(batch, part))
                calls += calls_of(batch.take(pa.array(rows)))
                places += [(number, index, row) for row in rows.tolist()]
            merged.add(calls, places)
        merged.finish()
        return merged

    def add(self, calls: Sequence[Call], places: Sequence[tuple[int, int, int]]) -> None:
        """Merge the calls; `places` are reader, block and row of each."""
        by_block: dict[_Block, list[tuple[int, int, Call]]] = defaultdict(list)
        for call, members in merge_records(calls):
            number, index, row = min(places[member] for member in members)
            by_block[number, index].append((row, len(members), call))
        for block in sorted(by_block):
            self._write(block, by_block[block])

    def _write(self, block: _Block, calls: Iterable[tuple[int, int, Call]]) -> None:
        rows, records, whole = zip(*calls, strict=True)
        batch = completed(batch_of(whole))
        batch = batch.append_column(_ROW, pa.array(rows, pa.int64()))
        batch = batch.append_column(_RECORDS, pa.array(records, pa.int64()))
        if self._written is None:
            self._written = pa.ipc.new_file(pa.PythonFile(self._file, "w"), batch.schema)
        self._written.write_batch(batch)
        self._batches[block].append(self._number)
        self._number += 1

    def finish(self) -> None:
        """No more calls follow."""
        if self._written is not None:
            self._written.close()
            self._file.seek(0)
            self._reader = pa.ipc.open_file(pa.PythonFile(self._file, "r"))

    def starting_in(self, block: _Block) -> tuple[pa.RecordBatch, ...]:
        """The merged calls of a block, each with its row and its number of records."""
        return tuple(self._reader.get_batch(number) for number in self._batches.get(block, ()))


def _again(readers: Sequence[Reader], passed: Pass) -> Iterator[tuple[int, int, pa.RecordBatch]]:
    """The blocks with repeated ids: number of the reader, index, calls."""
    wanted: Mapping[str, set[int]] = defaultdict(set)
    for name, index in passed.repeated_in:
        wanted[name].add(index)
    for number, reader in enumerate(readers):
        only = wanted[reader.name]
        if only:
            for block in reader.blocks(only):
                yield number, block.index, reader.parse(block).batch


def _parts(readers: Sequence[Reader], passed: Pass) -> Iterator[Hashes]:
    """The repeated ids in parts whose records can be held at once and share no id."""
    if not len(passed.repeated):
        return
    if passed.repeated_ids <= CALLS_AT_ONCE:
        yield passed.repeated
        return
    links = [links_in(batch, passed.repeated) for _, _, batch in _again(readers, passed)]
    yield from split_linked(passed.repeated, links, 1 + passed.repeated_ids // CALLS_AT_ONCE)
