"""Every call of some logs once, block by block, for what needs the single request and not its sum."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from costaudit.engine.local import open_all
from costaudit.errors import InputError
from costaudit.ingest.adapters import ADAPTERS
from costaudit.ingest.canonical import Parsed, batch_of
from costaudit.ingest.format import Adapter
from costaudit.ingest.identity import calls_at, identity_hashes, merge_calls, repeated, rows_with
from costaudit.ingest.logfile import LogFile
from costaudit.ingest.quarantine import REASONS, Quarantine
from costaudit.ingest.reader import Block, Reader

T = TypeVar("T")

Select = Callable[[pa.RecordBatch], npt.NDArray[np.bool_]]
"""Which rows of a canonical batch are wanted."""


@dataclass(slots=True)
class Gathered(Generic[T]):
    """What the blocks came to, and how much was read."""

    parts: list[T]
    records: int = 0
    """Records of the logs, wanted or not."""
    requests: int = 0
    """Wanted calls, after merging."""
    duplicates: int = 0
    quarantine: Quarantine = field(default_factory=Quarantine)


def gather(  # noqa: PLR0913 - what to read, how, and what to make of it
    files: Sequence[LogFile],
    extract: Callable[[pa.RecordBatch], T],
    *,
    select: Select | None = None,
    forced: Adapter | None = None,
    adapters: Sequence[Adapter] = ADAPTERS,
    refused: Sequence[InputError] = (),
    progress: Callable[[int], None] | None = None,
) -> Gathered[T]:
    """`extract` of every block of wanted calls; calls that repeat each other are merged into one part more.

    Only wanted calls are merged: the two arms of a test may share request ids. Blocks with repeated calls
    are read a second time. The parts are in the order of the files. Raises InputError when no file can be
    read or no record is a call.
    """
    found: Gathered[T] = Gathered([])
    readers, _ = open_all(files, forced, adapters, refused, found.quarantine)
    hashes = []
    kept: dict[tuple[int, int], tuple[T, int]] = {}
    for number, block, parsed in _blocks(readers):
        found.records += parsed.records
        found.quarantine.merge(parsed.quarantine)
        batch = _wanted(parsed.batch, select)
        hashes.append(((number, block.index), identity_hashes(batch)))
        kept[number, block.index] = extract(batch), batch.num_rows
        if progress is not None:
            progress(parsed.records)
    again = repeated([h for _, h in hashes])
    stale = {key for key, own in hashes if len(np.intersect1d(own, again))}
    calls = []
    for number, block, parsed in _blocks(readers, stale):
        batch = _wanted(parsed.batch, select)
        hit = rows_with(batch, again)
        calls += calls_at(batch, np.flatnonzero(hit))
        rest = batch.filter(pa.array(~hit))
        kept[number, block.index] = extract(rest), rest.num_rows
    found.parts = [part for part, rows in kept.values() if rows]
    found.requests = sum(rows for _, rows in kept.values())
    if calls:
        merged = merge_calls(calls)
        found.parts.append(extract(batch_of(merged)))
        found.requests += len(merged)
        found.duplicates = len(calls) - len(merged)
    if not found.requests and select is None:
        raise _nothing_read(files, found)
    return found


def _blocks(
    readers: Sequence[Reader], only: set[tuple[int, int]] | None = None
) -> Iterator[tuple[int, Block, Parsed]]:
    for number, reader in enumerate(readers):
        indices = None if only is None else {index for file, index in only if file == number}
        if indices is None or indices:
            for block in reader.blocks(indices):
                yield number, block, reader.parse(block)


def _wanted(batch: pa.RecordBatch, select: Select | None) -> pa.RecordBatch:
    return batch if select is None else batch.filter(pa.array(select(batch)))


def _nothing_read(files: Sequence[LogFile], found: Gathered[T]) -> InputError:
    where = ", ".join(f.name for f in files[:3]) + (" …" if len(files) > 3 else "")
    if not found.quarantine.counts:
        return InputError("no requests found", path=where, hint="the records are not calls of a model")
    reason = max(found.quarantine.counts, key=lambda r: (found.quarantine.counts[r], r))
    place = found.quarantine.places[reason][0]
    return InputError(
        f"no request could be read from {found.records} records; {REASONS[reason]}",
        path=place.file or where,
        line=place.line or None,
        hint=f"costaudit formats test {place.file} says more" if place.file else None,
    )
