"""Opening a log: the right reader for its container."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any, Protocol, assert_never

from costaudit.ingest.adapters import ADAPTERS
from costaudit.ingest.canonical import Parsed
from costaudit.ingest.csv_reader import CsvReader
from costaudit.ingest.format import Adapter, Record, Skip
from costaudit.ingest.jsonl import JsonlReader
from costaudit.ingest.logfile import Container, LogFile
from costaudit.ingest.parquet import ParquetReader
from costaudit.ingest.sqlite import SqliteReader


class Block(Protocol):
    """A piece of a file that can be read again by its index."""

    @property
    def index(self) -> int:
        """Position in the file's sequence of blocks."""


class Reader(Protocol):
    """Reads one file in blocks; `parse` may be called from several threads at once."""

    file: LogFile
    adapter: Adapter | None

    def blocks(self, only: Collection[int] | None = None) -> Iterator[Any]:
        """Raw blocks in order, or those of the given indices."""

    def records(self) -> Iterator[tuple[int, Record | Skip]]:
        """Every record in order with its line (or row), or why a line is none."""

    def parse(self, block: Any) -> Parsed:
        """The calls of one block."""


def open_log(file: LogFile, forced: Adapter | None = None, adapters: Sequence[Adapter] = ADAPTERS) -> Reader:
    """A reader for the file; raises InputError when it cannot be read."""
    match file.container:
        case Container.JSONL | Container.JSON:
            return JsonlReader.open(file, forced, adapters=adapters)
        case Container.CSV:
            return CsvReader.open(file, forced, adapters)
        case Container.PARQUET:
            return ParquetReader.open(file, forced, adapters)
        case Container.SQLITE:
            return SqliteReader.open(file, forced, adapters)
        case _:
            assert_never(file.container)
