"""The blocks that a report is drawn as: what text and Markdown have in common.

Names in blocks are as logged; the renderer that draws them makes them harmless.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec


class ListLimits(msgspec.Struct, frozen=True):
    """How many rows of each kind are listed one by one; what is left out is counted and summed."""

    rows: int = 10
    """Of models, features and findings."""
    users: int = 5
    unpriced: int = 5
    places: int = 2
    """Of skipped records, per reason."""


class Column(msgspec.Struct, frozen=True):
    """A column of a table: figures are right-aligned and ours, words may come from a log."""

    title: str
    cells: tuple[str, ...]
    total: str = ""
    number: bool = True
    leaves: int = 0
    """Rank in which it leaves a narrow table; 0 stays."""
    wide: bool = False
    """Only where there is plenty of room."""


class Headline(msgspec.Struct, frozen=True):
    """The answer in one line."""

    text: str


class Facts(msgspec.Struct, frozen=True):
    """Labelled figures, each with a few words."""

    rows: tuple[tuple[str, str, str], ...]


class Table(msgspec.Struct, frozen=True):
    """Columns of equal length."""

    title: str
    columns: tuple[Column, ...]
    under: Column | None = None
    """A sentence to each row, or an empty one."""
    notes: tuple[str, ...] = ()
    bars: tuple[tuple[Decimal, Decimal], ...] = ()
    """The spans of a waterfall, in dollars."""


class Item(msgspec.Struct, frozen=True):
    """One entry of a list."""

    text: str
    lead: str = ""
    figure: str = ""
    more: tuple[str, ...] = ()


class Items(msgspec.Struct, frozen=True):
    """A list; `unit` says what its figures are."""

    title: str
    items: tuple[Item, ...]
    unit: str = ""
    notes: tuple[str, ...] = ()


class Days(msgspec.Struct, frozen=True):
    """Money over time, one mark per day or per few days."""

    title: str
    first: str
    last: str
    amounts: tuple[Decimal | str | None, ...]
    """Per calendar day: dollars, "" for a day without requests, None where nothing has a price."""
    notes: tuple[str, ...]


class Prose(msgspec.Struct, frozen=True):
    """Sentences."""

    title: str
    lines: tuple[str, ...]


Block = Headline | Facts | Table | Items | Days | Prose
