"""Rows of exports for the adapter tests: CSV and SQLite as their containers hand them on."""

from __future__ import annotations

import csv
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from costaudit.ingest.format import Adapter
from costaudit.ingest.settle import settled
from costaudit.schema import Call
from tests.ingest.adapters.conftest import read_records

Rows = list[dict[str, Any]]


def read_rows(path: Path) -> Rows:
    """The rows of a CSV file, of the `responses` table of an SQLite file, or of a JSON file."""
    if path.suffix == ".csv":
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))
    if path.suffix == ".db":
        with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as database:
            database.row_factory = sqlite3.Row
            return [dict(row) for row in database.execute("SELECT * FROM responses")]
    return read_records(path)


def only(adapter: Adapter, record: dict[str, Any]) -> Call:
    """The one call of a record that the adapter must recognise."""
    assert adapter.matches(record)
    (call,) = settled(adapter.calls(record))
    return call


def counts(call: Call) -> tuple[int, int, int, int, int, int]:
    """Input, cache read, both cache writes, output and reasoning."""
    written = (call.cache_write_5m, call.cache_write_1h)
    return (call.input, call.cache_read, *written, call.output, call.reasoning)
