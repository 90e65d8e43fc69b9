"""CSV into canonical batches: whole blocks at once for flat records where a file allows it, else row by row.

Fields are text: an empty one, and the words that programs write for nothing, are absent. A row with another
number of fields than the header is set aside; where it has swallowed others by a quote that was never
closed, those are read on their own.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import pyarrow as pa
import pyarrow.csv as pc

from costaudit.errors import InputError
from costaudit.ingest.adapters import ADAPTERS
from costaudit.ingest.adapters.flat_columns import flat_batch
from costaudit.ingest.adapters.flat_layout import FlatLayout, flat_text_layout
from costaudit.ingest.canonical import Parsed, batch_of
from costaudit.ingest.csv_blocks import csv_blocks
from costaudit.ingest.detect import SAMPLE, detect
from costaudit.ingest.format import Adapter, Record, Skip
from costaudit.ingest.logfile import LogFile
from costaudit.ingest.quarantine import Place
from costaudit.ingest.records import RecordParser
from costaudit.ingest.sniff import PEEK_BYTES, header_of
from costaudit.ingest.streams import TextBlock, peek

NOTHING: Final = frozenset({"", "NULL", "null", "None", "NaN", "nan", "NaT", "<NA>", "\\N"})
"""What a field without a value says."""

MAX_RESTARTS: Final = 1_000
"""Broken rows of a block over several lines, beyond which the rest of it is set aside."""

csv.field_size_limit(1 << 27)  # the default of 128 KiB is less than a long prompt


@dataclass(slots=True)
class CsvReader:
    """Reads one table; `parse` may be called from several threads at once."""

    file: LogFile
    adapter: Adapter | None
    forced: bool
    delimiter: str
    names: Sequence[str]
    layout: FlatLayout | None
    """Columns for the fast way; None where only the slow way is possible."""
    adapters: Sequence[Adapter] = ADAPTERS
    """The formats that a record may have."""

    @classmethod
    def open(
        cls, file: LogFile, forced: Adapter | None = None, adapters: Sequence[Adapter] = ADAPTERS
    ) -> CsvReader:
        """Look at the header and the first rows; raises InputError for a table that cannot be read."""
        header = header_of(peek(file, PEEK_BYTES))
        if header is None:
            raise InputError(
                "the table has no header", path=file.name, hint="the first line names the columns"
            )
        delimiter, names = header[0], [name.strip() for name in header[1]]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise InputError(f"two columns are called {twice!r}", path=file.name, line=1)
        reader = cls(file, forced, forced is not None, delimiter, names, None, adapters)
        rows = islice(csv_blocks(file, block_bytes=PEEK_BYTES), 1)
        sample = list(islice((r for _, r in reader.read(rows) if not isinstance(r, Skip)), SAMPLE))
        reader.adapter = forced or detect(sample, adapters)
        if reader.adapter is not None and reader.adapter.name == "flat":
            reader.layout = flat_text_layout(names, sample)
        return reader

    def records(self) -> Iterator[tuple[int, Record | Skip]]:
        """Every record in order with its line, or why there is none."""
        return self.read(csv_blocks(self.file, block_bytes=PEEK_BYTES))

    def read(self, blocks: Iterable[TextBlock]) -> Iterator[tuple[int, dict[str, str] | Skip]]:
        """The records of some blocks with their lines, or why there is none."""
        for block in blocks:
            if block.trouble is not None:
                yield block.first_line, Skip(block.trouble)
                continue
            for fields, line, why in self._rows(block):
                yield line, self._record(fields) if why is None else Skip("wrong_columns", why)

    def blocks(self, only: Collection[int] | None = None) -> Iterator[TextBlock]:
        """The file's blocks in order, or those of the given indices."""
        return csv_blocks(self.file, only)

    def parse(self, block: TextBlock) -> Parsed:
        """The calls of one block."""
        if block.trouble is not None:
            parsed = Parsed(batch_of([]), [], 1)
            parsed.quarantine.add(block.trouble, Place(self.file.name, block.first_line, block.offset))
            return parsed
        return self._parse_fast(block) or self._parse_rows(block)

    def _parse_fast(self, block: TextBlock) -> Parsed | None:
        if self.layout is None:
            return None
        table = _read_columns(block.data, self.names, self.delimiter, self.layout)
        rows = block.newlines + (not block.data.endswith(b"\n"))
        if table is None or table.num_rows != rows:  # an empty line, or a field with a line break
            return None
        batch = flat_batch(table, self.layout)
        if batch is None:
            return None
        parsed = Parsed(batch, range(block.first_line, block.first_line + rows), rows)
        parsed.formats["flat"] = rows
        return parsed

    def _parse_rows(self, block: TextBlock) -> Parsed:
        parser = RecordParser(self.adapter, self.adapters, forced=self.forced)
        for fields, line, why in self._rows(block):
            place = Place(self.file.name, line, None)
            if why is None:
                parser.take(self._record(fields), place)
            else:
                parser.set_aside(Skip("wrong_columns", why), place)
        return parser.done()

    def _rows(self, block: TextBlock) -> Iterator[tuple[list[str], int, str | None]]:
        """The rows of a block, the line that each begins on, and what is wrong with it.

        After a broken row that goes over several lines reading goes on with its second line: it may have
        swallowed others.
        """
        lines = io.StringIO(block.data.decode("utf-8", "replace"), newline="\n").readlines()
        begin, restarts = 0, 0
        while begin < len(lines):
            rows = csv.reader(lines[begin:], delimiter=self.delimiter, strict=True)
            start = begin
            for number, fields, why in _numbered(rows, len(self.names)):
                at = start + number
                if fields or why:
                    yield fields, block.first_line + at, why
                begin = start + rows.line_num
                if why is not None and begin > at + 1:
                    begin, restarts = at + 1, restarts + 1
                    break
            else:
                return
            if restarts > MAX_RESTARTS:
                yield (
                    [],
                    block.first_line + begin,
                    f"the rest of {len(lines) - begin} lines is too broken to read",
                )
                return

    def _record(self, fields: Sequence[str]) -> dict[str, str]:
        return {n: v for n, v in zip(self.names, fields, strict=True) if v.strip() not in NOTHING}


def _numbered(rows: Any, width: int) -> Iterator[tuple[int, list[str], str | None]]:
    """Rows with the line before each, and what is wrong with it: a quote, or the number of its fields."""
    while True:
        line, why = rows.line_num, None
        try:
            fields = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            fields, why = [], str(error)
        if why is None and fields and len(fields) != width:
            why = f"{len(fields)} fields, the header has {width}"
        yield line, fields, why


def _read_columns(data: bytes, names: Sequence[str], delimiter: str, layout: FlatLayout) -> pa.Table | None:
    types = {path[0]: kind for path, kind in layout.types.items()}
    try:
        return pc.read_csv(
            pa.BufferReader(data),
            read_options=pc.ReadOptions(
                use_threads=False, block_size=len(data) + 1, column_names=list(names)
            ),
            parse_options=pc.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            convert_options=pc.ConvertOptions(
                include_columns=sorted(types),
                column_types=types,
                null_values=sorted(NOTHING),
                strings_can_be_null=True,
                true_values=["true", "True", "TRUE"],
                false_values=["false", "False", "FALSE"],
            ),
        )
    except pa.ArrowInvalid:
        return None
