"""Values that can be read in several ways and so are not read: told by file and column, never guessed."""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec

REASONS: Final[dict[str, str]] = {
    "date_order": "dates can be day first or month first: --dates says which",
    "decimal_mark": "amounts can have a decimal comma or a decimal point: --decimals says which",
    "currency": "amounts are in another currency than US dollars",
}
"""Why a value is not read, with what answers it."""

MOST: Final = 1_000
"""Columns that are kept, the first in their order."""


class UnclearColumn(NamedTuple):
    """A column with values that are not read."""

    file: str
    name: str
    """Its keys from the record on, with dots."""
    reason: str


class UnclearRecords(NamedTuple):
    """What is known of such a column."""

    records: int
    line: int
    """The first line with such a value."""


class Unclear(msgspec.Struct):
    """Such columns with their numbers. Merging is commutative: the smallest are kept."""

    columns: dict[UnclearColumn, UnclearRecords] = msgspec.field(default_factory=dict)

    def add(self, column: UnclearColumn, held: UnclearRecords) -> None:
        """Count some records of a column."""
        records, line = self.columns.get(column, held._replace(records=0))
        self.columns[column] = UnclearRecords(records + held.records, min(line, held.line))
        if len(self.columns) > 2 * MOST:
            self._trim()

    def merge(self, other: Unclear) -> None:
        """Take in other records."""
        for column, held in other.columns.items():
            self.add(column, held)
        if len(self.columns) > MOST:
            self._trim()

    def _trim(self) -> None:
        self.columns = {column: self.columns[column] for column in sorted(self.columns)[:MOST]}
