"""Opening a log: the right reader for its container."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Protocol, assert_never

import numpy as np
import numpy.typing as npt

from costaudit.errors import InputError
from costaudit.ingest.adapters import ADAPTERS, flat
from costaudit.ingest.bundle import Bundle
from costaudit.ingest.canonical import Parsed
from costaudit.ingest.format import Adapter, Record, Skip
from costaudit.ingest.jsonl import JsonlReader
from costaudit.ingest.logfile import Container, LogFile, Places
from costaudit.ingest.written_columns import WrittenColumns


class Block(Protocol):
    """A piece of a file that can be read again by its index."""

    @property
    def index(self) -> int:
        """Position in the file's sequence of blocks."""


class Reader(Protocol):
    """Reads records in blocks; `parse` may be called from several threads at once."""

    @property
    def name(self) -> str:
        """The file that is read, or the first of several."""

    def blocks(self, only: Collection[int] | None = None) -> Iterator[Any]:
        """Raw blocks in order, or those of the given indices."""

    def places(self, lines: npt.NDArray[np.int64]) -> Places:
        """Where the entries of a block's `lines` stand: files, the file of each, and its line (or row)."""

    def parse(self, block: Any) -> Parsed:
        """The calls of one block."""


class FileReader(Reader, Protocol):
    """Reads one file."""

    file: LogFile
    adapter: Adapter | None
    """The format of most records, if any."""
    written: WrittenColumns
    """What the file's columns say of its dates and amounts."""

    def records(self) -> Iterator[tuple[int, Record | Skip]]:
        """Every record in order with its line (or row), or why a line is none."""


def open_some(
    files: Sequence[LogFile],
    forced: Adapter | None = None,
    adapters: Sequence[Adapter] = ADAPTERS,
    guessed: Mapping[str, Sequence[Adapter]] | None = None,
) -> Reader:
    """A reader for files that `bundles_of` put together; raises InputError for a file that cannot be read.

    `guessed` are further formats of single files, by their names.
    """
    more = guessed or {}

    def opened(file: LogFile) -> FileReader:
        return open_log(file, forced, with_guessed(adapters, more.get(file.name, ())))

    if len(files) > 1:
        lean = forced is None and list(adapters) == list(ADAPTERS) and not any(f.name in more for f in files)
        return Bundle(files, opened, lean)
    return opened(files[0])


def with_guessed(adapters: Sequence[Adapter], guessed: Sequence[Adapter]) -> Sequence[Adapter]:
    """The formats with those that were guessed: behind all others but the flat one, which takes most."""
    if not guessed:
        return adapters
    general = [one for one in adapters if one.name == flat.ADAPTER.name]
    return (*(one for one in adapters if one not in general), *guessed, *general)


def open_log(
    file: LogFile, forced: Adapter | None = None, adapters: Sequence[Adapter] = ADAPTERS
) -> FileReader:
    """A reader for the file; raises InputError when it cannot be read."""
    match file.container:
        case Container.JSONL | Container.JSON:
            return JsonlReader.open(file, forced, adapters=adapters)
        case Container.CSV:
            from costaudit.ingest.csv_reader import CsvReader  # noqa: PLC0415 - start-up

            return CsvReader.open(file, forced, adapters)
        case Container.PARQUET:
            from costaudit.ingest.parquet import ParquetReader  # noqa: PLC0415 - start-up

            return ParquetReader.open(file, forced, adapters)
        case Container.SQLITE:
            from costaudit.ingest.sqlite import SqliteReader  # noqa: PLC0415 - start-up

            return SqliteReader.open(file, forced, adapters)
        case Container.XLSX:
            from costaudit.ingest.xlsx import XlsxReader  # noqa: PLC0415 - start-up

            return XlsxReader.open(file, forced, adapters)
        case Container.TAPE:
            raise InputError("a tape has no records of a log", path=file.name, hint="name the logs")
        case _:
            assert_never(file.container)
