"""Parquet into canonical batches: row group by row group, only the columns that matter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from costaudit.errors import InputError
from costaudit.ingest.adapters import ADAPTERS
from costaudit.ingest.adapters.flat_columns import flat_batch
from costaudit.ingest.adapters.flat_layout import FlatLayout, flat_table_layout
from costaudit.ingest.canonical import Parsed, batch_of, joined
from costaudit.ingest.detect import SAMPLE, detect
from costaudit.ingest.fields import START_US
from costaudit.ingest.format import Adapter, Inner, Record, Skip, counts_in
from costaudit.ingest.logfile import LogFile, OneFile
from costaudit.ingest.meter import METER
from costaudit.ingest.quarantine import Place
from costaudit.ingest.records import RecordParser, records_in
from costaudit.ingest.written_columns import WrittenColumns
from costaudit.times import END_US

ROWS: Final = 1 << 17
"""Rows of a block read as columns; row groups up to this are read by the thread that parses them."""
RECORD_ROWS: Final = 1 << 12
"""Rows of a block read record by record."""


@dataclass(frozen=True, slots=True)
class RowBlock:
    """Some rows of a file."""

    index: int
    """Position in the file's sequence of blocks: the same on every reading."""
    first_row: int
    """Number of the first row, counted from 1."""
    table: pa.Table | None
    """The rows; None for whole row groups, which are read when they are parsed."""
    groups: tuple[int, ...] = ()
    """Row groups of the block, where it has no table."""
    damaged: int = 0
    """Rows that stand here and cannot be decoded."""


