"""What a log states beside a provider's body: taken where the body leaves it open."""

from __future__ import annotations

from typing import Any

import pytest

from costaudit.ingest.detect import read_record
from costaudit.schema import Call

T = 1_762_000_200_000_000  # 2025-11-01T12:30:00Z

MESSAGE = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5",
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 10, "output_tokens": 5},
}  # fmt: skip
CHAT = {
    "id": "chatcmpl-1", "object": "chat.completion", "model": "gpt-4o",
    "usage": {"prompt_tokens": 10, "completion_tokens": 5},
}  # fmt: skip
RESPONSE = {
    "id": "resp_1", "object": "response", "status": "completed", "model": "gpt-4o",
    "usage": {"input_tokens": 10, "output_tokens": 5},
}  # fmt: skip
GEMINI = {
    "modelVersion": "gemini-2.5-flash", "candidates": [],
    "usageMetadata": {"promptTokenCount": 10, "candidatesTokenCount": 5},
}  # fmt: skip
CONVERSE = {"stopReason": "end_turn", "usage": {"inputTokens": 10, "outputTokens": 5, "totalTokens": 15}}

BESIDE = {
    "timestamp": "2025-11-01T12:30:00Z", "user": "u-1", "session_id": "s-1", "feature": "chat",
    "latency_ms": 812, "cost_usd": 0.25, "attempt": 1,
}  # fmt: skip


def read(record: dict[str, Any]) -> Call:
    _, (call,) = read_record(record, None)
    return call


@pytest.mark.parametrize("body", [MESSAGE, CHAT, RESPONSE, GEMINI, CONVERSE])
def test_what_stands_beside_a_body_is_the_calls(body: dict[str, Any]):
    call = read({**BESIDE, **body})
    assert (call.ts, call.user, call.session, call.feature) == (T, "u-1", "s-1", "chat")
    assert (call.latency_ms, call.reported_picousd, call.attempt) == (812, 250_000_000_000, 1)
    assert (call.input, call.output) == (10, 5)


def test_what_the_body_states_comes_first():
    call = read({**CHAT, "created": 1_762_000_200, "timestamp": "2020-01-01", "ts": 1_700_000_000})
    assert call.ts == T
    assert read({**CHAT, "created": 0, "ts": T // 1_000}).ts == T


@pytest.mark.parametrize("name", ["logged_at", "@timestamp", "requestedAt", "Date", "created_at"])
def test_a_time_may_have_any_of_the_usual_names(name: str):
    assert read({**MESSAGE, name: "2025-11-01T12:30:00Z"}).ts == T


def test_a_model_is_taken_where_the_body_has_none_and_else_is_what_was_asked_for():
    assert read({**CONVERSE, "model": "amazon.nova-pro-v1:0"}).model == "amazon.nova-pro-v1:0"
    asked = read({**MESSAGE, "request_model": "claude-latest"})
    assert (asked.model, asked.model_requested) == ("claude-sonnet-4-5", "claude-latest")


def test_a_provider_that_is_named_is_better_than_the_one_that_the_shape_gives():
    assert read(MESSAGE).provider == "anthropic"
    assert read({**MESSAGE, "provider": "vertex"}).provider == "vertex"
    assert read({**MESSAGE, "id": "msg_bdrk_1", "provider": "anthropic"}).provider == "bedrock"
    # Google's endpoint for chat counts what was thought beside the output.
    thought = {**CHAT["usage"], "completion_tokens_details": {"reasoning_tokens": 7}}
    assert read({**CHAT, "usage": thought, "provider": "google"}).output == 12


def test_the_ids_of_the_log_stand_beside_the_providers():
    call = read({**MESSAGE, "request_id": "r-1"})
    assert (call.response_id, call.call_id) == ("msg_1", "r-1")
    assert read({**CONVERSE, "request_id": "r-1"}).response_id == "r-1"


def test_a_status_beside_a_body_is_one_of_the_call():
    failed = read({**MESSAGE, "usage": {}, "status": 529})
    assert (failed.status, failed.error_code) == ("error", "529")
    assert read({**MESSAGE, "status": 200}).status == "ok"
    assert read({**RESPONSE, "status": "incomplete"}).status == "ok"
