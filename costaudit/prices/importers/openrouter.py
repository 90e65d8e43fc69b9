"""OpenRouter's models endpoint, /api/v1/models: strings in USD per token; -1 is decided per request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from msgspec.structs import replace

from costaudit.prices.conditions import When
from costaudit.prices.importers.amounts import MTOK, parse_amount
from costaudit.prices.importers.decode import decoded
from costaudit.prices.importers.hours import minutes_between, parse_clock, window_of
from costaudit.prices.importers.observation import (
    OTHER_CONDITION,
    OTHER_HOURS,
    OTHER_SHAPE,
    OTHER_UNIT,
    Observation,
    SkippedStatement,
    Windows,
)
from costaudit.prices.rows import UNIT_CLASSES

KIND: Final = "openrouter"

CLASSES: Final = {
    "prompt": "input",
    "completion": "output",
    "input_cache_read": "cache_read",
    "input_cache_write": "cache_write_5m",
    "input_cache_write_1h": "cache_write_1h",
    "audio": "input_audio",
    "audio_output": "output_audio",
    "input_audio_cache": "cache_read_audio",
    "image_token": "input_image",
    "request": "request",
    "web_search": "web_search",
}
_CONDITIONS: Final = ("min_prompt_tokens", "utc_start", "utc_end")


def fits(data: Any) -> bool:
    """Whether the data looks like this source: `data`, a list of models with an `id` and `pricing`."""
    models = data.get("data") if isinstance(data, Mapping) else None
    return isinstance(models, list) and any(
        isinstance(m, Mapping) and {"id", "pricing"} <= m.keys() for m in models
    )


def parse_openrouter(data: Any, windows: Windows | None = None) -> Iterator[Observation | SkippedStatement]:
    """Every price of every model, in the order of the source. `windows` are those of the book."""
    for model in decoded(data)["data"]:
        name = str(model.get("id", "?")) if isinstance(model, Mapping) else "?"
        try:
            found = list(_model(name, model["pricing"], windows or {}))
        except (AttributeError, KeyError, TypeError, ValueError):
            found = [SkippedStatement(OTHER_SHAPE, name)]
        yield from found


def _model(
    name: str, pricing: Mapping[str, Any], windows: Windows
) -> Iterator[Observation | SkippedStatement]:
    if isinstance(parse_amount(pricing.get("discount")), Decimal):
        # Whether the figures are those before or after the discount is not documented.
        yield SkippedStatement(OTHER_CONDITION, f"{name}.discount")
        return
    blank = Observation(KIND, KIND, name, "", Decimal(0), When(), None, name)
    yield from _rates({k: v for k, v in pricing.items() if k not in ("discount", "overrides")}, blank)
    for override in pricing.get("overrides") or ():
        place = f"{name}.overrides"
        when = _condition(override, windows)
        if when is None:
            yield SkippedStatement(OTHER_HOURS, place)
        else:
            rates = {k: v for k, v in override.items() if k not in _CONDITIONS}
            yield from _rates(rates, replace(blank, when=when, place=place))


def _condition(override: Mapping[str, Any], windows: Windows) -> When | None:
    least = int(override.get("min_prompt_tokens") or 0)
    start, end = override.get("utc_start"), override.get("utc_end")
    window: str | None = ""
    if start is not None and end is not None:
        window = window_of(minutes_between(parse_clock(str(start)), parse_clock(str(end))), windows)
    return None if window is None else When(context_over=least - 1 if least else -1, window=window)


def _rates(pricing: Mapping[str, Any], blank: Observation) -> Iterator[Observation | SkippedStatement]:
    for key, value in pricing.items():
        place = f"{blank.place}.{key}"
        if key not in CLASSES:
            yield SkippedStatement(OTHER_UNIT, place)
            continue
        klass = CLASSES[key]
        usd = parse_amount(value, 1 if klass in UNIT_CLASSES else MTOK)
        if isinstance(usd, Decimal):
            yield replace(blank, klass=klass, usd=usd, place=place)
        else:
            yield SkippedStatement(usd, place)
