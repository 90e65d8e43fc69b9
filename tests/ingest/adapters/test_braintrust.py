"""Spans of Braintrust: those of type llm are calls, all around them are not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from costaudit.ingest.adapters.braintrust import ADAPTER
from costaudit.ingest.format import Skip
from costaudit.ingest.settle import settled
from costaudit.schema import Call
from tests.engine.audits import audit, write_jsonl

METRICS = {
    "start": 1_791_191_802.5, "end": 1_791_191_804.0, "prompt_tokens": 2000, "completion_tokens": 300,
    "tokens": 2300, "prompt_cached_tokens": 1900, "prompt_cache_creation_tokens": 30,
    "completion_reasoning_tokens": 200, "estimated_cost": 0.0056, "time_to_first_token": 0.4,
}  # fmt: skip


def span(kind: str = "llm", **fields: Any) -> dict[str, Any]:
    said = {
        "id": "row1", "span_id": "s1", "root_span_id": "r1", "span_parents": ["r1"], "is_root": False,
        "created": "2026-10-05T10:00:00Z", "span_attributes": {"name": "Chat", "type": kind},
        "metadata": {"model": "gpt-4o", "provider": "openai", "user_id": "ann", "temperature": 0},
        "input": [{"role": "user", "content": "Hi."}], "output": "secret", "metrics": METRICS, "tags": ["a"],
    }  # fmt: skip
    return {**said, **fields}


def calls(record: dict[str, Any]) -> list[Call]:
    assert ADAPTER.matches(record)
    return settled(ADAPTER.calls(record))


def counts(call: Call) -> tuple[int, ...]:
    return call.input, call.cache_read, call.cache_write_5m, call.cache_write_1h, call.output, call.reasoning


def test_the_prompt_holds_what_was_cached():
    (call,) = calls(span())
    assert counts(call) == (70, 1900, 30, 0, 300, 200)
    assert (call.reading, call.reported_picousd, call.latency_ms) == ("inclusive", 5_600_000_000, 1500)
    assert (call.model, call.provider, call.user, call.prompt) == ("gpt-4o", "openai", "ann", "Hi.")
    assert (call.ts, call.session, call.tags) == (1_791_191_802_500_000, "r1", "a")
    assert "secret" not in str(call)


def test_a_split_of_writes_stands_for_their_sum():
    split = {k: v for k, v in METRICS.items() if k != "prompt_cache_creation_tokens"}
    split |= {"prompt_cache_creation_5m_tokens": 20, "prompt_cache_creation_1h_tokens": 10}
    (call,) = calls(span(metrics=split))
    assert counts(call) == (70, 1900, 20, 10, 300, 200)


def test_spans_of_claude_that_could_be_of_either_version_are_told():
    (call,) = calls(span(metadata={"model": "claude-sonnet-4-5"}))
    assert call.reading == "ambiguous"
    early = METRICS | {"prompt_tokens": 70, "tokens": 370}
    (call,) = calls(span(metadata={"model": "claude-sonnet-4-5"}, metrics=early))
    assert (call.reading, counts(call)[:3]) == ("exclusive", (70, 1900, 30))


def test_an_export_in_columns():
    record = {k: v for k, v in span().items() if k not in ("metrics", "metadata", "span_attributes")}
    record |= {f"metrics.{name}": str(value) for name, value in METRICS.items()}
    (call,) = calls(record | {"span_attributes.type": "llm", "metadata.model": "gpt-4o"})
    assert (counts(call), call.model) == ((70, 1900, 30, 0, 300, 200), "gpt-4o")


def test_tasks_evaluations_and_scores_are_no_calls():
    for kind in ("task", "eval", "function", "score", "tool", None):
        assert calls(span(str(kind))) == []
    with pytest.raises(Skip, match="aggregate"):
        ADAPTER.calls(span(is_root=True, metrics=METRICS | {"llm_calls": 3}))


def test_a_model_span_around_another_is_the_same_call(tmp_path: Path):
    outer, inner = span(), span(id="row2", span_id="s2", span_parents=["s1"])
    root = span("task", id="row0", span_id="r1", span_parents=[])
    for log in ([root, outer, inner], [inner, outer, root]):
        report = audit(write_jsonl(tmp_path / "log.jsonl", log))
        assert (report.inputs.requests, report.spend.tokens.output) == (1, 300)


def test_answers_from_the_cache_of_the_proxy_cost_nothing_and_failures_have_no_usage():
    (call,) = calls(span(metrics=METRICS | {"cached": 1}))
    assert call.status == "cache_hit"
    (call,) = calls(
        span(metrics={"start": 1_791_191_802.5}, error={"type": "RateLimitError", "message": "x"})
    )
    assert (call.status, call.error_code, call.quality) == ("error", "RateLimitError", "none")
