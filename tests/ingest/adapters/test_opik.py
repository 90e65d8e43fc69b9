"""Spans of Opik, whose counts are read under the provider's own names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from costaudit.ingest.adapters.opik import ADAPTER
from costaudit.ingest.settle import settled
from costaudit.schema import Call
from tests.engine.audits import audit, write_jsonl


def original(**usage: Any) -> dict[str, Any]:
    return {f"original_usage.{name.replace('__', '.')}": count for name, count in usage.items()}


def span(usage: dict[str, Any], kind: str = "llm", **fields: Any) -> dict[str, Any]:
    said = {
        "id": "s1", "trace_id": "t1", "parent_span_id": None, "project_id": "p", "name": "chat", "type": kind,
        "start_time": "2026-10-05T10:00:00Z", "end_time": "2026-10-05T10:00:02Z", "model": "gpt-4o",
        "provider": "openai", "input": {"messages": [{"role": "user", "content": "Hi."}]},
        "output": {"choices": []}, "metadata": {"user_id": "ann"}, "tags": ["openai"], "usage": usage,
        "total_estimated_cost": 0.0056,
    }  # fmt: skip
    return {**said, **fields}


def only(record: dict[str, Any]) -> Call:
    assert ADAPTER.matches(record)
    (call,) = settled(ADAPTER.calls(record))
    return call


def counts(call: Call) -> tuple[int, ...]:
    return call.input, call.cache_read, call.cache_write_5m, call.output


CHAT = {
    "prompt_tokens": 2000, "completion_tokens": 300, "total_tokens": 2300,
    **original(
        prompt_tokens=2000, completion_tokens=300, total_tokens=2300,
        prompt_tokens_details__cached_tokens=1900, completion_tokens_details__reasoning_tokens=200,
    ),
}  # fmt: skip


def test_a_span_of_a_model_is_a_call():
    call = only(span(CHAT))
    assert (counts(call), call.reasoning) == ((100, 1900, 0, 300), 200)
    assert (call.ts, call.latency_ms) == (1_791_194_400_000_000, 2000)
    assert (call.reported_picousd, call.user, call.prompt) == (5_600_000_000, "ann", "Hi.")


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (  # Opik's own sums: 200 + 30 of the prompt, 100 + 50 of the answer
            {"prompt_tokens": 230, "completion_tokens": 150, "total_tokens": 380}
            | original(
                input_tokens=200, output_tokens=100, cache_creation_input_tokens=50,
                cache_read_input_tokens=30,
            ),
            (200, 30, 50, 100),
        ),
        (
            original(input_tokens=200, output_tokens=9, input_tokens_details__cached_tokens=80),
            (120, 80, 0, 9),
        ),
        (original(input_tokens=200, output_tokens=9, input_token_details__cache_read=80), (120, 80, 0, 9)),
        (
            original(inputTokens=50, outputTokens=10, cacheReadInputTokens=30, cacheWriteInputTokens=20),
            (50, 30, 20, 10),
        ),
        (original(inputTokens=50, outputTokens=10, cachedInputTokens=30), (20, 30, 0, 10)),
        (
            original(
                prompt_token_count=100, candidates_token_count=10, total_token_count=115,
                cached_content_token_count=30, thoughts_token_count=5,
            ),
            (70, 30, 0, 15),
        ),
        ({"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}, (7, 0, 0, 5)),
    ],
)  # fmt: skip
def test_the_shape_of_every_provider(usage: dict[str, Any], expected: tuple[int, ...]):
    assert counts(only(span(usage))) == expected
    flat = {k: v for k, v in span({}).items() if k != "usage"}
    assert counts(only(flat | {f"usage.{name}": str(count) for name, count in usage.items()})) == expected


def test_traces_and_other_spans_are_no_calls(tmp_path: Path):
    trace = {
        "id": "t1", "project_id": "p", "name": "ask", "start_time": "2026-10-05T10:00:00Z", "usage": CHAT,
        "total_estimated_cost": 0.0056, "span_count": 2, "thread_id": "th",
    }  # fmt: skip
    assert ADAPTER.matches(trace)
    assert ADAPTER.calls(trace) == []
    for kind in ("general", "tool", "guardrail"):
        assert ADAPTER.calls(span(CHAT, kind)) == []
    whole = {"trace": trace, "spans": [span({}, "general", id="s0"), span(CHAT, parent_span_id="s0")]}
    assert (only(whole).session, counts(only(whole))) == ("th", (100, 1900, 0, 300))
    page = {"page": 1, "size": 2, "total": 2, "content": [trace, span(CHAT)]}
    log = tmp_path / "page.json"
    log.write_text(json.dumps(page))
    assert (audit(log).inputs.requests, audit(log).inputs.ignored) == (1, 1)


def test_a_framework_span_around_the_one_of_the_client_is_the_same_call(tmp_path: Path):
    log = [span(CHAT, id="s0"), span(CHAT, id="s1", parent_span_id="s0")]
    assert audit(write_jsonl(tmp_path / "log.jsonl", log)).inputs.requests == 1


def test_a_failed_span():
    call = only(span({}, error_info={"exception_type": "RateLimitError", "message": "secret"}))
    assert (call.status, call.error_code, call.quality) == ("error", "RateLimitError", "none")
