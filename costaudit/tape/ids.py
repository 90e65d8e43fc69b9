"""Which ids occur in more than one record of a run, however many there are: hashes, compared by ranges."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from costaudit.ingest.hashes import Hashes
from costaudit.tape.merge import id_keys
from costaudit.tape.store import Spill

Index = npt.NDArray[np.intp]

_HELD: Final = 1_000_000
"""Hashes that are held in memory, of 8 bytes each; the others go to a temporary file."""

_AT_ONCE: Final = 1_000_000
"""Hashes that are compared at once, about."""

_RANGES: Final = 64
"""Parts of all hashes, by their first bits."""
_EDGES: Final = np.arange(1, _RANGES, dtype=np.uint64) << np.uint64(58)

_ALL_BUT_16: Final = np.uint64(48)

_NEAR: Final = np.uint64(0xFFFF)

Links = npt.NDArray[np.intp]
"""Pairs of indices, one pair per row."""


def sorted_keys(batch: pa.RecordBatch) -> Hashes:
    """The hashes of everything by which records of a batch may be of one call, sorted."""
    hashes = np.concatenate([np.zeros(0, np.uint64), *(keys for keys, _ in id_keys(batch))])
    # By their first bits in linear time, which is nearly all of it: four times as quick as sorting at once.
    nearly = hashes[np.argsort((hashes >> _ALL_BUT_16).astype(np.uint16), kind="stable")]
    nearly.sort(kind="stable")
    return nearly


class _Run(msgspec.Struct):
    """The sorted hashes of one segment."""

    number: int
    cuts: Index
    """Where each range begins, and the end."""
    hashes: Hashes | None
    offset: int = 0


class RunIds:
    """The hashes of all segments of a run. Use `close` when done."""

    def __init__(self, held: int = _HELD, at_once: int = _AT_ONCE) -> None:
        """`held` hashes stay in memory, about `at_once` are compared at once."""
        self.held, self.at_once = held, at_once
        self._runs: list[_Run] = []
        self._spill = Spill()

    def add(self, number: int, hashes: Hashes) -> None:
        """Take in the sorted hashes of a segment."""
        if not len(hashes):
            return
        cuts = np.concatenate([[0], np.searchsorted(hashes, _EDGES), [len(hashes)]])
        if self.held >= len(hashes):
            self.held -= len(hashes)
            self._runs.append(_Run(number, cuts, hashes))
            return
        offset, _ = self._spill.write(pa.py_buffer(hashes.tobytes()))
        self._runs.append(_Run(number, cuts, None, offset))

    def replace(self, number: int, hashes: Hashes) -> None:
        """Take in other hashes for a segment."""
        for run in [run for run in self._runs if run.number == number]:
            self._runs.remove(run)
            self.held += 0 if run.hashes is None else len(run.hashes)
        self.add(number, hashes)

    def repeated(self) -> tuple[Hashes, frozenset[int]]:
        """The hashes that occur more than once, sorted, and the segments that have any of them."""
        found, where = [np.zeros(0, np.uint64)], set()
        for first, last in self._ranges():
            parts = [self._slice(run, first, last) for run in self._runs]
            again = repeated(parts)
            if len(again):
                found.append(again)
                where |= {
                    run.number
                    for run, part in zip(self._runs, parts, strict=True)
                    if is_in(again, part).any()
                }
        return np.concatenate(found), frozenset(where)

    def _ranges(self) -> Iterator[tuple[int, int]]:
        """Neighbouring ranges that are compared together."""
        sizes = np.sum([np.diff(run.cuts) for run in self._runs], axis=0) if self._runs else []
        first, held = 0, 0
        for number, size in enumerate(np.asarray(sizes, np.int64).tolist()):
            if held and held + size > self.at_once:
                yield first, number
                first, held = number, 0
            held += size
        if held:
            yield first, _RANGES

    def _slice(self, run: _Run, first: int, last: int) -> Hashes:
        low, high = int(run.cuts[first]), int(run.cuts[last])
        if run.hashes is not None:
            return run.hashes[low:high]
        return np.frombuffer(self._spill.read(run.offset + 8 * low, 8 * (high - low)), np.uint64)

    def close(self) -> None:
        """Forget everything."""
        self._runs.clear()
        self._spill.close()


def repeated(hashes: Sequence[Hashes]) -> Hashes:
    """The hashes that occur more than once over all (sorted) parts, sorted."""
    everything = hashes[0] if len(hashes) == 1 else np.concatenate([*hashes, np.zeros(0, np.uint64)])
    if len(hashes) > 1:
        everything.sort(kind="stable")  # merges what is in order already
    return np.unique(everything[1:][everything[1:] == everything[:-1]])


def is_in(hashes: Hashes, known: Hashes) -> npt.NDArray[np.bool_]:
    """Which hashes are among some that are sorted."""
    if not len(known):
        return np.zeros(len(hashes), bool)
    place = np.minimum(np.searchsorted(known, hashes), len(known) - 1)
    return np.asarray(known[place] == hashes)


def places_of(hashes: Hashes, wanted: Hashes) -> Index:
    """Where the hashes are that the (sorted) wanted hold, of which there are mostly few."""
    near = np.zeros(int(_NEAR) + 1, bool)
    near[wanted & _NEAR] = True
    some = np.flatnonzero(near[hashes & _NEAR])
    return some[is_in(hashes[some], wanted)]


def numbers_in(batch: pa.RecordBatch, wanted: Hashes) -> Index:
    """For every record of a batch the index of a wanted hash that it has; -1 without any."""
    found = np.full(batch.num_rows, -1, np.intp)
    for hashes, rows in id_keys(batch):
        places = places_of(hashes, wanted)
        found[rows[places]] = np.searchsorted(wanted, hashes[places])
    return found


def records_of(batch: pa.RecordBatch, wanted: Hashes) -> Index:
    """How often each of the (sorted) wanted hashes occurs in a batch."""
    counts = np.zeros(len(wanted), np.intp)
    for hashes, _ in id_keys(batch):
        found = np.searchsorted(wanted, hashes[places_of(hashes, wanted)])
        counts += np.bincount(found, minlength=len(wanted))
    return counts


def links_in(batch: pa.RecordBatch, wanted: Hashes) -> Links:
    """Pairs of the (sorted) wanted hashes that one record has, as indices into `wanted`."""
    first = np.full(batch.num_rows, -1, np.intp)
    links = [np.zeros((0, 2), np.intp)]
    for hashes, rows in id_keys(batch):
        places = places_of(hashes, wanted)
        here, number = rows[places], np.searchsorted(wanted, hashes[places])
        earlier = first[here]
        is_second = earlier >= 0
        links.append(np.stack([earlier[is_second], number[is_second]], axis=1))
        first[here[~is_second]] = number[~is_second]
    return np.unique(np.concatenate(links), axis=0)


def parts_of(size: int, links: Sequence[Links], parts: int) -> Index:
    """A part for each of so many hashes; those that are linked, also over others, are in the same one."""
    label = np.arange(size)
    left, right = np.concatenate([np.zeros((0, 2), np.intp), *links]).T
    while True:
        least = np.minimum(label[left], label[right])
        before = label.copy()
        np.minimum.at(label, left, least)
        np.minimum.at(label, right, least)
        label = label[label]
        if np.array_equal(label, before):
            return label % parts
