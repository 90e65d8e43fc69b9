"""Runs of Lunary: those of models are calls."""

from __future__ import annotations

from typing import Any

import pytest

from costaudit.ingest.adapters.lunary import ADAPTER
from costaudit.ingest.settle import settled


def run(kind: str = "llm", **fields: Any) -> dict[str, Any]:
    return {
        "id": "r1", "projectId": "p", "type": kind, "name": "gpt-4o-mini",
        "createdAt": "2026-10-05T10:00:00Z", "endedAt": "2026-10-05T10:00:01.300Z", "duration": None,
        "cost": 0.0001794, "status": "success",
        "tokens": {"completion": 96, "prompt": 812, "total": 908}, "tags": ["a", "b"], "feedback": None,
        "input": [{"role": "user", "content": "secret"}], "user": {"externalId": "ann"}, **fields,
    }  # fmt: skip


def test_a_run_of_a_model():
    assert ADAPTER.matches(run())
    (call,) = settled(ADAPTER.calls(run()))
    assert (call.input, call.output, call.latency_ms, call.reported_picousd) == (812, 96, 1300, 179_400_000)
    assert (call.model, call.user, call.tags, call.quality) == ("gpt-4o-mini", "ann", "a,b", "exact")
    assert "secret" not in str(call)


@pytest.mark.parametrize("kind", ["agent", "tool", "chain", "thread", "message"])
def test_other_runs_are_no_calls(kind: str):
    assert ADAPTER.matches(run(kind))
    assert ADAPTER.calls(run(kind)) == []


def test_a_long_prompt_may_have_been_cached_and_a_run_may_have_failed():
    (call,) = settled(ADAPTER.calls(run(tokens={"prompt": 5000, "completion": 9})))
    assert call.quality == "partial"
    (call,) = settled(ADAPTER.calls(run(status="error", error={"code": "timeout"}, tokens={})))
    assert (call.status, call.error_code, call.quality) == ("error", "timeout", "none")
