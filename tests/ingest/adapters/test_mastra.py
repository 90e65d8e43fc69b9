"""Spans of Mastra: a generation is a call, its steps repeat it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from costaudit.ingest.adapters.mastra import ADAPTER
from costaudit.ingest.settle import settled
from costaudit.schema import Call
from tests.engine.audits import audit, write_jsonl

USAGE = {
    "inputTokens": 2000, "outputTokens": 300,
    "inputDetails": {"text": 70, "cacheRead": 1900, "cacheWrite": 30},
    "outputDetails": {"text": 100, "reasoning": 200},
}  # fmt: skip


def span(kind: str = "model_generation", span_id: str = "s2", **fields: Any) -> dict[str, Any]:
    return {
        "traceId": "t1", "spanId": span_id, "parentSpanId": "s1", "name": "llm", "spanType": kind,
        "startedAt": "2026-10-05T10:00:00Z", "endedAt": "2026-10-05T10:00:02Z", "input": "secret",
        "attributes": {"model": "gpt-4o", "provider": "openai.chat", "usage": USAGE, "streaming": True},
        **fields,
    }  # fmt: skip


def only(record: dict[str, Any]) -> Call:
    assert ADAPTER.matches(record)
    (call,) = settled(ADAPTER.calls(record))
    return call


def test_a_generation():
    call = only(span())
    assert (call.input, call.cache_read, call.cache_write_5m, call.output, call.reasoning) == (
        70, 1900, 30, 300, 200,
    )  # fmt: skip
    assert (call.model, call.provider, call.latency_ms, call.stream) == ("gpt-4o", "openai", 2000, True)
    assert "secret" not in str(call)


@pytest.mark.parametrize("kind", ["model_step", "model_chunk", "agent_run", "tool_call"])
def test_other_spans_are_no_calls(kind: str):
    assert ADAPTER.calls(span(kind)) == []


def test_rows_of_a_database_have_text_for_objects_and_the_first_names():
    usage = {"promptTokens": 9, "completionTokens": 3, "totalTokens": 12, "cachedInputTokens": 4}
    row = {
        "trace_id": "t", "span_id": "s", "parent_span_id": None, "span_type": "llm_generation",
        "started_at": "2026-10-05T10:00:00Z", "ended_at": None, "error": json.dumps({"code": "timeout"}),
        "attributes": json.dumps({"model": "gpt-4o", "provider": "openai", "usage": usage}),
    }  # fmt: skip
    call = only(row)
    assert (call.input, call.cache_read, call.output, call.error_code) == (5, 4, 3, "timeout")


def test_a_generation_its_step_and_the_run_around_are_one_request(tmp_path: Path):
    run = span("agent_run", "s1", parentSpanId=None, metadata={"userId": "ann"})
    step = span("model_step", "s3", parentSpanId="s2")
    report = audit(write_jsonl(tmp_path / "log.jsonl", [step, span(), run]))
    assert (report.inputs.requests, report.spend.tokens.output) == (1, 300)
