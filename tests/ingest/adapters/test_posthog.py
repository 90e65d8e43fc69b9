"""Events of PostHog: a generation is a call; what its input includes follows from PostHog's own rule."""

from __future__ import annotations

import json
from typing import Any

import pytest

from costaudit.ingest.adapters.posthog import ADAPTER
from costaudit.ingest.format import Skip
from costaudit.ingest.settle import settled
from costaudit.schema import Call


def event(name: str = "$ai_generation", **of: Any) -> dict[str, Any]:
    said = {
        "$ai_model": "claude-sonnet-4-5", "$ai_provider": "anthropic", "$ai_trace_id": "t1",
        "$ai_latency": 1.5, "$ai_input": [{"role": "user", "content": "secret"}],
        "$ai_input_tokens": 100, "$ai_output_tokens": 50, "$ai_cache_read_input_tokens": 30,
        "$ai_cache_creation_input_tokens": 20, "$ai_total_cost_usd": 0.001134,
    }  # fmt: skip
    return {
        "uuid": "e1", "event": name, "timestamp": "2026-10-05T10:00:00Z", "distinct_id": "ann",
        "properties": {**said, **of},
    }  # fmt: skip


def only(record: dict[str, Any]) -> Call:
    assert ADAPTER.matches(record)
    (call,) = settled(ADAPTER.calls(record))
    return call


def counts(call: Call) -> tuple[int, ...]:
    return call.input, call.cache_read, call.cache_write_5m, call.cache_write_1h, call.output


def test_a_generation():
    call = only(event())
    assert counts(call) == (100, 30, 20, 0, 50)
    assert (call.call_id, call.user, call.session, call.latency_ms) == ("e1", "ann", "t1", 1500)
    assert (call.reported_picousd, call.model, call.provider) == (
        1_134_000_000, "claude-sonnet-4-5", "anthropic",
    )  # fmt: skip
    assert "secret" not in str(call)


@pytest.mark.parametrize(
    ("of", "fresh"),
    [
        ({}, 100),
        ({"$ai_cache_reporting_exclusive": False}, 50),
        ({"$ai_cache_reporting_exclusive": "true", "$ai_provider": "openai", "$ai_model": "gpt-5"}, 100),
        ({"$ai_provider": "openai", "$ai_model": "gpt-5"}, 50),
        ({"$ai_provider": "openrouter", "$ai_model": "anthropic/claude-sonnet-4.5"}, 100),
        ({"$ai_provider": "gateway", "$ai_framework": "vercel"}, 50),
        ({"$ai_provider": "gateway", "$ai_framework": "vercel", "$ai_input_tokens": 40}, 40),
        ({"$ai_provider": "anthropic", "$ai_total_tokens": 150}, 100),  # the two that nobody takes for all
    ],
)
def test_what_the_input_includes(of: dict[str, Any], fresh: int):
    assert only(event(**of)).input == fresh


def test_writes_by_lifetime_and_negative_costs():
    split = {"$ai_cache_creation_5m_input_tokens": 12, "$ai_cache_creation_1h_input_tokens": 8}
    call = only(event(**split, **{"$ai_total_cost_usd": -0.0003}))
    assert (counts(call), call.reported_picousd) == ((100, 30, 12, 8, 50), None)


def test_rows_of_exports_have_their_properties_as_text_or_as_columns():
    whole = event()
    as_text = {**whole, "properties": json.dumps(whole["properties"])}
    as_columns = {
        "uuid": "e1", "event": "$ai_generation", "timestamp": whole["timestamp"], "distinct_id": "ann",
        **{f"properties.{name}": value for name, value in whole["properties"].items()},
    }  # fmt: skip
    assert only(as_text) == only(as_columns) == only(whole)


def test_traces_and_other_events_are_no_calls():
    assert ADAPTER.calls(event("$ai_trace")) == []
    assert ADAPTER.calls(event("$ai_span")) == []
    assert not ADAPTER.matches(event("$pageview"))


def test_a_failed_call_and_an_impossible_count():
    call = only(event(**{"$ai_http_status": 429, "$ai_error": "rate_limit: secret", "$ai_input_tokens": None,
                         "$ai_output_tokens": None}))  # fmt: skip
    assert (call.status, call.error_code, call.quality) == ("error", "rate_limit", "none")
    with pytest.raises(Skip):
        ADAPTER.calls(event(**{"$ai_input_tokens": -70}))
