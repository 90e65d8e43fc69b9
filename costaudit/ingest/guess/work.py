"""A guess on its way: what was taken and what was left, with the reasons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from costaudit.ingest.guess.prices import KnownPrices
from costaudit.ingest.guess.result import ORDER, Guess, Left, Taken
from costaudit.ingest.guess.survey import LogColumn, Survey

MOST_LEFT: Final = 30
"""Keys that are told though they are not taken."""


class Work:
    """What is known of some columns so far."""

    def __init__(self, survey: Survey, prices: KnownPrices | None) -> None:
        self.survey, self.prices = survey, prices
        self.fields: dict[str, LogColumn] = {}
        """By field, the column that is taken for it."""
        self.taken: dict[str, Taken] = {}
        self.left: dict[str, str] = {}
        """By path, why a column is not taken."""
        self.refused: str | None = None
        self.beside = False
        self.notes: list[str] = []

    @property
    def columns(self) -> list[LogColumn]:
        """The columns that nobody has taken or left, in the order of the log."""
        return [
            c
            for c in self.survey.columns.values()
            if c not in self.fields.values() and c.path not in self.left
        ]

    def take(self, field: str, column: LogColumn, why: str, unit: str | None = None, **words: str) -> None:
        """Take a column for a field."""
        self.fields[field] = column
        self.taken[field] = Taken(column.path, field, why, unit, words)

    def leave(self, columns: LogColumn | Sequence[LogColumn], why: str) -> None:
        """Leave some columns out; what was said of one first stays."""
        for column in [columns] if isinstance(columns, LogColumn) else columns:
            self.left.setdefault(column.path, why)

    def drop(self, field: str, why: str) -> None:
        """Leave a column that was taken."""
        self.taken.pop(field, None)
        self.leave(self.fields.pop(field), why)

    def refuse(self, why: str) -> None:
        """No mapping comes of it; the first reason is told."""
        self.refused = self.refused or why

    def done(self, files: Sequence[str]) -> Guess:
        """The guess."""
        fields = [*(f for f in ORDER if f in self.taken), *sorted(self.taken.keys() - set(ORDER))]
        left = tuple(Left(path, why) for path, why in self.left.items())
        return Guess(
            files=tuple(files),
            records=self.survey.records,
            taken=tuple(self.taken[field] for field in fields),
            left=left[:MOST_LEFT],
            refused=self.refused,
            beside=self.beside,
            notes=tuple(self.notes),
        )


def alike(columns: Sequence[LogColumn]) -> bool:
    """Whether columns hold the same values in the same records."""
    first, *others = (column.by_row() for column in columns)
    return all(other == first for other in others)


def named(columns: Sequence[LogColumn]) -> str:
    """Columns by their names: `a and b`."""
    names = [column.path for column in columns]
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
