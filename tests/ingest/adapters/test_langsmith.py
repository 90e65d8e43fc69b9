"""LangSmith runs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from costaudit.ingest.adapters.langsmith import ADAPTER
from costaudit.ingest.settle import settled
from tests.ingest.adapters.rows import counts, only

USAGE: dict[str, Any] = {
    "input_tokens": 20412,
    "output_tokens": 903,
    "total_tokens": 21315,
    "input_token_details": {"cache_read": 18000, "cache_creation": 2000},
    "output_token_details": {"reasoning": 300},
}


def run(**fields: Any) -> dict[str, Any]:
    return {
        "id": "run-1",
        "run_type": "llm",
        "name": "ChatAnthropic",
        "start_time": "2026-10-05T09:16:40.500",
        "end_time": "2026-10-05T09:16:50.370",
        "status": "success",
        "error": None,
        "inputs": {"messages": [{"role": "user", "content": "List clauses."}]},
        "outputs": {"usage_metadata": USAGE},
        "extra": {"metadata": {"ls_provider": "anthropic", "ls_model_name": "claude", "thread_id": "t"}},
        "tags": ["seq:step:1", "contract-review"],
        "trace_id": "tr-1",
        "dotted_order": "x",
        "session_id": "project",
        "prompt_tokens": 20412,
        "completion_tokens": 903,
        "total_tokens": 21315,
        "total_cost": "0.027681",
        **fields,
    }


def test_a_model_run():
    call = only(ADAPTER, run())
    assert counts(call) == (412, 18000, 2000, 0, 903, 300)
    assert (call.reported_picousd, call.latency_ms, call.call_id) == (27_681_000_000, 9870, "run-1")
    assert (call.session, call.feature, call.tags) == ("t", "contract-review", "contract-review")
    assert (call.model, call.provider, call.prompt) == ("claude", "anthropic", "List clauses.")


@pytest.mark.parametrize("kind", ["chain", "tool", "retriever", "prompt", "parser"])
def test_chains_repeat_the_tokens_of_their_children_and_are_no_calls(kind: str):
    assert ADAPTER.matches(run(run_type=kind))
    assert settled(ADAPTER.calls(run(run_type=kind))) == []


def test_a_parquet_row_with_json_in_strings_reads_the_same():
    row = run()
    stored = {k: json.dumps(v) if isinstance(v, (dict, list)) else v for k, v in row.items()}
    assert only(ADAPTER, stored) == only(ADAPTER, row)


MESSAGE = {
    "id": "run--1",
    "usage_metadata": USAGE,
    "response_metadata": {"id": "msg_1", "model_name": "claude-1", "service_tier": "priority"},
}


def test_usage_may_be_in_the_message_or_in_the_librarys_own_output():
    generations = {"generations": [[{"message": {"lc": 1, "kwargs": MESSAGE}}]]}
    call = only(ADAPTER, run(outputs=generations))
    assert counts(call) == (412, 18000, 2000, 0, 903, 300)
    assert (call.response_id, call.model, call.service_tier) == ("msg_1", "claude-1", "priority")
    old = {"llm_output": {"token_usage": {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12}}}
    assert counts(only(ADAPTER, run(outputs=old))) == (10, 0, 0, 0, 2, 0)


def test_without_any_in_the_output_the_columns_count():
    row = run(outputs={}, prompt_token_details={"cache_read": 18000}, completion_token_details=None)
    assert counts(only(ADAPTER, row)) == (2412, 18000, 0, 0, 903, 0)
    bare = run(outputs=None, prompt_tokens=None, completion_tokens=None, total_tokens=None)
    assert only(ADAPTER, bare).quality == "none"


@pytest.mark.parametrize(
    ("details", "expected"),
    [
        ({"cache_creation": 0, "ephemeral_1h_input_tokens": 2000}, (412, 18000, 0, 2000)),
        ({"cache_creation": 2000, "ephemeral_1h_input_tokens": 1500}, (412, 18000, 500, 1500)),
        ({"ephemeral_5m_input_tokens": 2000}, (412, 18000, 2000, 0)),
    ],
)  # fmt: skip
def test_cache_writes_by_lifetime(details: dict[str, int], expected: tuple[int, ...]):
    usage = {**USAGE, "input_token_details": {"cache_read": 18000, **details}}
    assert counts(only(ADAPTER, run(outputs={"usage_metadata": usage})))[:4] == expected


def test_details_of_a_service_tier_carry_its_name():
    usage = {**USAGE, "input_token_details": {"flex": 2412, "flex_cache_read": 18000}}
    usage["output_token_details"] = {"flex": 603, "flex_reasoning": 300}
    call = only(ADAPTER, run(outputs={"usage_metadata": usage}))
    assert (counts(call), call.service_tier) == ((2412, 18000, 0, 0, 903, 300), "flex")


def test_messages_of_langchain():
    human = {"lc": 1, "id": ["langchain", "schema", "messages", "HumanMessage"], "kwargs": {"content": "Hi"}}
    system = {"type": "system", "data": {"content": "Be brief."}}
    call = only(ADAPTER, run(inputs={"messages": [[system, human]]}))
    assert (call.system, call.prompt, call.turns) == ("Be brief.", "Hi", 1)
    assert only(ADAPTER, run(inputs={"prompts": ["Human: Hi"]})).prompt == "Human: Hi"


def test_a_failed_run_and_a_run_without_a_price():
    none = {
        "outputs": None,
        "prompt_tokens": 0,
        "completion_tokens": 0,
        "total_tokens": 0,
        "total_cost": None,
    }
    failed = only(ADAPTER, run(status="error", error="RateLimitError('429 secret')", **none))
    assert (failed.status, failed.error_code, failed.quality) == ("error", "RateLimitError", "none")
    assert only(ADAPTER, run(total_cost="0")).reported_picousd is None
    parts = run(total_cost=None, prompt_cost="0.02", completion_cost="0.007681")
    assert only(ADAPTER, parts).reported_picousd == 27_681_000_000


def test_a_page_of_runs():
    page = {"runs": [run(), run(run_type="chain"), run(id="run-2")], "cursors": {}}
    assert ADAPTER.matches(page)
    assert [c.call_id for c in settled(ADAPTER.calls(page))] == ["run-1", "run-2"]
