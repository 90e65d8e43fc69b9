"""Aider's analytics log."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from costaudit.ingest.adapters.aider import ADAPTER
from costaudit.ingest.settle import settled


def event(**properties: Any) -> dict[str, Any]:
    sent = {"main_model": "gpt-4o-mini", "prompt_tokens": 638, "completion_tokens": 25, "total_tokens": 663}
    return {
        "event": "message_send",
        "properties": {**sent, "cost": 0.0001107, "total_cost": 99.5, **properties},
        "user_id": "52b5cc12",
        "time": 1723560043,
    }


def test_a_message_is_a_call_with_its_own_cost_and_not_the_running_sum():
    assert ADAPTER.matches(event())
    (call,) = settled(ADAPTER.calls(event()))
    assert (call.model, call.input, call.output, call.ts) == ("gpt-4o-mini", 638, 25, 1723560043_000000)
    assert (call.reported_picousd, call.user, call.gateway) == (110_700_000, "52b5cc12", None)


def test_nothing_identifies_a_call_so_equal_records_stay_two():
    first, second = settled(ADAPTER.calls(event())) + settled(ADAPTER.calls(event()))
    assert first.call_id is second.call_id is first.response_id is None


@pytest.mark.parametrize("model", ["None", None])
def test_a_call_without_a_model_is_still_a_call(model: str | None):
    (call,) = settled(ADAPTER.calls(event(main_model=model)))
    assert (call.model, call.input) == (None, 638)


def test_a_model_name_may_name_the_gateway():
    (call,) = settled(
        ADAPTER.calls(event(main_model="openrouter/anthropic/claude-3.7-sonnet", edit_format="ask"))
    )
    assert (call.gateway, call.tags) == ("openrouter", "edit_format:ask")


def test_other_events_are_recognised_and_are_no_calls():
    launched = {"event": "launched", "properties": {}, "user_id": "u", "time": 1723560043}
    assert ADAPTER.matches(launched)
    assert settled(ADAPTER.calls(launched)) == []
    assert not ADAPTER.matches({"event": "page_view", "properties": {}})


def test_totals_of_the_real_log(logs: Callable[[str], list[dict[str, Any]]]):
    records = logs("aider/message_send_5522.jsonl")
    calls = [call for record in records if ADAPTER.matches(record) for call in settled(ADAPTER.calls(record))]
    assert len(calls) == 5522
    assert sum(c.input for c in calls) == 72_967_539
    assert sum(c.model is None for c in calls) == 22
    costs = sorted(Decimal(c.reported_picousd or 0).scaleb(-12) for c in calls)
    assert round(costs[-1], 2) == Decimal("9990.01")
    assert round(sum(costs[:-1]), 2) == Decimal("192.69")
