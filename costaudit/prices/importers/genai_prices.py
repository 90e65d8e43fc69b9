"""genai-prices (MIT): its JSON feed, or the data module of the installed package.

Prices stand under keys such as `input_mtok`, in lists of periods of which the last that applies wins; a
price may have tiers by the size of the input, and variants by processing, service tier and speed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from costaudit.prices.conditions import STANDARD, TIERS, When, service_tier
from costaudit.prices.importers.amounts import parse_amount, plain
from costaudit.prices.importers.decode import decoded
from costaudit.prices.importers.hours import DAY, Minutes, minutes_between, parse_clock, window_of
from costaudit.prices.importers.observation import (
    OTHER_CONDITION,
    OTHER_HOURS,
    OTHER_SHAPE,
    OTHER_UNIT,
    Observation,
    SkippedStatement,
    Windows,
)
from costaudit.prices.rows import instant_us

KIND: Final = "genai-prices"

CLASSES: Final = {
    "input_mtok": ("input", 1),
    "output_mtok": ("output", 1),
    "cache_read_mtok": ("cache_read", 1),
    "cache_write_mtok": ("cache_write_5m", 1),
    "cache_write_5m_mtok": ("cache_write_5m", 1),
    "cache_write_1h_mtok": ("cache_write_1h", 1),
    "input_audio_mtok": ("input_audio", 1),
    "output_audio_mtok": ("output_audio", 1),
    "cache_audio_read_mtok": ("cache_read_audio", 1),
    "input_image_mtok": ("input_image", 1),
    "output_image_mtok": ("output_image", 1),
    "requests_kcount": ("request", 1000),
    "web_searches_kcount": ("web_search", 1000),
}
"""Our class of each price key, and how many of our units its price is for."""


class _Period(msgspec.Struct, frozen=True):
    """A set of prices with the time in which the source applies it."""

    prices: Mapping[str, Any]
    when: When
    valid_from: int | None
    valid_to: int | None


def fits(data: Any) -> bool:
    """Whether the data looks like this source: a list of providers with models that have `prices`."""
    if not isinstance(data, list) or not data:
        return False
    return all(isinstance(p, Mapping) and isinstance(p.get("models"), list) and "id" in p for p in data)


def parse_genai_prices(data: Any, windows: Windows | None = None) -> Iterator[Observation | SkippedStatement]:
    """Every price of every provider, in the order of the source. `windows` are those of the book."""
    for provider in decoded(data):
        for model in provider["models"]:
            place = f"{provider['id']}/{model.get('id', '?')}"
            try:
                found = list(_model(str(provider["id"]), model, windows or {}))
            except (AttributeError, KeyError, TypeError, ValueError):
                found = [SkippedStatement(OTHER_SHAPE, place)]
            yield from dict.fromkeys(found)  # service tiers `fast` and `priority` are the same one


def _model(
    provider: str, model: Mapping[str, Any], windows: Windows
) -> Iterator[Observation | SkippedStatement]:
    # `regional.` is this source's own word for a Bedrock id without an inference profile.
    name = str(model["id"]).removeprefix("regional.")
    stated = model.get("prices") or []
    entries = stated if isinstance(stated, list) else [{"prices": stated}]
    for period in (*_periods(entries, windows), *_variants(model.get("price_variants") or ())):
        if isinstance(period, SkippedStatement):
            yield msgspec.structs.replace(period, place=f"{provider}/{name}")
            continue
        for key, price in period.prices.items():
            if price is not None:
                yield from _prices(provider, name, key, price, period)


def _prices(
    provider: str, name: str, key: str, price: Any, period: _Period
) -> Iterator[Observation | SkippedStatement]:
    place = f"{provider}/{name}.{key}"
    if key not in CLASSES:
        yield SkippedStatement(OTHER_UNIT, place)
        return
    klass, units = CLASSES[key]
    steps = [(-1, price)]
    if isinstance(price, Mapping):
        steps = [(-1, price["base"]), *((int(tier["start"]), tier["price"]) for tier in price["tiers"])]
    for over, stated in steps:
        usd = parse_amount(stated)
        if isinstance(usd, Decimal):
            yield Observation(
                KIND, provider, name, klass, plain(usd / units),
                msgspec.structs.replace(period.when, context_over=over),
                period.valid_from, place, period.valid_to,
            )  # fmt: skip
        else:
            yield SkippedStatement(usd, place)


def _periods(entries: Sequence[Mapping[str, Any]], windows: Windows) -> Iterator[_Period | SkippedStatement]:
    """The dated prices, and those by the hour. A price by the hour has no date of its own."""
    clocked = [e for e in entries if "start_time" in (e.get("constraint") or {})]
    dated = [e for e in entries if e not in clocked]
    outside = When()
    if clocked:
        minutes = frozenset[int]().union(*(_minutes(e["constraint"]) for e in clocked))
        inside, outside = _hours(minutes, windows)
        if inside == outside or any(e["prices"] != clocked[0]["prices"] for e in clocked):
            yield SkippedStatement(OTHER_HOURS)
            return
        yield _Period(clocked[0]["prices"], inside, None, None)
    yield from _dated(dated, outside)


def _minutes(constraint: Mapping[str, Any]) -> Minutes:
    return minutes_between(parse_clock(constraint["start_time"]), parse_clock(constraint["end_time"]))


def _hours(minutes: Minutes, windows: Windows) -> tuple[When, When]:
    """The conditions in these hours and outside them; both standard when the book has no such window."""
    if name := window_of(minutes, windows):
        return When(window=name), When()
    if name := window_of(DAY - minutes, windows):
        return When(), When(window=name)
    return When(), When()


def _dated(entries: Sequence[Mapping[str, Any]], when: When) -> Iterator[_Period]:
    """Each with the time until a later entry takes over; one that is overtaken at once never holds."""
    starts = [_start(entry) for entry in entries]
    for place, entry in enumerate(entries):
        later = [start or 0 for start in starts[place + 1 :]]
        until = min(later, default=None)
        if until is None or until > (starts[place] or 0):
            yield _Period(entry["prices"], when, starts[place], until)


def _start(entry: Mapping[str, Any]) -> int | None:
    start = (entry.get("constraint") or {}).get("start_date")
    return None if start is None else instant_us(str(start))


def _variants(variants: Sequence[Mapping[str, Any]]) -> Iterator[_Period | SkippedStatement]:
    groups: dict[tuple[tuple[str, str], ...], list[Mapping[str, Any]]] = {}
    for variant in variants:
        groups.setdefault(tuple(sorted(variant["when"].items())), []).append(variant)
    for context, entries in groups.items():
        when = _condition(context)
        if when is None:
            yield SkippedStatement(OTHER_CONDITION)
        elif any("start_time" in (e.get("constraint") or {}) for e in entries):
            yield SkippedStatement(OTHER_HOURS)
        else:
            yield from _dated(entries, when)


def _condition(context: Sequence[tuple[str, str]]) -> When | None:
    when = When()
    for key, value in context:
        tier = service_tier(value)
        if key in ("processing", "service_tier") and tier in (*TIERS, STANDARD):
            when = msgspec.structs.replace(when, tier=tier)
        elif (key, value) == ("speed", "fast"):
            when = msgspec.structs.replace(when, speed=value)
        else:
            return None
    return when
