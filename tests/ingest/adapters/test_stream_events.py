"""Streams whose events were written down line by line: one call each."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from costaudit.ingest.sniff import sniff
from costaudit.tape.read import read_tape
from costaudit.tiers.rules import load_rules
from costaudit.tiers.tagger import Tagger

Row = tuple[int, int, int, str]


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., tuple[list[Row], dict[str, int]]]:
    """Reads lines: input, cache reads, output and quality of every request, and what was set aside."""

    def reads(*lines: Any) -> tuple[list[Row], dict[str, int]]:
        path = tmp_path / "log"
        texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
        path.write_text("".join(text + "\n" for text in texts))
        with read_tape([sniff("log", path)], Tagger(load_rules())) as tape:
            rows = [
                (r.get("input") or 0, r.get("cache_read") or 0, r.get("output") or 0, r["quality"])
                for reel in tape.reels()
                for r in reel.batch.to_pylist()
            ]
            return sorted(rows), dict(tape.found.quarantine.counts)

    return reads


def start(ident: str, tokens: int = 10, **beside: Any) -> dict[str, Any]:
    usage = {"input_tokens": tokens, "cache_read_input_tokens": 7, "output_tokens": 1}
    usage |= {"cache_creation_input_tokens": 0}
    message = {
        "id": ident,
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-5",
        "content": [],
    }
    return {"type": "message_start", "message": message | {"stop_reason": None, "usage": usage}, **beside}


def delta(output: int, reason: str | None = "end_turn", **beside: Any) -> dict[str, Any]:
    return {
        "type": "message_delta",
        "delta": {"stop_reason": reason},
        "usage": {"output_tokens": output},
        **beside,
    }


TEXT = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "secret"}}
STOP = {"type": "message_stop"}


def test_events_of_messages_are_one_call_each_with_the_last_of_the_cumulative_counts(read: Any):
    one = [start("msg_1"), {"type": "ping"}, TEXT, delta(5, None), delta(9), STOP]
    two = [start("msg_2", 20), TEXT, delta(4), STOP]
    assert read(*one, *two) == ([(10, 7, 9, "exact"), (20, 7, 4, "exact")], {})


def test_a_raw_stream_of_text_is_read_as_its_events(read: Any):
    raw = [
        line
        for event in (start("msg_1"), TEXT, delta(9), STOP)
        for line in (f"event: {event['type']}", f"data: {json.dumps(event)}", "")
    ]
    assert read(*raw, ": keep-alive") == ([(10, 7, 9, "exact")], {})


@pytest.mark.parametrize("key", ["request_id", "stream_id", "message_id", "session_id"])
def test_streams_between_each_other_are_told_apart_by_an_id_beside_them(key: str, read: Any):
    a, b = {key: "msg_1"}, {key: "msg_2"}
    lines = [start("msg_1", 10, **a), start("msg_2", 20, **b), delta(4, **b), delta(9, **a)]
    assert read(*lines) == ([(10, 7, 9, "exact"), (20, 7, 4, "exact")], {})


def test_an_id_around_an_event_tells_them_apart_too(read: Any):
    events = [("a", start("msg_1")), ("b", start("msg_2", 20)), ("b", delta(4)), ("a", delta(9))]
    lines = [
        {"request_id": name, "event": event["type"], "data": json.dumps(event)} for name, event in events
    ]
    assert read(*lines) == ([(10, 7, 9, "exact"), (20, 7, 4, "exact")], {})


def test_a_delta_of_which_no_one_knows_the_message_is_set_aside(read: Any):
    lines = [start("msg_1"), start("msg_2", 20), delta(4), delta(9)]
    assert read(*lines) == ([(10, 7, 1, "partial"), (20, 7, 1, "partial")], {"unrecognised": 2})


def test_a_stream_that_was_cut_off_has_the_counts_of_its_start(read: Any):
    assert read(start("msg_1"), TEXT) == ([(10, 7, 1, "partial")], {})


def response(kind: str, ident: str, usage: dict[str, int] | None = None) -> dict[str, Any]:
    body = {"id": ident, "object": "response", "created_at": 1762000000, "model": "gpt-4o", "usage": usage}
    status = "completed" if usage else "in_progress"
    return {"type": f"response.{kind}", "sequence_number": 0, "response": body | {"status": status}}


def test_events_of_responses_are_one_call_each(read: Any):
    text = {"type": "response.output_text.delta", "sequence_number": 1, "delta": "secret"}
    lines = [
        response("created", "resp_1"), response("created", "resp_2"), text,
        response("completed", "resp_2", {"input_tokens": 20, "output_tokens": 4}),
        response("completed", "resp_1", {"input_tokens": 10, "output_tokens": 9}),
    ]  # fmt: skip
    assert read(*lines) == ([(10, 0, 9, "exact"), (20, 0, 4, "exact")], {})
    raw = [f"data: {json.dumps(line)}" for line in lines]
    assert read(*raw) == ([(10, 0, 9, "exact"), (20, 0, 4, "exact")], {})


def test_a_response_that_fails_is_one_call_that_failed(read: Any):
    failed = response("failed", "resp_1")
    failed["response"] |= {"status": "failed", "error": {"code": "server_error"}}
    text = {"type": "response.output_text.delta", "item_id": "i", "delta": "secret"}
    assert read(response("created", "resp_1"), text, failed) == ([(0, 0, 0, "none")], {})


def test_chunks_of_chats_between_each_other_are_one_call_each(read: Any):
    def chunk(ident: str, *choices: Any, **more: Any) -> dict[str, Any]:
        whole = {"id": ident, "object": "chat.completion.chunk", "created": 1762000000, "model": "gpt-4o"}
        return whole | {"choices": list(choices)} | more

    first, last = (
        {"delta": {"role": "assistant"}, "finish_reason": None},
        {"delta": {}, "finish_reason": "stop"},
    )
    lines = [
        chunk("a", first), chunk("b", first), chunk("a", last), chunk("b", last),
        chunk("b", usage={"prompt_tokens": 20, "completion_tokens": 4}),
        chunk("a", usage={"prompt_tokens": 10, "completion_tokens": 9}),
    ]  # fmt: skip
    raw = [f"data: {json.dumps(line)}" for line in lines]
    for some in (lines, [*raw, "", "data: [DONE]"]):
        assert read(*some) == ([(10, 0, 9, "exact"), (20, 0, 4, "exact")], {})
