"""Vercel AI Gateway: generation objects, as its API answers and as its SDK returns them.

`native_tokens_prompt` includes cached and written tokens. Rows of the spend report are totals of a
day or a user and are refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from costaudit.ingest.adapters.generation import call_from_generation, generations, is_generation
from costaudit.ingest.format import Adapter, Record, Skip
from costaudit.schema import Call

SDK_NAMES: Final = {
    "totalCost": "total_cost",
    "upstreamInferenceCost": "upstream_inference_cost",
    "createdAt": "created_at",
    "isByok": "is_byok",
    "providerName": "provider_name",
    "finishReason": "finish_reason",
    "generationTime": "generation_time",
    "promptTokens": "native_tokens_prompt",
    "completionTokens": "native_tokens_completion",
    "reasoningTokens": "native_tokens_reasoning",
    "cachedTokens": "native_tokens_cached",
    "cacheCreationTokens": "native_tokens_cache_creation",
    "billableWebSearchCalls": "billable_web_search_calls",
}
"""The SDK's names (`GatewayGenerationInfo`) with those of the API."""

REPORT: Final = ("total_cost", "market_cost", "request_count")
"""Columns of the spend report."""


def is_vercel(record: Record) -> bool:
    """True for generations and for rows of the spend report."""
    if is_generation(record, "gen_", "native_tokens_prompt", "promptTokens"):
        return True
    return all(_is_total(row) for row in generations(record))


def calls_from_vercel(record: Record) -> list[Call]:
    """The calls of one record. Raises Skip for totals and impossible usage."""
    return [_call(row) for row in generations(record)]


def _call(row: Mapping[str, Any]) -> Call:
    if _is_total(row):
        raise Skip("aggregate", "a total of the spend report, not a call: log the generations")
    call = call_from_generation({SDK_NAMES.get(name, name): value for name, value in row.items()})
    call.gateway = "vercel"
    return call


def _is_total(row: Mapping[str, Any]) -> bool:
    return all(name in row for name in REPORT)


ADAPTER: Final = Adapter(
    name="vercel-gateway",
    title="Vercel AI Gateway: generation objects",
    matches=is_vercel,
    calls=calls_from_vercel,
    needs=("id", "native_tokens_prompt", "model"),
)
