"""SQLite databases into canonical batches: the rows of the tables that hold calls.

The database is opened for reading only and never changed. A table is read when its first rows belong to a
log format; of several formats the most specific one decides, so that what a tool keeps beside its log is
not taken for one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

from costaudit.errors import InputError
from costaudit.ingest.adapters import ADAPTERS
from costaudit.ingest.canonical import Parsed, batch_of
from costaudit.ingest.detect import SAMPLE, detect, rank
from costaudit.ingest.format import Adapter, Record, Skip, counts_in
from costaudit.ingest.logfile import LogFile, OneFile
from costaudit.ingest.quarantine import Place
from costaudit.ingest.records import RecordParser
from costaudit.ingest.written_columns import WrittenColumns

ROWS: Final = 1 << 12
"""Rows of a block."""


@dataclass(frozen=True, slots=True)
class SqliteBlock:
    """Some rows of a table."""

    index: int
    """Position in the file's sequence of blocks: the same on every reading."""
    table: str
    adapter: Adapter | None
    first_row: int
    """Number of the first row in its table, counted from 1."""
    rows: list[Record]
    trouble: str | None = None
    """Set where the table could not be read on: a quarantine reason."""


@dataclass(slots=True)
class SqliteReader(OneFile):
    """Reads one database; `parse` may be called from several threads at once."""

    file: LogFile
    adapter: Adapter | None
    """The format of the first table."""
    forced: bool
    tables: list[tuple[str, Adapter | None]]
    """The tables that are read, in order of their names, with their formats."""
    adapters: Sequence[Adapter] = ADAPTERS
    """The formats that a record may have."""
    written: WrittenColumns = field(init=False, repr=False)
    """What the file's columns say of its dates and amounts."""

    def __post_init__(self) -> None:
        self.written = WrittenColumns(self.file.notation, self.records, counts=counts_in(self.adapters))

    @classmethod
    def open(
        cls, file: LogFile, forced: Adapter | None = None, adapters: Sequence[Adapter] = ADAPTERS
    ) -> SqliteReader:
        """Look at the tables; raises InputError when the database cannot be read or holds no calls."""
        try:
            with closing(_connect(file)) as database:
                names = _tables(database)
                found = {name: forced or detect(_first_rows(database, name), adapters) for name in names}
        except sqlite3.Error as error:
            raise InputError(f"the SQLite database cannot be read: {error}", path=file.name) from error
        ranks = {name: rank(adapter, adapters) for name, adapter in found.items() if adapter is not None}
        tables = [(n, found[n]) for n in names if n in ranks and ranks[n] == min(ranks.values())]
        if not tables:
            shown = ", ".join(names[:8]) or "none"
            raise InputError(
                "no table of the database holds calls", path=file.name, hint=f"its tables: {shown}"
            )
        return cls(file, tables[0][1], forced is not None, tables, adapters)

    def blocks(self, only: Collection[int] | None = None) -> Iterator[SqliteBlock]:
        """The blocks of all tables in order, or those of the given indices."""
        index = 0
        with closing(_connect(self.file)) as database:
            for table, adapter in self.tables:
                for block in _table_blocks(database, table, adapter):
                    if only is None or index in only:
                        yield SqliteBlock(index, table, adapter, block.first_row, block.rows, block.trouble)
                    index += 1

    def records(self) -> Iterator[tuple[int, Record | Skip]]:
        """Every row in order with its number in its table."""
        for block in self.blocks():
            if block.trouble is not None:
                yield block.first_row, Skip(block.trouble)
            yield from enumerate(block.rows, block.first_row)

    def parse(self, block: SqliteBlock) -> Parsed:
        """The calls of one block."""
        name = f"{self.file.name}#{block.table}"
        if block.trouble is not None:
            parsed = Parsed(batch_of([]), [], 1)
            parsed.quarantine.add(block.trouble, Place(name, block.first_row, None))
            return parsed
        parser = RecordParser(block.adapter, self.adapters, self.written, forced=self.forced)
        for number, row in enumerate(block.rows, block.first_row):
            parser.take(row, Place(name, number, None))
        return parser.done()


def _connect(file: LogFile) -> sqlite3.Connection:
    """A connection that cannot write, also where the folder lets nobody write."""
    place = quote(str(file.path.resolve()))
    try:
        database = sqlite3.connect(f"file:{place}?mode=ro", uri=True)
        database.execute("SELECT name FROM sqlite_master LIMIT 1").fetchall()
    except sqlite3.OperationalError:  # a journal that cannot be opened beside it
        database = sqlite3.connect(f"file:{place}?mode=ro&immutable=1", uri=True)
    database.text_factory = lambda raw: raw.decode("utf-8", "replace")
    database.row_factory = _record
    return database


def _record(cursor: sqlite3.Cursor, row: tuple[Any, ...]) -> Record:
    """A row as a record: absent values and bytes left out."""
    names = (column[0] for column in cursor.description)
    return {n: v for n, v in zip(names, row, strict=True) if v is not None and not isinstance(v, bytes)}


def table_names(file: LogFile) -> list[str]:
    """The tables of a database in the order of their names; raises InputError where it cannot be read."""
    try:
        with closing(_connect(file)) as database:
            return _tables(database)
    except sqlite3.Error as error:
        raise InputError(f"the SQLite database cannot be read: {error}", path=file.name) from error


def _tables(database: sqlite3.Connection) -> list[str]:
    rows = database.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall()
    return [row["name"] for row in rows if not row["name"].startswith("sqlite_")]


def _select(database: sqlite3.Connection, table: str) -> sqlite3.Cursor:
    """All rows of a table, in the order in which it holds them."""
    name = '"' + table.replace('"', '""') + '"'
    return database.execute(f"SELECT * FROM {name}")  # noqa: S608 - a name that the database told, quoted


def _first_rows(database: sqlite3.Connection, table: str) -> list[Record]:
    try:
        return _select(database, table).fetchmany(SAMPLE)
    except sqlite3.OperationalError:  # a virtual table whose module is not here
        return []


def _table_blocks(database: sqlite3.Connection, table: str, adapter: Adapter | None) -> Iterator[SqliteBlock]:
    first_row = 1
    try:
        cursor = _select(database, table)
        while rows := cursor.fetchmany(ROWS):
            yield SqliteBlock(0, table, adapter, first_row, rows)
            first_row += len(rows)
    except sqlite3.DatabaseError:
        yield SqliteBlock(0, table, adapter, first_row, [], "truncated_file")
