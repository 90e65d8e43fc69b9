"""What changed when: every step of every price, and the standard price of a model over time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal

import msgspec

from costaudit.money import percent_of
from costaudit.prices.book import ModelKey, PriceBook
from costaudit.prices.conditions import When
from costaudit.prices.resolver import Periods, Resolved
from costaudit.prices.rows import PriceRow


class PastChange(msgspec.Struct, frozen=True):
    """One price that became another."""

    row: PriceRow
    """The row that states the new price."""
    before_usd: Decimal | None
    """None for the first price of its class and conditions."""

    @property
    def after_usd(self) -> Decimal | None:
        """None where the price ended."""
        return self.row.usd

    @property
    def percent(self) -> str | None:
        """The change in percent of the old price, with a sign; None without two prices."""
        if self.before_usd is None or self.after_usd is None:
            return None
        text = percent_of(self.after_usd - self.before_usd, self.before_usd)
        return text if text is None or text.startswith("-") else f"+{text}"


def find_changes(
    book: PriceBook, keys: Iterable[ModelKey], since: int | None = None, until: int | None = None
) -> list[PastChange]:
    """Changes of some models from an instant (microseconds UTC) on, before another; oldest first.

    A row that repeats the price before it is no change.
    """
    found = [c for key in keys for c in _changes(book.in_force[key])]
    if since is not None:
        found = [c for c in found if c.row.valid_from >= since]
    if until is not None:
        found = [c for c in found if c.row.valid_from < until]
    return sorted(found, key=lambda c: _order(c.row))


def _changes(rows: Iterable[PriceRow]) -> Iterator[PastChange]:
    last: dict[tuple[str, When], Decimal | None] = {}
    for row in sorted(rows, key=lambda r: r.valid_from):
        series = (row.klass, row.when)
        if series not in last:
            yield PastChange(row, None)
        elif row.usd != last[series]:
            yield PastChange(row, last[series])
        last[series] = row.usd


def _order(row: PriceRow) -> tuple[int, str, str, str, str]:
    return row.valid_from, row.provider, row.model, str(row.when), row.klass


def doubted(book: PriceBook, at: int, provider: str | None = None) -> list[PriceRow]:
    """The rows in force at an instant (microseconds UTC) of low confidence, those of a note together."""
    found = []
    for key in book.rows:
        if provider in (None, key[0]):
            last: dict[tuple[str, When], PriceRow] = {}
            for row in sorted(book.in_force[key], key=lambda r: r.valid_from):
                if row.valid_from <= at:
                    last[row.klass, row.when] = row
            found += [row for row in last.values() if row.confidence == "low" and row.usd is not None]
    return sorted(found, key=lambda r: (r.provider, r.model, r.note, r.klass, str(r.when)))


class Standing(msgspec.Struct, frozen=True):
    """The standard prices of a model from an instant on."""

    start: int
    """Microseconds UTC."""
    usd: dict[str, Decimal]
    """By class; empty when nothing has a price."""


def name_prices(book: PriceBook, periods: Periods) -> list[Standing]:
    """The standard prices of a name over time, following the models that it stood for."""
    found: list[Standing] = []
    for place, (start, resolution) in enumerate(periods):
        until = periods[place + 1][0] if place + 1 < len(periods) else None
        steps = [Standing(start, {})]
        if isinstance(resolution, Resolved):
            steps = standard_prices(book, (resolution.provider, resolution.model))
        before = [s for s in steps if s.start <= start]
        inside = [s for s in steps if s.start > start and (until is None or s.start < until)]
        found += [*(Standing(start, s.usd) for s in before[-1:]), *inside]
    return [s for place, s in enumerate(found) if s.usd != (found[place - 1].usd if place else {})]


def standard_prices(
    book: PriceBook, key: ModelKey, classes: Iterable[str] = ("input", "output")
) -> list[Standing]:
    """The price without conditions of some classes, at every instant at which one of them changes."""
    wanted = set(classes)
    rows = sorted(
        (r for r in book.in_force[key] if r.klass in wanted and not str(r.when)), key=lambda r: r.valid_from
    )
    found: list[Standing] = []
    usd: dict[str, Decimal] = {}
    for row in rows:
        usd = (
            {**usd, row.klass: row.usd}
            if row.usd is not None
            else {k: v for k, v in usd.items() if k != row.klass}
        )
        if found and found[-1].start == row.valid_from:
            found.pop()
        if not found or found[-1].usd != usd:
            found.append(Standing(row.valid_from, usd))
    return found
