"""Dates as people, spreadsheets and programs write them, beside ISO 8601: what a text can mean.

Certain are a year of four digits in front, months in words, dots (`5.10.2026`: every locale of the Unicode
CLDR that writes its numbers with dots in this order begins with the day), and what JavaScript's
`toLocaleString` makes in the United States (`11/4/2025, 10:00:01 AM`: a comma and capital letters, which no
locale that begins with the day has). Other numbers between slashes or hyphens have several readings.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from costaudit.ingest.notation import DateOrder
from costaudit.times import time_us

LONGEST: Final = 80
"""Characters of a date with its time, zone and weekday."""

_BLANKS: Final = str.maketrans(dict.fromkeys("\u00a0\u2007\u2009\u202f\t", " "))
"""Spaces that do not break: spreadsheets and JavaScript put them between numbers and words."""

_MONTHS: Final = {
    name: number
    for number, names in enumerate(
        (
            ("jan", "january"), ("feb", "february"), ("mar", "march"), ("apr", "april"), ("may",),
            ("jun", "june"), ("jul", "july"), ("aug", "august"), ("sep", "sept", "september"),
            ("oct", "october"), ("nov", "november"), ("dec", "december"),
        ),
        1,
    )
    for name in names
}  # fmt: skip

_TIME: Final = (
    r"(?P<hour>\d{1,2})[:.](?P<minute>\d\d)(?:[:.](?P<second>\d\d)(?:[.,](?P<fraction>\d{1,9}))?)?"
    r"\ ?(?P<half>[ap]\.?\ ?m\.?)?"
)
_ZONE: Final = (
    r"\ ?(?P<zone>z|(?:utc|gmt|ut)?\ ?(?:(?P<sign>[+\-\u2212])(?P<zone_hour>\d\d?):?(?P<zone_minute>\d\d)?)?"
    r"(?:\ ?(?:utc|gmt))?)(?:\ ?\([^()]*\))?"
)
_NUMBERS: Final = r"(?P<a>\d{1,4})(?P<mark>[-/.])\ ?(?P<b>\d{1,2})(?P=mark)\ ?(?P<c>\d{1,4})\.?"
_WORDS: Final = (
    r"(?P<day>\d{1,2})(?:st|nd|rd|th)?\.?[ /-](?P<name>[a-z]{3,9})\.?,?[ /-](?P<year>\d{4})",
    r"(?P<name>[a-z]{3,9})\.?\ {1,2}(?P<day>\d{1,2})(?:st|nd|rd|th)?,?\ (?P<year>\d{4})",
    r"(?P<year>\d{4})[ /-](?P<name>[a-z]{3,9})\.?[ /-](?P<day>\d{1,2})",
)
_WEEKDAY: Final = r"(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?\.?,?\ )?"
_BETWEEN: Final = r",?\ |:|t|,?\ (?:at|@)\ "
_FORMS: Final = tuple(
    re.compile(
        rf"{_WEEKDAY}{date}(?:(?P<between>,?\ |:|t|,?\ (?:at|@)\ ){_TIME}{_ZONE}(?:\ uhr)?)?", re.IGNORECASE
    )
    for date in (_NUMBERS, *_WORDS)
)
_CLOCK_INSIDE: Final = re.compile(
    rf"{_WEEKDAY}(?P<name>[a-z]{{3}})\ {{1,2}}(?P<day>\d{{1,2}})\ {_TIME}\ (?:utc\ )?(?P<year>\d{{4}})",
    re.IGNORECASE,
)
"""As C's `ctime` and `date` write it: the year stands last."""

_LENGTHS: Final = {(4, 1), (4, 2), (1, 4), (2, 4), (1, 2), (2, 2)}
"""Digits of the first and of the last number of a date: one of them is a year."""

_FIRST_YEAR, _LAST_YEAR, _FIRST_SHORT_YEAR = 2010, 2100, 2020
"""Years that a log can have, of four digits and of two: no model was called before."""


