"""The spans of a run, however many there are: kept trace by trace, and what becomes of them by segment.

Spans and changes beyond a limit go to a temporary file. What stays in memory are the names of users and
features that spans state, each once, as a ledger holds them, too; and of sessions where ids are kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from costaudit.schema import INPUT_SIDE, Quality, SpanKind, Status
from costaudit.tape.columns import Batch
from costaudit.tape.nesting import CHANGE, DROPPED, JOINED, NO_WORD, OWNED, SPAN, Rows, changes_of
from costaudit.tape.record import ONE_SPAN, SPAN_KIND, hashes_in
from costaudit.tape.segment import Segment
from costaudit.tape.store import Spill
from costaudit.tokens import OUTPUT_SIDE

Index = npt.NDArray[np.intp]

_HELD: Final = 200_000
"""Spans that are held in memory, of about 100 bytes each; the others go to a temporary file."""
_AT_ONCE: Final = 200_000
"""Spans that are looked at together, about: those of one trace always are."""

_PARTS: Final = 256
"""Parts of all traces, by the first bits of their hashes."""
_EDGES: Final = np.arange(1, _PARTS, dtype=np.uint64) << np.uint64(56)

_WORDS: Final = ("session", "user", "feature")


class _Kept(msgspec.Struct):
    """Rows in the order of their parts, in memory or in a file."""

    cuts: Index
    """Where each part begins, and the end."""
    rows: Rows | None
    offset: int = 0


class _Parted:
    """Arrays of rows, each in parts that are asked for one by one."""

    def __init__(self, held: int) -> None:
        self.held = held
        self.kept: list[_Kept] = []
        self._spill = Spill()

    def add(self, rows: Rows, cuts: Index) -> None:
        """Take in rows that are in the order of their parts."""
        if self.held >= len(rows):
            self.held -= len(rows)
            self.kept.append(_Kept(cuts, rows))
        else:
            offset, _ = self._spill.write(pa.py_buffer(rows.tobytes()))
            self.kept.append(_Kept(cuts, None, offset))

    def parts(self, first: int, last: int, dtype: np.dtype[np.void]) -> Rows:
        """The rows of some neighbouring parts."""
        found = [np.zeros(0, dtype)]
        for kept in self.kept:
            low, high = int(kept.cuts[first]), int(kept.cuts[last])
            if high > low:
                size = dtype.itemsize
                found.append(
                    np.frombuffer(self._spill.read(kept.offset + size * low, size * (high - low)), dtype)
                    if kept.rows is None
                    else kept.rows[low:high]
                )
        return np.concatenate(found)

    def close(self) -> None:
        """Forget everything."""
        self.kept.clear()
        self._spill.close()


class RunSpans:
    """The spans of all segments of a run. Use `close` when done."""

    def __init__(self, held: int = _HELD, at_once: int = _AT_ONCE) -> None:
        """`held` spans stay in memory, about `at_once` are looked at together."""
        self._spans, self._changes = _Parted(held), _Parted(held)
        self._at_once = at_once
        self._words: dict[str, int] = {}
        self._named: Sequence[str] = ()

    def add(self, batch: pa.RecordBatch, number: int) -> None:
        """Take in the spans of a batch of `record.recorded`.

        `number` is that of its segment, -1 for spans that are no calls.
        """
        span, there = hashes_in(batch, "span_hash")
        rows = np.flatnonzero(there)
        if not len(rows):
            return
        spans = np.zeros(len(rows), SPAN)
        calls = Batch(batch)
        hashes = {
            "trace": "trace_hash", "parent": "around_hash", "call": "call_hash",
            "response": "response_hash", "session_hash": "session_hash",
        }  # fmt: skip
        for name, column in hashes.items():
            spans[name] = hashes_in(batch, column)[0][rows]
        spans["span"] = span[rows]
        spans["has_response"] = hashes_in(batch, "response_hash")[1][rows]
        kind = calls.counts(SPAN_KIND)
        spans["kind"] = SpanKind.CALL if kind is None else kind[rows]
        spans["input"], spans["output"] = (_sum(calls, side)[rows] for side in (INPUT_SIDE, OUTPUT_SIDE))
        spans["fresh"] = _sum(calls, ("input",))[rows]
        known = ~calls.words("quality", Quality.EXACT).among(Quality.NONE, Quality.ESTIMATED)[rows]
        spans["counted"] = known & (spans["input"] + spans["output"] > 0)
        spans["failed"] = calls.words("status", Status.OK).among(Status.ERROR)[rows]
        for name in _WORDS:
            words = calls.words(name)
            codes = [self._code(word) for word in words.values]
            spans[name] = np.array(codes, np.int32)[words.codes[rows]]
        spans["segment"], spans["row"] = number, rows
        spans = spans[np.argsort(spans["trace"], kind="stable")]
        cuts = np.concatenate([[0], np.searchsorted(spans["trace"], _EDGES), [len(spans)]])
        self._spans.add(spans, cuts.astype(np.intp))

    def _code(self, word: str | None) -> int:
        return NO_WORD if word is None else self._words.setdefault(word, len(self._words))

    def decide(self, segments: int) -> None:
        """Decide over all traces, when everything was taken in; `segments` is how many there are."""
        self._named = sorted(self._words)
        place = {word: number for number, word in enumerate(self._named)}
        ranks = np.array([place[word] for word in self._words] + [NO_WORD], np.int32)
        for first, last in self._ranges():
            spans = _of_several(self._spans.parts(first, last, SPAN))
            for name in _WORDS:
                spans[name] = ranks[spans[name]]
            changes = changes_of(spans) if len(spans) else np.zeros(0, CHANGE)
            if len(changes):
                changes = changes[np.lexsort([changes["row"], changes["segment"]])]
                cuts = np.searchsorted(changes["segment"], np.arange(segments + 1))
                self._changes.add(changes, cuts.astype(np.intp))
        self._spans.close()

    def _ranges(self) -> Iterator[tuple[int, int]]:
        """Neighbouring parts that are looked at together."""
        sizes = np.sum([np.diff(kept.cuts) for kept in self._spans.kept], axis=0) if self._spans.kept else []
        first, held = 0, 0
        for number, size in enumerate(np.asarray(sizes, np.int64).tolist()):
            if held and held + size > self._at_once:
                yield first, number
                first, held = number, 0
            held += size
        if held:
            yield first, _PARTS

    def changes(self, segments: Sequence[int]) -> Iterator[tuple[int, Rows]]:
        """What is to be changed of the records of every segment, if anything."""
        if self._changes.kept:
            for number in segments:
                changes = self._changes.parts(number, number + 1, CHANGE)
                if len(changes):
                    yield number, changes

    def changed(self, segment: Segment, changes: Rows) -> tuple[Segment, Index]:
        """A segment with its changes, all rows in their places, and the rows that are no calls."""
        batch, size = segment.batch(), segment.size
        columns = {name: batch.column(name) for name in batch.schema.names}
        what = changes["what"]
        gone, moved = changes["row"][what & DROPPED > 0], changes[what & (DROPPED | JOINED) > 0]
        for name, column in (("call", "call_hash"), ("response", "response_hash")):
            idents, known = hashes_in(batch, column)
            idents, known = idents.copy(), known.copy()
            idents[moved["row"]] = np.where(moved["what"] & DROPPED > 0, 0, moved[name])
            known[moved["row"]] = idents[moved["row"]] != 0
            columns[column] = pa.array(idents, mask=~known)
        one, joined = np.zeros(size, np.uint64), changes[what & JOINED > 0]
        one[joined["row"]] = joined["one"]
        columns[ONE_SPAN] = pa.array(one, mask=one == 0)
        owned = changes[what & OWNED > 0]
        sessions, known = hashes_in(batch, "session_hash")
        sessions, known = sessions.copy(), known.copy()
        has = owned["session_hash"] != 0
        sessions[owned["row"][has]] = owned["session_hash"][has]
        known[owned["row"][has]] = True
        if known.any():
            columns["session_hash"] = pa.array(sessions, mask=~known)
        for name in _WORDS:
            has = owned[name] != NO_WORD
            if has.any():
                words = [self._named[code] for code in owned[name][has].tolist()]
                columns[name] = _with_words(columns.get(name), size, owned["row"][has], words)
        return Segment.of(pa.RecordBatch.from_pydict(columns)), gone.astype(np.intp)

    def close(self) -> None:
        """Forget everything."""
        self._spans.close()
        self._changes.close()
        self._words.clear()


def _sum(calls: Batch, names: Sequence[str]) -> npt.NDArray[np.int64]:
    columns = (column for name in names if (column := calls.counts(name)) is not None)
    return sum(columns, start=np.zeros(calls.rows, np.int64))


def _of_several(spans: Rows) -> Rows:
    """Spans whose trace has others, too: nothing is to be decided on the rest."""
    spans = spans[np.argsort(spans["trace"], kind="stable")]
    trace = spans["trace"]
    same = np.zeros(len(spans) + 1, bool)
    same[1:-1] = trace[1:] == trace[:-1]
    several: Rows = spans[same[1:] | same[:-1]]
    return several


def _with_words(column: pa.Array | None, size: int, rows: Index, words: Sequence[str]) -> pa.Array:
    """A column of words with others in some rows."""
    mask = np.zeros(size, bool)
    mask[rows] = True
    order = np.argsort(rows, kind="stable")
    column = pa.nulls(size, pa.string()) if column is None else column.cast(pa.string())
    others = pa.array([words[place] for place in order], pa.string())
    return pc.replace_with_mask(column, pa.array(mask), others)
