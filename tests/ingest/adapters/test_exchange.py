"""Recorded exchanges: what the response bills and what the request tells."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from costaudit.ingest.adapters.exchange import ADAPTER
from costaudit.ingest.format import Skip
from costaudit.ingest.settle import settled
from costaudit.schema import TOKEN_CLASSES, Call

REQUEST = {
    "model": "gpt-5-mini",
    "messages": [{"role": "system", "content": "You triage."}, {"role": "user", "content": "Which label?"}],
}
CHAT = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1791191702,
    "model": "gpt-5-mini-2025-08-07",
    "choices": [{"finish_reason": "stop"}],
    "usage": {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12},
}


def only(response: Any, request: Any = REQUEST, **fields: Any) -> Call:
    record = {"request": request, "response": response, **fields}
    assert ADAPTER.matches(record)
    (call,) = settled(ADAPTER.calls(record))
    return call


def test_the_response_names_the_model_and_the_request_the_rest():
    call = only(CHAT)
    assert (call.model, call.model_requested) == ("gpt-5-mini-2025-08-07", "gpt-5-mini")
    assert (call.system, call.prompt, call.turns) == ("You triage.", "Which label?", 1)
    assert (call.input, call.output, call.ts, call.provider) == (10, 2, 1791191702_000000, None)


def test_who_asked_and_what_it_cost_may_stand_beside_the_pair():
    call = only(CHAT, user_id="u-1", session_id="s-1", cost_usd=0.25, tags=["a"])
    assert (call.user, call.session, call.tags) == ("u-1", "s-1", "a")
    assert call.reported_picousd == 250_000_000_000


@pytest.mark.parametrize(
    ("host", "provider"),
    [
        ("api.openai.com", "openai"),
        ("acme.openai.azure.com", "azure"),
        ("api.together.xyz", "together"),
        ("API.X.AI:443", "xai"),
        ("us-central1-aiplatform.googleapis.com", "vertex"),
        ("bedrock-mantle.us-east-1.api.aws", "bedrock"),
        ("localhost", None),
        ("notapi.openai.com.example.org", None),
    ],
)
def test_the_host_names_the_provider(host: str, provider: str | None):
    assert only(CHAT, host=host, path="/v1/chat/completions").provider == provider


def test_the_url_names_the_host_too():
    assert only(CHAT, url="https://api.groq.com/openai/v1/chat/completions").provider == "groq"


def test_openrouter_keeps_the_provider_that_it_names():
    body = {**CHAT, "id": "gen-1", "provider": "Google"}
    call = only(body, host="openrouter.ai")
    assert (call.provider, call.gateway) == ("Google", "openrouter")
    assert only(CHAT, host="openrouter.ai").provider == "openrouter"


def test_an_anthropic_body_says_anthropic_unless_the_host_says_otherwise():
    usage = {"input_tokens": 3, "output_tokens": 4, "cache_read_input_tokens": 100}
    body = {"id": "msg_1", "type": "message", "model": "claude-x", "stop_reason": "end_turn", "usage": usage}
    assert only(body).provider == "anthropic"
    assert only(body, host="gateway.local").provider == "anthropic"
    assert only(body, host="bedrock-runtime.us-east-1.amazonaws.com").provider == "bedrock"


@pytest.mark.parametrize("status", [429, "429", None])
def test_an_error_is_a_failed_call_of_the_requested_model(status: int | str | None):
    body = {"error": {"message": "slow down", "type": "requests", "code": "rate_limit_exceeded"}}
    call = only(body, status=status)
    assert (call.status, call.error_code, call.model) == ("error", "rate_limit_exceeded", "gpt-5-mini")
    assert (call.quality, call.input, call.output) == ("none", 0, 0)


def test_an_error_without_a_readable_body_has_the_status_for_a_code():
    assert only({"message": "no such model"}, status=404, host="x").error_code == "404"
    assert only("<html>bad gateway</html>", status_code=502, host="x").error_code == "502"


def test_an_anthropic_error_names_its_type():
    body = {"type": "error", "error": {"type": "overloaded_error", "message": "x"}, "request_id": "req_1"}
    assert only(body, status=529).error_code == "overloaded_error"


def test_the_path_names_a_model_that_the_request_does_not():
    call = only(
        {"message": "denied"},
        {"inputText": "hi"},
        status=400,
        host="bedrock-runtime.us-east-1.amazonaws.com",
        path="/model/us.amazon.nova-lite-v1%3A0/invoke",
    )
    assert call.model == "us.amazon.nova-lite-v1:0"
    assert only({}, {}, status=404, path="/openai/deployments/prod-4o/chat/completions").model == "prod-4o"


CHUNKS: list[dict[str, Any]] = [
    {**CHAT, "object": "chat.completion.chunk", "choices": [{"delta": {"role": "assistant"}}], "usage": None},
    {**CHAT, "object": "chat.completion.chunk", "choices": [{"finish_reason": "stop"}], "usage": None},
    {**CHAT, "object": "chat.completion.chunk", "choices": []},
]


def sse(events: list[dict[str, Any]]) -> str:
    return "".join(f"event: x\ndata: {json.dumps(e)}\n\n" for e in events) + "data: [DONE]\n\n"


@pytest.mark.parametrize("response", [{"_sse_events": CHUNKS}, CHUNKS, sse(CHUNKS)])
def test_a_chat_stream_has_its_usage_in_the_last_chunk(response: Any):
    call = only(response)
    assert (call.input, call.output, call.final, call.response_id) == (10, 2, True, "chatcmpl-1")


def test_a_chat_stream_without_usage_is_a_call_without_numbers():
    call = only({"_sse_events": CHUNKS[:2]})
    assert (call.quality, call.final, call.model) == ("none", True, "gpt-5-mini-2025-08-07")


ANTHROPIC_START = {
    "type": "message_start",
    "message": {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-x",
        "stop_reason": None,
        "usage": {
            "input_tokens": 20,
            "cache_read_input_tokens": 300,
            "cache_creation_input_tokens": 50,
            "cache_creation": {"ephemeral_1h_input_tokens": 50, "ephemeral_5m_input_tokens": 0},
            "output_tokens": 1,
            "service_tier": "standard",
        },
    },
}
ANTHROPIC_END = {
    "type": "message_delta",
    "delta": {"stop_reason": "end_turn"},
    "usage": {"output_tokens": 90},
}


def test_an_anthropic_streams_last_count_wins_and_is_not_added():
    call = only({"_sse_events": [ANTHROPIC_START, {"type": "ping"}, ANTHROPIC_END, {"type": "message_stop"}]})
    assert (call.input, call.cache_read, call.cache_write_1h, call.output) == (20, 300, 50, 90)
    assert (call.final, call.quality, call.service_tier) == (True, "exact", "standard")


def test_an_anthropic_stream_that_was_cut_states_a_placeholder():
    call = only({"_sse_events": [ANTHROPIC_START]})
    assert (call.final, call.quality, call.input) == (False, "partial", 20)


@pytest.mark.parametrize(
    ("last", "status", "final"),
    [
        ("completed", "ok", True),
        ("incomplete", "ok", True),
        ("failed", "error", True),
        ("in_progress", "ok", False),
    ],
)
def test_a_responses_stream_ends_with_the_whole_response(last: str, status: str, final: bool):
    body = {"id": "resp_1", "object": "response", "created_at": 1791191702, "model": "gpt-5"}
    usage = {"input_tokens": 9, "output_tokens": 3, "total_tokens": 12} if final else None
    events = [
        {"type": "response.created", "response": {**body, "status": "in_progress", "usage": None}},
        {"type": "response.output_text.delta", "delta": "x"},
        {"type": f"response.{last}", "response": {**body, "status": last, "usage": usage}},
    ]
    call = only({"_sse_events": events})
    assert (call.status, call.final, call.output) == (status, final, 3 if final else 0)


def test_a_stream_that_fails_before_any_usage_is_an_error():
    failed = [{"type": "error", "error": {"type": "overloaded_error", "message": "x"}}]
    call = only({"_sse_events": failed}, host="api.anthropic.com")
    assert (call.status, call.error_code) == ("error", "overloaded_error")


def test_a_stored_response_that_is_fetched_again_has_the_same_id():
    body = {"id": "resp_1", "object": "response", "status": "completed", "usage": {"input_tokens": 1}}
    call = only(body, "", method="GET", path="/v1/responses/resp_1")
    assert (call.response_id, call.model_requested) == ("resp_1", None)


@pytest.mark.parametrize("kind", ["file", "thread", "thread.message", "model", "vector_store"])
def test_managing_stored_things_runs_no_model(kind: str):
    record = {"request": {}, "response": {"id": "x", "object": kind}, "path": "/v1/x"}
    assert settled(ADAPTER.calls(record)) == []


def test_lists_of_stored_things_run_no_model():
    assert (
        settled(
            ADAPTER.calls({"request": "", "response": {"object": "list", "data": []}, "path": "/v1/models"})
        )
        == []
    )


@pytest.mark.parametrize(
    "response",
    [
        {"candidates": [], "usageMetadata": {"totalTokenCount": 5}},
        {"output": {}, "usage": {"inputTokens": 5, "outputTokens": 1}},
    ],
)
def test_other_apis_are_named_as_unrecognised(response: dict[str, Any]):
    record = {"request": {"contents": []}, "response": response, "host": "example.com"}
    assert ADAPTER.matches(record)
    with pytest.raises(Skip) as skip:
        settled(ADAPTER.calls(record))
    assert skip.value.reason == "unrecognised"


def test_a_lost_answer_is_a_call_without_numbers():
    call = only(None)
    assert (call.quality, call.model) == ("none", "gpt-5-mini")


def test_bodies_inside_http_envelopes_are_found():
    envelope = {
        "request": {"method": "POST", "url": "https://api.openai.com/v1/chat/completions", "body": REQUEST},
        "response": {"status_code": 200, "headers": {}, "body": json.dumps(CHAT)},
    }
    assert ADAPTER.matches(envelope)
    (call,) = settled(ADAPTER.calls(envelope))
    assert (call.provider, call.input, call.prompt) == ("openai", 10, "Which label?")


def test_an_answer_that_was_kept_as_plain_text_is_a_call_without_numbers():
    assert only("billing").quality == "none"


def test_what_the_record_says_around_the_bodies_is_kept():
    fields = {
        "timestamp": "2026-10-05T09:15:02.114Z",
        "latency_ms": "2431",
        "feature": "triage",
        "user": "u-17",
    }
    call = only(CHAT, **fields, date="Mon, 05 Oct 2026 09:16:00 GMT")
    assert (call.ts, call.latency_ms, call.feature, call.user) == (1791191702_114000, 2431, "triage", "u-17")


def test_the_date_header_serves_where_the_body_has_no_time():
    body = {"object": "list", "data": [], "model": "m", "usage": {"prompt_tokens": 8, "total_tokens": 8}}
    assert only(body, date="Mon, 05 Oct 2026 09:15:02 GMT").ts == 1791191702_000000


def test_a_flat_record_that_keeps_its_texts_is_left_to_the_flat_format():
    flat = {
        "model": "m",
        "input_tokens": 5,
        "request": {"model": "m", "messages": []},
        "response": {"text": "x"},
    }
    assert not ADAPTER.matches(flat)
    assert not ADAPTER.matches({"request": "Which label?", "response": "billing"})


def billed(usage: dict[str, Any]) -> int:
    """All tokens that a body's usage object states, computed without the adapters."""
    if "total_tokens" in usage:
        return int(usage["total_tokens"])
    parts = usage.get("iterations") or [usage]
    names = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    return sum(part.get(name) or 0 for part in parts for name in names)