Readings = dict[DateOrder | None, int]
"""Microseconds since 1970 by the order of the parts of a date; under None where no order is in question."""


def date_readings(text: str) -> Readings | None:
    """What a text can mean as a date; None where it is none. Without a zone it is UTC.

    >>> sorted(date_readings("11/4/2025 10:00")), len(date_readings("11/14/2025 10:00"))
    ([<DateOrder.DAY_FIRST: 'day-first'>, <DateOrder.MONTH_FIRST: 'month-first'>], 1)
    """
    if len(text) > LONGEST:
        return None
    text = text.translate(_BLANKS).strip()
    for form in (*_FORMS, _CLOCK_INSIDE):
        found = form.fullmatch(text)
        if found is not None:
            parts = found.groupdict()
            return _of_numbers(parts) if "mark" in parts else _of_words(parts)
    return None


def written_us(text: str) -> int | None:
    """The one time that a text can mean; None where it is no date, or can mean several."""
    times = set((date_readings(text) or {}).values())
    return times.pop() if len(times) == 1 else None


def _of_words(parts: dict[str, str | None]) -> Readings | None:
    month = _MONTHS.get((parts["name"] or "").lower())
    if month is None:
        return None
    us = _instant(int(parts["year"] or 0), month, int(parts["day"] or 0), parts)
    return {} if us is None else {None: us}


def _of_numbers(parts: dict[str, str | None]) -> Readings | None:
    a, b, c = (parts[name] or "" for name in "abc")
    if (len(a), len(c)) not in _LENGTHS:
        return None
    if len(a) == 4:
        us = _instant(int(a), int(b), int(c), parts)
        return {} if us is None else {None: us}
    year = int(c) if len(c) == 4 else 2000 + int(c)
    readings = {
        DateOrder.DAY_FIRST: (year, int(b), int(a)),
        DateOrder.MONTH_FIRST: (year, int(a), int(b)),
        DateOrder.YEAR_FIRST: (2000 + int(a), int(b), int(c)),
    }
    least = _FIRST_YEAR if len(c) == 4 else _FIRST_SHORT_YEAR
    found = {
        order: _instant(*readings[order], parts)
        for order in _orders(parts, short=len(c) == 2)
        if readings[order][0] >= least
    }
    return {order: us for order, us in found.items() if us is not None}


def _orders(parts: dict[str, str | None], *, short: bool) -> tuple[DateOrder, ...]:
    """The orders that the marks of a date allow."""
    half = parts["half"] or ""
    if parts["mark"] == "/" and parts["between"] == ", " and half in ("AM", "PM"):
        return (DateOrder.MONTH_FIRST,)
    first = (DateOrder.DAY_FIRST,) if parts["mark"] == "." else (DateOrder.DAY_FIRST, DateOrder.MONTH_FIRST)
    return (*first, DateOrder.YEAR_FIRST) if short else first


def _instant(year: int, month: int, day: int, parts: dict[str, str | None]) -> int | None:
    """Microseconds of a date with the time and zone of a text; None for a day or hour that does not exist."""
    hour, minute, second = (int(parts[name] or 0) for name in ("hour", "minute", "second"))
    half = (parts["half"] or "")[:1].lower()
    if half:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half == "p" else 0)
    if not _FIRST_YEAR <= year < _LAST_YEAR:
        return None
    fraction = int((parts["fraction"] or "").ljust(6, "0")[:6])
    try:
        return time_us(datetime(year, month, day, hour, minute, second, fraction, _zone(parts)))
    except ValueError:
        return None


def _zone(parts: dict[str, str | None]) -> timezone:
    """The zone of a text; raises ValueError for one that does not exist."""
    if not parts.get("sign"):
        return UTC
    away = timedelta(hours=int(parts["zone_hour"] or 0), minutes=int(parts["zone_minute"] or 0))
    return timezone(away if parts["sign"] == "+" else -away)
