"""Values as exported rows hold them: a column of a CSV file is text, whatever it meant.

Gateways and tracers export the same record as JSON, CSV and database rows. These readers take a
value of either kind; a value of the wrong kind is read as absent and nothing here raises.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from costaudit.ingest.fields import MAX_PICOUSD, mapping, text, timestamp_us
from costaudit.ingest.format import Record
from costaudit.money import EXACT, PICO_PER_USD

ABSENT: Final = ("", "-")
"""Text that stands for no value: an empty CSV cell, the dash of an access log."""

_CODE: Final = re.compile(r"[A-Za-z0-9_.\-]{1,64}")


def filled(record: Record) -> dict[str, Any]:
    """The fields of a record that have a value."""
    return {k: v for k, v in record.items() if v is not None and not (isinstance(v, str) and v in ABSENT)}


def number(value: Any) -> float | None:
    """A finite number of at least 0, also out of text; None for anything else.

    >>> number("2431"), number(0.212), number(""), number(-1)
    (2431.0, 0.212, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) and found >= 0 else None


def integer(value: Any) -> int | None:
    """A whole number of at least 0 and below 2**31, also out of text.

    >>> integer("429"), integer(1.0), integer(1.5), integer(None)
    (429, 1, None, None)
    """
    found = number(value)
    return int(found) if found is not None and found < 2**31 and found.is_integer() else None


def milliseconds(value: Any, *, per_unit: int = 1) -> int | None:
    """A duration in whole milliseconds; `per_unit` is 1000 for a value in seconds."""
    found = number(value)
    return round(found * per_unit) if found is not None and found < 1e12 else None


def elapsed_ms(start: Any, end: Any) -> int | None:
    """Milliseconds between two points in time, None when one is absent or they are the wrong way round."""
    begin, stop = timestamp_us(start), timestamp_us(end)
    return (stop - begin) // 1000 if begin is not None and stop is not None and stop >= begin else None


def picousd_of(value: Any, units_per_usd: int) -> int | None:
    """A cost in a smaller unit (100 cents, 10**9 nano-dollars to the dollar) as pico-dollars.

    >>> picousd_of("0.04696", 100), picousd_of(469600, 10**9)
    (469600000, 469600000)
    """
    if number(value) is None:
        return None
    amount = EXACT.multiply(Decimal(str(value).strip()), Decimal(PICO_PER_USD // units_per_usd))
    return round(amount) if amount <= MAX_PICOUSD else None


def short_code(value: Any) -> str | None:
    """The code of an error: the first word of its text, or the code or type of its object.

    The rest of an error's text may quote the prompt and is not kept.
    """
    if isinstance(value, Mapping):
        for name in ("code", "type", "status"):
            if (found := short_code(value.get(name))) is not None:
                return found
        return None
    word = text(value)
    match = _CODE.match(word.strip()) if word is not None else None
    return match[0].strip(".") or None if match is not None else None


def items(value: Any) -> list[Any]:
    """A list as it is or out of its JSON string; anything else is an empty list."""
    if isinstance(value, str) and value.startswith("["):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return []
    return list(value) if isinstance(value, (list, tuple)) else []


def plain(value: Any) -> Any:
    """An object or list out of its JSON string, other values as they are."""
    if isinstance(value, str):
        return items(value) or mapping(value) or value
    return value


def objects(value: Any) -> list[Mapping[str, Any]]:
    """The objects of a list."""
    return [item for item in items(value) if isinstance(item, Mapping)]
