"""Traces of LangWatch: spans of type llm are calls, the trace around them repeats their sum."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from costaudit.ingest.adapters.langwatch import ADAPTER
from costaudit.ingest.settle import settled
from tests.engine.audits import audit, write_jsonl

AT = 1_791_194_400_000


def span(kind: str = "llm", span_id: str = "s2", **fields: Any) -> dict[str, Any]:
    return {
        "trace_id": "t1", "span_id": span_id, "parent_id": "s1", "type": kind, "name": "chat",
        "vendor": "openai", "model": "gpt-4o-mini", "input": {"type": "text", "value": "secret"},
        "timestamps": {"started_at": AT, "finished_at": AT + 1800},
        "metrics": {"prompt_tokens": 812, "completion_tokens": 96, "cost": 0.0001794}, **fields,
    }  # fmt: skip


def trace(*spans: dict[str, Any]) -> dict[str, Any]:
    return {
        "trace_id": "t1", "metadata": {"user_id": "ann", "thread_id": "c1"}, "spans": list(spans),
        "timestamps": {"started_at": AT}, "metrics": {"prompt_tokens": 812, "completion_tokens": 96},
    }  # fmt: skip


def test_a_trace_has_the_calls_of_its_spans():
    record = trace(span("workflow", "s1", parent_id=None, model=None, metrics=None), span())
    assert ADAPTER.matches(record)
    (call,) = settled(ADAPTER.calls(record))
    assert (call.input, call.output, call.latency_ms, call.reported_picousd) == (812, 96, 1800, 179_400_000)
    assert (call.user, call.session, call.model, call.provider) == ("ann", "c1", "gpt-4o-mini", "openai")
    assert "secret" not in str(call)


@pytest.mark.parametrize(
    ("metrics", "expected"),
    [
        ({"prompt_tokens": 2000, "completion_tokens": 9}, (2000, 0, 9, "partial")),  # a part may be cached
        ({"prompt_tokens": 2000, "completion_tokens": 9, "cache_read_input_tokens": 1500},
         (500, 1500, 9, "exact")),
        ({"prompt_tokens": 20, "completion_tokens": 9, "tokens_estimated": True}, (20, 0, 9, "estimated")),
        ({}, (0, 0, 0, "none")),
    ],
)  # fmt: skip
def test_how_well_the_counts_are_known(metrics: dict[str, Any], expected: tuple[Any, ...]):
    (call,) = settled(ADAPTER.calls(span(metrics=metrics)))
    assert (call.input, call.cache_read, call.output, call.quality) == expected


def test_a_trace_and_its_spans_alone_are_the_same_requests(tmp_path: Path):
    whole = audit(write_jsonl(tmp_path / "a.jsonl", [trace(span(), span(span_id="s3", metrics={
        "prompt_tokens": 5, "completion_tokens": 1}))]))  # fmt: skip
    assert (whole.inputs.requests, whole.spend.tokens.input) == (2, 817)
