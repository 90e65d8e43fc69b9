"""Google's response bodies, and the rows of Vertex AI's request and response log."""

from __future__ import annotations

import json
from typing import Any

import pytest

from costaudit.ingest.adapters.gemini import GENERATE, INTERACTION, fold_chunks
from costaudit.ingest.adapters.vertex_log import ADAPTER as VERTEX
from costaudit.ingest.fields import timestamp_us
from costaudit.ingest.format import Skip
from costaudit.ingest.settle import settled
from costaudit.schema import Call

USAGE = {
    "promptTokenCount": 5000,
    "cachedContentTokenCount": 3000,
    "candidatesTokenCount": 120,
    "thoughtsTokenCount": 340,
    "totalTokenCount": 5460,
}


def body(usage: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    return {
        "candidates": [{"content": {"role": "model", "parts": [{"text": "…"}]}, "finishReason": "STOP"}],
        "usageMetadata": USAGE if usage is None else usage,
        "modelVersion": "gemini-2.5-flash",
        "responseId": "r-1",
        **fields,
    }


def only(record: dict[str, Any]) -> Call:
    assert GENERATE.matches(record)
    (call,) = settled(GENERATE.calls(record))
    return call


def counts(call: Call) -> tuple[int, ...]:
    return call.input, call.cache_read, call.output, call.reasoning, call.input_audio, call.output_audio


def test_cached_tokens_are_inside_the_prompt_and_thoughts_beside_the_candidates():
    call = only(body())
    assert counts(call) == (2000, 3000, 460, 340, 0, 0)
    assert (call.response_id, call.model, call.final, call.quality) == (
        "r-1",
        "gemini-2.5-flash",
        True,
        "exact",
    )


def test_tool_results_are_input():
    usage = {**USAGE, "toolUsePromptTokenCount": 40, "totalTokenCount": 5500}
    assert counts(only(body(usage))) == (2040, 3000, 460, 340, 0, 0)


def test_sound_has_its_own_classes_and_cached_sound_is_cached():
    usage = {
        "promptTokenCount": 1000,
        "cachedContentTokenCount": 200,
        "candidatesTokenCount": 50,
        "totalTokenCount": 1050,
        "promptTokensDetails": [
            {"modality": "TEXT", "tokenCount": 400},
            {"modality": "AUDIO", "tokenCount": 600},
        ],
        "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": 200}],
        "candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": 30}],
    }
    call = only(body(usage))
    assert counts(call) == (400, 0, 20, 0, 400, 30)
    assert call.cache_read_audio == 200


@pytest.mark.parametrize(
    ("cached", "expected"),
    [
        ({}, 2047),
        ({"cachedContentTokenCount": None}, 2047),
        ({"cachedContentTokenCount": 2047}, 2047),
        ({"cachedContentTokenCount": 2100}, 2100),  # a part that the details leave out
    ],
)
def test_the_parts_of_what_was_cached_stand_for_the_whole(cached: dict[str, Any], expected: int):
    # googleapis/python-genai issue 795: 1240 of text and 807 of images, and no sum of both
    usage = {
        "promptTokenCount": 4583, "candidatesTokenCount": 325, "totalTokenCount": 4908, **cached,
        "cacheTokensDetails": [
            {"modality": "TEXT", "tokenCount": 1240}, {"modality": "IMAGE", "tokenCount": 807},
        ],
    }  # fmt: skip
    call = only(body(usage))
    assert call.cache_read + call.cache_read_image == expected
    assert call.input == 4583 - expected


def test_counts_of_zero_are_left_out():
    call = only(body({"promptTokenCount": 22, "thoughtsTokenCount": 10, "totalTokenCount": 32}))
    assert (*counts(call)[:4], call.quality) == (22, 0, 10, 10, "exact")


def test_a_blocked_prompt_is_a_call_without_numbers():
    record = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"trafficType": "ON_DEMAND"}}
    call = only({**record, "modelVersion": "gemini-2.5-flash", "responseId": "r"})
    assert (call.quality, call.input) == ("none", 0)


@pytest.mark.parametrize(
    ("traffic", "tier"),
    [
        ("ON_DEMAND", None),
        ("ON_DEMAND_FLEX", "flex"),
        ("PROVISIONED_THROUGHPUT", "provisioned"),
        ("NEW", None),
    ],
)
def test_the_kind_of_traffic_is_the_tier(traffic: str, tier: str | None):
    call = only(body({**USAGE, "trafficType": traffic}))
    assert (call.service_tier, call.provider) == (tier, "vertex")


def test_the_gemini_api_states_the_tier_itself():
    call = only(body({**USAGE, "serviceTier": "priority"}))
    assert (call.service_tier, call.provider) == ("priority", "google")


@pytest.mark.parametrize(("model", "searches"), [("gemini-2.5-flash", 1), ("gemini-3-flash-preview", 2)])
def test_grounded_answers_are_billed_once_or_by_query(model: str, searches: int):
    candidate = {"finishReason": "STOP", "groundingMetadata": {"webSearchQueries": ["a", "b"]}}
    assert only(body(candidates=[candidate], modelVersion=model)).web_searches == searches


def test_an_embedding_has_input_only():
    call = only({"embedding": {"values": []}, "usageMetadata": {"promptTokenCount": 11}})
    assert (call.input, call.output, call.quality) == (11, 0, "exact")


