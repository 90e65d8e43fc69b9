"""Figures for the eye: money, shares, counts. A figure that is not known is a dash, never $0.00."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from costaudit.money import shown
from costaudit.render.safe import clean

ABSENT: Final = "—"


CENT: Final = Decimal("0.01")


def money(amounts: Sequence[Decimal | None], *, signed: bool = False) -> tuple[str, ...]:
    """Amounts of one column in one form: cents if any reaches a dollar, else 4 significant digits.

    >>> money([Decimal("12.5"), Decimal("0.0004"), Decimal(0), None])
    ('$12.50', '<$0.01', '$0.00', '—')
    """
    cents = any(a is not None and abs(a) >= 1 for a in amounts)
    return tuple(_money(a, cents=cents, signed=signed) for a in amounts)


def _money(amount: Decimal | None, *, cents: bool, signed: bool) -> str:
    if amount is None:
        return ABSENT
    sign = "-" if amount < 0 else "+" if signed and amount > 0 else ""
    size = abs(amount)
    if not cents or not size:
        return sign + shown(size)
    return f"{sign}<$0.01" if size < CENT / 2 else f"{sign}${size:,.2f}"


def money_with_sum(
    parts: Sequence[Decimal | None], *, signed: bool = False, firm: int = 0
) -> tuple[str, ...]:
    """Amounts and, last, their sum, in cents that add up as shown.

    Where rounding breaks the sum, the largest amounts are rounded to their other cent, but never the
    first `firm` ones, nor an amount of a cent or less.

    >>> money_with_sum([Decimal("1.004"), Decimal("2.004"), Decimal("1.003")])
    ('$1.00', '$2.01', '$1.00', '$4.01')
    """
    whole = [*parts, total_of(parts)]
    if all(a is None or abs(a) < 1 for a in whole):
        return money(whole, signed=signed)
    cents = _adding_up(whole, firm)
    shown_as = [a if c is None or abs(c) < CENT else c for a, c in zip(whole, cents, strict=True)]
    return tuple(_money(a, cents=True, signed=signed) for a in shown_as)


def _adding_up(whole: Sequence[Decimal | None], firm: int) -> list[Decimal | None]:
    """Amounts and their sum in cents; whatever is moved stays within a cent of what it was."""
    cents = [None if a is None else a.quantize(CENT) for a in whole]
    gap = (cents[-1] or Decimal(0)) - (total_of(cents[:-1]) or Decimal(0))
    step = CENT.copy_sign(gap)
    free = [
        (c, i)
        for i, (c, a) in enumerate(zip(cents[:-1], whole, strict=False))
        if c is not None and a is not None and i >= firm and abs(c) > CENT and (c - a) * step < 0
    ]
    for cent, i in sorted(free, key=lambda f: (-abs(f[0]), f[1]))[: int(abs(gap) / CENT)]:
        cents[i] = cent + step
    return cents


def share(part: float, whole: float) -> str:
    """A share as a percentage that says 0 or 100 only where that is exact.

    >>> share(1, 3), share(99_999, 100_000), share(1, 100_000), share(1, 0)
    ('33.3%', '>99.9%', '<0.1%', '—')
    """
    if not whole:
        return ABSENT
    text = f"{100 * part / whole:.1f}%"
    if text == "100.0%" and part < whole:
        return ">99.9%"
    return "<0.1%" if text == "0.0%" and part > 0 else text


def percent(text: str | None, *, signed: bool = False) -> str:
    """A percentage that the report states as text, with one decimal."""
    value = decimal_or_none(text)
    if value is None:
        return ABSENT
    sign = "-" if value < 0 else "+" if signed and value > 0 else ""
    size = f"{abs(value):.1f}%"
    return f"{sign}<0.1%" if size == "0.0%" and value else sign + size


def count(number: int, noun: str) -> str:
    """A number with its noun.

    >>> count(1, "file"), count(1200, "request")
    ('1 file', '1,200 requests')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def total_of(amounts: Sequence[Decimal | None]) -> Decimal | None:
    """The sum of the known amounts; None when none is known."""
    known = [a for a in amounts if a is not None]
    return sum(known, Decimal(0)) if known else None


def words(name: str) -> str:
    """A name of the JSON contract as words."""
    return name.replace("_", " ")


def counts_shown(numbers: Sequence[int | None]) -> tuple[str, ...]:
    """Counts of one column."""
    return tuple(ABSENT if n is None else f"{n:,}" for n in numbers)


def decimal_or_none(value: object) -> Decimal | None:
    """An amount that the report holds as text."""
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None


def name_shown(name: str | None, kind: str) -> str:
    """A name as logged; an absent or blank one in brackets."""
    if name is None:
        return f"(no {kind})"
    return name if clean(name).strip() else "(blank)"


def nameless(kind: str, rows: Sequence[Any]) -> bool:
    """Whether no row of a breakdown has a name."""
    return all(getattr(r, kind) is None for r in rows)


def split_rows(rows: Sequence[Any], limit: int) -> tuple[list[Any], list[Any]]:
    """The rows that are listed, and those that are summed: never a single one."""
    cut = limit if len(rows) > limit + 1 else len(rows)
    return list(rows[:cut]), list(rows[cut:])
