"""CSV into canonical batches: whole blocks at once for flat records where a file allows it, else row by row.

Fields are text: an empty one, and the words that programs write for nothing, are absent. A row with another
number of fields than the header is set aside; where it has swallowed others by a quote that was never
closed, those are read on their own.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv

from costaudit.errors import InputError
from costaudit.ingest.adapters import ADAPTERS
from costaudit.ingest.adapters.flat_columns import FlatRows, Mask, flat_batch
from costaudit.ingest.adapters.flat_layout import FlatLayout, flat_text_layout
from costaudit.ingest.canonical import Parsed, batch_of, joined
from costaudit.ingest.csv_blocks import csv_blocks
from costaudit.ingest.csv_rows import At, TableRows, fields_of, rows_of
from costaudit.ingest.detect import SAMPLE, detect
from costaudit.ingest.encoding import is_utf8
from costaudit.ingest.format import Adapter, Inner, Record, Skip, counts_in
from costaudit.ingest.logfile import LogFile, OneFile
from costaudit.ingest.quarantine import Place
from costaudit.ingest.records import RecordParser, records_in
from costaudit.ingest.sniff import PEEK_BYTES, header_of
from costaudit.ingest.streams import BOM, TextBlock, peek_text
from costaudit.ingest.written_columns import WrittenColumns

NOTHING: Final = frozenset({"", "NULL", "null", "None", "NaN", "nan", "NaT", "<NA>", "\\N"})
"""What a field without a value says."""


@dataclass(slots=True)
class CsvReader(OneFile):
    """Reads one table; `parse` may be called from several threads at once."""

    file: LogFile
    adapter: Adapter | None
    forced: bool
    delimiter: str
    names: Sequence[str]
    header: int
    """Lines down to the header's own."""
    layout: FlatLayout | None
    """Columns for the fast way; None where only the slow way is possible."""
    adapters: Sequence[Adapter] = ADAPTERS
    """The formats that a record may have."""
    written: WrittenColumns = field(init=False, repr=False)
    """What the file's columns say of its dates and amounts."""

    def __post_init__(self) -> None:
        self.written = WrittenColumns(
            self.file.notation, self.records, of_people=True, counts=counts_in(self.adapters)
        )

    @classmethod
    def open(
        cls, file: LogFile, forced: Adapter | None = None, adapters: Sequence[Adapter] = ADAPTERS
    ) -> CsvReader:
        """Look at the header and the first rows; raises InputError for a table that cannot be read."""
        header = header_of(peek_text(file, PEEK_BYTES))
        if header is None:
            raise InputError(
                "the table has no header", path=file.name, hint="the first line names the columns"
            )
        names = _with_index(header.names)
        twice = next((name for name, number in Counter(names).items() if number > 1), None)
        reader = cls(
            file, forced, forced is not None, header.delimiter, names, header.above + 1, None, adapters
        )
        rows = islice(csv_blocks(file, reader.header, block_bytes=PEEK_BYTES), 1)
        sample = list(islice((r for _, r in reader.read(rows) if not isinstance(r, Skip)), SAMPLE))
        if names != header.names and any(row.get(names[0]) != row.get(header.names[0]) for row in sample):
            twice = header.names[0]
        if twice is not None:
            raise InputError(f"two columns are called {twice!r}", path=file.name, line=header.above + 1)
        reader.adapter = forced or detect(sample, adapters)
        is_flat = reader.adapter is not None and reader.adapter.name == "flat"
        if is_flat and not any(isinstance(record, Inner) for record in sample):
            reader.layout = flat_text_layout(names, sample)
        return reader

    def records(self) -> Iterator[tuple[int, Record | Skip]]:
        """Every record in order with its line, or why there is none."""
        return self.read(csv_blocks(self.file, self.header, block_bytes=PEEK_BYTES))

    def read(self, blocks: Iterable[TextBlock]) -> Iterator[tuple[int, Record | Skip]]:
        """The records of some blocks with their lines, or why there is none: the first broken rows."""
        for block in blocks:
            if block.trouble is not None:
                yield block.first_line, Skip(block.trouble)
                continue
            rows = self._rows(block)
            found: list[tuple[int, Record | Skip]] = [
                (at.line, Skip("wrong_columns", why)) for at, why in rows.examples
            ]
            for at, fields in self._read(rows):
                found += ((at.line, record) for record in records_in(self._record(fields), self.adapters))
            found.sort(key=lambda entry: entry[0])
            yield from ((block.first_line + line, record) for line, record in found)

    def blocks(self, only: Collection[int] | None = None) -> Iterator[TextBlock]:
        """The file's blocks in order, or those of the given indices."""
        return csv_blocks(self.file, self.header, only)

    def parse(self, block: TextBlock) -> Parsed:
        """The calls of one block."""
        if block.trouble is not None:
            parsed = Parsed(batch_of([]), [], 1)
            parsed.quarantine.add(block.trouble, Place(self.file.name, block.first_line, block.offset))
            return parsed
        rows = self._rows(block)
        parsed = self._parse_fast(block, rows) or self._parse_rows(block, self._read(rows))
        if rows.broken:
            examples = [self._place(block, at, why) for at, why in rows.examples]
            parsed.quarantine.add_many("wrong_columns", rows.broken, examples)
            parsed.records += rows.broken
        return parsed

    def _rows(self, block: TextBlock) -> TableRows:
        data = block.data
        if b"\n" + BOM in data or data.startswith(BOM):  # where files were put one after the other
            data = (b"\n" + data).replace(b"\n" + BOM, b"\n")[1:]
        return rows_of(data, self.delimiter, len(self.names))

    def _read(self, rows: TableRows) -> Iterator[tuple[At, list[str]]]:
        """The fields of all whole rows, in their order."""
        whole = ((at, self._fields(text)) for at, text in rows.texts())
        yield from heapq.merge(whole, rows.single, key=lambda row: row[0].line)

    def _fields(self, text: bytes) -> list[str]:
        fields, _ = fields_of(text.decode("utf-8", "replace"), self.delimiter, len(self.names))
        return fields

    def _place(self, block: TextBlock, at: At, detail: str = "") -> Place:
        return Place(self.file.name, block.first_line + at.line, block.offset + at.byte, detail)

    def _parse_fast(self, block: TextBlock, rows: TableRows) -> Parsed | None:
        """The calls of a block by columns; None where it is better read row by row."""
        if self.layout is None or not rows.whole:
            return None
        data = b"".join(text if text.endswith(b"\n") else text + b"\n" for text in rows.whole)
        lines = np.concatenate(rows.lines)
        flat = self._flat(data, self.layout, len(lines))
        if flat is None or 2 * len(flat.doubtful) > len(lines):
            return None
        kept = np.delete(lines, flat.doubtful) + block.first_line
        parsed = Parsed(flat.batch, kept.tolist(), len(kept))
        parsed.formats["flat"] = len(kept)
        parsed.unused = flat.unused
        if not len(flat.doubtful) and not rows.single:
            return parsed
        doubtful = set(flat.doubtful.tolist())
        again = [(at, self._fields(text)) for n, (at, text) in enumerate(rows.texts()) if n in doubtful]
        return joined(parsed, self._parse_rows(block, [*again, *rows.single]))

    def _flat(self, data: bytes, layout: FlatLayout, rows: int) -> FlatRows | None:
        """The calls of whole rows."""
        types = {path[0]: kind for path, kind in layout.types.items()}
        types |= {path[0]: pa.string() for path in layout.unused}
        table = _read_columns(data, self.names, self.delimiter, types)
        if table is not None:
            odd = _padded_nothing(table) if _has_padding(data, self.delimiter) else None
            return flat_batch(table, layout, odd) if table.num_rows == rows else None
        if not is_utf8(data):
            return None
        table = _read_columns(data, self.names, self.delimiter, dict.fromkeys(types, pa.string()))
        if table is None or table.num_rows != rows:
            return None
        typed, odd = _converted(table, types)
        return None if typed is None else flat_batch(typed, layout, odd)

    def _parse_rows(self, block: TextBlock, rows: Iterable[tuple[At, list[str]]]) -> Parsed:
        parser = RecordParser(self.adapter, self.adapters, self.written, forced=self.forced)
        names = list(self.names)
        for at, fields in rows:
            if [field.strip() for field in fields] == names:
                parser.ignore()  # the header once more: tables were put one after the other
            else:
                parser.take(self._record(fields), self._place(block, at))
        return parser.done()

    def _record(self, fields: Sequence[str]) -> dict[str, str]:
        return {n: v for n, v in zip(self.names, fields, strict=True) if v.strip() not in NOTHING}


