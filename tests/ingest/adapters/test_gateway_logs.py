"""Logs of Cloudflare, Kong, Envoy and Azure API Management: one input count, no cache split."""

from __future__ import annotations

import json
from typing import Any

import pytest

from costaudit.ingest.adapters import azure, cloudflare, envoy, kong
from costaudit.ingest.format import Skip
from costaudit.ingest.settle import settled
from tests.ingest.adapters.rows import counts, only

CHAT = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "model": "gpt-5-mini-2025-08-07",
    "choices": [{"finish_reason": "stop"}],
    "usage": {
        "prompt_tokens": 1312,
        "completion_tokens": 186,
        "prompt_tokens_details": {"cached_tokens": 1024},
    },
}
LISTED = {
    "id": "01J",
    "created_at": "2026-10-05T09:15:02.114Z",
    "provider": "openai",
    "model": "gpt-5-mini",
    "duration": 2431,
    "cached": False,
    "success": True,
    "status_code": 200,
    "tokens_in": 900,
    "tokens_out": 186,
    "cost": 0.0004696,
    "custom_cost": False,
    "metadata": '{"user": "u-17", "feature": "triage", "env": "prod"}',
    "step": 0,
}


def test_a_row_of_cloudflares_log_list():
    call = only(cloudflare.ADAPTER, LISTED)
    assert (call.input, call.output, call.quality, call.call_id) == (900, 186, "exact", "01J")
    assert (call.user, call.feature, call.tags, call.attempt) == ("u-17", "triage", "env:prod", 0)
    assert only(cloudflare.ADAPTER, {**LISTED, "tokens_in": 5000}).quality == "partial"


def test_a_page_of_the_log_list():
    page = {"success": True, "result": [LISTED, {**LISTED, "id": "02J", "step": 1}]}
    assert [(c.call_id, c.attempt) for c in settled(cloudflare.ADAPTER.calls(page))] == [
        ("01J", 0),
        ("02J", 1),
    ]
    assert not cloudflare.ADAPTER.matches({"success": True, "result": []})


def test_cached_and_failed_replies_of_cloudflare():
    cached = only(cloudflare.ADAPTER, {**LISTED, "cached": True, "cost": 0})
    assert (cached.status, cached.reported_picousd) == ("cache_hit", 0)
    assert only(cloudflare.ADAPTER, {**LISTED, "success": False}).status == "error"
    assert only(cloudflare.ADAPTER, {**LISTED, "status_code": 503}).error_code == "503"


def test_a_logpush_event_counts_once_its_bodies_are_decrypted():
    secret = {"type": "encrypted", "key": "..", "iv": "..", "data": ".."}
    event = {
        "Gateway": "prod",
        "Provider": "openai",
        "Model": "gpt-5-mini",
        "StatusCode": 200,
        "Cached": True,
    }
    with pytest.raises(Skip, match="no_usage_in_log"):
        settled(cloudflare.ADAPTER.calls({**event, "ResponseBody": secret, "Metadata": secret}))
    open_ = {**event, "ResponseBody": json.dumps(CHAT), "Metadata": {"feature": "triage"}}
    call = only(cloudflare.ADAPTER, open_)
    assert (counts(call), call.status, call.feature) == ((288, 1024, 0, 0, 186, 0), "cache_hit", "triage")


def plugin(**fields: Any) -> dict[str, Any]:
    return {
        "payload": {},
        "usage": {"prompt_tokens": 1312, "completion_tokens": 186, "total_tokens": 1498, "cost": 0.0004696},
        "meta": {"request_model": "gpt-5-mini", "response_model": "gpt-5-mini-1", "provider_name": "openai"},
        "cache": {},
        **fields,
    }


def kong_record(**ai: Any) -> dict[str, Any]:
    return {
        "started_at": 1791191702114,
        "request": {"id": "k-1"},
        "response": {"status": 200},
        "latencies": {"request": 2431},
        "consumer": {"username": "u-17"},
        "route": {"name": "triage"},
        "ai": ai,
    }


def test_a_kong_record():
    call = only(kong.ADAPTER, kong_record(proxy=plugin()))
    assert (call.input, call.output, call.quality) == (1312, 186, "partial")
    assert (call.call_id, call.user, call.feature, call.latency_ms) == ("k-1", "u-17", "triage", 2431)
    assert (call.model, call.model_requested, call.gateway) == ("gpt-5-mini-1", "gpt-5-mini", "kong")


def test_every_ai_plugin_made_a_call_of_its_own():
    record = kong_record(
        proxy=plugin(), transformer=plugin(usage={"prompt_token": 28, "completion_token": 20})
    )
    calls = settled(kong.ADAPTER.calls(record))
    assert [(c.call_id, c.input, c.output) for c in calls] == [
        ("k-1#proxy", 1312, 186),
        ("k-1#transformer", 28, 20),
    ]


