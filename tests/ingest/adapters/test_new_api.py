"""Rows of new-api and one-api."""

from __future__ import annotations

import json
from typing import Any

import pytest

from costaudit.ingest.adapters.new_api import ADAPTER
from costaudit.ingest.settle import settled
from costaudit.schema import Call

RATIOS = {"model_ratio": 1.25, "completion_ratio": 4, "group_ratio": 1, "model_price": -1}


def row(other: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    said = {
        "id": 7, "user_id": 1, "created_at": 1_791_191_805, "type": 2, "content": "secret", "username": "ann",
        "token_name": "t1", "model_name": "gpt-4o", "quota": 0, "prompt_tokens": 2000,
        "completion_tokens": 300, "use_time": 3, "is_stream": 1, "group": "default",
    }  # fmt: skip
    return {**said, "other": "" if other is None else json.dumps({**RATIOS, **other}), **fields}


def only(record: dict[str, Any]) -> Call:
    assert ADAPTER.matches(record)
    (call,) = settled(ADAPTER.calls(record))
    return call


def counts(call: Call) -> tuple[int, ...]:
    return call.input, call.cache_read, call.cache_write_5m, call.cache_write_1h, call.output


def test_a_row_states_who_asked_for_what_at_which_cost():
    """(80 + 1920 × 0.5 + 300 × 4) × 1.25 = 2,800 units, of which 500,000 are a dollar: $0.0056."""
    call = only(row({"cache_tokens": 1920, "cache_ratio": 0.5}, quota=2800))
    assert counts(call) == (80, 1920, 0, 0, 300)
    assert (call.reported_picousd, call.quality, call.reading) == (5_600_000_000, "exact", "inclusive")
    assert (call.model, call.user, call.gateway, call.stream) == ("gpt-4o", "ann", "new-api", True)
    assert (call.ts, call.latency_ms, call.tags) == (1_791_191_802_000_000, 3000, "token:t1,group:default")


def test_where_claude_was_asked_the_prompt_holds_new_tokens_alone():
    mark = {"claude": True, "cache_tokens": 1500, "cache_creation_tokens": 100}
    call = only(row(mark, quota=9))
    assert counts(call) == (2000, 1500, 100, 0, 300)
    by_name = {"usage_semantic": "anthropic", "cache_tokens": 1500, "cache_creation_tokens_1h": 100}
    assert counts(only(row(by_name, quota=9))) == (2000, 1500, 0, 100, 300)


def test_the_quota_decides_where_the_marks_are_missing_or_wrong():
    """Beside: (2000 + 1500 × 0.1 + 300 × 4) × 1.25 = 4,187.5; inside:
    (500 + 150 + 1,200) × 1.25 = 2,312.5."""
    cached = {"cache_tokens": 1500, "cache_ratio": 0.1}
    assert counts(only(row(cached, quota=4188))) == (2000, 1500, 0, 0, 300)
    assert counts(only(row({**cached, "claude": True}, quota=2312))) == (500, 1500, 0, 0, 300)
    doubled = {**cached, "group_ratio": 2}
    assert counts(only(row(doubled, quota=8375))) == (2000, 1500, 0, 0, 300)


def test_split_writes_without_a_mark_are_those_of_claude_and_told_as_a_guess():
    call = only(row({"cache_creation_tokens_5m": 50, "cache_creation_tokens_1h": 10}, quota=1))
    assert (counts(call), call.reading) == ((2000, 0, 50, 10, 300), "ambiguous")


def test_sound_images_and_searches():
    call = only(
        row({"audio_input": 500, "audio_output": 100, "image_output": 300, "web_search_call_count": 2})
    )
    assert (call.input, call.input_audio, call.input_image) == (1200, 500, 300)
    assert (call.output, call.output_audio, call.web_searches) == (200, 100, 2)
    tools = [{"name": "web_search", "count": 3}, {"name": "file_search", "count": 1}]
    assert only(row({"tool_surcharges": tools})).web_searches == 3


def test_the_model_that_served_is_the_upstream_one():
    call = only(row({"is_model_mapped": True, "upstream_model_name": "gpt-4o-2024-08-06"}))
    assert (call.model, call.model_requested) == ("gpt-4o-2024-08-06", "gpt-4o")


@pytest.mark.parametrize("kind", [0, 1, 3, 4, 6, 7, "1"])
def test_payments_and_management_are_no_calls(kind: Any):
    assert ADAPTER.calls(row(type=kind, quota=500_000)) == []


def test_failures_state_their_code_and_no_text():
    call = only(row({"error_code": "rate_limit", "status_code": 429}, type=5, quota=0))
    assert (call.status, call.error_code, call.quality) == ("error", "rate_limit", "none")
    assert "secret" not in str(call)


def test_rows_of_one_api_do_not_tell_what_was_cached():
    call = only(row(quota="2800", type="2", created_at="1791191805"))
    assert (call.quality, call.input, call.ts) == ("partial", 2000, 1_791_191_802_000_000)
