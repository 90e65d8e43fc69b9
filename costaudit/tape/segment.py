"""Segments: stretches of a tape in a compact form, each with the kinds of its requests.

A kind is a combination of all that is said in words: names, status, quality, flags. A request is the number
of its kind beside its own numbers and hashes. There are few kinds, so that whatever goes by words is decided
once for each of them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from costaudit.schema import COUNTS
from costaudit.tape.groups import group_rows
from costaudit.tape.record import FILE

Ints = npt.NDArray[np.int64]

KIND: Final = "_kind"
"""The column of a segment's rows that says which kind each is."""

WORDS: Final = (
    "provider", "model", "model_requested", "gateway", "quality", "reading", "status", "error_code",
    "service_tier", "region", "speed", "feature", "user_tier", "tags", "response_format",
)  # fmt: skip
FLAGS: Final = ("final", "has_tools", "has_images", "stream")

_WIDE: Final = 256
"""Distinct words of a column, or one for so many rows, from which on it is kept beside the kinds …"""
_ROWS_A_WORD: Final = 16

_DICTIONARIES: Final = ("user", FILE)
"""Further columns of words that repeat, too many to be parts of a kind."""

_NARROW: Final = (pa.int8(), pa.int16(), pa.int32())


class Segment(msgspec.Struct, frozen=True):
    """Some requests, or some records that are still to be merged."""

    rows: pa.RecordBatch
    """KIND, and every column that is not in `kinds`; counts that are 0 in every row are left out."""
    kinds: pa.RecordBatch
    """One row per kind: WORDS and FLAGS, without columns that are null in all of them."""

    @classmethod
    def of(cls, batch: pa.RecordBatch) -> Segment:
        """A batch of `record.recorded` in compact form."""
        size = batch.num_rows
        keys: dict[str, tuple[npt.NDArray[np.integer], int, int]] = {}
        values: dict[str, pa.Array] = {}
        rows: dict[str, pa.Array] = {}
        for name in batch.schema.names:
            column = batch.column(name)
            if column.null_count == size:
                continue
            if name in WORDS or name in FLAGS:
                codes, known = _coded(column)
                if len(known) - 1 > max(_WIDE, size // _ROWS_A_WORD):
                    rows[name] = pa.DictionaryArray.from_arrays(_masked(codes, len(known) - 1), known[:-1])
                else:
                    keys[name], values[name] = (codes, 0, len(known) - 1), known
            elif (narrowed := _narrowed(name, column)) is not None:
                rows[name] = narrowed
        if not keys:
            return cls(_batch({KIND: pa.array(np.zeros(size, np.int8))} | rows), _batch({}, 1))
        distinct, kind, count = group_rows(keys)
        rows = {KIND: pa.array(kind.astype(_smallest(count)))} | rows
        return cls(_batch(rows), _batch({n: values[n].take(pa.array(c)) for n, c in distinct.items()}, count))

    @property
    def size(self) -> int:
        """Number of rows."""
        return int(self.rows.num_rows)

    @property
    def nbytes(self) -> int:
        """Bytes that it takes in memory."""
        return int(self.rows.nbytes + self.kinds.nbytes)

    def kind(self) -> Ints:
        """The kind of every row: a row number of `kinds`."""
        return np.asarray(self.rows.column(0).to_numpy(zero_copy_only=False), np.int64)

    def combinations(self, names: Sequence[str]) -> set[tuple[str | None, ...]]:
        """Distinct combinations of some words."""
        table = self.batch() if any(name in self.rows.schema.names for name in names) else self.kinds
        here = [name for name in names if name in table.schema.names]
        if not here:
            return {(None,) * len(names)} if self.size else set()
        coded = {name: _coded(table.column(name)) for name in here}
        distinct, _, count = group_rows({n: (codes, 0, len(w) - 1) for n, (codes, w) in coded.items()})
        absent = [None] * count
        columns = [
            coded[name][1].take(pa.array(distinct[name])).to_pylist() if name in coded else absent
            for name in names
        ]
        return set(zip(*columns, strict=True))

    def take(self, rows: npt.NDArray[np.integer]) -> Segment:
        """Some of the rows."""
        return Segment(pc.take(self.rows, pa.array(rows), boundscheck=False), self.kinds)

    def with_column(self, name: str, column: pa.Array) -> Segment:
        """The same with a further column of rows."""
        return Segment(self.rows.append_column(name, column), self.kinds)

    def with_codes(self, name: str, codes: Mapping[str, int]) -> Segment:
        """The same with codes in the place of a column of rows that holds words."""
        column = self.rows.column(name)
        known = pa.array([codes[word] for word in column.dictionary.to_pylist()], pa.int32())
        return self._with(name, known.take(column.indices))

    def with_words(self, name: str, words: Sequence[str]) -> Segment:
        """The inverse of `with_codes`: the places of the words are their codes."""
        codes = self.rows.column(name)
        return self._with(name, pa.DictionaryArray.from_arrays(codes, pa.array(words, pa.string())))

    def _with(self, name: str, column: pa.Array) -> Segment:
        place = self.rows.schema.get_field_index(name)
        return Segment(self.rows.set_column(place, name, column), self.kinds)

    def regrouped(self, names: Collection[str]) -> Segment:
        """The same with all of some words in the kinds, however many kinds that makes."""
        apart = [name for name in names if name in self.rows.schema.names]
        if not apart:
            return self
        coded = {name: _coded(self.rows.column(name)) for name in apart}
        keys = {name: (codes, 0, len(words) - 1) for name, (codes, words) in coded.items()}
        distinct, kind, count = group_rows({KIND: (self.kind(), 0, self.kinds.num_rows - 1)} | keys)
        kinds = self.kinds.take(pa.array(distinct[KIND]))
        held = {n: kinds.column(n) for n in kinds.schema.names if n != _NOTHING}
        held |= {name: words.take(pa.array(distinct[name])) for name, (_, words) in coded.items()}
        rows = {n: self.rows.column(n) for n in self.rows.schema.names if n not in apart}
        rows[KIND] = pa.array(kind.astype(_smallest(count)))
        return Segment(_batch(rows), _batch(held))

    def without_words(self, names: Collection[str]) -> Segment:
        """The same with some words and flags beside the kinds."""
        kept = {n: self.kinds.column(n) for n in self.kinds.schema.names if n not in names}
        kind = pa.array(self.kind().astype(np.int32))
        rows = {n: self.rows.column(n) for n in self.rows.schema.names}
        for name in names:
            if name in self.kinds.schema.names:
                column = self.kinds.column(name)
                rows[name] = column.take(kind) if name in FLAGS else _dictionary(column).take(kind)
        return Segment(_batch(rows), _batch(kept, self.kinds.num_rows))

    def batch(self) -> pa.RecordBatch:
        """The rows as a batch again: words as dictionaries, all else as it was recorded."""
        kind = pa.array(self.kind().astype(np.int32))
        columns: dict[str, pa.Array] = {}
        for name in self.kinds.schema.names:
            if name == _NOTHING:
                continue
            column = self.kinds.column(name)
            if name in FLAGS:
                columns[name] = column.take(kind)
            else:
                columns[name] = _dictionary(column).take(kind)
        columns |= {name: self.rows.column(name) for name in self.rows.schema.names if name != KIND}
        return _batch(columns, self.size)


_NOTHING: Final = "_"
"""A column that gives a batch without any other its length."""


def _batch(columns: dict[str, pa.Array], size: int = 0) -> pa.RecordBatch:
    if not columns:
        columns = {_NOTHING: pa.nulls(size, pa.bool_())}
    return pa.RecordBatch.from_pydict(columns)


def _coded(column: pa.Array) -> tuple[Ints, pa.Array]:
    """Words or flags as codes, and the words: the last one is null."""
    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    words = encoded.dictionary
    indices = encoded.indices.cast(pa.int64())
    if indices.null_count:
        indices = indices.fill_null(len(words))
    known = pa.concat_arrays([words, pa.nulls(1, words.type)])
    return np.asarray(indices.to_numpy(zero_copy_only=False), np.int64), known


def _masked(codes: Ints, absent: int) -> pa.Array:
    missing = codes == absent
    return pa.array(np.where(missing, 0, codes).astype(np.int32), mask=missing)


def _narrowed(name: str, column: pa.Array) -> pa.Array | None:
    """A column of numbers in the smallest type that holds them; None for counts that are all 0."""
    if name in _DICTIONARIES:
        return _dictionary(column)
    if pa.types.is_dictionary(column.type):
        return column.cast(column.type.value_type)
    if not pa.types.is_signed_integer(column.type):
        return column
    bounds = pc.min_max(column)
    low, high = bounds["min"].as_py(), bounds["max"].as_py()
    if name in COUNTS and low == high == 0:
        return None
    for kind in _NARROW:
        most = 1 << (kind.bit_width - 1)
        if kind.bit_width < column.type.bit_width and -most <= low and high < most:
            return column.cast(kind)
    return column


def _smallest(count: int) -> type[np.signedinteger[Any]]:
    return np.int8 if count < 1 << 7 else np.int16 if count < 1 << 15 else np.int32


def _dictionary(column: pa.Array) -> pa.Array:
    """Words as a dictionary of one type, so that segments can be joined."""
    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    return pa.DictionaryArray.from_arrays(encoded.indices.cast(pa.int32()), encoded.dictionary)


def join(parts: Sequence[Segment]) -> Segment:
    """Several segments as one, in their order; kinds that are alike become one."""
    if len(parts) == 1:
        return parts[0]
    apart = {name for p in parts for name in p.rows.schema.names if name in WORDS or name in FLAGS}
    parts = [p.without_words(apart) for p in parts] if apart else parts
    kinds = _stacked([p.kinds for p in parts])
    offsets = np.cumsum([0, *(p.kinds.num_rows for p in parts[:-1])])
    kind = np.concatenate([p.kind() + start for p, start in zip(parts, offsets, strict=True)])
    keys: dict[str, tuple[npt.NDArray[np.integer], int, int]] = {}
    values: dict[str, pa.Array] = {}
    for name, column in kinds.items():
        codes, known = _coded(column)
        keys[name], values[name] = (codes, 0, len(known) - 1), known
    whole, of_kind = _batch({}, 1), np.zeros(len(kind), np.int64)
    if keys:
        distinct, group, count = group_rows(keys)
        whole = _batch({n: values[n].take(pa.array(c)) for n, c in distinct.items()}, count)
        of_kind = group[kind].astype(np.int64)
    columns = {KIND: pa.array(of_kind.astype(_smallest(whole.num_rows)))}
    return Segment(_batch(columns | _stacked([p.rows for p in parts])), whole)


def _stacked(batches: Sequence[pa.RecordBatch]) -> dict[str, pa.Array]:
    """Columns of several batches one after the other; a column that one of them lacks is null there."""
    tables = [pa.Table.from_batches([b]) for b in batches]
    table = pa.concat_tables(tables, promote_options="permissive")
    return {name: _whole(table.column(name)) for name in table.column_names if name not in {KIND, _NOTHING}}


def _whole(column: pa.ChunkedArray) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        column = column.unify_dictionaries()
    found = column.combine_chunks()
    return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found
