"""Blocks of flat JSON lines as columns, read by compiled code in one pass.

What is read is what `ColumnReader` reads; texts that come again and again are dictionaries already. The same
pass finds known fields that the layout lacks, whereupon nothing is read and the caller has to widen it, and
numbers that nobody reads. Their names are judged once; from then on they are read along.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from costaudit.ingest.adapters.flat_fields import Path
from costaudit.ingest.adapters.flat_layout import TARGETS, FlatLayout
from costaudit.ingest.adapters.flat_unused import is_unused_at, take_texts
from costaudit.ingest.adapters.spelled import stated_elsewhere
from costaudit.ingest.json_columns import Columns
from costaudit.ingest.native.library import NativeBlock, NativeColumn, library
from costaudit.ingest.native.slots import KINDS, SLOT, SlotKind, Slots, slots_of
from costaudit.ingest.unused import Unused

_REPEATED: Final = frozenset({
    "provider", "model_served", "model_requested", "gateway", "status", "error", "finish", "service_tier",
    "region", "speed", "feature", "user", "user_tier",
})  # fmt: skip
"""What is said in few words."""

_MORE_SLOTS: Final = 1 << 11
"""Keys of a block that nobody knows, at their places; with more of them, it is read in the usual way."""
_MOST_NUMBERS: Final = 64
"""Numbers that nobody reads and that are read along."""
_MOST_WORDS: Final = 1 << 13
"""Distinct texts of a column that are numbered."""
_MOST_BYTES: Final = (1 << 31) - 64
_VALUE: Final = 1
_MET_NUMBER: Final = 2
_NARROW: Final = {SlotKind.FLAG: np.uint8, SlotKind.FLOAT: np.float64}

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class NativeFound:
    """What a block has."""

    columns: Columns
    numbers: Mapping[Path, _Numbers]
    elsewhere: frozenset[str]
    """Targets that records may state under other names."""

    def unused_without(self, rows: npt.NDArray[np.intp]) -> tuple[Unused, npt.NDArray[np.bool_]]:
        """The numbers that nobody reads, but for some rows, and which of the other rows have one."""
        kept = np.ones(self.columns.table.num_rows, bool)
        kept[rows] = False
        unused, met = Unused(), np.zeros(len(kept), bool)
        for path, numbers in self.numbers.items():
            met |= numbers.taken(unused, ".".join(path), kept)
        return unused, met[kept]


@dataclass(frozen=True, slots=True)
class _Numbers:
    """The texts of a column of numbers."""

    data: bytes
    starts: Array
    lengths: Array
    codes: Array | None
    """By rows, the numbers of distinct texts; None where every row has a text of its own."""
    rows: Array
    """The rows that have a value."""

    def taken(self, unused: Unused, name: str, kept: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Count the numbers of the rows that are kept; the rows that have one."""
        rows = self.rows[kept[self.rows]]
        of_row = rows if self.codes is None else self.codes[rows]
        counts = np.bincount(of_row, minlength=len(self.starts))
        places = np.flatnonzero(counts)
        spans = zip(self.starts[places].tolist(), self.lengths[places].tolist(), strict=True)
        texts = [self.data[start : start + length] for start, length in spans]
        held: dict[bytes, int] = {}
        for text, count in zip(texts, counts[places].tolist(), strict=True):
            held[text] = held.get(text, 0) + count
        above, is_above = take_texts(unused, name, held), np.zeros(len(counts), bool)
        is_above[places] = [text in above for text in texts]
        met = np.zeros(len(kept), bool)
        met[rows] = is_above[of_row]
        return met


class NativeReader:
    """Reads lines as the columns of a layout. Threads may share it."""

    def __init__(self, found: ctypes.CDLL, layout: FlatLayout, slots: Slots) -> None:
        self._library, self._layout = found, layout
        self._slots = slots
        """Threads replace it whole."""
        self._numbers: frozenset[Path] = frozenset()

    def read(self, data: bytes, newlines: int = 0) -> NativeFound | None:
        """The lines of a block as columns, given its line breaks if they were counted.

        None where it has to be read in another way.
        """
        if len(data) > _MOST_BYTES:
            return None
        lines = newlines or self._library.costaudit_newlines(data, len(data))
        if not data.endswith(b"\n"):
            data, lines = data + b"\n", lines + 1
        while True:  # once more where there are new numbers, of which there are not many
            slots = self._slots
            run = _Run(self._library, slots, data, lines)
            if run.block.late or run.block.full or run.block.left >= run.block.rows:
                return None
            met = run.met()
            elsewhere = stated_elsewhere(met)
            if elsewhere is None:
                return None
            paths = [path for path, is_number in met.items() if is_number and is_unused_at(path)]
            new = [path for path in paths if path not in slots.columns]
            if any(slots.kinds.get(path) is SlotKind.WAY for path in paths):
                return None
            if not new:
                return run.found(self._layout, elsewhere)
            numbers = self._numbers.union(new)
            wider = slots_of(self._layout, sorted(numbers)) if len(numbers) <= _MOST_NUMBERS else None
            if wider is None:
                return None
            self._slots, self._numbers = wider, numbers