def _with_index(names: tuple[str, ...]) -> tuple[str, ...]:
    """The names, another one for the first if it is an index that pandas wrote beside the column it is of."""
    return (f"{names[0]} (index)", *names[1:]) if names[0] and names.count(names[0]) == 2 else names


def _has_padding(data: bytes, delimiter: str) -> bool:
    """Whether some field may begin or end with a blank."""
    marks = (delimiter.encode(), b'"', b"\n")
    beside = (mark + blank for mark in marks for blank in (b" ", b"\t"))
    return not data.isascii() or any(pair in data or pair[::-1] in data for pair in beside)


def _padded_nothing(table: pa.Table) -> Mask:
    """Rows with a text that says nothing once the blanks around it are gone."""
    odd = np.zeros(table.num_rows, bool)
    for column in table.columns:
        if pa.types.is_string(column.type):
            bare = pc.utf8_trim_whitespace(column)
            odd |= np.asarray(pc.is_in(bare, pa.array(sorted(NOTHING))))
    return odd


_PATTERNS: Final = {
    "int64": r"^[ \t]*-?[0-9]{1,18}[ \t]*$",
    "double": r"^[ \t]*-?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]{1,2})?[ \t]*$",
    "bool": r"^(?:true|True|TRUE|false|False|FALSE)$",
}
"""Texts that are read as a column of a type; times are tried."""


def _converted(table: pa.Table, types: dict[str, pa.DataType]) -> tuple[pa.Table | None, Mask]:
    """Columns of texts in their types, and the rows with a text that does not fit."""
    odd = np.zeros(table.num_rows, bool)
    columns = {}
    for name, kind in types.items():
        texts = table.column(name).combine_chunks()
        pattern = _PATTERNS.get(str(kind))
        if pattern is not None:
            fits = pc.match_substring_regex(texts, pattern)
            odd |= np.asarray(pc.invert(fits.fill_null(True)))
            texts = pc.utf8_trim_whitespace(pc.if_else(fits, texts, None))
        try:
            columns[name] = texts.cast(kind)
        except pa.ArrowInvalid:
            return None, odd
    typed = pa.table(columns)
    return typed, odd | _padded_nothing(typed)


def _read_columns(
    data: bytes, names: Sequence[str], delimiter: str, types: dict[str, pa.DataType]
) -> pa.Table | None:
    try:
        return pcsv.read_csv(
            pa.BufferReader(data),
            read_options=pcsv.ReadOptions(
                use_threads=False, block_size=len(data) + 1, column_names=list(names)
            ),
            parse_options=pcsv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            convert_options=pcsv.ConvertOptions(
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
