"""Amounts per 30 days: in dollars, with what they stand on, and in a line."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Final

from costaudit.engine.costing import DIGITS
from costaudit.engine.month import Method, Month
from costaudit.questions.audit import result as m
from costaudit.render.figures import count

PLACES: Final = 6
"""Decimals of an amount that no decimal says exactly: a month is often a third or a seventh of something."""

MONTHS_A_YEAR: Final = 12

_EPOCH: Final = date(1970, 1, 1)


def month_usd(units: Fraction | None) -> Decimal | None:
    """Dollars of scaled ledger units."""
    return None if units is None else rounded_usd(units / 10**DIGITS)


def rounded_usd(amount: Fraction) -> Decimal:
    """Dollars exactly where a decimal can say them, else to a millionth, half even.

    >>> rounded_usd(Fraction(1, 3)), rounded_usd(Fraction(1380))
    (Decimal('0.333333'), Decimal('1380'))
    """
    value = Decimal(amount.numerator) / Decimal(amount.denominator)
    if Fraction(value) == amount:
        return value
    return Decimal(round(amount * 10**PLACES)).scaleb(-PLACES)


def usd_of(amount: Fraction | None) -> Decimal | None:
    """The same of an amount that may not be known."""
    return None if amount is None else rounded_usd(amount)


def period_coverage(month: Month, undated: int) -> m.PeriodCoverage:
    """What the amounts per month stand on. `undated` counts the requests without a time."""
    first, end = month.counted
    return m.PeriodCoverage(
        method=month.method.value,
        calendar_days=month.calendar_days,
        days_with_requests=month.active_days,
        gap_days=month.gap_days,
        longest_gap_days=month.longest_gap,
        whole_days=month.whole_days,
        partial_days=[(_EPOCH + timedelta(days=day)).isoformat() for day in month.partial],
        days_counted=0 if month.method is Method.NONE else end - first,
        weekdays_counted=0 if month.method is Method.NONE else month.weekdays,
        undated_requests=undated,
        weak=month.is_weak,
    )


def month_line(coverage: m.PeriodCoverage, days: float | None) -> str:
    """What an amount per month stands on, in a line."""
    parts = [_method(coverage, days)]
    if coverage.method != "elapsed_time" and coverage.partial_days:
        parts.append(f"{count(len(coverage.partial_days), 'day')} in part left out")
    if coverage.weak:
        parts.append("weak: under 14 days")
    return "; ".join(parts)


def month_notes(coverage: m.PeriodCoverage) -> Iterator[str]:
    """What else went into the amounts per month."""
    if coverage.method == "none":
        return
    if coverage.gap_days:
        longest = f", up to {coverage.longest_gap_days:,} in a row" if coverage.longest_gap_days > 1 else ""
        yield f"{count(coverage.gap_days, 'day')} without requests{longest}: a month counts them as free."
    if coverage.undated_requests:
        some = count(coverage.undated_requests, "request")
        yield f"{some} without a time: scaled by the time that the log covers."


def _method(coverage: m.PeriodCoverage, days: float | None) -> str:
    if coverage.method == "weekday_means":
        return f"30 days by weekday means of {count(coverage.days_counted, 'whole day')}"
    if coverage.method == "daily_mean":
        return f"30 days by the mean of {count(coverage.days_counted, 'whole day')}"
    return f"30 days by the time covered, {days or 0:,.1f} days in all"
