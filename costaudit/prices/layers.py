"""The rows in force among all rows of a model: corrections, then overlays, then discounts.

A series is the dated prices of one (class, when). Each layer takes rows and gives rows; a row that a
layer makes start again at another instant keeps the name of the fact that it states.
"""

from __future__ import annotations

import fnmatch
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Final

import msgspec

from costaudit.errors import ConfigError
from costaudit.money import EXACT
from costaudit.prices.conditions import When
from costaudit.prices.rows import PriceRow, instant_text

Series = tuple[str, When]
"""Class and conditions: what has one price at every instant."""

RATE_STEP: Final = Decimal("1e-9")
"""A rate has at most 9 decimals of USD per 1M tokens, a discounted one too."""

_FOREVER: Final = 2**63 - 1


class Discount(msgspec.Struct, frozen=True):
    """A percentage off the listed prices of a provider's models, for some time."""

    name: str
    """What the rates that it touched are marked with."""
    provider: str
    model: str
    """A glob over model ids: `*`, `claude-*`."""
    percent: Decimal
    """Below 0 for a surcharge."""
    valid_from: int
    """Microseconds UTC."""
    valid_to: int | None

    def is_for(self, provider: str, model: str) -> bool:
        """Whether it is a discount on this model."""
        return self.provider == provider and fnmatch.fnmatchcase(model.lower(), self.model.lower())

    @property
    def end(self) -> int:
        """The first instant after it."""
        return _FOREVER if self.valid_to is None else self.valid_to


def settle_rows(rows: Iterable[PriceRow]) -> tuple[PriceRow, ...]:
    """The rows that hold: of several for one fact the one recorded last, and none that was taken back.

    A fact is a (class, when, valid_from). A correction without a price takes its row back, as if it
    had never been written.
    """
    held: dict[tuple[str, When, int], PriceRow] = {}
    for row in rows:
        fact = (row.klass, row.when, row.valid_from)
        if fact not in held or _rank(row) >= _rank(held[fact]):
            held[fact] = row
    return tuple(row for row in held.values() if row.usd is not None or row.status == "ended")


def _rank(row: PriceRow) -> tuple[date, bool]:
    return row.recorded_on or date.min, row.status == "correction"


def lay_rows(below: Iterable[PriceRow], above: Iterable[PriceRow]) -> tuple[PriceRow, ...]:
    """The rows of a layer over those below it, both settled.

    In each series the upper rows hold from their `valid_from` on; an upper row that says `ended`
    hands back to the rows below.
    """
    lower, upper = series_of(below), series_of(above)
    out: list[PriceRow] = []
    for series in dict.fromkeys([*lower, *upper]):
        out += _lay_series(lower.get(series, []), upper.get(series, []))
    return tuple(out)


def _lay_series(lower: list[PriceRow], upper: list[PriceRow]) -> Iterator[PriceRow]:
    if not upper:
        yield from lower
        return
    yield from (row for row in lower if row.valid_from < upper[0].valid_from)
    for place, row in enumerate(upper):
        if row.usd is not None:
            yield row
            continue
        until = upper[place + 1].valid_from if place + 1 < len(upper) else _FOREVER
        before = [r for r in lower if r.valid_from <= row.valid_from]
        yield _from(before[-1], row.valid_from) if before else row
        yield from (r for r in lower if row.valid_from < r.valid_from < until)


def discount_rows(
    rows: Sequence[PriceRow], discounts: Sequence[Discount], provider: str, model: str
) -> tuple[PriceRow, ...]:
    """Settled rows of a model with its discounts taken off; a negotiated row of an overlay is a net price.

    Raises ConfigError when two discounts are for the same time.
    """
    ours = sorted((d for d in discounts if d.is_for(provider, model)), key=lambda d: (d.valid_from, d.end))
    for first, second in itertools.pairwise(ours):
        if second.valid_from < first.end:
            raise ConfigError(
                f"two discounts are for {provider}/{model} from {instant_text(second.valid_from)} on: "
                f"{first.percent} and {second.percent} percent",
                hint="narrow the model pattern or the dates of one of them",
            )
    if not ours:
        return tuple(rows)
    edges = sorted({edge for d in ours for edge in (d.valid_from, d.end)})
    return tuple(
        _discounted(piece, ours) for series in series_of(rows).values() for piece in cut_series(series, edges)
    )


def cut_series(series: list[PriceRow], edges: list[int]) -> Iterator[PriceRow]:
    """The rows of a series, oldest first, each starting again at every edge within it."""
    for place, row in enumerate(series):
        until = series[place + 1].valid_from if place + 1 < len(series) else _FOREVER
        yield row
        yield from (_from(row, edge) for edge in edges if row.valid_from < edge < until)


def _discounted(row: PriceRow, discounts: Sequence[Discount]) -> PriceRow:
    found = next((d for d in discounts if d.valid_from <= row.valid_from < d.end), None)
    if found is None or row.usd is None or row.overlay:
        return row
    usd = EXACT.multiply(row.usd, (100 - found.percent) / 100).quantize(RATE_STEP, context=EXACT)
    return msgspec.structs.replace(row, usd=usd.normalize(EXACT), overlay=found.name)


def _from(row: PriceRow, start: int) -> PriceRow:
    """The same fact, starting at another instant."""
    if row.valid_from == start:
        return row
    stated = row.valid_from if row.stated_from is None else row.stated_from
    return msgspec.structs.replace(row, valid_from=start, stated_from=stated)


def series_of(rows: Iterable[PriceRow]) -> Mapping[Series, list[PriceRow]]:
    """The rows of every series, oldest first."""
    found: dict[Series, list[PriceRow]] = {}
    for row in rows:
        found.setdefault((row.klass, row.when), []).append(row)
    for series in found.values():
        series.sort(key=lambda r: r.valid_from)
    return found