def stated(response: dict[str, Any]) -> dict[str, Any]:
    """The final usage object of a body or a stream."""
    usage: dict[str, Any] = {}
    for event in response.get("_sse_events", [response]):
        inner = next((event[k] for k in ("response", "message") if isinstance(event.get(k), dict)), event)
        usage = {**usage, **(inner.get("usage") or {})}
    return usage


HOSTS = ("api.openai.com", "api.anthropic.com")


def test_every_real_openai_and_anthropic_exchange_adds_up_to_its_own_total(
    logs: Callable[[str], list[dict[str, Any]]],
):
    checked = 0
    for record in logs("exchanges.jsonl.gz"):
        if record["host"] not in HOSTS or record["status"] != 200 or not stated(record["response"]):
            continue
        calls = settled(ADAPTER.calls(record))
        total = sum(getattr(call, name) for call in calls for name in TOKEN_CLASSES)
        assert total == billed(stated(record["response"])), record["source_path"]
        checked += 1
    assert checked > 950


def test_every_other_real_host_adds_up_too(logs: Callable[[str], list[dict[str, Any]]]):
    checked = 0
    for record in logs("exchanges.jsonl.gz"):
        usage = stated(record["response"]) if isinstance(record["response"], dict) else {}
        if record["host"] in HOSTS or not usage.keys() & {"prompt_tokens", "input_tokens"}:
            continue
        if record["status"] != 200 or "total_tokens" not in usage:
            continue
        calls = settled(ADAPTER.calls(record))
        assert sum(getattr(c, n) for c in calls for n in TOKEN_CLASSES) == usage["total_tokens"], record[
            "host"
        ]
        checked += 1
    assert checked > 250


def test_what_becomes_of_every_real_exchange(logs: Callable[[str], list[dict[str, Any]]]):
    calls, skipped = 0, []
    for record in logs("exchanges.jsonl.gz"):
        assert ADAPTER.matches(record)
        try:
            calls += len(settled(ADAPTER.calls(record)))
        except Skip as skip:
            skipped.append((skip.reason, record["host"]))
    assert (calls, len(skipped)) == (1461, 497)
    assert {reason for reason, _ in skipped} == {"unrecognised"}
    ours = ("openai.com", "openai.azure.com", "anthropic.com", "openrouter.ai", "groq.com", "mistral.ai")
    assert not [host for _, host in skipped if host.endswith(ours)]