@dataclass(slots=True)
class ParquetReader(OneFile):
    """Reads one Parquet file; `parse` may be called from several threads at once."""

    file: LogFile
    adapter: Adapter | None
    forced: bool
    layout: FlatLayout | None
    columns: list[str]
    """Top-level columns that are read."""
    dictionaries: list[str] = field(default_factory=list)
    """Those read as dictionaries."""
    metadata: pq.FileMetaData | None = None
    """The file's footer."""
    adapters: Sequence[Adapter] = ADAPTERS
    """The formats that a record may have."""
    written: WrittenColumns = field(init=False, repr=False)
    """What the file's columns say of its dates and amounts."""

    def __post_init__(self) -> None:
        self.written = WrittenColumns(self.file.notation, self.records, counts=counts_in(self.adapters))

    @classmethod
    def open(
        cls, file: LogFile, forced: Adapter | None = None, adapters: Sequence[Adapter] = ADAPTERS
    ) -> ParquetReader:
        """Look at schema and first rows; raises InputError for a file that cannot be read."""
        try:
            with pq.ParquetFile(_place(file)) as source:
                schema, metadata = source.schema_arrow, source.metadata
                sample = next(source.iter_batches(batch_size=SAMPLE), None)
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(file, error) from error
        if sample is None:
            raise InputError("the Parquet file has no rows", path=file.name)
        twice = next((name for name, number in Counter(schema.names).items() if number > 1), None)
        if twice is not None:
            raise InputError(f"two columns are called {twice!r}", path=file.name)
        rows = _records(pa.Table.from_batches([sample]))
        first = [r for row in rows for r in records_in(row, adapters) if not isinstance(r, Skip)]
        adapter = forced or detect(first, adapters)
        is_flat = adapter is not None and adapter.name == "flat"
        is_flat = is_flat and not any(isinstance(record, Inner) for record in first)
        layout = flat_table_layout(schema) if is_flat else None
        if layout is None:
            names = list(schema.names)
            return cls(file, adapter, forced is not None, None, names, metadata=metadata, adapters=adapters)
        columns = sorted({path[0] for path in (*layout.types, *layout.unused)})
        texts = [n for n in columns if pa.types.is_string(schema.field(n).type) and n not in _FREE_TEXT]
        return cls(file, adapter, forced is not None, layout, columns, texts, metadata, adapters)

    def blocks(self, only: Collection[int] | None = None) -> Iterator[RowBlock]:
        """The file's blocks in order, or those of the given indices."""
        index, first_row = 0, 1
        for groups, held in self._runs():
            rows = RECORD_ROWS if self.layout is None else ROWS
            count = 1 if self._is_block(held) else -(-held // rows)
            if only is None or any(index <= wanted < index + count for wanted in only):
                for block in self._blocks_of(index, first_row, groups, held):
                    if only is None or block.index in only:
                        yield block
            if self.metadata is not None:
                METER.add(sum(_stored(self.metadata, group) for group in groups))
            index, first_row = index + count, first_row + held

    def _is_block(self, rows: int) -> bool:
        return self.layout is not None and rows <= ROWS

    def _runs(self) -> Iterator[tuple[tuple[int, ...], int]]:
        """Neighbouring row groups that make one block together, with their rows; larger ones alone."""
        metadata = self.metadata or pq.read_metadata(_place(self.file))
        sizes = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
        run: list[int] = []
        held = 0
        for group, rows in enumerate(sizes):
            if run and not self._is_block(held + rows):
                yield tuple(run), held
                run, held = [], 0
            run.append(group)
            held += rows
        if run:
            yield tuple(run), held

    def _blocks_of(
        self, index: int, first_row: int, groups: tuple[int, ...], held: int
    ) -> Iterator[RowBlock]:
        if self._is_block(held):
            yield RowBlock(index, first_row, None, groups)
            return
        rows = RECORD_ROWS if self.layout is None else ROWS
        end = first_row + held
        try:
            with self._source() as source:
                for batch in source.iter_batches(rows, row_groups=list(groups), columns=self.columns):
                    yield RowBlock(index, first_row, pa.Table.from_batches([batch]))
                    index, first_row = index + 1, first_row + batch.num_rows
        except FileNotFoundError as error:
            raise _unreadable(self.file, error) from error
        except (pa.ArrowException, OSError):
            yield RowBlock(index, first_row, None, damaged=end - first_row)

    def _source(self) -> pq.ParquetFile:
        return pq.ParquetFile(
            _place(self.file), metadata=self.metadata, read_dictionary=self.dictionaries, buffer_size=1 << 20
        )

    def records(self) -> Iterator[tuple[int, Record | Skip]]:
        """Every row in order with its number."""
        try:
            with pq.ParquetFile(_place(self.file)) as source:
                for number, batch in enumerate(source.iter_batches(SAMPLE)):
                    rows = _records(pa.Table.from_batches([batch]))
                    for row, record in enumerate(rows, number * SAMPLE + 1):
                        yield from ((row, r) for r in records_in(record, self.adapters))
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(self.file, error) from error

    def _table(self, block: RowBlock) -> pa.Table | None:
        """The rows of a block; None where they cannot be decoded."""
        if block.table is not None or block.damaged:
            return block.table
        try:
            with self._source() as source:  # each thread its own: they are not safe to share
                return source.read_row_groups(list(block.groups), columns=self.columns, use_threads=False)
        except FileNotFoundError as error:
            raise _unreadable(self.file, error) from error
        except (pa.ArrowException, OSError):
            return None

    def parse(self, block: RowBlock) -> Parsed:
        """The calls of one block."""
        table = self._table(block)
        if table is None:
            return self._damaged(block)
        flat = None if self.layout is None else flat_batch(table, self.layout)
        if flat is None or 2 * len(flat.doubtful) > table.num_rows:
            return self._parse_records(table, range(block.first_row, block.first_row + table.num_rows))
        rows: Sequence[int] = range(block.first_row, block.first_row + table.num_rows)
        if len(flat.doubtful):
            rows = np.delete(np.array(rows), flat.doubtful).tolist()
        parsed = Parsed(flat.batch, rows, len(rows))
        parsed.formats["flat"] = len(rows)
        parsed.unused = flat.unused
        if not len(flat.doubtful):
            return parsed
        doubtful = table.take(pa.array(flat.doubtful))
        return joined(parsed, self._parse_records(doubtful, (flat.doubtful + block.first_row).tolist()))

    def _parse_records(self, table: pa.Table, rows: Sequence[int]) -> Parsed:
        parser = RecordParser(self.adapter, self.adapters, self.written, forced=self.forced)
        for number, record in zip(rows, _records(table), strict=True):
            parser.take(record, Place(self.file.name, number, None))
        return parser.done()

    def _damaged(self, block: RowBlock) -> Parsed:
        """A block of which no row can be decoded."""
        rows = block.damaged or sum(self._rows_in(group) for group in block.groups)
        parsed = Parsed(batch_of([]), [], rows)
        place = Place(self.file.name, block.first_row, None, f"{rows} rows from here on")
        parsed.quarantine.add_many("damaged_data", rows, [place])
        return parsed

    def _rows_in(self, group: int) -> int:
        metadata = self.metadata or pq.read_metadata(_place(self.file))
        return int(metadata.row_group(group).num_rows)


_FREE_TEXT: Final = frozenset(
    {"request_id", "response_id", "id", "call_id", "span_id", "prompt", "system", "messages"}
)
"""Columns with hardly a repeated value: a dictionary of them would only cost."""


def _place(file: LogFile) -> Any:
    """What Arrow opens: the path, which it maps to memory, or the file of an object store."""
    return file.path if file.filesystem is None else file.open()


def _records(table: pa.Table) -> list[Mapping[str, Any]]:
    """Rows as nested Python values, absent fields left out."""
    try:
        rows = table.to_pylist()
    except (ValueError, KeyError, OverflowError, pa.ArrowException):  # see `_plain`
        rows = pa.table([_plain(c) for c in table.columns], names=table.column_names).to_pylist()
    return [{k: v for k, v in row.items() if v is not None} for row in rows]


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column whose values Python can hold.

    It holds no times outside of its range or of a zone that it does not know, and no text that is not UTF-8.
    """
    if pa.types.is_timestamp(column.type):
        us = column.cast(pa.timestamp("us"), safe=False).cast(pa.int64())
        known = pc.and_(pc.greater_equal(us, START_US), pc.less(us, END_US))
        return pc.if_else(known, us, None)  # epoch numbers of this size are microseconds to every reader
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        values = [
            v.as_buffer().to_pybytes().decode("utf-8", "replace") if v.is_valid else None for v in column
        ]
        return pa.chunked_array([pa.array(values, pa.string())])
    return column


def _stored(metadata: pq.FileMetaData, group: int) -> int:
    """Bytes of a row group in its file."""
    return sum(metadata.row_group(group).column(n).total_compressed_size for n in range(metadata.num_columns))


def _unreadable(file: LogFile, error: Exception) -> InputError:
    said = str(error).splitlines()[0] if str(error) else type(error).__name__
    if "magic bytes not found" in said or "footer" in said.lower():
        return InputError(
            "the Parquet file is truncated: its footer is missing", path=file.name, hint="copy it again"
        )
    return InputError(f"the Parquet file cannot be read: {said[:120]}", path=file.name)
