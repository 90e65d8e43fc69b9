"""Columns of a canonical batch as numpy arrays, with the defaults of columns that are absent."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from costaudit.prices.cards import NO_TS

Ints = npt.NDArray[np.int64]


class Words(msgspec.Struct, frozen=True):
    """A text column as codes into its distinct values."""

    codes: npt.NDArray[np.int64]
    values: tuple[str | None, ...]

    def among(self, *wanted: str) -> npt.NDArray[np.bool_]:
        """Rows whose value is one of the wanted."""
        table = np.array([value in wanted for value in self.values], bool)
        return table[self.codes]


class Batch(msgspec.Struct, frozen=True):
    """Typed access to a record batch whose absent columns mean their defaults."""

    batch: pa.RecordBatch

    @property
    def rows(self) -> int:
        """Number of calls."""
        return int(self.batch.num_rows)

    def column(self, name: str) -> pa.Array | None:
        """The column, or None when it is absent or all null."""
        index = self.batch.schema.get_field_index(name)
        if index < 0:
            return None
        array = self.batch.column(index)
        return None if array.null_count == len(array) else array

    def counts(self, name: str) -> Ints | None:
        """A column of counts; None when it is absent, which means 0 everywhere."""
        array = self.column(name)
        return None if array is None else _numbers(array, 0)

    def times(self) -> Ints:
        """Request times in microseconds, NO_TS where unknown."""
        array = self.column("ts")
        if array is None:
            return np.full(self.rows, NO_TS, np.int64)
        return _numbers(array.cast(pa.int64()), NO_TS)

    def flag(self, name: str) -> npt.NDArray[np.bool_] | None:
        """A column of flags with null as False; None when it is absent."""
        array = self.column(name)
        if array is None:
            return None
        return np.asarray(pc.fill_null(array, False), dtype=bool)

    def valid(self, name: str) -> npt.NDArray[np.bool_]:
        """Where a column holds a value."""
        array = self.column(name)
        return np.zeros(self.rows, bool) if array is None else np.asarray(array.is_valid(), dtype=bool)

    def words(self, name: str, default: str | None = None) -> Words:
        """A text column as codes; nulls are the default."""
        array = self.column(name)
        if array is None:
            return Words(np.zeros(self.rows, np.int64), (default,))
        encoded = array if pa.types.is_dictionary(array.type) else array.dictionary_encode()
        values: list[Any] = encoded.dictionary.to_pylist()
        codes = _numbers(encoded.indices.cast(pa.int64()), len(values))
        values.append(default)
        return Words(codes, tuple(values))


def _numbers(array: pa.Array, absent: int) -> Ints:
    if array.null_count:
        array = pc.fill_null(array, absent)
    return np.asarray(array.to_numpy(zero_copy_only=False), dtype=np.int64)
