"""Result files of the two batch APIs."""

from __future__ import annotations

from typing import Any

import pytest

from costaudit.ingest.adapters.batch_results import ANTHROPIC_BATCH, OPENAI_BATCH
from costaudit.ingest.format import Skip
from costaudit.ingest.settle import settled

CHAT = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1791191702,
    "model": "gpt-5-mini",
    "choices": [{"finish_reason": "stop"}],
    "usage": {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12},
    "service_tier": "default",
}


def openai(response: Any, error: Any = None) -> dict[str, Any]:
    return {"id": "batch_req_1", "custom_id": "ticket-1", "response": response, "error": error}


def test_an_output_line_is_a_batch_call_named_by_its_custom_id():
    record = openai({"status_code": 200, "request_id": "req_1", "body": CHAT})
    assert OPENAI_BATCH.matches(record)
    (call,) = settled(OPENAI_BATCH.calls(record))
    assert (call.call_id, call.response_id, call.service_tier) == ("ticket-1", "chatcmpl-1", "batch")
    assert (call.input, call.output, call.status) == (10, 2, "ok")


def test_embeddings_and_responses_bodies_are_read_too():
    embeddings = {
        "object": "list",
        "data": [],
        "model": "m",
        "usage": {"prompt_tokens": 8, "total_tokens": 8},
    }
    responses = {"id": "resp_1", "object": "response", "usage": {"input_tokens": 8, "output_tokens": 1}}
    for body in (embeddings, responses):
        (call,) = settled(OPENAI_BATCH.calls(openai({"status_code": 200, "body": body})))
        assert (call.input, call.service_tier, call.call_id) == (8, "batch", "ticket-1")


def test_a_failed_line_is_an_error_without_usage():
    record = openai({"status_code": 429, "body": {"error": {"code": "rate_limit_exceeded"}}})
    (call,) = settled(OPENAI_BATCH.calls(record))
    assert (call.status, call.error_code, call.quality) == ("error", "rate_limit_exceeded", "none")


def test_an_expired_line_has_no_response():
    record = openai(None, {"code": "batch_expired", "message": "…"})
    assert OPENAI_BATCH.matches(record)
    (call,) = settled(OPENAI_BATCH.calls(record))
    assert (call.status, call.error_code, call.service_tier) == ("error", "batch_expired", "batch")


def test_the_input_file_of_a_batch_is_recognised_and_holds_no_calls():
    line = {
        "custom_id": "t",
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": {"model": "gpt-5-mini"},
    }
    assert OPENAI_BATCH.matches(line)
    assert settled(OPENAI_BATCH.calls(line)) == []


def test_an_unknown_body_is_skipped():
    with pytest.raises(Skip) as skip:
        settled(OPENAI_BATCH.calls(openai({"status_code": 200, "body": {"hello": 1}})))
    assert skip.value.reason == "unrecognised"


def anthropic(result: dict[str, Any]) -> dict[str, Any]:
    return {"custom_id": "contract-1", "result": result}


def test_a_succeeded_message_is_a_batch_call():
    usage = {"input_tokens": 412, "output_tokens": 903, "service_tier": "standard"}
    message = {"id": "msg_1", "type": "message", "model": "claude", "stop_reason": "end_turn", "usage": usage}
    record = anthropic({"type": "succeeded", "message": message})
    assert ANTHROPIC_BATCH.matches(record)
    assert not OPENAI_BATCH.matches(record)
    (call,) = settled(ANTHROPIC_BATCH.calls(record))
    assert (call.call_id, call.response_id, call.service_tier, call.input) == (
        "contract-1",
        "msg_1",
        "batch",
        412,
    )


def test_iterations_of_a_batched_message_keep_apart():
    parts = [{"type": t, "input_tokens": 5, "output_tokens": 1} for t in ("compaction", "message")]
    usage = {"input_tokens": 5, "output_tokens": 1, "iterations": parts}
    message = {"id": "msg_1", "type": "message", "model": "claude", "stop_reason": "end_turn", "usage": usage}
    calls = settled(ANTHROPIC_BATCH.calls(anthropic({"type": "succeeded", "message": message})))
    assert [c.call_id for c in calls] == ["contract-1#0", "contract-1#1"]


@pytest.mark.parametrize(
    ("result", "code"),
    [
        (
            {"type": "errored", "error": {"type": "error", "error": {"type": "invalid_request_error"}}},
            "invalid_request_error",
        ),
        ({"type": "errored"}, "errored"),
        ({"type": "expired"}, "expired"),
        ({"type": "canceled"}, "canceled"),
    ],
)
def test_what_did_not_succeed_is_an_unbilled_error(result: dict[str, Any], code: str):
    (call,) = settled(ANTHROPIC_BATCH.calls(anthropic(result)))
    assert (call.status, call.error_code, call.quality) == ("error", code, "none")
    assert (call.call_id, call.service_tier, call.input) == ("contract-1", "batch", 0)
