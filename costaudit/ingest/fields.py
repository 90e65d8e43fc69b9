"""Typed reading of loosely typed fields: text, times, flags and costs out of a decoded record."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from costaudit.ingest.format import Skip
from costaudit.money import picousd_from

MAX_PICOUSD = 10**6 * 10**12
"""A reported cost beyond a million dollars for one call is not believed."""

START_US = 1_262_304_000_000_000
"""2010. No model was called before: a log that says so has a clock that counts from its own start."""

END_US = (2**63 - 1) // 1_000
"""Microseconds: times from here on (2262-04-11) do not fit into nanoseconds and are not read."""


def text(value: Any) -> str | None:
    """A short scalar as text; None for absent, empty or structured values.

    Parquet has a type for UUIDs: they are read as their text.
    """
    if isinstance(value, str):
        return value or None
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, bool) or value is None or not isinstance(value, (int, float)):
        return None
    return str(value)


def first(record: Mapping[str, Any], *names: str) -> Any:
    """The first value that is not None under the given keys."""
    for name in names:
        value = record.get(name)
        if value is not None:
            return value
    return None


def mapping(value: Any) -> Mapping[str, Any]:
    """An object as it is, an object in a JSON string decoded, anything else as an empty object."""
    if type(value) is dict:
        return value
    if value is None or value == "{}":
        return {}
    if isinstance(value, Mapping):
        return value
    if isinstance(value, str) and value.startswith("{"):
        try:
            decoded = json.loads(value)
        except (ValueError, RecursionError):
            return {}
        return decoded if isinstance(decoded, dict) else {}
    return {}


def sequence(value: Any) -> list[Any] | None:
    """A list as it is, a list in a JSON string decoded, None for anything else."""
    if isinstance(value, str) and value.startswith("["):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    return value if isinstance(value, list) else None


def model_name(value: Any) -> str | None:
    """A model's name; raises Skip for a value that cannot be one (an object, a list, a number)."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise Skip("model_not_text", f"model is a {type(value).__name__}")
    return value.strip() or None


def flag(value: Any) -> bool | None:
    """True or False from a boolean or the words that logs use for one; None for anything else."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.strip().lower())
    return None


def picousd(value: Any) -> int | None:
    """A cost in USD as integer pico-dollars; None when absent, not finite, negative or absurd."""
    if value is None or isinstance(value, bool) or not isinstance(value, (int, float, str, Decimal)):
        return None
    try:
        amount = picousd_from(value)
    except (ValueError, ArithmeticError):
        return None
    return amount if 0 <= amount <= MAX_PICOUSD else None


def timestamp_us(value: Any) -> int | None:
    """When a call was made, as `time_us` reads it; None also for a time before 2010."""
    us = time_us(value)
    return us if us is not None and us >= START_US else None


def time_us(value: Any) -> int | None:
    """A point in time as microseconds since 1970 UTC, from ISO text or an epoch in s, ms, us or ns.

    Naive times are UTC. The unit of an epoch number follows from its size. None when it cannot be
    read as a time between 1970 and 2262.

    >>> time_us("2026-10-05T09:15:02.114Z") == time_us(1791191702.114)
    True
    """
    if isinstance(value, str):
        return _from_text(value.strip())
    if isinstance(value, datetime):
        return _from_datetime(value)
    if isinstance(value, date):
        return _from_datetime(datetime(value.year, value.month, value.day, tzinfo=UTC))
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
        return None


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _from_datetime(value: datetime) -> int | None:
    aware = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
    delta = aware - _EPOCH
    us = (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds
    return us if 0 < us < END_US else None
