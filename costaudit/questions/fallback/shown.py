"""Figures of `costaudit fallback` for the eye."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from costaudit.render.figures import ABSENT, share
from costaudit.render.part import Interval

ROWS: Final = 8
"""Models, parts … that are listed one by one."""


def number(value: float) -> str:
    """An expected number of requests."""
    if value >= 100 or value == int(value):
        return f"{value:,.0f}"
    return "<0.1" if value < 0.05 else f"{value:,.1f}"


def available(found: Interval | None) -> str:
    """A share with its interval."""
    if found is None or found.low is None or found.high is None:
        return ABSENT
    return f"{100 * found.point:.1f}% ({100 * found.low:.1f}–{100 * found.high:.1f})"


def percent_of(value: float | None) -> str:
    """A share that may be absent."""
    return ABSENT if value is None else share(value, 1)


def fine(value: float | None) -> str:
    """An availability: its differences are in the last digits."""
    if value is None:
        return ABSENT
    text = f"{100 * value:.2f}%"
    return ">99.99%" if text == "100.00%" and value < 1 else text


def dollars(amounts: Sequence[Decimal | None], *, signed: bool = False) -> tuple[str, ...]:
    """Small amounts of one column with one number of decimals."""
    known = [abs(a) for a in amounts if a is not None and a]
    digits = 2 if not known or max(known) >= 10 else 4 if max(known) >= Decimal("0.01") else 6
    shown = []
    for amount in amounts:
        if amount is None:
            shown.append(ABSENT)
            continue
        size = f"{abs(amount):,.{digits}f}"
        zero = not size.strip("0.,")
        sign = "" if zero else "-" if amount < 0 else "+" if signed else ""
        shown.append(f"{sign}${size}")
    return tuple(shown)
