"""Parquet into canonical batches: row group by row group, only the columns that matter."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from costaudit.errors import InputError
from costaudit.ingest.format import Adapter, Skip
from costaudit.ingest.adapters.flat_columns import FlatLayout, flat_batch, flat_table_layout
from costaudit.ingest.canonical import Parsed, batch_of
from costaudit.ingest.detect import SAMPLE, detect, read_record
from costaudit.ingest.files import LogFile
from costaudit.ingest.quarantine import Place
from costaudit.schema import Call

ROWS: Final = 1 << 18
"""Rows of a block read as columns."""
RECORD_ROWS: Final = 1 << 12
"""Rows of a block read record by record."""


@dataclass(frozen=True, slots=True)
class RowBlock:
    """Some rows of a file."""

    index: int
    """Position in the file's sequence of blocks: the same on every reading."""
    first_row: int
    """Number of the first row, counted from 1."""
    table: pa.Table


@dataclass(slots=True)
class ParquetReader:
    """Reads one Parquet file; `parse` may be called from several threads at once."""

    file: LogFile
    adapter: Adapter | None
    forced: bool
    layout: FlatLayout | None
    columns: list[str]
    """Top-level columns that are read."""
    dictionaries: list[str] = field(default_factory=list)

    @classmethod
    def open(cls, file: LogFile, forced: Adapter | None = None) -> ParquetReader:
        """Look at schema and first rows; raises InputError for a file that cannot be read."""
        try:
            with pq.ParquetFile(file.path) as source:
                schema = source.schema_arrow
                sample = next(source.iter_batches(batch_size=SAMPLE), None)
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(file, error) from error
        if sample is None:
            raise InputError("the Parquet file has no rows", path=file.name)
        adapter = forced or detect(_records(pa.Table.from_batches([sample])))
        layout = flat_table_layout(schema) if adapter is not None and adapter.name == "flat" else None
        if layout is None:
            return cls(file, adapter, forced is not None, None, list(schema.names))
        columns = sorted({path[0] for path in layout.types})
        texts = [n for n in columns if pa.types.is_string(schema.field(n).type) and n not in _FREE_TEXT]
        return cls(file, adapter, forced is not None, layout, columns, texts)

    def blocks(self, only: Collection[int] | None = None) -> Iterator[RowBlock]:
        """The file's blocks in order, or those of the given indices."""
        rows = RECORD_ROWS if self.layout is None else ROWS
        index, first_row = 0, 1
        try:
            with pq.ParquetFile(self.file.path, read_dictionary=self.dictionaries, buffer_size=1 << 20) as source:
                for group in range(source.num_row_groups):
                    held = source.metadata.row_group(group).num_rows
                    blocks = -(-held // rows)
                    if only is not None and not any(index <= wanted < index + blocks for wanted in only):
                        index, first_row = index + blocks, first_row + held
                        continue
                    for batch in source.iter_batches(rows, row_groups=[group], columns=self.columns):
                        if only is None or index in only:
                            yield RowBlock(index, first_row, pa.Table.from_batches([batch]))
                        index, first_row = index + 1, first_row + batch.num_rows
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(self.file, error) from error

    def parse(self, block: RowBlock) -> Parsed:
        """The calls of one block."""
        rows = block.table.num_rows
        if self.layout is not None:
            batch = flat_batch(block.table, self.layout)
            if batch is not None:
                parsed = Parsed(batch, range(block.first_row, block.first_row + rows), rows)
                parsed.formats["flat"] = rows
                return parsed
        return self._parse_records(block)

    def _parse_records(self, block: RowBlock) -> Parsed:
        calls: list[Call] = []
        lines: list[int] = []
        parsed = Parsed(batch_of([]), lines, block.table.num_rows)
        for number, record in enumerate(_records(block.table), block.first_row):
            try:
                adapter, found = read_record(record, self.adapter, forced=self.forced)
            except Skip as skip:
                parsed.quarantine.add(skip.reason, Place(self.file.name, number, None, skip.detail))
                continue
            if found:
                parsed.formats[adapter.name] += 1
            else:
                parsed.ignored += 1
            calls += found
            lines += [number] * len(found)
        parsed.batch = batch_of(calls)
        return parsed


_FREE_TEXT: Final = frozenset({"request_id", "response_id", "id", "call_id", "span_id", "prompt", "system", "messages"})
"""Columns with hardly a repeated value: a dictionary of them would only cost."""


def _records(table: pa.Table) -> list[Mapping[str, Any]]:
    """Rows as nested Python values, absent fields left out."""
    try:
        rows = table.to_pylist()
    except (ValueError, UnicodeDecodeError):  # text that is not UTF-8, times outside Python's range
        rows = pa.Table.from_arrays([_plain(c) for c in table.columns], names=table.column_names).to_pylist()
    return [{k: v for k, v in row.items() if v is not None} for row in rows]


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_timestamp(column.type):
        return column.cast(pa.int64())
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        values = [v.as_buffer().to_pybytes().decode("utf-8", "replace") if v.is_valid else None for v in column]
        return pa.chunked_array([pa.array(values, pa.string())])
    return column


def _unreadable(file: LogFile, error: Exception) -> InputError:
    said = str(error).splitlines()[0] if str(error) else type(error).__name__
    if "magic bytes not found" in said or "footer" in said.lower():
        return InputError("the Parquet file is truncated: its footer is missing", path=file.name, hint="copy it again")
    return InputError(f"the Parquet file cannot be read: {said[:120]}", path=file.name)
