"""Single counts as records state them: read, or refused with the reason.

What the counts of a call mean together is the matter of `costaudit.ingest.settle`.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Any, Final

from costaudit.ingest.format import Skip
from costaudit.ingest.notation import DecimalMark
from costaudit.ingest.written_amounts import amount_of
from costaudit.schema import MAX_COUNT, TOKEN_CLASSES, Call, Quality


def count(value: Any, name: str, most: int = MAX_COUNT) -> int | None:
    """A token count as an integer, None when absent; raises Skip when it is impossible or beyond the most.

    >>> count(12, "input"), count("12", "input"), count(600.0, "input"), count("600.0", "input")
    (12, 12, 600, 600)
    """
    if value is None:
        return None
    if type(value) is not int:
        value = _integer(value, name)
    if value < 0:
        raise Skip("negative_usage", f"{name} is negative")
    if value > most:
        raise Skip("usage_too_large", f"{name} is beyond {most:,}")
    return int(value)


def _integer(value: Any, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, float, str, Decimal)):
        raise Skip("not_integer_usage", f"{name} is a {type(value).__name__}")
    if isinstance(value, str):
        text, _, fraction = value.strip().partition(".")
        whole = text.removeprefix("-").isdecimal() and text.isascii() and len(text) <= 20
        if not whole or fraction.strip("0"):
            raise Skip("not_integer_usage", f"{name} is text that is no integer")
        return int(text)
    if isinstance(value, (float, Decimal)):
        if not math.isfinite(value):
            raise Skip("not_integer_usage", f"{name} is not a number")
        if not -_BEYOND_BELIEF < value < _BEYOND_BELIEF:  # a decimal as long as that has no remainder
            raise Skip("usage_too_large" if value > 0 else "negative_usage", f"{name} is {value:.0e}")
        if value % 1:
            raise Skip("fractional_usage", f"{name} has a fraction")
    return int(value)


def grouped(value: Any) -> Any:
    """A count with groups of thousands in plain digits, for sources that write so; else the value itself.

    >>> grouped("1,200"), grouped("12,00"), grouped("12"), grouped("1 200"), grouped(5)
    ('1200', '12.00', '12', '1200', 5)
    """
    if not isinstance(value, str) or _PLAIN.fullmatch(value.strip()):
        return value
    amount = amount_of(value)
    if amount is None or amount.currency is not None:
        return value
    return amount.whole().readings.get(DecimalMark.POINT) or amount.only() or value


_PLAIN: Final = re.compile(r"-?\d+(?:\.\d*)?")

_BEYOND_BELIEF: Final = 10**20


def lacks_some(*values: Any) -> bool:
    """Whether some of several values are there and others not, which their source always states together.

    >>> lacks_some(0, 5), lacks_some(None, 5), lacks_some(None, None)
    (False, True, False)
    """
    return None in values and any(value is not None for value in values)


CLOCK_FROM: Final = 10**9
"""Counts from here on may be the seconds since 1970."""

_DAY_S: Final = 86_400


def refuse_clocks(call: Call) -> None:
    """Raise Skip where a token count is the time of the call: a clock in a token field."""
    if call.ts is None:
        return
    seconds = call.ts // 1_000_000
    for name, number in _counted(call):
        if number is not None and number >= CLOCK_FROM and abs(number - seconds) <= _DAY_S:
            raise Skip("usage_too_large", f"{name} is the time of the call")


def _counted(call: Call) -> list[tuple[str, int | None]]:
    """The counts of a call with the class that each would fill, settled or not."""
    stated = call.stated
    if stated is None:
        return [(name, getattr(call, name)) for name in TOKEN_CLASSES]
    # A total counts where it hides thinking; other totals only tell how the rest is to be read. Sound and
    # images count on top where they stand beside the two sides; inside of these they never exceed them.
    hides = stated.reasoning is None and stated.completion is not None
    beside = not stated.includes.media
    return [
        ("input", stated.prompt),
        ("cache_read", stated.cache_read),
        ("cache_write_5m", stated.write_5m),
        ("cache_write_5m", stated.written),
        ("cache_write_1h", stated.write_1h),
        ("output", stated.completion),
        ("output", stated.reasoning),
        ("output", stated.total if hides else None),
        ("input", stated.input_other),
        ("output", stated.output_other),
        *((name, getattr(stated, name)) for name in _MEDIA if beside),
    ]


_MEDIA: Final = ("input_audio", "output_audio", "input_image", "output_image")


def has_tokens(call: Call) -> bool:
    """Whether any token of the call is counted."""
    if call.stated is not None:
        return call.stated.has_tokens
    return any(getattr(call, name) for name in TOKEN_CLASSES)


def is_counted(call: Call) -> bool:
    """Whether the record states what the call used."""
    return call.quality != Quality.NONE and (call.stated is None or not call.stated.says_nothing)
