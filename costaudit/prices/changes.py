"""Changes of prices that nobody announced: "what if this cost 40 % less", over the rows in force.

The last layer, above corrections, overlays and discounts. A change holds for every condition of a price
(context bands, batch, time windows …) in the same proportion, and from its instant on for good.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Literal

import msgspec

from costaudit.money import EXACT
from costaudit.prices.conditions import STANDARD_WHEN
from costaudit.prices.layers import RATE_STEP, cut_series, series_of
from costaudit.prices.rows import PriceRow


class PriceChange(msgspec.Struct, frozen=True):
    """One change of the prices of some models. Read one with `costaudit.prices.what_if.parse_change`."""

    text: str
    """As the user wrote it, in one spelling."""
    models: frozenset[tuple[str, str]]
    """Provider and model of the book."""
    classes: frozenset[str]
    """Price classes."""
    kind: Literal["percent", "set", "add"]
    amount: Decimal
    """Percent, or USD per 1M tokens (per unit for counted units)."""
    valid_from: int = 0
    """Microseconds UTC: the first instant of the change."""

    def applied(self, usd: Fraction, standard: Fraction | None) -> Fraction:
        """A price after the change; `standard` is the price without conditions at the same time.

        An amount of dollars moves the standard price, and every other by the same factor. Where there is no
        standard price, or it is 0, there is no factor: the amount is taken as it is.
        """
        amount = Fraction(self.amount)
        if self.kind == "percent":
            return usd * (100 + amount) / 100
        if not standard:
            return amount if self.kind == "set" else usd + amount
        return usd * (amount if self.kind == "set" else standard + amount) / standard


def change_rows(
    rows: Sequence[PriceRow], changes: Iterable[PriceChange], provider: str, model: str
) -> tuple[PriceRow, ...]:
    """Settled rows of a model with the changes made, one after the other.

    Exact, and rounded once, half even, to the 9 decimals of the tables. A row whose price stays the same
    is the same row.
    """
    ours = [c for c in changes if (provider, model) in c.models]
    if not ours:
        return tuple(rows)
    series = series_of(rows)
    out: list[PriceRow] = []
    for (klass, _), dated in series.items():
        steps = [c for c in ours if klass in c.classes]
        standard = series.get((klass, STANDARD_WHEN), [])
        edges = sorted({c.valid_from for c in steps} | {r.valid_from for r in standard if steps})
        out += _changed_series(dated, steps, standard, edges)
    return tuple(out)


def _changed_series(
    dated: list[PriceRow], steps: Sequence[PriceChange], standard: Sequence[PriceRow], edges: list[int]
) -> Iterator[PriceRow]:
    for row in cut_series(dated, edges):
        made = [c for c in steps if c.valid_from <= row.valid_from]
        before = next((r for r in reversed(standard) if r.valid_from <= row.valid_from), None)
        yield _changed(row, made, None if before is None else before.usd)


def _changed(row: PriceRow, made: Sequence[PriceChange], standard: Decimal | None) -> PriceRow:
    if row.usd is None or not made:
        return row
    usd, base = Fraction(row.usd), None if standard is None else Fraction(standard)
    for change in made:
        usd, base = change.applied(usd, base), None if base is None else change.applied(base, base)
    rounded = Decimal(round(usd / Fraction(RATE_STEP))) * RATE_STEP
    return (
        row
        if rounded == row.usd
        else msgspec.structs.replace(row, usd=rounded.normalize(EXACT), what_if=True)
    )
