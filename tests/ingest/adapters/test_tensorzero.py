"""Rows of TensorZero: the raw answer knows what the columns leave out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from costaudit.ingest.adapters.tensorzero import ADAPTER
from costaudit.ingest.settle import settled
from costaudit.schema import Call

CHAT = {
    "id": "chatcmpl-1", "object": "chat.completion", "model": "gpt-4o-mini-2024-07-18",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"content": "secret"}}],
    "usage": {"prompt_tokens": 1200, "completion_tokens": 80, "total_tokens": 1280,
              "prompt_tokens_details": {"cached_tokens": 1024}},
}  # fmt: skip
MESSAGE = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-haiku-4-5",
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 18, "output_tokens": 80, "cache_read_input_tokens": 900,
              "cache_creation_input_tokens": 7},
}  # fmt: skip
CONVERSE = {
    "stopReason": "end_turn", "usage": {"inputTokens": 18, "outputTokens": 80, "totalTokens": 1005,
                                        "cacheReadInputTokens": 900, "cacheWriteInputTokens": 7},
}  # fmt: skip
GEMINI = {
    "candidates": [], "modelVersion": "gemini-2.5-flash",
    "usageMetadata": {"promptTokenCount": 918, "candidatesTokenCount": 50, "thoughtsTokenCount": 30,
                      "cachedContentTokenCount": 900, "totalTokenCount": 998},
}  # fmt: skip
CHUNKS = [
    {"id": "c", "object": "chat.completion.chunk", "model": "gpt-4o-mini", "choices": [{"delta": {}}]},
    {
        "id": "c",
        "object": "chat.completion.chunk",
        "model": "gpt-4o-mini",
        "choices": [],
        "usage": CHAT["usage"],
    },
]


def row(raw: Any, **fields: Any) -> dict[str, Any]:
    return {
        "id": "m1", "inference_id": "i1", "raw_request": "{}", "model_name": "openai::gpt-4o-mini",
        "raw_response": raw if isinstance(raw, str) else json.dumps(raw), "model_provider_name": "openai",
        "input_tokens": 18, "output_tokens": 80, "response_time_ms": 1200, "cached": False,
        "timestamp": "2026-10-05T10:00:00Z", **fields,
    }  # fmt: skip


def only(record: dict[str, Any]) -> Call:
    assert ADAPTER.matches(record)
    (call,) = settled(ADAPTER.calls(record))
    return call


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (CHAT, (176, 1024, 0, 80)),
        (MESSAGE, (18, 900, 7, 80)),
        (CONVERSE, (18, 900, 7, 80)),
        (GEMINI, (18, 900, 0, 80)),
        ("\n".join(map(json.dumps, CHUNKS)), (176, 1024, 0, 80)),
        ("\n\n".join(f"data: {json.dumps(chunk)}" for chunk in CHUNKS), (176, 1024, 0, 80)),
    ],
)
def test_the_raw_answer_comes_before_the_columns(raw: Any, expected: tuple[int, ...]):
    call = only(row(raw))
    assert (call.input, call.cache_read, call.cache_write_5m, call.output) == expected
    assert "secret" not in str(call)


@pytest.mark.parametrize("raw", ["", "not JSON", "{", json.dumps({"outputs": 3})])
def test_without_it_the_columns_count_and_are_partial(raw: str):
    call = only(row(raw, model_provider_name="aws_bedrock", model_name="haiku"))
    assert (call.input, call.output, call.quality) == (18, 80, "partial")
    assert (call.provider, call.model) == ("bedrock", "haiku")


def test_names_and_a_cached_answer():
    call = only(row(CHAT, cached=True, cost="0.0001512"))
    assert (call.status, call.model_requested) == ("cache_hit", "openai::gpt-4o-mini")
    assert (call.provider, call.model, call.latency_ms) == ("openai", "gpt-4o-mini-2024-07-18", 1200)
    assert only(row("")).model == "gpt-4o-mini"
