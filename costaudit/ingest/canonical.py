"""Calls as a canonical batch: Arrow columns named and typed as `costaudit.schema.CANONICAL` says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from costaudit.ingest.quarantine import Quarantine
from costaudit.ingest.settle import settle_calls
from costaudit.ingest.unclear import Unclear
from costaudit.ingest.unused import Unused
from costaudit.schema import ASKED, BESIDE, CANONICAL, COPY, FIELDS, SPAN, Call

_DEFAULTS: dict[str, Any] = {name: getattr(Call(), name) for name in FIELDS}


class Parsed(msgspec.Struct):
    """What one block of a file came to."""

    batch: pa.RecordBatch
    """The calls, in canonical columns; columns that hold only their default are left out."""
    lines: Sequence[int]
    """For every row, the line (or Parquet row) that it came from, counted from 1."""
    records: int
    """Records seen: calls, records that are not calls, and quarantined ones."""
    quarantine: Quarantine = msgspec.field(default_factory=Quarantine)
    formats: Counter[str] = msgspec.field(default_factory=Counter)
    """Records that gave calls, by log format."""
    ignored: int = 0
    """Records that are not calls: headers, aggregates, tool runs."""
    unread: frozenset[str] = frozenset()
    """Files among those of the block that could not be read as logs."""
    unused: Unused = msgspec.field(default_factory=Unused)
    """Numbers in the records of the calls that speak of tokens or money, and that nobody reads, by name."""
    around: pa.RecordBatch | None = None
    """Spans that are no calls, with who and what for: the calls inside them may be in other blocks."""
    unclear: Unclear = msgspec.field(default_factory=Unclear)
    """Columns with dates or amounts that can be read in several ways, and are not read."""

    @classmethod
    def nothing(cls) -> Parsed:
        """A block without a record."""
        return cls(batch_of([]), [], 0)


def numbers_of(lines: Sequence[int]) -> npt.NDArray[np.int64]:
    """Lines as an array: a range is not gone through in Python."""
    if isinstance(lines, range):
        return np.arange(lines.start, lines.stop, lines.step, dtype=np.int64)
    return np.asarray(lines, np.int64)


def batch_of(calls: Sequence[Call]) -> pa.RecordBatch:
    """A canonical batch of calls, leaving out the columns that hold nothing but their default.

    Calls that still hold raw counts are settled first, all at once and in place.
    """
    settle_calls(calls)
    arrays, fields = [], []
    for column in CANONICAL:
        default = _DEFAULTS[column.name]
        values = [getattr(call, column.name) for call in calls]
        if any(v is not default and v != default for v in values):
            arrays.append(_array(values, column.type))
            fields.append(column)
    for beside in (ASKED, COPY):
        values = [getattr(call, beside.name) for call in calls]
        if any(text is not None for text in values):
            arrays.append(_array(values, beside.type))
            fields.append(beside)
    if any(call.span is not None for call in calls):
        arrays += _span_columns(calls)
        fields += SPAN
    if not fields:  # a batch needs a column to have a length
        fields = [CANONICAL.field("status")]
        arrays = [pa.array([call.status for call in calls], type=pa.string())]
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))


def _span_columns(calls: Sequence[Call]) -> list[pa.Array]:
    spans = [call.span for call in calls]
    names = ("trace", "span", "parent", "kind")
    return [
        _array([None if span is None else getattr(span, name) for span in spans], column.type)
        for name, column in zip(names, SPAN, strict=True)
    ]


def joined(first: Parsed, second: Parsed) -> Parsed:
    """Two readings of different records of one block as one, in the order of their lines."""
    parsed = chained([first, second])
    lines = np.asarray(parsed.lines, np.int64)
    order = np.argsort(lines, kind="stable")
    if second.batch.num_rows:
        parsed.batch = parsed.batch.take(pa.array(order))
    parsed.lines = lines[order].tolist()
    return parsed


def chained(parts: Sequence[Parsed]) -> Parsed:
    """What several stretches of records came to, one after the other."""
    batches = [part.batch for part in parts if part.batch.num_rows]
    batch = _concatenated(batches) if len(batches) > 1 else (batches or [batch_of([])])[0]
    lines = [line for part in parts for line in numbers_of(part.lines).tolist()]
    whole = Parsed(batch, lines, sum(part.records for part in parts))
    for part in parts:
        whole.quarantine.merge(part.quarantine)
        whole.formats.update(part.formats)
        whole.ignored += part.ignored
        whole.unread |= part.unread
        whole.unused.merge(part.unused)
        whole.unclear.merge(part.unclear)
    around = [part.around for part in parts if part.around is not None]
    whole.around = _concatenated(around) if around else None
    return whole


def _concatenated(batches: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    """Batches of different columns one after the other, in their plain types."""
    held = {name for batch in batches for name in batch.schema.names}
    fields = [column for column in (*CANONICAL, *BESIDE) if column.name in held]
    parts = [
        pa.RecordBatch.from_arrays([_column(b, f) for f in fields], schema=pa.schema(fields)) for b in batches
    ]
    return pa.Table.from_batches(parts).combine_chunks().to_batches()[0]


def _column(batch: pa.RecordBatch, column: pa.Field) -> pa.Array:
    """A canonical column in its plain type and with its default."""
    index = batch.schema.get_field_index(column.name)
    default = pa.scalar(_DEFAULTS.get(column.name), column.type)
    if index < 0:
        return pa.repeat(default, batch.num_rows)
    array = batch.column(index).cast(column.type)
    return array.fill_null(default) if default.is_valid and array.null_count else array


def completed(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The same calls with every canonical column, in its plain type and with its default."""
    return pa.RecordBatch.from_arrays([_column(batch, column) for column in CANONICAL], schema=CANONICAL)


def calls_of(batch: pa.RecordBatch) -> list[Call]:
    """A canonical batch as calls; columns beside the canonical ones are left out."""
    names = [name for name in batch.schema.names if name in _DEFAULTS]
    columns = [_python(batch.column(name), name) for name in names]
    return [
        Call(**{
            name: value if value is not None else _DEFAULTS[name]
            for name, value in zip(names, row, strict=True)
        })
        for row in zip(*columns, strict=True)
    ]  # fmt: skip


def _python(array: pa.Array, name: str) -> list[Any]:
    return list((array.cast(pa.int64()) if name == "ts" else array).to_pylist())


def _array(values: list[Any], kind: pa.DataType) -> pa.Array:
    try:
        return pa.array(values, type=kind)
    except UnicodeEncodeError:  # half of a surrogate pair, legal in JSON and not in UTF-8
        return pa.array(
            [v.encode("utf-8", "replace").decode("utf-8") if isinstance(v, str) else v for v in values],
            type=kind,
        )
