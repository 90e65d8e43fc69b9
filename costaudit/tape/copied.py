"""Records that repeat those of another session, over a whole run: each call counts once.

A session that is forked begins with a copy of the records of the one that it comes from, which may begin
with such a copy itself. A copied record says which record it would be there (`Call.copy_of`), one step back.
So the steps are followed as far as they go: where that record is in the run, the copies are left out; where
it is not, because its file is gone, the earliest copy stands for all of them. A record that repeats nothing
is its own end, whatever its counts are: two sessions that each made a call of the same size made two.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from costaudit.ingest.hashes import Hashes
from costaudit.tape.columns import Batch
from costaudit.tape.record import COPIES, hashes_in
from costaudit.tape.segment import Segment

Index = npt.NDArray[np.intp]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_STEPS: Final = 20
"""Doublings of the steps that are followed: a million sessions, one forked from the other."""


class RunCopies:
    """The calls of a run that may be copies: 24 bytes of each record of one."""

    def __init__(self) -> None:
        self._own: list[Hashes] = [np.zeros(0, np.uint64)]
        self._source: list[Hashes] = [np.zeros(0, np.uint64)]
        self._ts: list[Ints] = [np.zeros(0, np.int64)]

    def add(self, batch: pa.RecordBatch) -> None:
        """Take in those of a batch of `record.recorded`."""
        source, may_be = hashes_in(batch, COPIES["copy_of"])
        own, named = hashes_in(batch, "call_hash")
        rows = np.flatnonzero(may_be & named)
        self._own.append(own[rows])
        self._source.append(source[rows])
        self._ts.append(Batch(batch).times()[rows])

    def found(self, segments: Iterable[Segment]) -> Hashes:
        """The calls that repeat another one, sorted; `segments` are all of the run."""
        own, source = np.concatenate(self._own), np.concatenate(self._source)
        if not len(own):
            return own
        end, ts = _ends(own, source), np.concatenate(self._ts)
        there = _those_in(np.unique(end), segments)
        kept = np.where(np.isin(end, there), end, _earliest(end, ts, own))
        return np.unique(own[own != kept])


def rows_of(segment: Segment, calls: Hashes) -> Index:
    """The records of some calls."""
    hashes, there = hashes_in(segment.rows, "call_hash")
    return np.flatnonzero(there & np.isin(hashes, calls))


def without_ids(segment: Segment, rows: Index) -> Segment:
    """A segment, some of whose records join no others any more."""
    columns = {name: segment.rows.column(name) for name in segment.rows.schema.names}
    for name in ("call_hash", "response_hash"):
        if name in columns:
            hashes, there = hashes_in(segment.rows, name)
            there = there.copy()
            there[rows] = False
            columns[name] = pa.array(hashes, mask=~there)
    return Segment(pa.RecordBatch.from_pydict(columns), segment.kinds)


def _ends(own: Hashes, source: Hashes) -> Hashes:
    """For every record the call at the end of its steps."""
    calls, first = np.unique(own, return_index=True)
    step, end = source[first], source
    for _ in range(_STEPS):
        end, goes_on = _further(calls, step, end)
        if not goes_on.any():
            break
        step, _ = _further(calls, step, step)
    return end


def _further(calls: Hashes, step: Hashes, where: Hashes) -> tuple[Hashes, Mask]:
    """Where the next step leads from some calls, and which have one."""
    place = np.minimum(np.searchsorted(calls, where), len(calls) - 1)
    goes_on = np.asarray(calls[place] == where)
    return np.where(goes_on, step[place], where), goes_on


def _those_in(wanted: Hashes, segments: Iterable[Segment]) -> Hashes:
    """Which of some calls are records of a run."""
    found: Iterator[Hashes] = (_calls_of(segment) for segment in segments)
    return np.unique(np.concatenate([wanted[:0], *(np.intersect1d(calls, wanted) for calls in found)]))


def _calls_of(segment: Segment) -> Hashes:
    hashes, there = hashes_in(segment.rows, "call_hash")
    return hashes[there]


def _earliest(end: Hashes, ts: Ints, own: Hashes) -> Hashes:
    """For every record the earliest of the calls that have its end."""
    order = np.lexsort([own, ts, end])
    first = np.append(True, end[order][1:] != end[order][:-1])
    found = np.empty(len(end), np.uint64)
    found[order] = own[order][first][np.cumsum(first) - 1]
    return found
