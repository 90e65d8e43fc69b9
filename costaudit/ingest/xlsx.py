"""Excel workbooks into canonical batches: every sheet is a table, whose first row of words is its header.

What stands above it (a title, blank rows) is no record. Rows are told by their sheet and their number in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from costaudit.errors import InputError
from costaudit.ingest.adapters import ADAPTERS
from costaudit.ingest.canonical import Parsed, batch_of
from costaudit.ingest.detect import SAMPLE, detect
from costaudit.ingest.format import Adapter, Record, Skip, counts_in
from costaudit.ingest.logfile import LogFile, OneFile
from costaudit.ingest.quarantine import Place
from costaudit.ingest.records import RecordParser, records_in
from costaudit.ingest.unpack import BrokenError
from costaudit.ingest.workbook import Workbook
from costaudit.ingest.written_columns import WrittenColumns

ROWS: Final = 1 << 12
"""Rows of a block."""

NOTHING: Final = frozenset({"", "NULL", "null", "None", "NaN", "nan", "NaT", "<NA>", "\\N", "#N/A"})
"""What a cell without a value says."""


@dataclass(frozen=True, slots=True)
class SheetBlock:
    """Some rows of a sheet."""

    index: int
    """Position in the file's sequence of blocks: the same on every reading."""
    sheet: str
    rows: list[tuple[int, Record]]
    """Numbers of rows, as the spreadsheet shows them, with their values by the names in the header."""
    trouble: str | None = None
    """Set where the workbook could not be read on: a quarantine reason."""


@dataclass(slots=True)
class XlsxReader(OneFile):
    """Reads one workbook; `parse` may be called from several threads at once."""

    file: LogFile
    adapter: Adapter | None
    forced: bool
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
    ) -> XlsxReader:
        """Look at the first rows; raises InputError for a workbook that cannot be read or has no table."""
        reader = cls(file, forced, forced is not None, adapters)
        sample = list(islice(reader.records(), SAMPLE))
        records = [record for _, record in sample if not isinstance(record, Skip)]
        if not records:
            raise InputError("no sheet has a table", path=file.name, hint="its first row names the columns")
        reader.adapter = forced or detect(records, adapters)
        return reader

    def blocks(self, only: Collection[int] | None = None) -> Iterator[SheetBlock]:
        """The blocks of all sheets in order, or those of the given indices."""
        for index, (sheet, rows, trouble) in enumerate(self._pieces()):
            if only is None or index in only:
                yield SheetBlock(index, sheet, rows, trouble)

    def records(self) -> Iterator[tuple[int, Record | Skip]]:
        """Every row in order with its number in its sheet."""
        for block in self.blocks():
            if block.trouble is not None:
                yield 0, Skip(block.trouble)
            for number, row in block.rows:
                yield from ((number, record) for record in records_in(row, self.adapters))

    def parse(self, block: SheetBlock) -> Parsed:
        """The calls of one block."""
        name = f"{self.file.name}#{block.sheet}"
        if block.trouble is not None:
            parsed = Parsed(batch_of([]), [], 1)
            parsed.quarantine.add(block.trouble, Place(name, 0, None))
            return parsed
        parser = RecordParser(self.adapter, self.adapters, self.written, forced=self.forced)
        for number, row in block.rows:
            parser.take(row, Place(name, number, None))
        return parser.done()

    def _pieces(self) -> Iterator[tuple[str, list[tuple[int, Record]], str | None]]:
        with self.file.open() as stream:
            try:
                book = Workbook(stream)
            except BrokenError as error:
                raise InputError(
                    f"the workbook cannot be read: {error}", path=self.file.name, hint="save it as CSV"
                ) from error
            for sheet in book.sheets:
                rows = self._table(sheet.name, book.rows(sheet))
                try:
                    while piece := list(islice(rows, ROWS)):
                        yield sheet.name, piece, None
                except BrokenError:
                    yield sheet.name, [], "damaged_data"

    def _table(self, sheet: str, rows: Iterator[tuple[int, dict[int, Any]]]) -> Iterator[tuple[int, Record]]:
        """The rows below the header of a sheet, by its names; none where it has no header."""
        names: Mapping[int, str] | None = None
        for number, values in rows:
            if names is None:
                names = _header(values)
                twice = [name for name, times in Counter((names or {}).values()).items() if times > 1]
                if twice:
                    raise InputError(
                        f"two columns of the sheet {sheet} are called {twice[0]!r}",
                        path=self.file.name,
                        line=number,
                    )
                continue
            record = {
                names[column]: value
                for column, value in values.items()
                if column in names and not (isinstance(value, str) and value.strip() in NOTHING)
            }
            if record:
                yield number, record


def _header(values: Mapping[int, Any]) -> dict[int, str] | None:
    """The names of a row of two words or more; None for a row of anything else."""
    words = {column: value.strip() for column, value in values.items() if isinstance(value, str)}
    names = {
        column: word for column, word in words.items() if word and word[0].isalpha() and len(word) <= 100
    }
    return names if len(names) > 1 and len(names) == len(values) else None