def test_a_created_cache_is_no_call():
    cache = {
        "name": "cachedContents/x",
        "expireTime": "2026-05-13T20:01:50Z",
        "usageMetadata": {"totalTokenCount": 9},
    }
    assert GENERATE.matches(cache)
    assert settled(GENERATE.calls(cache)) == []


def test_the_last_chunk_of_a_stream_counts():
    chunks = [body({**USAGE, "candidatesTokenCount": 1}), body({**USAGE}, candidates=None), {"other": 1}]
    folded = fold_chunks(chunks)
    assert folded is not None
    assert counts(only(folded)) == (2000, 3000, 460, 340, 0, 0)
    assert fold_chunks([{"object": "chat.completion.chunk"}]) is None


INTERACTED = {
    "id": "v1_x",
    "object": "interaction",
    "status": "completed",
    "model": "gemini-2.5-flash",
    "created": "2026-05-13T19:57:25Z",
    "service_tier": "standard",
    "usage": {
        "total_tokens": 233,
        "total_input_tokens": 9,
        "total_cached_tokens": 4,
        "total_output_tokens": 13,
        "total_tool_use_tokens": 0,
        "total_thought_tokens": 211,
        "input_tokens_by_modality": [{"modality": "audio", "tokens": 5}],
    },
}


def test_an_interaction():
    assert INTERACTION.matches(INTERACTED)
    (call,) = settled(INTERACTION.calls(INTERACTED))
    assert counts(call) == (0, 4, 224, 211, 5, 0)
    assert (call.ts, call.service_tier) == (timestamp_us("2026-05-13T19:57:25Z"), "standard")


REQUEST = {
    "contents": [
        {
            "role": "user",
            "parts": [{"inlineData": {"mimeType": "image/png", "data": ""}}, {"text": "What is it?"}],
        },
        {"role": "model", "parts": [{"text": "A cat."}]},
        {"role": "user", "parts": [{"text": "Sure?"}]},
    ],
    "systemInstruction": {"parts": [{"text": "Be brief."}]},
    "generationConfig": {"maxOutputTokens": 50, "responseMimeType": "application/json"},
    "labels": {"feature": "vision", "user": "u-42"},
}


def row(**fields: Any) -> dict[str, Any]:
    return {
        "endpoint": "projects/p/locations/europe-west4/publishers/google/models/gemini-2.5-flash",
        "logging_time": "2026-10-05 09:20:13.010000 UTC",
        "request_id": "123",
        "model": "google/gemini-2.5-flash",
        "full_request": REQUEST,
        "full_response": body(),
        "metadata": {"request_latency": 1980},
        **fields,
    }


def of_row(record: dict[str, Any]) -> Call:
    assert VERTEX.matches(record)
    (call,) = settled(VERTEX.calls(record))
    return call


def test_a_row_tells_where_when_and_for_whom():
    call = of_row(row())
    assert counts(call) == (2000, 3000, 460, 340, 0, 0)
    assert (call.provider, call.region, call.model_requested) == (
        "vertex",
        "europe-west4",
        "gemini-2.5-flash",
    )
    assert (call.ts, call.latency_ms) == (timestamp_us("2026-10-05T09:20:11.030Z"), 1980)
    assert (call.feature, call.user, call.response_id) == ("vision", "u-42", "r-1")
    assert (call.prompt, call.system, call.turns, call.has_images) == ("Sure?", "Be brief.", 3, True)
    assert (call.max_tokens, call.response_format) == (50, "json_object")


def test_columns_may_be_json_in_strings():
    plain = row()
    strings = {k: json.dumps(v) if isinstance(v, dict) else v for k, v in plain.items()}
    assert of_row(strings) == of_row(plain)


def test_a_streams_chunks_are_one_call_with_the_last_usage():
    chunks = [body({**USAGE, "candidatesTokenCount": 1, "totalTokenCount": 5341}), body()]
    assert counts(of_row(row(full_response=chunks))) == counts(of_row(row(full_response=json.dumps(chunks))))
    assert counts(of_row(row(full_response=chunks))) == (2000, 3000, 460, 340, 0, 0)


def test_claude_on_vertex_answers_in_its_own_shape():
    usage = {"input_tokens": 5, "output_tokens": 9, "cache_read_input_tokens": 7}
    message = {
        "id": "msg_vrtx_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-opus-4-8",
        "stop_reason": "end_turn",
        "usage": usage,
    }
    request = {"messages": [{"role": "user", "content": "Hello?"}]}
    call = of_row(row(full_response=message, full_request=request))
    assert (call.input, call.cache_read, call.provider, call.prompt) == (5, 7, "vertex", "Hello?")


def test_an_error_is_a_failed_call_of_the_rows_model():
    call = of_row(row(full_response={"error": {"code": 429, "status": "RESOURCE_EXHAUSTED"}}))
    assert (call.status, call.error_code, call.model) == ("error", "429", "gemini-2.5-flash")


@pytest.mark.parametrize("response", [None, "", "[]", "{", {"a": 1}, [{"b": 2}], 5])
def test_a_response_of_no_known_shape_is_said_so(response: Any):
    with pytest.raises(Skip) as skip:
        settled(VERTEX.calls(row(full_response=response)))
    assert skip.value.reason == "unrecognised"
