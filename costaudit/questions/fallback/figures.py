"""Figures of `costaudit fallback`: exact amounts and fractions as the report states them."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Final

from costaudit.questions.fallback.replay import ChainOutcome
from costaudit.render.part import Interval
from costaudit.stats.intervals import Estimate

ROUND: Final = 12
"""Decimals of expected dollars."""


def usd(units: int | Fraction) -> Decimal:
    """Dollars of 1e-15 USD: exact for an integer, else rounded half even to 1e-12 USD."""
    if isinstance(units, int):
        return Decimal(units).scaleb(-15)
    return Decimal(round(units / 10 ** (15 - ROUND))).scaleb(-ROUND)


def known_usd(found: ChainOutcome, units: Fraction) -> Decimal | None:
    """An amount; None where none of the requests has a price."""
    return usd(units) if found.priced or not found.requests else None


def share(part: Fraction | float, whole: int = 1) -> float | None:
    """A share with six decimals, 0 or 1 only where it is just that; None of nothing."""
    if not whole:
        return None
    exact = Fraction(part) / whole
    near = round(float(exact), 6)
    return 0.000001 if near == 0 and exact > 0 else 0.999999 if near == 1 and exact < 1 else near


def rounded(value: Fraction) -> float:
    """With six decimals."""
    return round(float(value), 6)


def interval(found: Estimate | None) -> Interval | None:
    """With six decimals."""
    if found is None:
        return None
    low, high = (None if end is None else round(end, 6) for end in (found.low, found.high))
    return Interval(point=round(found.point, 6), low=low, high=high)
