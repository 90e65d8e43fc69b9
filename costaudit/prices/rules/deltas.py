"""What was written between two states of the tables, row by row: the ground of `diff` and of CA2."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from decimal import Decimal
from enum import StrEnum

import msgspec

from costaudit.prices.book import ModelKey, PriceBook, changed_keys
from costaudit.prices.conditions import When
from costaudit.prices.proof import meet
from costaudit.prices.rows import PriceRow


class Writing(StrEnum):
    """What happened to a row."""

    ADDED = "added"
    CORRECTED = "corrected"
    """A correction row was added."""
    EDITED = "edited"
    """The price or status of a row that was there is another one."""
    REDATED = "redated"
    """The same price, from another instant on."""
    REMOVED = "removed"
    ANNOTATED = "annotated"
    """Only source, confidence, days or note are others."""


class Delta(msgspec.Struct, frozen=True):
    """A row that was written, rewritten or removed."""

    writing: Writing
    old: PriceRow | None
    new: PriceRow | None

    @property
    def row(self) -> PriceRow:
        """The new row, or the one that is gone."""
        row = self.new or self.old
        if row is None:  # never built so
            raise AssertionError(self)
        return row

    @property
    def at(self) -> int:
        """The first instant at which the two books may differ for it; microseconds UTC."""
        return min(row.valid_from for row in (self.old, self.new) if row is not None)


def find_deltas(base: PriceBook, head: PriceBook) -> Iterator[Delta]:
    """Every delta between two books, model by model."""
    for key in changed_keys(base.rows, head.rows):
        yield from _in_model(base.rows.get(key, ()), head.rows.get(key, ()))


def _in_model(base: Iterable[PriceRow], head: Iterable[PriceRow]) -> Iterator[Delta]:
    gone, come = _only_in(base, head), _only_in(head, base)
    for old in list(gone):
        new = next((r for r in come if _fact(r) == _fact(old)), None)
        if new is not None:
            gone.remove(old)
            come.remove(new)
            same = (old.usd, old.status) == (new.usd, new.status)
            yield Delta(Writing.ANNOTATED if same else Writing.EDITED, old, new)
    for old in list(gone):
        new = next((r for r in come if _series(r) == _series(old) and r.usd == old.usd), None)
        if new is not None:
            gone.remove(old)
            come.remove(new)
            yield Delta(Writing.REDATED, old, new)
    for old in gone:
        yield Delta(Writing.REMOVED, old, None)
    for new in come:
        corrects = new.status == "correction"
        yield Delta(Writing.CORRECTED if corrects else Writing.ADDED, None, new)


def _only_in(rows: Iterable[PriceRow], others: Iterable[PriceRow]) -> list[PriceRow]:
    """Rows that the others do not hold as often, wherever they stand."""
    held = Counter(map(_content, others))
    found = []
    for row in rows:
        if held[_content(row)] > 0:
            held[_content(row)] -= 1
        else:
            found.append(row)
    return found


def _content(row: PriceRow) -> tuple[object, ...]:
    days = (row.checked_on, row.recorded_on)
    return *_fact(row), row.usd, row.status, row.source, row.confidence, *days, row.note


def _fact(row: PriceRow) -> tuple[object, ...]:
    return row.klass, row.when, row.valid_from, row.status == "correction"


def _series(row: PriceRow) -> tuple[object, ...]:
    return row.klass, row.when, row.status == "correction"


def applied_usd(book: PriceBook, key: ModelKey, klass: str, when: When, at: int) -> Decimal | None:
    """The price that a class is billed at under conditions at an instant; None without one.

    Where nothing stands under exactly these conditions, the most specific row that covers them holds.
    """
    held: dict[When, PriceRow] = {}
    for row in sorted(book.in_force.get(key, ()), key=lambda r: r.valid_from):
        if row.klass == klass and row.valid_from <= at and meet(row.when, when) == when:
            held[row.when] = row
    usable = [row for row in held.values() if row.usd is not None and row.when.tier == when.tier]
    best = max(usable, key=lambda r: (r.when.context_over, len(str(r.when))), default=None)
    return None if best is None else best.usd
