"""LiteLLM's model_prices_and_context_window JSON (MIT): one flat object per model, USD per token.

Every condition is part of a key (`input_cost_per_token_above_272k_tokens_batches`), there are no dates,
and 0 stands for free of charge as well as for not known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from msgspec.structs import replace

from costaudit.prices.conditions import ANYWHERE, STANDARD, When
from costaudit.prices.importers.amounts import MTOK, parse_amount, plain
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
from costaudit.prices.rows import UNIT_CLASSES

KIND: Final = "litellm"

CLASSES: Final = {
    "input_cost_per_token": "input",
    "output_cost_per_token": "output",
    "cache_read_input_token_cost": "cache_read",
    "cache_creation_input_token_cost": "cache_write_5m",
    "cache_creation_input_token_cost_above_1hr": "cache_write_1h",
    "input_cost_per_audio_token": "input_audio",
    "output_cost_per_audio_token": "output_audio",
    "cache_read_input_audio_token_cost": "cache_read_audio",
    "input_cost_per_image_token": "input_image",
    "output_cost_per_image_token": "output_image",
    "input_cost_per_request": "request",
}
TIERS: Final = {"batches": "batch", "flex": "flex", "priority": "priority"}
SEARCH: Final = "search_context_cost_per_query"

_KEY: Final = re.compile(
    r"(?P<stem>\w+?)(?:_above_(?P<kilo>\d+)k_tokens)?(?:_(?P<tier>batches|flex|priority))?$"
)
_COMMITMENT: Final = re.compile(r"\d+-month-commitment")
_REGION: Final = re.compile(r"us|eu|apac|us-gov|[a-z]{2}(-gov)?-[a-z]+-\d")
_EVERYWHERE: Final = ("global", "global-standard", "invoke", "*")
"""Parts of a key that name the standard way to the model."""
_UPLIFTS: Final = {
    "regional_processing_uplift_multiplier_us": When(region="us"),
    "regional_processing_uplift_multiplier_eu": When(region="eu"),
    "regional_endpoint_uplift_multiplier": When(region=ANYWHERE),
}
_ENTRIES: Final = {"us": When(region="us"), "fast": When(speed="fast")}
"""Multipliers in `provider_specific_entry`: Anthropic's inference_geo and fast mode."""

Found = Observation | SkippedStatement


def fits(data: Any) -> bool:
    """Whether the data looks like this source: an object of models that name their `litellm_provider`."""
    return isinstance(data, Mapping) and any(
        isinstance(v, Mapping) and "litellm_provider" in v for v in data.values()
    )


def parse_litellm(data: Any, windows: Windows | None = None) -> Iterator[Found]:
    """Every price of every model, in the order of the source. `windows` are those of the book."""
    for key, entry in decoded(data).items():
        if key == "sample_spec" or not isinstance(entry, Mapping) or "litellm_provider" not in entry:
            continue
        try:
            found = list(_model(str(key), entry, windows or {}))
        except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError):
            found = [SkippedStatement(OTHER_SHAPE, str(key))]
        yield from found


def _model(key: str, entry: Mapping[str, Any], windows: Windows) -> Iterator[Found]:
    provider = str(entry["litellm_provider"])
    if provider.startswith("vertex_ai-"):  # vertex_ai-llama_models and the like, one bill
        provider = "vertex_ai"
    model, when = _name(key, provider)
    if model is None:
        yield SkippedStatement(OTHER_CONDITION, key)
        return
    blank = Observation(KIND, provider, model, "", Decimal(0), when, None, key)
    found = [
        *_rates(entry, blank),
        *_ranges(entry.get("tiered_pricing"), blank),
        *_search(entry.get(SEARCH), blank),
    ]
    if "off_peak_pricing" in entry:
        found = list(_by_the_hour(found, entry["off_peak_pricing"], blank, windows))
    yield from found
    yield from _uplifted(found, entry)


def _name(key: str, provider: str) -> tuple[str | None, When]:
    """The model without the provider in front of it, and the region that the key names."""
    parts, when = key.split("/"), When()
    if parts[0] in (provider, provider.removesuffix("_converse"), provider.removesuffix("_text")):
        parts = parts[1:]
    while len(parts) > 1:
        if _COMMITMENT.fullmatch(parts[0]):
            return None, when
        if _REGION.fullmatch(parts[0]):
            when = When(region=parts[0])
        elif parts[0] not in _EVERYWHERE:
            break
        parts = parts[1:]
    return "/".join(parts), when


