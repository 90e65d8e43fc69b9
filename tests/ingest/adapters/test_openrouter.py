"""Generations of OpenRouter and of the Vercel AI Gateway, which took over their form."""

from __future__ import annotations

from typing import Any

import pytest

from costaudit.ingest.adapters import openrouter, vercel_gateway
from costaudit.ingest.format import Skip
from costaudit.ingest.settle import settled
from tests.ingest.adapters.rows import counts, only

ROW = {
    "generation_id": "gen-1",
    "created_at": "2026-10-05 09:15:02.114",
    "cost_total": "0.0004696",
    "cost_cache": "-0.0001",
    "byok_usage_inference": "0",
    "tokens_prompt": "1312",
    "tokens_completion": "186",
    "tokens_reasoning": "128",
    "tokens_cached": "1024",
    "model_permaslug": "openai/gpt-5-mini-2025-08-07",
    "provider_name": "OpenAI",
    "variant": "standard",
    "cancelled": "false",
    "streamed": "true",
    "user": "",
    "finish_reason_normalized": "stop",
    "generation_time_ms": "2431",
    "api_key_name": "prod",
    "app_name": "triage",
}
GENERATION: dict[str, Any] = {
    "id": "gen-1",
    "total_cost": 0.0004696,
    "upstream_inference_cost": 0,
    "created_at": "2026-10-05T09:15:02.114Z",
    "model": "openai/gpt-5-mini",
    "provider_name": "OpenAI",
    "generation_time": 2431,
    "finish_reason": "stop",
    "tokens_prompt": 1300,
    "tokens_completion": 180,
    "native_tokens_prompt": 1312,
    "native_tokens_completion": 186,
    "native_tokens_reasoning": 128,
    "native_tokens_cached": 1024,
    "is_byok": False,
    "cancelled": False,
    "external_user": "u-17",
}


def test_a_row_of_the_activity_export():
    call = only(openrouter.ADAPTER, ROW)
    assert counts(call) == (288, 1024, 0, 0, 186, 128)
    assert (call.reported_picousd, call.response_id, call.gateway) == (469_600_000, "gen-1", "openrouter")
    assert (call.feature, call.tags, call.user, call.stream) == ("triage", "api_key:prod", None, True)
    assert (call.status, call.final, call.latency_ms) == ("ok", True, 2431)


def test_the_upstream_bill_of_ones_own_key_is_paid_too():
    call = only(openrouter.ADAPTER, {**ROW, "cost_total": "0.00002", "byok_usage_inference": "0.0004"})
    assert call.reported_picousd == 420_000_000
    own = {**GENERATION, "is_byok": True, "total_cost": 0.00002, "upstream_inference_cost": 0.0004}
    assert only(openrouter.ADAPTER, {"data": own}).reported_picousd == 420_000_000
    shared = {**own, "is_byok": False}
    assert only(openrouter.ADAPTER, {"data": shared}).reported_picousd == 20_000_000


@pytest.mark.parametrize(
    ("variant", "model", "tier"),
    [("free", "deepseek/r1:free", None), ("batch", "deepseek/r1", "batch"), ("", "deepseek/r1", None)],
)
def test_variants(variant: str, model: str, tier: str | None):
    call = only(openrouter.ADAPTER, {**ROW, "model_permaslug": "deepseek/r1", "variant": variant})
    assert (call.model, call.service_tier) == (model, tier)


def test_a_free_model_is_free():
    assert only(openrouter.ADAPTER, {**ROW, "cost_total": "0", "variant": "free"}).reported_picousd == 0


def test_a_cancelled_and_a_failed_generation():
    assert only(openrouter.ADAPTER, {**ROW, "cancelled": "true"}).status == "cancelled"
    failed = only(openrouter.ADAPTER, {**ROW, "finish_reason_normalized": "error"})
    assert (failed.status, failed.error_code) == ("error", "error")


def test_native_tokens_are_billed_and_normalised_ones_are_an_estimate():
    call = only(openrouter.ADAPTER, GENERATION)
    assert (counts(call), call.quality, call.user) == ((288, 1024, 0, 0, 186, 128), "exact", "u-17")
    counted = {k: v for k, v in GENERATION.items() if not k.startswith("native_")}
    rough = only(openrouter.ADAPTER, counted)
    assert (rough.input, rough.output, rough.quality) == (1300, 180, "estimated")


def test_large_prompts_to_claude_may_hide_cache_writes():
    claude = {**ROW, "model_permaslug": "anthropic/claude-sonnet-4.5"}
    assert only(openrouter.ADAPTER, {**claude, "tokens_prompt": "5000"}).quality == "partial"
    assert only(openrouter.ADAPTER, claude).quality == "exact"


def test_daily_totals_are_refused():
    day = {"date": "2026-10-05", "model": "m", "requests": 5, "byok_usage_inference": 0, "prompt_tokens": 5}
    for record in (day, {"data": [day, day]}):
        assert openrouter.ADAPTER.matches(record)
        with pytest.raises(Skip, match="aggregate"):
            settled(openrouter.ADAPTER.calls(record))


VERCEL = {
    **{k: v for k, v in GENERATION.items() if not k.startswith("tokens_")},
    "id": "gen_1",
    "native_tokens_prompt": 3312,
    "native_tokens_cache_creation": 2000,
    "billable_web_search_calls": 2,
}


def test_a_vercel_generation_states_cache_writes_and_searches():
    call = only(vercel_gateway.ADAPTER, {"data": VERCEL})
    assert counts(call) == (288, 1024, 2000, 0, 186, 128)
    assert (call.web_searches, call.gateway, call.quality) == (2, "vercel", "exact")
    assert not openrouter.ADAPTER.matches(VERCEL)
    assert not vercel_gateway.ADAPTER.matches(GENERATION)


def test_the_sdk_names_the_same_things_in_camel_case():
    sdk = {
        "id": "gen_1",
        "totalCost": 0.0004696,
        "createdAt": "2026-10-05T09:15:02.114Z",
        "model": "openai/gpt-5-mini",
        "providerName": "OpenAI",
        "generationTime": 2431,
        "finishReason": "stop",
        "promptTokens": 3312,
        "completionTokens": 186,
        "reasoningTokens": 128,
        "cachedTokens": 1024,
        "cacheCreationTokens": 2000,
        "billableWebSearchCalls": 2,
        "isByok": False,
    }
    call = only(vercel_gateway.ADAPTER, {**VERCEL, "external_user": None, "cancelled": None})
    assert only(vercel_gateway.ADAPTER, sdk) == call


def test_totals_of_the_spend_report_are_refused():
    with pytest.raises(Skip, match="aggregate"):
        settled(
            vercel_gateway.ADAPTER.calls(
                {"day": "2026-10-05", "total_cost": 1, "market_cost": 1, "request_count": 2}
            )
        )