def test_a_hit_of_kongs_cache_and_a_price_that_was_not_set():
    usage = {"prompt_tokens": 1312, "completion_tokens": 186, "cost": 0}
    hit = only(kong.ADAPTER, kong_record(proxy=plugin(usage=usage, cache={"cache_status": "Hit"})))
    assert (hit.status, hit.reported_picousd) == ("cache_hit", 0)
    assert only(kong.ADAPTER, kong_record(proxy=plugin(usage=usage))).reported_picousd is None


def test_logged_payloads_of_kong_tell_split_and_prompt():
    asked = {"request": json.dumps({"messages": [{"role": "user", "content": "Label?"}]})}
    record = kong_record(payload=asked, proxy=plugin(payload={"response": json.dumps(CHAT)}))
    call = only(kong.ADAPTER, record)
    assert (counts(call), call.prompt) == ((288, 1024, 0, 0, 186, 0), "Label?")
    assert (call.response_id, call.model) == ("chatcmpl-1", "gpt-5-mini-1")


LINE = {
    "start_time": "2026-10-05T09:15:02.114Z",
    "response_code": 200,
    "duration": 2431,
    "gen_ai.request.model": "gpt-5-mini",
    "gen_ai.response.model": "-",
    "gen_ai.provider.name": "openai",
    "gen_ai.usage.input_tokens": 1312,
    "gen_ai.usage.output_tokens": "186",
    "gen_ai.usage.reasoning_tokens": "-",
    "session.id": "s",
    "x-request-id": "x-1",
}


def test_an_access_log_line_of_envoy():
    call = only(envoy.ADAPTER, LINE)
    assert (call.input, call.output, call.quality, call.model) == (1312, 186, "partial", "gpt-5-mini")
    assert (call.call_id, call.session, call.gateway) == ("x-1", "s", "envoy")


@pytest.mark.parametrize("name", ["cached_input_tokens", "cache_read.input_tokens"])
def test_an_operator_may_log_the_cache_as_well(name: str):
    line = {**LINE, f"gen_ai.usage.{name}": 1024, "gen_ai.usage.cache_creation_input_tokens": 100}
    call = only(envoy.ADAPTER, line)
    assert (counts(call), call.quality) == ((188, 1024, 100, 0, 186, 0), "exact")


def test_outcomes_in_envoys_log():
    assert only(envoy.ADAPTER, {**LINE, "response_code": 0}).status == "cancelled"
    assert only(envoy.ADAPTER, {**LINE, "response_code": "429"}).error_code == "429"
    assert not envoy.ADAPTER.matches({k: v for k, v in LINE.items() if k != "response_code"})


APIM = {
    "TimeGenerated": "2026-10-05T09:15:04.545Z",
    "CorrelationId": "c-1",
    "Region": "East US",
    "ModelName": "gpt-5-mini",
    "DeploymentName": "triage-mini",
    "IsStreamCompletion": False,
    "PromptTokens": 1312,
    "CompletionTokens": 186,
    "TotalTokens": 1498,
    "SequenceNumber": 0,
    "RequestMessages": '[{"role": "user", "content": "Label?"}]',
}


def test_only_the_first_row_of_an_apim_call_counts():
    call = only(azure.ADAPTER, APIM)
    assert (call.input, call.output, call.quality, call.provider) == (1312, 186, "partial", "azure")
    assert (call.model, call.model_requested, call.prompt) == ("gpt-5-mini", "triage-mini", "Label?")
    assert settled(azure.ADAPTER.calls({**APIM, "SequenceNumber": 1})) == []


def test_apim_rows_of_the_portal_and_of_the_storage_export():
    portal = {k: str(v) for k, v in APIM.items() if k != "TimeGenerated"}
    portal |= {"TimeGenerated [UTC]": "10/5/2026, 9:15:04.545 AM", "IsStreamCompletion": "0"}
    assert only(azure.ADAPTER, portal) == only(azure.ADAPTER, APIM)
    inner = {k[0].lower() + k[1:]: v for k, v in APIM.items() if k not in {"TimeGenerated", "Region"}}
    stored = {"time": APIM["TimeGenerated"], "category": "GatewayLlmLogs", "location": "East US"}
    whole = {"records": [{**stored, "properties": inner}]}
    assert only(azure.ADAPTER, whole) == only(azure.ADAPTER, APIM)


def test_diagnostics_without_tokens_are_refused_in_both_forms():
    detail = json.dumps({"modelDeploymentName": "triage-mini", "modelName": "gpt-5-mini"})
    for record in (
        {"category": "RequestResponse", "properties": detail, "durationMs": 5},
        {"Category": "RequestResponse", "properties_s": detail, "DurationMs": "5"},
    ):
        assert azure.ADAPTER.matches(record)
        with pytest.raises(Skip, match="no_usage_in_log"):
            settled(azure.ADAPTER.calls(record))
    assert not azure.ADAPTER.matches({"category": "RequestResponse"})
