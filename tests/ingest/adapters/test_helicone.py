"""Helicone's export and table rows."""

from __future__ import annotations

from typing import Any

import pytest

from costaudit.ingest.adapters.helicone import ADAPTER
from costaudit.ingest.settle import settled
from costaudit.schema import Call
from tests.ingest.adapters.rows import counts, only


def export(**fields: Any) -> dict[str, Any]:
    return {
        "response_id": "r-1",
        "response_created_at": "2026-10-05T09:15:04.545Z",
        "response_status": 200,
        "request_id": "q-1",
        "request_created_at": "2026-10-05T09:15:02.114Z",
        "request_body": {"model": "gpt-5-mini", "messages": [{"role": "user", "content": "Label?"}]},
        "request_properties": {"Helicone-Session-Id": "s", "feature": "triage", "env": "prod"},
        "request_user_id": "u-17",
        "request_model": "gpt-5-mini",
        "provider": "OPENAI",
        "delay_ms": 2431,
        "prompt_tokens": 288,
        "prompt_cache_read_tokens": 1024,
        "prompt_cache_write_tokens": 0,
        "completion_tokens": 58,
        "reasoning_tokens": 128,
        "total_tokens": 474,
        "cost": 0.0004696,
        "model": "gpt-5-mini-2025-08-07",
        **fields,
    }


def call(**fields: Any) -> Call:
    return only(ADAPTER, export(**fields))


def test_all_columns_are_disjoint_and_the_total_leaves_the_cache_out():
    assert counts(call()) == (288, 1024, 0, 0, 186, 128)
    assert (call().call_id, call().session, call().feature, call().tags) == ("q-1", "s", "triage", "env:prod")
    assert (call().gateway, call().provider, call().model_requested) == ("helicone", "OPENAI", "gpt-5-mini")


def test_audio_is_beside_the_prompt():
    audio = call(prompt_audio_tokens=50, completion_audio_tokens=8)
    assert (audio.input, audio.input_audio, audio.cache_read) == (288, 50, 1024)
    assert (audio.output, audio.output_audio, audio.reasoning) == (186, 8, 128)


def test_rows_from_before_the_reasoning_column_include_the_cache():
    row = export(prompt_tokens=1312, completion_tokens=186)
    del row["reasoning_tokens"]
    assert counts(only(ADAPTER, row)) == (288, 1024, 0, 0, 186, 0)


def test_the_providers_own_usage_comes_first():
    usage = {
        "input_tokens": 412,
        "output_tokens": 903,
        "cache_read_input_tokens": 18000,
        "cache_creation_input_tokens": 2000,
        "cache_creation": {"ephemeral_5m_input_tokens": 500, "ephemeral_1h_input_tokens": 1500},
    }
    body = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "usage": usage}
    found = call(response_body={**body, "stop_reason": "end_turn"})
    assert counts(found) == (412, 18000, 500, 1500, 903, 0)
    assert (found.response_id, found.final) == ("msg_1", True)
    assert counts(call(response_body="{helicone_message}")) == (288, 1024, 0, 0, 186, 128)


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"response_status": 429}, "error", "429"),
        ({"response_status": 500, "response_body": {"error": {"code": "overloaded"}}}, "error", "overloaded"),
        ({"response_status": -3}, "cancelled", None),
        ({"cache_reference_id": "0b9a0000-0000-0000-0000-000000000000"}, "cache_hit", None),
        ({"cache_reference_id": "00000000-0000-0000-0000-000000000000"}, "ok", None),
        ({"cache_reference_id": None}, "ok", None),
    ],
)
def test_outcomes(fields: dict[str, Any], status: str, code: str | None):
    found = call(**fields)
    assert (found.status, found.error_code) == (status, code)


def test_a_reply_from_the_cache_cost_nothing_and_an_unknown_price_is_not_free():
    assert call(cost=0, cache_reference_id="1").reported_picousd == 0
    assert call(cost=0).reported_picousd is None


def table(**fields: Any) -> dict[str, Any]:
    return {
        "request_id": "q-1",
        "request_created_at": "2026-10-05 09:15:02.114",
        "latency": 2431,
        "status": 200,
        "model": "gpt-5-mini",
        "prompt_tokens": 288,
        "completion_tokens": 58,
        "reasoning_tokens": 128,
        "prompt_cache_read_tokens": 1024,
        "properties": {"feature": "triage"},
        "cost": 469600,
        **fields,
    }


def test_the_tables_cost_is_in_nano_dollars_unless_the_query_divided_it():
    assert only(ADAPTER, table()).reported_picousd == 469_600_000
    assert only(ADAPTER, table(cost="469600")).reported_picousd == 469_600_000
    assert only(ADAPTER, table(cost=0.0004696)).reported_picousd == 469_600_000
    assert only(ADAPTER, table()).ts == call().ts


def test_a_table_row_without_cache_columns_is_partial():
    row = table()
    del row["prompt_cache_read_tokens"], row["reasoning_tokens"]
    assert [c.quality for c in settled(ADAPTER.calls(row))] == ["partial"]
    assert not ADAPTER.matches(row)  # these columns anybody may write: the format has to be named


def test_a_csv_row_is_text_and_lacks_cache_and_reasoning():
    row = {
        "response_id": "r-1",
        "response_created_at": "2026-10-05T09:15:04.545Z",
        "response_status": "200",
        "request_created_at": "2026-10-05T09:15:02.114Z",
        "request_body": '{"model": "gpt-5-mini", "messages": [{"role": "user", "content": "Label?"}]}',
        "request_properties": '{"feature": "triage", "Helicone-Retry-Count": "1"}',
        "request_user_id": "",
        "model": "gpt-5-mini",
        "prompt_tokens": "288",
        "completion_tokens": "58",
        "latency": "",
        "cost": "0.0004696",
    }
    found = only(ADAPTER, row)
    assert (found.input, found.output, found.quality, found.latency_ms) == (288, 58, "partial", 2431)
    assert (found.call_id, found.user, found.attempt, found.feature) == ("r-1", None, 1, "triage")
    assert (found.prompt, found.reported_picousd) == ("Label?", 469_600_000)


def test_a_page_of_the_request_api():
    page = {"data": [export(), export(request_id="q-2")], "error": None}
    assert ADAPTER.matches(page)
    assert [c.call_id for c in settled(ADAPTER.calls(page))] == ["q-1", "q-2"]
