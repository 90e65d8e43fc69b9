"""Reading the cells of bills: counts, money, currencies and the days of a bucket."""

from __future__ import annotations

import decimal
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

from costaudit.errors import InputError
from costaudit.ingest.bills.line import DaySpan, Row
from costaudit.ingest.fields import timestamp_us
from costaudit.ingest.format import Skip
from costaudit.ingest.usage import count as token_count
from costaudit.times import DAY_US

MOST_USD_DIGITS: Final = 12
"""Digits before the point of an amount that is believed."""
MOST_DIGITS: Final = 50

_MOST_COUNT: Final = 2**53
"""The largest count of a line: it sums up many requests."""


def count(row: Row, *names: str) -> int | None:
    """The first of the cells that is not empty, as a count; raises Skip where it cannot be one.

    Spreadsheets and the OpenAI dashboard write counts as `10.0`.
    """
    for name in names:
        value = row.get(name)
        if value is None or (isinstance(value, str) and not value.strip()):
            continue
        if isinstance(value, str):
            number = _decimal(value)
            if number is None or not number.is_finite():
                raise Skip("not_integer_usage", f"{name} is text that is no integer")
            value = number
        if isinstance(value, Decimal) and value.is_finite() and value.adjusted() > 20:
            raise Skip("usage_too_large", f"{name} is beyond {_MOST_COUNT:,}")
        return token_count(value, name, _MOST_COUNT)
    return None


def usd(row: Row, name: str) -> Decimal | None:
    """An amount, exactly; None for an empty cell. Raises Skip for one that is no amount."""
    return amount(row.get(name), name)


def amount(value: Any, name: str) -> Decimal | None:
    """An amount out of JSON or text, exactly; None when absent. Raises Skip for what is no amount."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    number = value
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**MOST_USD_DIGITS:
        number = Decimal(value)
    elif isinstance(value, str):
        number = _decimal(value)
    if not isinstance(number, Decimal) or not number.is_finite():
        raise Skip("bad_amount", f"{name} is not an amount")
    _, digits, exponent = number.as_tuple()
    if (number and number.adjusted() >= MOST_USD_DIGITS) or len(digits) > MOST_DIGITS:
        raise Skip("bad_amount", f"{name} is too large or too long")
    if not isinstance(exponent, int) or exponent < -MOST_DIGITS or exponent > MOST_USD_DIGITS:
        raise Skip("bad_amount", f"{name} is too large or too long")
    return number


def _decimal(text: str) -> Decimal | None:
    stripped = text.strip()
    if len(stripped) > 2 * MOST_DIGITS or "_" in stripped:
        return None
    try:
        return Decimal(stripped)
    except decimal.InvalidOperation:
        return None


def require_usd(currency: Any, file: str) -> None:
    """Raises Skip where no currency is stated, InputError for another one than the US dollar."""
    if currency is None or not str(currency).strip():
        raise Skip("no_currency", "an amount without a currency")
    if not isinstance(currency, str) or currency.strip().upper() != "USD":
        told = currency.strip()[:8] if isinstance(currency, str) else type(currency).__name__
        raise InputError(
            f"the bill is in {told!r}; only US dollars can be compared",
            path=file,
            hint="export the bill in USD, or leave it out: token exports need no currency",
        )


def word(row: Row, *names: str) -> str | None:
    """The first of the cells that holds text."""
    for name in names:
        value = row.get(name)
        if isinstance(value, str) and value.strip():
            return value.strip()
    return None


def model(row: Row, *names: str) -> str | None:
    """The model that a row names; raises Skip for one that is not text."""
    for name in names:
        value = row.get(name)
        if value is not None and not isinstance(value, str):
            raise Skip("model_not_text", f"{name} is a {type(value).__name__}")
    return word(row, *names)


def flag(row: Row, name: str) -> bool | None:
    """True or False from JSON, or from the words that spreadsheets write."""
    value = row.get(name)
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(value.strip().lower()) if isinstance(value, str) else None


_STARTS: Final = ("start_time", "starting_at", "start_time_iso", "usage_date_utc", "utc_date")
_ENDS: Final = ("end_time", "ending_at", "end_time_iso")


def span_of(row: Row) -> DaySpan:
    """The days of a row or bucket; raises Skip where its times cannot be read.

    Naive times are UTC. A start without an end is one day.
    """
    start, end = _time(row, _STARTS), _time(row, _ENDS)
    if start is None:
        raise Skip("bad_time", f"none of {', '.join(_STARTS)} is a date or time")
    if end is None:
        if any(row.get(name) for name in _ENDS):
            raise Skip("bad_time", "the end is not a time")
        end = start - start % DAY_US + DAY_US
    if end <= start:
        raise Skip("bad_time", "the end is not after the start")
    first, last = _day(start), _day(end - 1)
    whole = start % DAY_US == 0 and end % DAY_US == 0
    return DaySpan(first, last, utc=whole or first == last)


def _time(row: Row, names: tuple[str, ...]) -> int | None:
    for name in names:
        value = row.get(name)
        if value is not None and value != "":
            if isinstance(value, Decimal):
                value = float(value) if value.is_finite() and value.adjusted() < 20 else None
            moment = timestamp_us(value)
            if moment is not None:
                return moment
    return None


def _day(us: int) -> date:
    return datetime.fromtimestamp(us // 1_000_000, UTC).date()
