"""LiteLLM's two record shapes."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow.parquet as pq
import pytest

from costaudit.ingest.adapters.litellm import PAYLOAD, SPEND
from costaudit.ingest.format import Skip
from costaudit.ingest.settle import settled
from costaudit.schema import Call
from costaudit.tokens import INPUT_SIDE, OUTPUT_SIDE

USAGE = {
    "prompt_tokens": 20412,
    "completion_tokens": 903,
    "total_tokens": 21315,
    "prompt_tokens_details": {
        "cached_tokens": 18000,
        "cache_creation_tokens": 2000,
        "cache_creation_token_details": {"ephemeral_5m_input_tokens": 500, "ephemeral_1h_input_tokens": 1500},
    },
    "completion_tokens_details": {"reasoning_tokens": 300},
    "cache_creation_input_tokens": 2000,
    "cache_read_input_tokens": 18000,
    "inference_geo": "not_available",
    "service_tier": "standard",
}
METADATA: dict[str, Any] = {
    "usage_object": USAGE,
    "attempted_retries": 1,
    "user_api_key_user_id": "key-owner",
    "model_map_information": {"model_map_key": "x", "model_map_value": {"key": "x"}},
}


def row(metadata: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    return {
        "request_id": "msg_1",
        "litellm_call_id": "call-1",
        "call_type": "acompletion",
        "spend": 0.027681,
        "total_tokens": 21315,
        "prompt_tokens": 20412,
        "completion_tokens": 903,
        "startTime": "2026-10-05 09:16:40.500000+00:00",
        "endTime": "2026-10-05 09:16:50.370000+00:00",
        "request_duration_ms": 9870,
        "model": "claude-sonnet-4-5-20250929",
        "model_group": "claude-sonnet-4-5",
        "custom_llm_provider": "anthropic",
        "user": "u-42",
        "end_user": "",
        "session_id": "sess-bbb",
        "cache_hit": "False",
        "status": "success",
        "request_tags": ["feature:contract-review", "env:prod"],
        "messages": {},
        "response": {},
        "proxy_server_request": {},
        "metadata": {**METADATA, **(metadata or {})},
        **fields,
    }


def only(record: dict[str, Any]) -> Call:
    assert SPEND.matches(record)
    (call,) = settled(SPEND.calls(record))
    return call


def test_prompt_tokens_include_reads_and_writes_of_every_provider():
    call = only(row())
    assert (call.input, call.cache_read, call.cache_write_5m, call.cache_write_1h) == (412, 18000, 500, 1500)
    assert (call.output, call.reasoning, call.service_tier, call.region) == (903, 300, "standard", None)


def test_identity_place_and_attribution():
    call = only(row())
    assert (call.call_id, call.response_id, call.session, call.attempt) == ("call-1", "msg_1", "sess-bbb", 1)
    assert (call.provider, call.gateway) == ("anthropic", "litellm")
    assert (call.model, call.model_requested) == ("claude-sonnet-4-5-20250929", "claude-sonnet-4-5")
    assert (call.feature, call.tags, call.user) == (
        "contract-review",
        "feature:contract-review,env:prod",
        "u-42",
    )
    assert (call.latency_ms, call.reported_picousd) == (9870, 27_681_000_000)
    assert call.ts == int(datetime(2026, 10, 5, 9, 16, 40, 500_000, UTC).timestamp() * 1e6)


def test_a_database_export_with_json_in_strings_reads_the_same():
    plain = row()
    exported = {
        **plain,
        **{name: json.dumps(plain[name]) for name in ("metadata", "request_tags", "messages", "response")},
    }
    assert only(exported) == only(plain)


def test_a_parquet_row_with_uuids_times_and_without_nulls_reads_the_same():
    plain = row(session_id="7cd4c428-811a-5c84-963c-fdc1343a673a", spend=None)
    parquet = {
        **plain,
        "session_id": UUID(plain["session_id"]),
        "startTime": datetime(2026, 10, 5, 9, 16, 40, 500_000, UTC),
        "metadata": json.dumps(plain["metadata"]),
    }
    del parquet["spend"]
    assert only(parquet) == only(plain)


def test_the_call_id_may_be_in_the_metadata():
    assert only(row({"litellm_call_id": "call-2"}, litellm_call_id=None)).call_id == "call-2"


def test_a_masked_responses_id_is_unmasked_to_join_with_the_providers_log():
    # decodes to litellm:custom_llm_provider:openai;model_id:None;response_id:resp_05f2
    encoded = (
        "bGl0ZWxsbTpjdXN0b21fbGxtX3Byb3ZpZGVyOm9wZW5haTttb2RlbF9pZDpOb25lO3Jlc3BvbnNlX2lkOnJlc3BfMDVmMg=="
    )
    assert only(row(request_id=f"resp_{encoded}")).response_id == "resp_05f2"
    assert only(row(request_id="resp_bGl0ZWxsbT!")).response_id == "resp_bGl0ZWxsbT!"


UNKNOWN = {"model_map_information": {"model_map_key": "acme-9", "model_map_value": None}}


@pytest.mark.parametrize("spend", [0, 0.0, None])
def test_no_spend_on_a_model_without_a_price_is_unpriced(spend: float | None):
    assert only(row(UNKNOWN, spend=spend)).reported_picousd is None
    assert only({**row(), "metadata": json.dumps(UNKNOWN), "spend": spend}).reported_picousd is None


def test_no_spend_on_a_model_with_a_price_is_free():
    assert only(row(spend=0)).reported_picousd == 0
    assert only(row(spend=None)).reported_picousd is None


def test_a_spend_without_a_price_in_the_map_is_believed():
    assert only(row(UNKNOWN, spend=0.5)).reported_picousd == 500_000_000_000


def test_an_answer_from_the_gateways_cache_cost_nothing():
    call = only(row(UNKNOWN, cache_hit="True", spend=0))
    assert (call.status, call.reported_picousd, call.input) == ("cache_hit", 0, 412)
    assert only(row(cache_hit="None")).status == "ok"


def test_a_failure_is_an_error_with_its_code_and_costs_nothing():
    error = {
        "usage_object": None,
        "error_information": {"error_code": "429", "error_class": "RateLimitError"},
    }
    counts = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0, "spend": 0.0}
    call = only(row({**error, **UNKNOWN}, status="failure", **counts))
    assert (call.status, call.error_code, call.quality, call.reported_picousd) == ("error", "429", "none", 0)


def test_openrouter_behind_litellm_is_the_gateway_that_takes_a_fee():
    call = only(row(custom_llm_provider="openrouter"))
    assert (call.provider, call.gateway) == ("openrouter", "openrouter")


def test_a_success_without_any_usage_is_not_free_but_unknown():
    counts = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    assert only(row({"usage_object": None}, **counts)).quality == "none"


def test_older_rows_keep_the_split_in_additional_usage_values():
    older = {
        "usage_object": None,
        "additional_usage_values": {"prompt_tokens_details": {"cached_tokens": 18000}},
    }
    assert only(row(older)).cache_read == 18000


def test_tiers_searches_and_tier_tags():
    usage = {**USAGE, "service_tier": None, "server_tool_use": {"web_search_requests": 2}}
    tags = ["tier:3", "user_tier:gold", "tier:9"]
    call = only(row({"usage_object": usage, "cost_breakdown": {"service_tier": "flex"}}, request_tags=tags))
    assert (call.service_tier, call.web_searches, call.tier_tag, call.user_tier) == ("flex", 2, 3, "gold")
    grounded = {**USAGE, "prompt_tokens_details": {"web_search_requests": 3}}
    assert only(row({"usage_object": grounded})).web_searches == 3


def test_the_requesters_metadata_names_the_feature_when_no_tag_does():
    assert only(row({"requester_metadata": {"feature": "f1"}}, request_tags=None)).feature == "f1"
    assert only(row({"requester_metadata": {"feature": "f1"}})).feature == "contract-review"
    assert only(row(request_tags="[]")).feature is None


def test_stored_prompts_are_read():
    request = {"model": "claude", "messages": [{"role": "user", "content": "Read it."}], "max_tokens": 7}
    response = {"choices": [{"finish_reason": "stop"}]}
    call = only(row(proxy_server_request=json.dumps(request), response=json.dumps(response)))
    assert (call.prompt, call.max_tokens, call.has_tools, call.final) == ("Read it.", 7, False, True)
    messages = json.dumps([{"role": "user", "content": "Read that."}])
    assert only(row(messages=messages)).prompt == "Read that."
    assert only(row(messages=messages)).model_requested == "claude-sonnet-4-5"


NOTHING = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0, "spend": 0}


@pytest.mark.parametrize(
    "kind",
    [
        "aget_responses", "get_responses", "adelete_responses", "acancel_responses", "alist_input_items",
        "acreate_file", "afile_content", "alist_files", "acreate_batch", "acancel_batch",
        "avector_store_search", "avector_store_file_create", "aretrieve_fine_tuning_job", "a_add_message",
        "aget_thread", "acreate_container", "avideo_content", "call_mcp_tool",
    ],
)  # fmt: skip
def test_rows_that_run_no_model_are_no_calls_whatever_they_state(kind: str):
    for record in (row(call_type=kind), row({"usage_object": None}, call_type=kind, **NOTHING)):
        assert SPEND.matches(record)
        with pytest.raises(Skip, match="runs_no_model"):
            SPEND.calls(record)
    with pytest.raises(Skip, match="runs_no_model"):
        PAYLOAD.calls(payload(call_type=kind))


@pytest.mark.parametrize(
    "kind",
    [
        "acompletion", "aresponses", "acompact_responses", "aembedding", "anthropic_messages", "arerank",
        "agenerate_content_stream", "acreate_interaction", "arun_thread", "aimage_edit", "abatch_completion",
    ],
)  # fmt: skip
def test_rows_that_run_a_model_are_calls(kind: str):
    assert len(SPEND.calls(row(call_type=kind))) == 1


def test_what_a_retrieved_batch_states_is_the_sum_of_its_requests():
    with pytest.raises(Skip, match="aggregate"):
        SPEND.calls(row(call_type="aretrieve_batch"))
    with pytest.raises(Skip, match="runs_no_model"):
        SPEND.calls(row({"usage_object": None}, call_type="aretrieve_batch", **NOTHING))


def test_of_what_is_passed_through_reading_runs_no_model():
    passed = {"call_type": "pass_through_endpoint", **NOTHING}
    read = row(
        {"usage_object": None}, **passed, proxy_server_request='{"method": "GET", "url": "/v1/models"}'
    )
    unnamed = row({"usage_object": None}, **passed, model="unknown")
    for record in (read, unnamed, read | {"spend": 0.01, "prompt_tokens": 9}):
        with pytest.raises(Skip, match="runs_no_model"):
            SPEND.calls(record)
    assert len(SPEND.calls(row({"usage_object": None}, **passed))) == 1
    assert len(SPEND.calls(unnamed | {"spend": 0.01})) == 1


def payload(**fields: Any) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "trace_id": "tr-2",
        "litellm_call_id": "call-1",
        "call_type": "acompletion",
        "stream": True,
        "response_cost": 0.027681,
        "cost_breakdown": None,
        "status": "success",
        "custom_llm_provider": "anthropic",
        "total_tokens": 21315,
        "prompt_tokens": 20412,
        "completion_tokens": 903,
        "startTime": 1791191800.5,
        "endTime": 1791191810.37,
        "response_time": 9.87,
        "model": "claude-sonnet-4-5-20250929",
        "model_group": "claude-sonnet-4-5",
        "metadata": {"usage_object": USAGE, "user_api_key_user_id": "key-owner"},
        "cache_hit": None,
        "request_tags": ["feature:contract-review"],
        "end_user": "u-42",
        "messages": [{"role": "system", "content": "Analyst."}, {"role": "user", "content": "List clauses."}],
        "response": {"choices": [{"message": {"content": "4.2"}}]},
        "error_information": {"error_code": "", "error_class": ""},
        "model_parameters": {"max_tokens": 50, "tools": [{"type": "function"}]},
        "model_map_information": {"model_map_key": "x", "model_map_value": {"key": "x"}},
        **fields,
    }


def test_a_payload_says_the_same_in_other_places():
    record = payload()
    assert PAYLOAD.matches(record)
    assert not SPEND.matches(record)
    (call,) = settled(PAYLOAD.calls(record))
    assert (call.input, call.cache_read, call.cache_write_5m, call.cache_write_1h) == (412, 18000, 500, 1500)
    assert (call.ts, call.latency_ms, call.stream) == (1791191800_500000, 9870, True)
    assert (call.call_id, call.response_id, call.session) == ("call-1", "msg_1", "tr-2")
    assert (call.system, call.prompt, call.turns) == ("Analyst.", "List clauses.", 1)
    assert (call.max_tokens, call.has_tools, call.user) == (50, True, "u-42")
    assert (call.reported_picousd, call.feature) == (27_681_000_000, "contract-review")


def test_a_failed_and_an_unpriced_payload():
    failed = payload(status="failure", error_information={"error_code": "429"}, response_cost=0.0)
    assert [(c.status, c.error_code) for c in settled(PAYLOAD.calls(failed))] == [("error", "429")]
    unpriced = payload(response_cost=0.0, model_map_information={"model_map_value": None})
    assert settled(PAYLOAD.calls(unpriced))[0].reported_picousd is None


def totals(calls: list[Call]) -> tuple[int, int, Decimal]:
    return (
        sum(getattr(c, name) for c in calls for name in INPUT_SIDE),
        sum(getattr(c, name) for c in calls for name in OUTPUT_SIDE),
        round(Decimal(sum(c.reported_picousd or 0 for c in calls)).scaleb(-12), 6),
    )


def test_totals_of_the_real_rows_as_json_and_as_parquet(
    logs: Callable[[str], list[dict[str, Any]]], shared_data: Path
):
    records = logs("litellm/spend_logs.jsonl.gz")
    calls = [call for r in records if SPEND.matches(r) for call in settled(SPEND.calls(r))]
    assert len(calls) == len(records) == 2164
    assert totals(calls) == (3_670_128, 346_245, Decimal("11.677148"))
    assert len({c.call_id for c in calls}) == 2164
    assert sum(c.reported_picousd is None for c in calls) == 249

    table = pq.read_table(shared_data / "logs" / "litellm" / "litellm_spend_logs.parquet")
    rows = [{k: v for k, v in r.items() if v is not None} for r in table.to_pylist()]
    assert [call for r in rows if SPEND.matches(r) for call in settled(SPEND.calls(r))] == calls
