"""model-prices' snapshot.json (MIT): prices of labs over time, from models.dev with corrections of its own.

`prices` is provider → model → mode → periods, oldest first: `start` (null for the first), and `rates` in USD
per 1M tokens, null where the mode did not exist. Prices by the hour stand under `schedules`, as factors of
these; the periods have those outside of the peak, and of the discount.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from msgspec.structs import replace

from costaudit.prices.conditions import When
from costaudit.prices.importers.amounts import parse_amount
from costaudit.prices.importers.decode import decoded
from costaudit.prices.importers.observation import (
    OTHER_CONDITION,
    OTHER_SHAPE,
    Observation,
    SkippedStatement,
    Windows,
)
from costaudit.times import time_us

KIND: Final = "model-prices"

CLASSES: Final = {
    "input": "input",
    "output": "output",
    "cache_read": "cache_read",
    "cache_write": "cache_write_5m",
}
MODES: Final = {
    "standard": When(),
    "batch": When(tier="batch"),
    "flex": When(tier="flex"),
    "fast": When(speed="fast"),
    "thinking": When(speed="thinking"),
}
FAST_IS_PRIORITY: Final = frozenset({"openai"})
"""Providers that call their priority tier so: OpenAI renamed it on 2026-07-30."""

Found = Observation | SkippedStatement


def fits(data: Any) -> bool:
    """Whether the data looks like this source."""
    return isinstance(data, Mapping) and {"prices", "models_dev", "schedules"} <= data.keys()


def parse_model_prices(data: Any, windows: Windows | None = None) -> Iterator[Found]:  # noqa: ARG001 - the shape of a parser
    """Every price of every model, oldest first."""
    for provider, models in decoded(data)["prices"].items():
        for name, modes in models.items():
            place = f"{provider}/{name}"
            blank = Observation(KIND, str(provider), str(name), "", Decimal(0), When(), None, place)
            try:
                found = list(_model(modes, blank))
            except (AttributeError, KeyError, TypeError, ValueError):
                found = [SkippedStatement(OTHER_SHAPE, place)]
            yield from found


def _model(modes: Mapping[str, Sequence[Mapping[str, Any]]], blank: Observation) -> Iterator[Found]:
    for mode, periods in modes.items():
        place = f"{blank.place}.{mode}"
        if mode not in MODES:
            yield SkippedStatement(OTHER_CONDITION, place)
            continue
        for period, following in itertools.zip_longest(periods, periods[1:]):
            start, end = _start(period), _start(following) if following else None
            priority = mode == "fast" and blank.provider_hint in FAST_IS_PRIORITY
            when = When(tier="priority") if priority else MODES[mode]
            dated = replace(blank, when=when, valid_from=start, valid_to=end, place=place)
            yield from _rates(period["rates"] or {}, dated)


def _start(period: Mapping[str, Any]) -> int | None:
    return time_us(period["start"]) if period["start"] else None


def _rates(rates: Mapping[str, Any], blank: Observation) -> Iterator[Found]:
    yield from _plain(rates, blank)
    for tier in rates.get("tiers") or ():
        above = replace(blank.when, context_over=int(tier["above"]))
        yield from _plain(tier, replace(blank, when=above))


def _plain(rates: Mapping[str, Any], blank: Observation) -> Iterator[Found]:
    for key, klass in CLASSES.items():
        if key in rates:
            usd = parse_amount(rates[key])
            place = f"{blank.place}.{key}"
            if isinstance(usd, Decimal):
                yield replace(blank, klass=klass, usd=usd, place=place)
            else:
                yield SkippedStatement(usd, place)