def native_reader(layout: FlatLayout) -> NativeReader | None:
    """A reader of lines of a layout; None where there is no compiled code, or it cannot read such columns."""
    found = library()
    if found is None:
        return None
    slots = slots_of(layout, ())
    return None if slots is None else NativeReader(found, layout, slots)


class _Run:
    """One pass over a block."""

    def __init__(self, found: ctypes.CDLL, slots: Slots, data: bytes, lines: int) -> None:
        self.library, self.slots, self.data = found, slots, data
        self._held: list[Array] = []
        known, width = len(slots.kinds), len(slots.columns)
        self.records = np.empty(known + _MORE_SLOTS, SLOT)
        self.records[:known] = slots.records
        self.seen = np.empty((lines, width), np.uint8)
        self.columns = (NativeColumn * width)()
        self.arrays = [self._column(n, path, lines) for path, n in slots.columns.items()]
        self.row_lines, self.left_lines = np.empty(lines, np.int32), np.empty(lines, np.int32)
        mask = (1 << (2 * len(self.records)).bit_length()) - 1
        self.block = NativeBlock(
            data=data, size=len(data), slots=_at(self.records), table=self._new_table(mask),
            columns=ctypes.addressof(self.columns), seen=_at(self.seen), row_lines=_at(self.row_lines),
            left_lines=_at(self.left_lines), slot_count=known, most_slots=len(self.records), mask=mask,
            width=width, most_lines=lines,
        )  # fmt: skip
        found.costaudit_lines(ctypes.byref(self.block))

    def _new_table(self, mask: int) -> int:
        table = np.full(mask + 1, -1, np.int32)
        self._held.append(table)
        return _at(table)

    def _column(self, number: int, path: Path, lines: int) -> dict[str, Array]:
        """The memory of a column, by the names of its parts."""
        kind, column = self.slots.kinds[path], self.columns[number]
        column.added_line = -1
        if kind is SlotKind.WAY:
            return {}
        arrays: dict[str, Array] = {}
        if kind not in {SlotKind.TEXT, SlotKind.NUMBER}:
            arrays["values"] = np.empty(lines, _NARROW.get(kind, np.int64))
        if kind in {SlotKind.TEXT, SlotKind.NUMBER, SlotKind.FLOAT}:
            arrays |= {name: np.empty(lines, np.int32) for name in ("starts", "lengths", "codes")}
        if kind is SlotKind.NUMBER or (kind is SlotKind.TEXT and TARGETS.get(path) in _REPEATED):
            arrays |= {name: np.empty(_MOST_WORDS, np.int32) for name in ("word_starts", "word_lengths")}
            column.most_words, column.mask = _MOST_WORDS, 2 * _MOST_WORDS - 1
            column.table = self._new_table(column.mask)
        for name, array in arrays.items():
            setattr(column, name, _at(array))
        return arrays

    def met(self) -> dict[Path, bool]:
        """The places of keys that have a value and no column, and whether it may be a number."""
        paths = dict(enumerate(self.slots.kinds))
        base = np.frombuffer(self.data, np.uint8).ctypes.data
        records = self.records[: self.block.slot_count]
        for place in range(len(paths), len(records)):
            start = int(records["key"][place]) - base
            key = self.data[start : start + int(records["length"][place])].decode("utf-8", "replace")
            paths[place] = (*paths[int(records["above"][place])], key)
        met = records["met"]
        return {paths[place]: bool(met[place] & _MET_NUMBER) for place in np.flatnonzero(met).tolist()}

    def found(self, layout: FlatLayout, elsewhere: frozenset[str]) -> NativeFound:
        """The columns and what goes with them."""
        rows = self.block.rows
        valid = self.seen[:rows] == _VALUE
        table = pa.Table.from_arrays(*self._nested(layout.schema, valid, ()))
        left = self.left_lines[: self.block.left].tolist()
        is_whole = rows == self.block.line
        lines = range(rows) if is_whole else self.row_lines[:rows].tolist()
        numbers = {
            path: self._numbers(n, valid[:, n])
            for path, n in self.slots.columns.items()
            if self.slots.kinds[path] is SlotKind.NUMBER
        }
        return NativeFound(Columns(table, lines, left), numbers, elsewhere)

    def _numbers(self, n: int, valid: Array) -> _Numbers:
        arrays, words, rows = self.arrays[n], self.columns[n].words, np.flatnonzero(valid)
        if words < 0:
            return _Numbers(self.data, arrays["starts"], arrays["lengths"], None, rows)
        starts, lengths = arrays["word_starts"][:words], arrays["word_lengths"][:words]
        return _Numbers(self.data, starts, lengths, arrays["codes"], rows)

    def _nested(
        self, fields: Iterable[pa.Field], valid: Array, above: Path
    ) -> tuple[list[pa.Array], list[str]]:
        arrays, names = [], []
        for entry in fields:
            path = (*above, entry.name)
            if pa.types.is_struct(entry.type):
                inner, inner_names = self._nested(entry.type, valid, path)
                array = pa.StructArray.from_arrays(inner, inner_names)
            else:
                n = self.slots.columns[path]
                array = self._array(n, entry.type, valid[:, n])
            arrays.append(array)
            names.append(entry.name)
        return arrays, names

    def _array(self, n: int, kind: pa.DataType, valid: Array) -> pa.Array:
        """A column of values."""
        rows, absent = len(valid), len(valid) - int(np.count_nonzero(valid))
        if absent == rows:
            return pa.nulls(rows, kind)
        bits = pa.py_buffer(np.packbits(valid, bitorder="little")) if absent else None
        arrays, column = self.arrays[n], self.columns[n]
        if KINDS[kind] is SlotKind.TEXT:
            return self._texts(n, valid, bits, absent)
        values = arrays["values"][:rows]
        hard = column.hard
        if hard:
            starts, lengths = arrays["starts"][:hard].tolist(), arrays["lengths"][:hard].tolist()
            texts = [self.data[start : start + n] for start, n in zip(starts, lengths, strict=True)]
            values[arrays["codes"][:hard]] = [float(text) for text in texts]
        if absent:
            values[~valid] = 0
        if KINDS[kind] is SlotKind.FLAG:
            values = np.packbits(values, bitorder="little")
        return pa.Array.from_buffers(kind, rows, [bits, pa.py_buffer(values)], absent)

    def _texts(self, n: int, valid: Array, bits: pa.Buffer | None, absent: int) -> pa.Array:
        """A column of texts: a dictionary, where there are few words and all of them plain."""
        rows, arrays, column = len(valid), self.arrays[n], self.columns[n]
        if column.table and column.words > 0:
            starts, lengths = (arrays[name][: column.words] for name in ("word_starts", "word_lengths"))
            words = self._joined(starts, lengths, int(lengths.sum()))
            if _are_plain(words):
                codes = arrays["codes"][:rows]
                if absent:
                    codes[~valid] = 0
                indices = pa.Array.from_buffers(pa.int32(), rows, [bits, pa.py_buffer(codes)], absent)
                return pa.DictionaryArray.from_arrays(indices, words)
        starts, lengths = arrays["starts"][:rows], arrays["lengths"][:rows]
        if absent:
            lengths[~valid] = 0
        texts = self._joined(starts, lengths, column.bytes)
        return (
            pa.Array.from_buffers(pa.string(), rows, [bits, *texts.buffers()[1:]], absent) if bits else texts
        )

    def _joined(self, starts: Array, lengths: Array, most: int) -> pa.Array:
        """Some texts of the block, without their escapes, which have at most so many bytes."""
        offsets, out = np.empty(len(starts) + 1, np.int32), np.empty(most, np.uint8)
        self.library.costaudit_texts(
            self.data, _at(starts), _at(lengths), len(starts), _at(offsets), _at(out)
        )
        buffers = [None, pa.py_buffer(offsets), pa.py_buffer(out[: offsets[-1]])]
        return pa.Array.from_buffers(pa.string(), len(starts), buffers, 0)


def _are_plain(words: pa.Array) -> bool:
    """Whether none is empty, or another one when it is trimmed."""
    return bool(pc.min(pc.binary_length(words)).as_py() and pc.utf8_trim_whitespace(words).equals(words))


def _at(array: Array) -> int:
    return int(array.ctypes.data)
