"""Rows of the llm tool's logs.db."""

from __future__ import annotations

import json
from typing import Any

from costaudit.ingest.adapters.simonw_llm import ADAPTER
from tests.ingest.adapters.rows import counts, only


def row(**fields: Any) -> dict[str, Any]:
    return {
        "id": "01ex",
        "model": "gpt-5-mini",
        "prompt": "Label?",
        "system": "Be brief.",
        "prompt_json": None,
        "options_json": '{"max_tokens": 5}',
        "response": "billing",
        "response_json": None,
        "conversation_id": "c",
        "duration_ms": 2431,
        "datetime_utc": "2026-10-05T09:15:02.114+00:00",
        "input_tokens": 1312,
        "output_tokens": 186,
        "token_details": '{"prompt_tokens_details": {"cached_tokens": 1024}}',
        "resolved_model": None,
        **fields,
    }


def test_openais_plugin_counts_cached_tokens_in():
    call = only(ADAPTER, row())
    assert (counts(call), call.quality) == ((288, 1024, 0, 0, 186, 0), "exact")
    assert (call.call_id, call.session, call.latency_ms) == ("01ex", "c", 2431)
    assert (call.prompt, call.system, call.max_tokens) == ("Label?", "Be brief.", 5)


def test_anthropics_plugin_counts_them_beside():
    details = json.dumps({"cache_read_input_tokens": 300, "cache_creation_input_tokens": 20})
    call = only(ADAPTER, row(model="claude-sonnet-4.5", token_details=details))
    assert counts(call) == (1312, 300, 20, 0, 186, 0)


def test_the_providers_own_usage_comes_first():
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "cost": 0.5}
    answer = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "gpt-5-mini-1", "usage": usage}
    call = only(ADAPTER, row(response_json=json.dumps(answer)))
    assert (counts(call), call.response_id, call.model) == ((10, 0, 0, 0, 5, 0), "chatcmpl-1", "gpt-5-mini-1")
    assert (call.model_requested, call.reported_picousd) == ("gpt-5-mini", 5 * 10**11)
    assert only(ADAPTER, row(resolved_model="gpt-5-mini-2")).model == "gpt-5-mini-2"


def test_rows_from_before_token_counts_state_none():
    old = {k: v for k, v in row().items() if k not in {"input_tokens", "output_tokens", "token_details"}}
    assert only(ADAPTER, old).quality == "none"
