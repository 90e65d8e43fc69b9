"""The columns of a batch as the rules see them: numbers with a code for unknown, texts by distinct value."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from costaudit.schema import COUNTS, INPUT_SIDE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]
    Numbers = NDArray[np.int64]

UNKNOWN: Final = -1
"""An absent number or flag, and the code of an absent text."""

TEXTS: Final = ("prompt", "system")
"""Columns of free text: what they say is kept as `costaudit.tiers.traits` when they are gone."""

START_CHARS: Final = 400
"""How much of a long text the pattern of a fact sees."""

_DEFAULTS: Final = {"quality": "exact", "reading": "inclusive", "status": "ok"}
"""What an absent text means, for the columns where it means something (see schema.CANONICAL)."""


class Distinct(msgspec.Struct, frozen=True):
    """Texts with repetitions taken out: `values[codes[row]]` is the text of a row."""

    values: Any
    """A pyarrow string array without nulls."""
    codes: NDArray[np.int32]
    """One per row; UNKNOWN where the row has no text."""

    def spread(self, of_values: NDArray[Any], absent: object) -> NDArray[Any]:
        """An array over the rows from one over the values; `absent` for a row without text."""
        return np.append(of_values, np.array(absent, of_values.dtype))[self.codes]  # code -1: the last


class BatchColumns:
    """Reads the columns of one batch, each at most once; an absent column is unknown in every row."""

    def __init__(self, batch: pa.RecordBatch) -> None:
        self.rows: int = batch.num_rows
        self._batch = batch
        self._names = frozenset(batch.schema.names)
        self._numbers: dict[str, Numbers] = {}
        self._texts: dict[str, Distinct | None] = {}
        self._starts: dict[str, Distinct | None] = {}
        self._choices: dict[tuple[str, tuple[str, ...]], Mask] = {}

    def number(self, name: str) -> Numbers:
        """A number or flag per row, or one for all rows: an absent count is 0, all else UNKNOWN."""
        if name not in self._numbers:
            self._numbers[name] = self._read_number(name)
        return self._numbers[name]

    def text(self, name: str) -> Distinct | None:
        """A short text column by distinct value; None for an absent column."""
        return self._text(name, encode=True)

    def long_text(self, name: str) -> Distinct | None:
        """Like `text` for prompts: repetitions are only used where the column is encoded already."""
        return self._text(name, encode=False)

    def choice(self, name: str, choices: tuple[str, ...]) -> Mask:
        """Rows whose text is one of the choices, as written."""
        if (name, choices) not in self._choices:
            self._choices[name, choices] = self._read_choice(name, choices)
        return self._choices[name, choices]

    def start(self, name: str) -> Distinct | None:
        """The first characters of a long text, in lower case."""
        if name not in self._starts:
            texts = self.long_text(name)
            self._starts[name] = None if texts is None else Distinct(_start(texts.values), texts.codes)
        return self._starts[name]

    def _read_number(self, name: str) -> Numbers:
        if name == "input_side":
            return sum((self.number(c) for c in INPUT_SIDE), start=np.zeros((), np.int64))
        if name == "reasoning_percent":
            return self.number("reasoning") * 100 // np.maximum(self.number("output"), 1)
        absent = 0 if name in COUNTS else UNKNOWN
        if not self.has(name):
            return np.array(absent, np.int64)
        column = self._batch.column(name)
        column = column if pa.types.is_int64(column.type) else column.cast(pa.int64())
        filled = column.fill_null(absent) if column.null_count else column
        return filled.to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]

    def plain(self, name: str, absent: object) -> NDArray[Any]:
        """A column that holds numbers or flags in its own type, with `absent` for null."""
        column = self._batch.column(name)
        return as_numpy(column.fill_null(absent) if column.null_count else column)

    def _text(self, name: str, *, encode: bool) -> Distinct | None:
        if name not in self._texts:
            self._texts[name] = self._read_text(name, encode=encode) if self.has(name) else None
        return self._texts[name]

    def _read_text(self, name: str, *, encode: bool) -> Distinct:
        column = _as_text(self._batch.column(name))
        if pa.types.is_dictionary(column.type):
            return _compact(column)
        if encode:
            return _compact(column.dictionary_encode())
        present = as_numpy(column.is_valid())
        codes = np.where(present, np.cumsum(present) - 1, UNKNOWN)
        return Distinct(column.drop_null(), codes.astype(np.int32))

    def _read_choice(self, name: str, choices: tuple[str, ...]) -> Mask:
        absent = _DEFAULTS.get(name) in choices
        if not self.has(name):
            return np.array(absent)
        column = _as_text(self._batch.column(name))
        if pa.types.is_dictionary(column.type):
            texts = _compact(column)
            return texts.spread(as_numpy(_equal_any(texts.values, choices)), absent)
        return as_numpy(pc.fill_null(_equal_any(column, choices), absent))

    def has(self, name: str) -> bool:
        """Whether the batch has the column with anything in it."""
        return name in self._names and self._batch.column(name).null_count < self.rows


def _equal_any(texts: Any, choices: tuple[str, ...]) -> Any:
    """Per text whether it is one of a few; comparing is several times faster than hashing."""
    equal = (pc.equal(texts, pa.scalar(choice, texts.type)) for choice in choices)
    return functools.reduce(pc.or_, equal)


def matches(texts: Any, regex: str) -> Mask:
    """Which texts the pattern is found in (RE2 syntax)."""
    return as_numpy(pc.match_substring_regex(texts, regex))


def as_numpy(array: Any) -> NDArray[Any]:
    """A pyarrow array without nulls as a numpy array."""
    return array.to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]


def _start(texts: Any) -> Any:
    return pc.utf8_lower(pc.utf8_slice_codeunits(texts, 0, START_CHARS))


def _as_text(column: Any) -> Any:
    """The column as string, large_string or a dictionary of either."""
    kind = column.type
    of_values = kind.value_type if pa.types.is_dictionary(kind) else kind
    plain = pa.types.is_string(of_values) or pa.types.is_large_string(of_values)
    return column if plain else column.cast(pa.string())


def _compact(column: Any) -> Distinct:
    """A dictionary column without null values and, where there are many, without unused values."""
    indices = column.indices.cast(pa.int32())
    codes = as_numpy(indices.fill_null(UNKNOWN) if indices.null_count else indices)
    values = column.dictionary
    if values.null_count == 0 and len(values) <= len(codes):
        return Distinct(values, codes)
    null_values = as_numpy(values.is_null())
    codes = np.where(np.append(null_values, True)[codes], UNKNOWN, codes)
    used, inverse = np.unique(codes, return_inverse=True)
    absent = int(used.size > 0 and used[0] == UNKNOWN)
    return Distinct(values.take(pa.array(used[absent:])), (inverse - absent).astype(np.int32))