def _rates(entry: Mapping[str, Any], blank: Observation) -> Iterator[Found]:
    """The prices that stand under keys of their own."""
    for key, value in entry.items():
        if "cost" not in key or key == SEARCH:
            continue
        place = f"{blank.place}.{key}"
        match = _KEY.match(key)
        if match is None or match["stem"] not in CLASSES:
            known = any(key.startswith(stem) for stem in CLASSES)
            yield SkippedStatement(OTHER_CONDITION if known else OTHER_UNIT, place)
            continue
        over = int(match["kilo"]) * 1000 if match["kilo"] else blank.when.context_over
        when = replace(blank.when, context_over=over, tier=TIERS.get(match["tier"], blank.when.tier))
        yield _priced(replace(blank, klass=CLASSES[match["stem"]], when=when, place=place), value)


def _priced(blank: Observation, value: Any) -> Found:
    usd = parse_amount(value, 1 if blank.klass in UNIT_CLASSES else MTOK)
    return replace(blank, usd=usd) if isinstance(usd, Decimal) else SkippedStatement(usd, blank.place)


def _ranges(ranges: Any, blank: Observation) -> Iterator[Found]:
    """Dashscope's `tiered_pricing`: the range (start, end] of input tokens that each set of prices is for."""
    for step in ranges or ():
        start = int(step["range"][0])
        when = replace(blank.when, context_over=start if start > 0 else -1)
        place = f"{blank.place}.tiered_pricing"
        yield from _rates(
            {k: v for k, v in step.items() if k != "range"}, replace(blank, when=when, place=place)
        )


def _search(cost: Any, blank: Observation) -> Iterator[Found]:
    if cost is None:
        return
    place = f"{blank.place}.{SEARCH}"
    stated = set(cost.values()) if isinstance(cost, Mapping) else {cost}
    if len(stated) == 1:
        yield _priced(replace(blank, klass="web_search", place=place), stated.pop())
    else:  # by the size of the search context
        yield SkippedStatement(OTHER_CONDITION, place)


def _by_the_hour(
    found: list[Found], pricing: Mapping[str, Any], blank: Observation, windows: Windows
) -> Iterator[Found]:
    """The plain prices hold at peak hours, the off-peak prices outside; one of the two is our standard."""
    off_peak = _working_day(pricing["windows"])
    place = f"{blank.place}.off_peak_pricing"
    if name := window_of(DAY - off_peak, windows):
        peak, calm = When(window=name), When()
    elif name := window_of(off_peak, windows):
        peak, calm = When(), When(window=name)
    else:
        yield SkippedStatement(OTHER_HOURS, place)
        return
    rates = {k: v for k, v in pricing.items() if k in CLASSES}
    twice = {CLASSES[key] for key in rates}
    for item in found:
        if isinstance(item, Observation) and item.klass in twice and item.when == blank.when:
            yield replace(item, when=replace(item.when, window=peak.window))
        else:
            yield item
    yield from _rates(rates, replace(blank, when=replace(blank.when, window=calm.window), place=place))


def _working_day(windows: list[Mapping[str, Any]]) -> Minutes:
    spans = [
        text
        for window in windows
        if 1 in window.get("weekdays", (1,))
        for text in ([window["hours_utc"]] if isinstance(window["hours_utc"], str) else window["hours_utc"])
    ]
    parts = [span.partition("-") for span in spans]
    return frozenset[int]().union(*(minutes_between(parse_clock(a), parse_clock(b)) for a, _, b in parts))


def _uplifted(found: list[Found], entry: Mapping[str, Any]) -> Iterator[Observation]:
    """The token prices once more for each region or speed that the source multiplies them for."""
    stated = entry.get("provider_specific_entry")
    factors = [(when, entry[key]) for key, when in _UPLIFTS.items() if key in entry]
    factors += [
        (when, stated[key]) for key, when in _ENTRIES.items() if isinstance(stated, Mapping) and key in stated
    ]
    for when, value in factors:
        factor = parse_amount(value)
        for item in found:
            if (
                not isinstance(item, Observation)
                or item.klass in UNIT_CLASSES
                or not isinstance(factor, Decimal)
            ):
                continue
            if not when.speed or item.when.tier == STANDARD:  # fast mode is not for batches
                usd = plain(item.usd * factor)
                yield replace(item, usd=usd, when=replace(item.when, region=when.region, speed=when.speed))
