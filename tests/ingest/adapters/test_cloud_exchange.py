"""Recorded exchanges with Google and Bedrock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from costaudit.ingest.adapters import ADAPTERS
from costaudit.ingest.adapters.cloud_exchange import ADAPTER
from costaudit.ingest.fields import timestamp_us
from costaudit.ingest.settle import settled
from costaudit.schema import INPUT_SIDE, Call
from costaudit.tokens import OUTPUT_SIDE

GENERATED = {
    "candidates": [{"finishReason": "STOP"}],
    "modelVersion": "gemini-2.5-flash",
    "responseId": "r-1",
    "usageMetadata": {
        "promptTokenCount": 85,
        "candidatesTokenCount": 12,
        "thoughtsTokenCount": 60,
        "totalTokenCount": 157,
    },
}
ASKED = {"contents": [{"role": "user", "parts": [{"text": "Hello?"}]}], "tools": [{"googleSearch": {}}]}
GOOGLE = "generativelanguage.googleapis.com"


def only(response: Any, request: Any = ASKED, **fields: Any) -> Call:
    record = {"request": request, "response": response, **fields}
    assert next(a for a in ADAPTERS if a.matches(record)) is ADAPTER
    (call,) = settled(ADAPTER.calls(record))
    return call


def test_the_request_tells_what_was_asked_and_the_host_who_answered():
    call = only(
        GENERATED, host=GOOGLE, path="/v1beta/models/gemini-flash-latest:generateContent", latency_ms=80
    )
    assert (call.input, call.output, call.reasoning) == (85, 72, 60)
    assert (call.model, call.model_requested) == ("gemini-2.5-flash", "gemini-flash-latest")
    assert (call.provider, call.prompt, call.has_tools, call.latency_ms) == ("google", "Hello?", True, 80)


def test_vertex_is_a_provider_of_its_own():
    assert only(GENERATED, host="us-central1-aiplatform.googleapis.com").provider == "vertex"


def test_a_stream_has_its_usage_in_the_last_chunk():
    first = {**GENERATED, "usageMetadata": {"promptTokenCount": 85, "totalTokenCount": 85}}
    assert only({"_sse_events": [first, GENERATED]}, host=GOOGLE).output == 72
    assert only([first, GENERATED]).output == 72


def test_bedrock_names_its_model_in_the_path():
    body = {
        "metrics": {"latencyMs": 48},
        "stopReason": "end_turn",
        "usage": {"inputTokens": 560, "outputTokens": 53},
    }
    request = {"messages": [{"role": "user", "content": [{"text": "Hello?"}]}]}
    call = only(
        body,
        request,
        host="bedrock-runtime.us-east-1.amazonaws.com",
        path="/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse",
        date="Tue, 11 Mar 2025 08:34:31 GMT",
    )
    assert (call.model, call.provider) == ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "bedrock")
    assert (call.input, call.output, call.latency_ms, call.prompt) == (560, 53, 48, "Hello?")
    assert call.ts == timestamp_us("2025-03-11T08:34:31Z")


def test_an_interaction_has_a_request_of_its_own():
    usage = {"total_tokens": 22, "total_input_tokens": 9, "total_output_tokens": 13}
    body = {"object": "interaction", "id": "v1", "model": "gemini-2.5-flash", "usage": usage}
    request = {"input": "Tell a joke.", "generation_config": {"max_output_tokens": 500}}
    call = only(body, request, host=GOOGLE)
    assert (call.input, call.output, call.prompt, call.max_tokens) == (9, 13, "Tell a joke.", 500)


def test_result_lines_of_batch_jobs_are_billed_as_batch():
    for record in (
        {"key": "k-1", "response": GENERATED},
        {"request": ASKED, "response": GENERATED, "processed_time": "2026-10-05T09:20:13Z"},
    ):
        assert ADAPTER.matches(record)
        (call,) = settled(ADAPTER.calls(record))
        assert (call.service_tier, call.input) == ("batch", 85)


def test_other_exchanges_are_left_to_the_adapter_for_them():
    chat = {"object": "chat.completion", "choices": [], "usage": {"prompt_tokens": 1}}
    for response in (chat, {"error": {"code": 400}}, {"message": "no"}, None, "x", [], [1], "data: {}"):
        assert not ADAPTER.matches({"request": ASKED, "response": response})


def test_real_exchanges(logs: Callable[[str], list[dict[str, Any]]]):
    """All Google and Bedrock bodies with usage are read, and every stated total is met."""
    found: Counter[str | None] = Counter()
    for record in logs("exchanges.jsonl.gz"):
        if not ADAPTER.matches(record):
            continue
        for call in settled(ADAPTER.calls(record)):
            found[call.provider] += 1
            assert call.model
            body = record["response"].get("_sse_events", [record["response"]])[-1]
            usage = body.get("usageMetadata") or body.get("usage") or {}
            total = usage.get("totalTokenCount", usage.get("totalTokens", usage.get("total_tokens")))
            tokens = sum(getattr(call, name) for name in (*INPUT_SIDE, *OUTPUT_SIDE))
            assert total in (None, tokens)
    assert found == {"google": 230, "vertex": 98, "bedrock": 164}
