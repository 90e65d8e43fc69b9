"""Instants and lengths of time: microseconds since 1970 UTC, and how they are written."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

HOUR_US: Final = 3_600_000_000
DAY_US: Final = 24 * HOUR_US
END_US: Final = (2**63 - 1) // 1_000
"""Microseconds: times from here on (2262-04-11) do not fit into nanoseconds and are not read."""


def instant(us: int) -> str:
    """Microseconds as RFC 3339 in UTC."""
    return datetime.fromtimestamp(us // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def time_us(value: Any) -> int | None:
    """A point in time as microseconds since 1970 UTC, from ISO text or an epoch in s, ms, us or ns.

    Naive times are UTC. The unit of an epoch number follows from its size. Objects of seconds and lists of
    year, month, day and so on are times, too. None when it cannot be read as a time between 1970 and 2262.

    >>> time_us("2026-10-05T09:15:02.114Z") == time_us(1791191702.114)
    True
    >>> time_us([2026, 10, 5, 9, 15, 2]) == time_us({"seconds": "1791191702"})
    True
    """
    if isinstance(value, str):
        return _from_text(value.strip())
    if isinstance(value, datetime):
        return _from_datetime(value)
    if isinstance(value, date):
        return _from_datetime(datetime(value.year, value.month, value.day, tzinfo=UTC))
    if isinstance(value, Mapping):
        return _from_seconds(value)
    if isinstance(value, (list, tuple)):
        return _from_parts(value)
    if isinstance(value, Decimal):
        value = int(value) if value.is_finite() and value == value.to_integral_value() else float(value)
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return _from_epoch(value) if number else None


def _from_epoch(value: int | float) -> int | None:
    if not 0 < value < 1e19:  # also refuses NaN, and integers beyond any float
        return None
    for limit, scale in ((1e11, 1_000_000), (1e14, 1_000), (1e17, 1)):
        if value < limit:
            us = value * scale if type(value) is int else round(value * scale)
            return us if us < END_US else None
    us = int(value) // 1_000
    return us if us < END_US else None


def _from_seconds(value: Mapping[str, Any]) -> int | None:
    """A time as an object: a Timestamp of protobuf (`seconds`, `nanos`), or of Firestore (`_seconds`)."""
    seconds = value.get("seconds", value.get("_seconds"))
    if isinstance(seconds, str) and seconds.isascii() and seconds.isdecimal() and len(seconds) < _MOST_DIGITS:
        seconds = int(seconds)
    if type(seconds) is not int or not value.keys() <= _OF_SECONDS or seconds >= _BELOW_MILLISECONDS:
        return None
    nanos = next((n for name in _NANOS if type(n := value.get(name)) is int), 0)
    us = _from_epoch(seconds)
    return None if us is None or not 0 <= nanos < 10**9 else us + nanos // 1000


_NANOS: Final = ("nanos", "nanoseconds", "_nanoseconds")
_OF_SECONDS: Final = frozenset({"seconds", "_seconds", *_NANOS})
_BELOW_MILLISECONDS: Final = 10**11
_MOST_DIGITS: Final = 20


def _from_parts(parts: Sequence[Any]) -> int | None:
    """A time as Java writes it without being told how: year, month, day, hour, minute, second, nanosecond.

    Jackson, `WRITE_DATES_AS_TIMESTAMPS`: what is 0 at the end is left out. A date alone is no list of these.
    """
    if not _FEWEST_PARTS <= len(parts) <= _MOST_PARTS or any(type(part) is not int for part in parts):
        return None
    year, month, day, hour, minute, second, nanos = (*parts, 0, 0)[:_MOST_PARTS]
    try:
        return _from_datetime(datetime(year, month, day, hour, minute, second, nanos // 1000, tzinfo=UTC))
    except (ValueError, OverflowError):
        return None


_FEWEST_PARTS: Final = 5
_MOST_PARTS: Final = 7
_EXPONENT: Final = re.compile(r"\d(?:\.\d{1,20})?[Ee]\+?\d{1,2}")
_DOT_NET: Final = re.compile(r"/Date\((\d{1,16})(?:[+-]\d{4})?\)/")
"""Milliseconds since 1970, as .NET's older serialisers write them; an offset says only where that was."""


def _from_odd_text(value: str) -> int | None:
    """A number with an exponent, as BigQuery answers with times, and .NET's dates."""
    if _EXPONENT.fullmatch(value):
        return _from_epoch(float(value))
    found = _DOT_NET.fullmatch(value)
    return None if found is None or int(found[1]) * 1_000 >= END_US else int(found[1]) * 1_000 or None


def _from_text(value: str) -> int | None:
    if not value:
        return None
    digits = len(value) < 40 and value.isascii() and value.replace(".", "", 1).isdecimal()
    if digits and len(value) not in (4, 8):
        return _from_epoch(float(value) if "." in value else int(value))
    if len(value) > 20 and "." in value:  # more than 6 digits of a second: cut, do not refuse
        head, _, tail = value.partition(".")
        length = len(tail) - len(tail.lstrip("0123456789"))
        value = f"{head}.{tail[:length][:6]}{tail[length:]}"
    try:
        return _from_datetime(datetime.fromisoformat(value.upper().removesuffix(" UTC")))
    except ValueError:
        return _from_http_date(value)


def _from_http_date(value: str) -> int | None:
    try:
        return _from_datetime(datetime.strptime(value, "%a, %d %b %Y %H:%M:%S GMT"))  # noqa: DTZ007
    except ValueError:
        return _from_odd_text(value)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _from_datetime(value: datetime) -> int | None:
    aware = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
    delta = aware - _EPOCH
    us = (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds
    return us if 0 < us < END_US else None
