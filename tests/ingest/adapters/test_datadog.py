"""Spans of Datadog LLM Observability, as exported and as sent in."""

from __future__ import annotations

from typing import Any

from costaudit.ingest.adapters.datadog import ADAPTER
from costaudit.ingest.settle import settled
from costaudit.schema import Call

METRICS = {
    "input_tokens": 2000.0, "non_cached_input_tokens": 70.0, "cache_read_input_tokens": 1900.0,
    "cache_write_input_tokens": 30.0, "output_tokens": 300.0, "reasoning_output_tokens": 200.0,
    "total_tokens": 2300.0, "estimated_total_cost": 5_600_000,
}  # fmt: skip


def span(kind: str = "llm", **fields: Any) -> dict[str, Any]:
    said = {
        "span_id": "11", "trace_id": "1", "parent_id": "undefined", "name": "openai.request", "status": "ok",
        "start_ns": 1_791_191_802_000_000_000, "duration": 3_000_000_000.0, "span_kind": kind,
        "ml_app": "shop", "model_name": "gpt-4o", "model_provider": "openai", "metrics": METRICS,
        "tags": ["env:prod", "session_id:s1", "user_id:ann"], "input": {"value": "secret"},
    }  # fmt: skip
    return {"type": "span", "id": "d1", "attributes": {**said, **fields}}


def calls(record: dict[str, Any]) -> list[Call]:
    assert ADAPTER.matches(record)
    return settled(ADAPTER.calls(record))


def counts(call: Call) -> tuple[int, ...]:
    return call.input, call.cache_read, call.cache_write_5m, call.output, call.reasoning


def test_the_input_holds_what_was_cached_and_costs_are_in_billionths():
    (call,) = calls(span())
    assert counts(call) == (70, 1900, 30, 300, 200)
    assert (call.reported_picousd, call.latency_ms, call.ts) == (5_600_000_000, 3000, 1_791_191_802_000_000)
    assert (call.provider, call.model, call.feature) == ("openai", "gpt-4o", "shop")
    assert (call.session, call.user, call.call_id) == ("s1", "ann", "1:11")
    assert "secret" not in str(call)


def test_an_input_without_its_cached_parts_is_told_by_them():
    (call,) = calls(span(metrics=METRICS | {"input_tokens": 70.0, "total_tokens": 370.0}))
    assert counts(call) == (70, 1900, 30, 300, 200)


def test_spans_that_hold_others_are_no_calls():
    for kind in ("agent", "workflow", "tool", "task", "retrieval"):
        assert calls(span(kind)) == []
    assert len(calls(span("embedding"))) == 1


def test_spans_as_the_intake_takes_them():
    inner = {
        "parent_id": "1", "trace_id": "t", "span_id": "2", "name": "ask", "duration": 5e9,
        "start_ns": 1_791_191_802_000_000_000,
        "metrics": {"input_tokens": 64, "output_tokens": 128, "total_cost": 0.001},
        "meta": {"kind": "llm", "metadata": {"model_name": "gpt-4o", "model_provider": "openai"}},
    }  # fmt: skip
    outer = {**inner, "span_id": "1", "parent_id": "undefined", "meta": {"kind": "agent"}}
    around = {"ml_app": "bot", "session_id": "s", "spans": [outer, inner]}
    (call,) = calls({"data": {"type": "span", "attributes": around}})
    assert (counts(call), call.model, call.session, call.feature) == (
        (64, 0, 0, 128, 0),
        "gpt-4o",
        "s",
        "bot",
    )
    assert call.reported_picousd == 1_000_000_000


def test_a_failed_span_without_counts():
    said = {"kind": "llm", "error": {"type": "RateLimitError", "message": "secret"}}
    (call,) = calls(span(metrics={}, status="error", meta=said))
    assert (call.status, call.error_code, call.quality) == ("error", "RateLimitError", "none")
