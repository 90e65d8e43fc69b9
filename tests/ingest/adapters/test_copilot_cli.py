"""Sessions of the Copilot CLI: calls where there are any, and the sums at the end."""

from __future__ import annotations

from typing import Any

import pytest

from costaudit.ingest.adapters.copilot_cli import ADAPTER
from costaudit.ingest.settle import settled
from costaudit.schema import Call


def event(kind: str, ident: str = "e1", **data: Any) -> dict[str, Any]:
    return {"type": kind, "id": ident, "parentId": None, "timestamp": "2026-01-05T10:00:00Z", "data": data}


def usage(new: int, output: int, read: int, written: int, thinking: int = 0) -> dict[str, int]:
    names = ("inputTokens", "outputTokens", "cacheReadTokens", "cacheWriteTokens", "reasoningTokens")
    return dict(zip(names, (new, output, read, written, thinking), strict=True))


def shutdown(**models: dict[str, int]) -> dict[str, Any]:
    metrics = {m: {"requests": {"count": 9, "cost": 5}, "usage": u} for m, u in models.items()}
    return event("session.shutdown", "e9", shutdownType="routine", modelMetrics=metrics)


def calls(*events: dict[str, Any]) -> list[Call]:
    assert all(ADAPTER.matches(e) for e in events)
    read = ADAPTER.for_one_file().calls
    return settled([call for e in events for call in read(e)])


START = event("session.start", "e0", sessionId="s1")


def test_the_sums_at_the_end_are_a_call_for_each_model():
    (call,) = calls(START, shutdown(gpt=usage(19_849, 113, 5_888, 0, 64)))
    assert (call.input, call.cache_read, call.output, call.reasoning) == (13_961, 5_888, 113, 64)
    assert (call.session, call.gateway, call.provider, call.longest_prompt) == (
        "s1",
        "github-copilot",
        None,
        128_000,
    )
    assert call.reported_picousd is None  # a cost of 5 is in requests of a plan


def test_calls_and_sums_count_once():
    one = event("assistant.usage", model="gpt", **usage(9_849, 100, 888, 0, 60))
    found = calls(START, one, shutdown(gpt=usage(19_849, 113, 5_888, 0, 64)))
    assert [(c.input, c.cache_read, c.output) for c in found] == [(8_961, 888, 100), (5_000, 5_000, 13)]
    again = calls(START, one, shutdown(gpt=usage(9_849, 100, 888, 0, 60)))
    assert len(again) == 1


@pytest.mark.parametrize("kind", ["user.message", "assistant.message", "tool.execution_complete", "abort"])
def test_other_events_are_no_calls(kind: str):
    assert calls(event(kind, outputTokens=9)) == []


def test_somebody_elses_events_are_not_taken():
    assert not ADAPTER.matches({"type": "user.message", "data": {}})
    assert not ADAPTER.matches({"type": "response.completed", "data": {}, "id": "1", "parentId": None})
