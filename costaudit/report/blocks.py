"""The blocks that a report is drawn as: what text and Markdown have in common.

Names in blocks are as logged; the renderer that draws them makes them harmless.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from costaudit.report import model as m

Report = m.Audit | m.Simulation


@dataclass(frozen=True, slots=True)
class Limits:
    """How many rows of each kind are listed one by one; what is left out is counted and summed."""

    rows: int = 10
    """Of models, features and findings."""
    users: int = 5
    unpriced: int = 5
    places: int = 2
    """Of skipped records, per reason."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: figures are right-aligned and ours, words may come from a log."""

    title: str
    cells: tuple[str, ...]
    total: str = ""
    number: bool = True
    leaves: int = 0
    """Rank in which it leaves a narrow table; 0 stays."""
    wide: bool = False
    """Only where there is plenty of room."""


@dataclass(frozen=True, slots=True)
class Headline:
    """The answer in one line."""

    text: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Labelled figures, each with a few words."""

    rows: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Columns of equal length."""

    title: str
    columns: tuple[Column, ...]
    under: Column | None = None
    """A sentence to each row, or an empty one."""
    notes: tuple[str, ...] = ()
    bars: tuple[tuple[Decimal, Decimal], ...] = ()
    """The spans of a waterfall, in dollars."""


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of a list."""

    text: str
    lead: str = ""
    figure: str = ""
    more: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Items:
    """A list; `unit` says what its figures are."""

    title: str
    items: tuple[Item, ...]
    unit: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Days:
    """Money over time, one mark per day or per few days."""

    title: str
    first: str
    last: str
    amounts: tuple[Decimal | str | None, ...]
    """Per calendar day: dollars, "" for a day without requests, None where nothing has a price."""
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Prose:
    """Sentences."""

    title: str
    lines: tuple[str, ...]


Block = Headline | Facts | Table | Items | Days | Prose


Part = Callable[[Report, Limits], Iterator[Block]]


def is_scenario(report: Report) -> bool:
    """Whether the report is of a scenario, not of a log."""
    return isinstance(report, m.Simulation) and report.scenario is not None
