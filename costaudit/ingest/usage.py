"""Usage as sources state it, turned into disjoint token classes.

Whether "input tokens" already include cached tokens, and "output tokens" the reasoning, differs by
source: the single largest error of cost tools. A source's default is given by its adapter; the
record's own total decides when it disagrees.
"""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any, Final

from costaudit.ingest.format import Skip
from costaudit.schema import MAX_COUNT, TOKEN_CLASSES, Call, Quality, Reading


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


_BEYOND_BELIEF: Final = 10**20

CLOCK_FROM: Final = 10**9
"""Counts from here on may be the seconds since 1970."""

_DAY_S: Final = 86_400


def refuse_clocks(call: Call) -> None:
    """Raise Skip where a token count is the time of the call: a clock in a token field."""
    if call.ts is None:
        return
    for name in TOKEN_CLASSES:
        count_ = getattr(call, name)
        if count_ >= CLOCK_FROM and abs(count_ - call.ts // 1_000_000) <= _DAY_S:
            raise Skip("usage_too_large", f"{name} is the time of the call")


def tokens_of(call: Call) -> int:
    """The tokens of all classes of a call; reasoning is a part of the output."""
    return sum(getattr(call, name) for name in TOKEN_CLASSES)


def set_usage(  # noqa: PLR0913 - one argument per number that a source may state
    call: Call,
    *,
    prompt: int | None,
    completion: int | None,
    cache_read: int | None = None,
    write_5m: int | None = None,
    write_1h: int | None = None,
    reasoning: int | None = None,
    total: int | None = None,
    input_audio: int | None = None,
    output_audio: int | None = None,
    cache_inside: bool = True,
    reasoning_inside: bool = True,
    cache_settled: bool = False,
    reasoning_settled: bool = False,
) -> Call:
    """Fill the call's disjoint classes from the numbers of one record; returns the call.

    `cache_inside` and `reasoning_inside` are the source's defaults. The record overrules them:
    cached tokens beyond the prompt can only be outside it, reasoning beyond the completion only
    outside that, and where the record states a total the reading whose sum equals it wins. A total
    above every reading, with no reasoning stated, is hidden thinking and counts as output. Tokens
    that a total shows to be both written and read count as read. Audio is taken to be inside prompt
    and completion, as OpenAI states it. Numbers must come from `count`. A record with neither prompt
    nor completion gets quality `none`.

    With `cache_settled` or `reasoning_settled` that default is certain and no total overrules it: a
    total that fits the opposite reading makes the call's reading ambiguous.
    """
    if prompt is None and completion is None:
        call.quality = Quality.NONE.value
        return call
    p, c = prompt or 0, completion or 0
    if cache_inside and total == p + c:
        write_5m, write_1h = _beside_reads(p, cache_read or 0, write_5m or 0, write_1h or 0)
    cached, think = (cache_read or 0) + (write_5m or 0) + (write_1h or 0), reasoning or 0
    inside, think_inside = cache_inside and cached <= p, reasoning_inside and think <= c
    hidden = 0
    reading = Reading.INCLUSIVE if inside else Reading.EXCLUSIVE
    if total is not None and total != _sum(p, c, cached, think, inside, think_inside):
        fitting = _fitting(p, c, cached, think, inside, think_inside, total)
        allowed = [
            (i, t)
            for i, t in fitting
            if not (cache_settled and i != inside) and not (reasoning_settled and t != think_inside)
        ]
        known = _sum(p, c, cached, think, inside, think_inside)
        if allowed:
            inside, think_inside = allowed[0]
            reading = Reading.INCLUSIVE if inside else Reading.EXCLUSIVE
        elif not fitting and reasoning is None and completion is not None and total > known:
            hidden = total - known
        elif fitting or cached:
            reading = Reading.AMBIGUOUS
    audio_in = min(input_audio or 0, p - cached if inside else p)
    out = c + hidden + (0 if think_inside else think)
    audio_out = min(output_audio or 0, out)
    call.input = p - (cached if inside else 0) - audio_in
    call.cache_read, call.cache_write_5m, call.cache_write_1h = cache_read or 0, write_5m or 0, write_1h or 0
    call.output, call.reasoning = out - audio_out, min(think + hidden, out - audio_out)
    call.input_audio, call.output_audio = audio_in, audio_out
    call.reading = reading.value
    if prompt is None or completion is None:
        call.quality = (
            Quality.EXACT.value if completion is None and total in (None, p) else Quality.PARTIAL.value
        )
    return call


def _fitting(  # noqa: PLR0913, PLR0917 - the numbers of one record
    p: int, c: int, cached: int, think: int, inside: bool, think_inside: bool, total: int
) -> list[tuple[bool, bool]]:
    """The readings other than the given one whose sum is the total, the likelier first.

    Reasoning may exceed the completion that it is in by a token (OpenRouter: 11 of 10).
    """
    return [
        (i, t)
        for i, t in (
            (not inside, think_inside),
            (inside, not think_inside),
            (not inside, not think_inside),
        )
        if (not i or cached <= p) and total == _sum(p, c, cached, think, i, t)
    ]


def _beside_reads(p: int, read: int, write_5m: int, write_1h: int) -> tuple[int, int]:
    """Writes without the tokens that the same call also reports as read: each counts once, as read.

    OpenRouter states so for Gemini's cache: prompt 2168, cached 2161, written 2161, total = prompt +
    completion.
    """
    over = read + write_5m + write_1h - p
    if over <= 0 or read > p or write_5m + write_1h > p:
        return write_5m, write_1h
    cut = min(over, write_5m)
    return write_5m - cut, write_1h - (over - cut)


def _sum(p: int, c: int, cached: int, think: int, inside: bool, think_inside: bool) -> int:
    return p + c + (0 if inside else cached) + (0 if think_inside else think)
