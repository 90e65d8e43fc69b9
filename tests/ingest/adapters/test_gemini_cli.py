"""Gemini CLI's session files and telemetry."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from costaudit.ingest.adapters.gemini_cli import SESSION, TELEMETRY
from costaudit.ingest.adapters.otlp import OTLP
from costaudit.ingest.settle import settled
from costaudit.schema import Call
from tests.tape.calls import merge_calls

HEADER = {"sessionId": "sess-1", "projectHash": "h", "startTime": "2026-10-05T09:20:11Z", "kind": "main"}
TOKENS = {"input": 5000, "output": 120, "cached": 3000, "thoughts": 340, "tool": 0, "total": 5460}


def said(ident: str = "m1", tokens: Any = TOKENS, **fields: Any) -> dict[str, Any]:
    return {
        "id": ident,
        "timestamp": "2026-10-05T09:20:13.010Z",
        "type": "gemini",
        "content": "",
        "tokens": tokens,
        "model": "gemini-2.5-flash",
        **fields,
    }


def read(*lines: dict[str, Any]) -> list[Call]:
    adapter = SESSION.for_one_file()
    assert all(adapter.matches(line) for line in lines)
    return [call for line in lines for call in settled(adapter.calls(line))]


def counts(call: Call) -> tuple[int, ...]:
    return call.input, call.cache_read, call.output, call.reasoning


def test_thoughts_are_output_and_cached_tokens_are_inside_the_input():
    (call,) = read(HEADER, said())
    assert counts(call) == (2000, 3000, 460, 340)
    assert (call.call_id, call.session, call.model) == ("m1", "sess-1", "gemini-2.5-flash")


def test_results_of_tools_that_the_api_ran_are_input():
    (call,) = read(said(tokens={**TOKENS, "tool": 40, "total": 5500}))
    assert counts(call) == (2040, 3000, 460, 340)


def test_a_message_that_is_written_again_with_its_tools_is_one_call():
    assert len(merge_calls(read(said(), said(toolCalls=[])))) == 1


@pytest.mark.parametrize("tokens", [None, {}, dict.fromkeys(TOKENS, 0)])
def test_a_message_without_counts_is_a_call_without_numbers(tokens: Any):
    (call,) = read(said(tokens=tokens))
    assert (call.quality, call.input, call.output) == ("none", 0, 0)


def test_messages_that_a_change_brings_along_count_too():
    assert len(merge_calls(read({"$set": {"messages": [said(), said("m2")]}}, said()))) == 2


def test_an_old_file_is_one_object_with_all_messages():
    user = {"id": "u", "timestamp": "2026-10-05T09:20:11Z", "type": "user", "content": "hi"}
    (call,) = read({**HEADER, "messages": [user, said()]})
    assert (call.session, call.call_id) == ("sess-1", "m1")


@pytest.mark.parametrize(
    "line",
    [
        HEADER,
        {"$set": {"lastUpdated": "x"}},
        {"$rewindTo": "m1"},
        {"id": "u", "timestamp": "2026-10-05T09:20:11Z", "type": "user", "content": "hi"},
    ],
)
def test_other_lines_are_recognised_and_are_no_calls(line: dict[str, Any]):
    assert read(line) == []


def test_foreign_records_are_left_alone():
    user = {"id": "u", "timestamp": "t", "type": "user", "content": "hi"}
    assert not SESSION.matches({**user, "model": "m", "input_tokens": 5})
    assert not SESSION.matches({"type": "gemini", "model": "m"})
    assert not SESSION.matches({})


EVENT = {
    "event.name": "gemini_cli.api_response",
    "event.timestamp": "2026-10-05T09:20:13.010Z",
    "session.id": "sess-1",
    "model": "gemini-2.5-flash",
    "duration_ms": 1980,
    "input_token_count": 5000,
    "output_token_count": 120,
    "cached_content_token_count": 3000,
    "thoughts_token_count": 340,
    "tool_token_count": 0,
    "total_token_count": 5460,
    "role": "utility_router",
    "auth_type": "vertex-ai",
    "response_text": json.dumps([{"candidates": []}, {"responseId": "r-1"}]),
}


def test_a_telemetry_event_knows_the_response_id_and_the_role():
    record = {"hrTime": [1791192013, 10000000], "attributes": EVENT}
    assert TELEMETRY.matches(record)
    (call,) = settled(TELEMETRY.calls(record))
    assert counts(call) == (2000, 3000, 460, 340)
    assert (call.ts, call.latency_ms) == (1791192011_030000, 1980)
    assert (call.response_id, call.tags, call.provider) == ("r-1", "role:utility_router", "vertex")


def test_the_same_event_over_otlp():
    pairs = [
        {"key": k, "value": {"intValue": v} if isinstance(v, int) else {"stringValue": v}}
        for k, v in EVENT.items()
    ]
    record = {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"attributes": pairs}]}]}]}
    assert settled(OTLP.calls(record)) == settled(TELEMETRY.calls({"hrTime": None, "attributes": EVENT}))


def test_the_events_that_repeat_it_are_no_calls():
    for name in (
        "gemini_cli.api_request",
        "gemini_cli.user_prompt",
        "gen_ai.client.inference.operation.details",
    ):
        record = {"hrTime": [1791192013, 0], "attributes": {**EVENT, "event.name": name}}
        assert TELEMETRY.matches(record)
        assert settled(TELEMETRY.calls(record)) == []


def test_an_api_error_is_a_failed_call():
    attributes = {"event.name": "gemini_cli.api_error", "model": "m", "status_code": 429, "duration_ms": 5}
    (call,) = settled(TELEMETRY.calls({"hrTime": [1791192013, 0], "attributes": attributes}))
    assert (call.status, call.error_code, call.quality) == ("error", "429", "none")


def truth(logs: Callable[[str], list[dict[str, Any]]]) -> list[tuple[int, ...]]:
    """What the scripted server returned: uncached, cached, output with thoughts, thoughts."""
    return sorted(
        (
            t["promptTokenCount"] - t["cachedContentTokenCount"],
            t["cachedContentTokenCount"],
            t["candidatesTokenCount"] + t["thoughtsTokenCount"],
            t["thoughtsTokenCount"],
        )
        for t in logs("cli/truth_gemini.jsonl")
    )


def test_real_sessions_hold_all_calls_but_the_routers(
    logs: Callable[[str], list[dict[str, Any]]], shared_data: Path
):
    calls = []
    for path in sorted((shared_data / "logs" / "cli" / "gemini_cli").glob("session-*.jsonl")):
        calls += read(*logs(f"cli/gemini_cli/{path.name}"))
    found = sorted(map(counts, merge_calls(calls)))
    assert len(found) == 4
    assert set(found) < set(truth(logs))
    assert len({c.session for c in calls}) == 2


def test_real_telemetry_holds_all_calls(logs: Callable[[str], list[dict[str, Any]]], shared_data: Path):
    whole = (shared_data / "logs" / "cli" / "gemini_cli" / "gemini_telemetry.log").read_text(encoding="utf-8")
    decoder, place, calls = json.JSONDecoder(), 0, []
    while place < len(whole):
        record, place = decoder.raw_decode(whole, place)
        place += len(whole[place:]) - len(whole[place:].lstrip())
        if TELEMETRY.matches(record):
            calls += settled(TELEMETRY.calls(record))
        else:  # spans and metrics: no calls of their own
            assert "scopeMetrics" in record or "_spanContext" in record
    assert sorted(map(counts, merge_calls(calls))) == truth(logs)
