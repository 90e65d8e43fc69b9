"""OpenRouter: the activity export (CSV, one row per generation) and the generation object.

Both leave out cache writes, which Anthropic bills above the input price: large prompts to its models
are `partial`. OpenRouter's own percentage is charged when credits are bought and is in no row.
The daily totals of the activity API cannot be tiered and are refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from costaudit.ingest.adapters.generation import (
    call_from_generation,
    generations,
    is_generation,
    paid,
    set_finish,
)
from costaudit.ingest.adapters.row_facts import CACHED_FROM
from costaudit.ingest.adapters.row_values import filled, milliseconds
from costaudit.ingest.fields import first, flag, model_name, text, timestamp_us
from costaudit.ingest.format import Adapter, Record, Skip
from costaudit.ingest.meaning import includes
from costaudit.ingest.unused import unused_numbers
from costaudit.ingest.usage import count
from costaudit.schema import Call
from costaudit.stated import Stated

GATEWAY: Final = "openrouter"

NATIVE: Final = ("native_tokens_prompt", "tokens_prompt", "upstream_id")

BILLS_WRITES: Final = "anthropic/"
"""Models whose cache writes cost more than input."""

_KNOWN: Final = frozenset({
    "tokens_prompt", "tokens_completion", "tokens_cached", "tokens_reasoning", "cost_total",
    "byok_usage_inference", "cost_cache", "cost_web_search", "cost_file_processing",
})  # fmt: skip
"""Columns that are read, or that say what the cost is made of."""

DAILY: Final = ("date", "requests", "byok_usage_inference")
"""Columns of a daily total."""

PLAIN_VARIANTS: Final = ("standard", "batch")
"""Variants that are no part of the model's name; `batch` is a service tier."""


def is_openrouter(record: Record) -> bool:
    """True for a row of the activity export, a generation, or a daily total."""
    if "generation_id" in record:
        return "model_permaslug" in record or "tokens_prompt" in record
    return is_generation(record, "gen-", *NATIVE) or all(_is_daily(g) for g in generations(record))


def calls_from_openrouter(record: Record) -> list[Call]:
    """The calls of one row or API answer. Raises Skip for daily totals and impossible usage."""
    if "generation_id" in record:
        return [_activity(filled(record))]
    return [_generation(row) for row in generations(record)]


def _generation(row: Mapping[str, Any]) -> Call:
    if _is_daily(row):
        raise Skip("aggregate", "a daily total, not a call: export the activity by generation")
    call = call_from_generation(row)
    call.gateway = GATEWAY
    _doubt_writes(call)
    return call


def _activity(row: Mapping[str, Any]) -> Call:
    slug, variant = model_name(row.get("model_permaslug")), text(row.get("variant")) or "standard"
    call = Call(
        ts=timestamp_us(row.get("created_at")),
        response_id=text(row.get("generation_id")),
        provider=text(row.get("provider_name")),
        model=slug if slug is None or variant in PLAIN_VARIANTS or ":" in slug else f"{slug}:{variant}",
        gateway=GATEWAY,
        service_tier="batch" if variant == "batch" else None,
        user=text(row.get("user")),
        feature=text(row.get("app_name")),
        tags=f"api_key:{row['api_key_name']}" if text(row.get("api_key_name")) else None,
        stream=flag(row.get("streamed")),
        latency_ms=milliseconds(row.get("generation_time_ms")),
        final=True if row.get("finish_reason_normalized") else None,
    )
    call.stated = Stated(
        prompt=count(row.get("tokens_prompt"), "tokens_prompt"),
        completion=count(row.get("tokens_completion"), "tokens_completion"),
        cache_read=count(row.get("tokens_cached"), "tokens_cached"),
        reasoning=count(row.get("tokens_reasoning"), "tokens_reasoning"),
        includes=includes(GATEWAY, "chat"),
        zeros_are_nothing=True,
        unused=unused_numbers(row, _KNOWN),
    )
    _doubt_writes(call)
    set_finish(call, row.get("cancelled"), first(row, "finish_reason_normalized", "finish_reason_raw"))
    call.reported_picousd = paid(row.get("cost_total"), row.get("byok_usage_inference"))
    return call


def _doubt_writes(call: Call) -> None:
    """Mark a call whose input may hold cache writes that the row does not tell apart."""
    stated = call.stated
    if stated is not None and stated.doubt_from is None and (call.model or "").startswith(BILLS_WRITES):
        stated.doubt_from = CACHED_FROM


def _is_daily(row: Mapping[str, Any]) -> bool:
    return all(name in row for name in DAILY)


ADAPTER: Final = Adapter(
    name="openrouter",
    title="OpenRouter: activity export (CSV) and generation objects",
    matches=is_openrouter,
    calls=calls_from_openrouter,
    needs=("generation_id", "model_permaslug", "tokens_prompt"),
)
