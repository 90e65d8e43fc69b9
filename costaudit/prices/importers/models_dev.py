"""models.dev's api.json (MIT): providers with models, USD per 1M tokens, no dates of prices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from msgspec.structs import replace

from costaudit.prices.conditions import TIERS, When, service_tier
from costaudit.prices.importers.amounts import parse_amount
from costaudit.prices.importers.decode import decoded
from costaudit.prices.importers.observation import (
    OTHER_CONDITION,
    OTHER_SHAPE,
    OTHER_UNIT,
    Observation,
    SkippedStatement,
    Windows,
)

KIND: Final = "models-dev"

CLASSES: Final = {
    "input": "input",
    "output": "output",
    "cache_read": "cache_read",
    "cache_write": "cache_write_5m",
    "input_audio": "input_audio",
    "output_audio": "output_audio",
}
_NESTED: Final = ("tiers", "tier", "context_over_200k")


def fits(data: Any) -> bool:
    """Whether the data looks like this source: an object of providers with an object of `models`."""
    if not isinstance(data, Mapping) or not data:
        return False
    return all(isinstance(p, Mapping) and isinstance(p.get("models"), Mapping) for p in data.values())


def parse_models_dev(data: Any, windows: Windows | None = None) -> Iterator[Observation | SkippedStatement]:  # noqa: ARG001 - the shape of a parser
    """Every price of every provider, in the order of the source, which has no prices by the hour."""
    for provider, entry in decoded(data).items():
        for name, model in entry["models"].items():
            place = f"{provider}/{name}"
            blank = Observation(KIND, str(provider), str(name), "", Decimal(0), When(), None, place)
            try:
                found = list(_model(model, blank))
            except (AttributeError, KeyError, TypeError, ValueError):
                found = [SkippedStatement(OTHER_SHAPE, place)]
            yield from found


def _model(model: Mapping[str, Any], blank: Observation) -> Iterator[Observation | SkippedStatement]:
    yield from _cost(model.get("cost") or {}, blank)
    for name, mode in ((model.get("experimental") or {}).get("modes") or {}).items():
        place = f"{blank.place}.{name}"
        when = _condition(mode)
        if not mode.get("cost"):
            continue
        if when is None:
            yield SkippedStatement(OTHER_CONDITION, place)
        else:
            yield from _cost(mode["cost"], replace(blank, when=when, place=place))


def _condition(mode: Mapping[str, Any]) -> When | None:
    """The condition that a mode's addition to the request stands for."""
    body = (mode.get("provider") or mode).get("body") or {}
    tier = service_tier(str(body.get("service_tier", "")))
    if tier in TIERS:
        return When(tier=tier)
    return When(speed="fast") if body.get("speed") == "fast" else None


def _cost(cost: Mapping[str, Any], blank: Observation) -> Iterator[Observation | SkippedStatement]:
    yield from _rates(cost, blank)
    steps = [(tier["tier"]["size"], tier) for tier in cost.get("tiers") or ()]
    if not steps and cost.get("context_over_200k"):  # the older form; where both stand they tell the same
        steps = [(200_000, cost["context_over_200k"])]
    for over, rates in steps:
        yield from _rates(rates, replace(blank, when=replace(blank.when, context_over=int(over))))


def _rates(cost: Mapping[str, Any], blank: Observation) -> Iterator[Observation | SkippedStatement]:
    for key, value in cost.items():
        place = f"{blank.place}.{key}"
        if key in _NESTED:
            continue
        if key not in CLASSES:
            yield SkippedStatement(OTHER_UNIT, place)
            continue
        usd = parse_amount(value)
        if isinstance(usd, Decimal):
            yield replace(blank, klass=CLASSES[key], usd=usd, place=place)
        else:
            yield SkippedStatement(usd, place)
