"""Tasks of Cline, Roo Code and Kilo Code, and the sessions of Cline 4."""

from __future__ import annotations

import json
from typing import Any

import pytest

from costaudit.ingest.adapters.cline import ADAPTER
from costaudit.ingest.format import Skip
from costaudit.ingest.settle import settled
from costaudit.schema import Call
from tests.tape.calls import merge_calls

CLAUDE = {"providerId": "anthropic", "modelId": "claude-sonnet-4-5-20250929", "mode": "act"}
BEFORE, AFTER = 1_761_000_000_000, 1_765_000_000_000
"""Milliseconds before and after the day on which Roo began to count the whole prompt."""


def say(kind: str, said: Any = "…", ts: int = BEFORE, **fields: Any) -> dict[str, Any]:
    return {
        "ts": ts,
        "type": "say",
        "say": kind,
        "text": said if isinstance(said, str) else json.dumps(said),
        **fields,
    }


def request(ts: int = BEFORE, model: dict[str, str] | None = None, **info: Any) -> dict[str, Any]:
    said = {
        "request": "…",
        "tokensIn": 9,
        "tokensOut": 20,
        "cacheWrites": 100,
        "cacheReads": 12_000,
        "cost": 0.0044,
    }
    beside = {} if model is None else {"modelInfo": model}
    return say("api_req_started", {**said, **info}, ts, **beside)


def calls(*records: dict[str, Any]) -> list[Call]:
    """The calls of one file."""
    assert all(ADAPTER.matches(record) for record in records)
    read = ADAPTER.for_one_file().calls
    return settled([call for record in records for call in read(record)])


def only(*records: dict[str, Any]) -> Call:
    (call,) = calls(*records)
    return call


def counts(call: Call) -> tuple[int, ...]:
    return call.input, call.cache_read, call.cache_write_5m, call.output


def test_every_request_of_a_task_is_a_call():
    first, second = calls(
        say("task", ts=BEFORE),
        request(BEFORE + 1, CLAUDE),
        request(BEFORE + 2, tokensIn=4),  # the model is that of the message before
    )
    assert counts(first) == (9, 12_000, 100, 20)
    assert (first.quality, first.reading, first.final) == ("exact", "exclusive", True)
    assert (first.provider, first.model, first.tags) == ("anthropic", CLAUDE["modelId"], "mode:act")
    assert (first.ts, first.session) == ((BEFORE + 1) * 1000, str(BEFORE))
    assert first.reported_picousd == 4_400_000_000
    assert (second.input, second.model) == (4, CLAUDE["modelId"])
    assert first.response_id != second.response_id


@pytest.mark.parametrize(
    ("info", "provider", "ts", "new"),
    [
        ({}, "anthropic", AFTER, 12_400),  # Cline: new tokens alone, whatever their number
        ({}, "openai", BEFORE, 300),  # a compatible host of Cline: 12,400 - 12,000 - 100
        ({"apiProtocol": "anthropic"}, None, BEFORE, 12_400),
        ({"apiProtocol": "anthropic"}, None, AFTER, 300),
        ({"apiProtocol": "openai"}, None, BEFORE, 300),
        ({"apiProtocol": "anthropic", "tokensIn": 9}, None, AFTER, 9),  # holds no cached tokens
    ],
)
def test_what_the_input_holds(info: dict[str, Any], provider: str | None, ts: int, new: int):
    model = None if provider is None else {**CLAUDE, "providerId": provider}
    call = only(request(ts, model, **{"tokensIn": 12_400, **info}))
    assert (counts(call), call.reading == "ambiguous") == ((new, 12_000, 100, 20), False)


def test_without_provider_and_protocol_a_large_input_is_a_guess():
    assert only(request(tokensIn=12_400)).reading == "ambiguous"
    assert only(request(tokensIn=9)).reading == "exclusive"
    asked = "# Current Mode\n<model>claude-sonnet-4</model>"
    call = only(request(tokensIn=12_400, request=asked))
    assert (call.model, call.reading) == ("claude-sonnet-4", "exclusive")


@pytest.mark.parametrize(
    ("provider", "expected"),
    [
        ("openai-native", ("openai", None)),
        ("openai", (None, None)),  # any host that speaks OpenAI's API
        ("openrouter", ("openrouter", "openrouter")),
        ("cline", (None, "cline")),
        ("gemini", ("gemini", None)),
    ],
)
def test_who_answered(provider: str, expected: tuple[str | None, str | None]):
    call = only(request(model={**CLAUDE, "providerId": provider}))
    assert (call.provider, call.gateway) == expected


def test_cancelled_failed_and_unfinished_requests():
    cancelled = only(request(cancelReason="user_cancelled"))
    assert (cancelled.status, cancelled.quality, cancelled.input) == ("cancelled", "partial", 9)
    failed = only(request(cancelReason="streaming_failed", streamingFailedMessage="secret"))
    assert (failed.status, failed.error_code, failed.quality) == ("error", "streaming_failed", "partial")
    waiting = only(say("api_req_started", {"request": "…"}))
    assert (waiting.status, waiting.quality, waiting.final) == ("ok", "none", None)


def test_the_first_versions_wrote_the_counts_into_a_second_message():
    began = say("api_req_started", {"request": "…"}, BEFORE)
    ended = say("api_req_finished", {"tokensIn": 9, "tokensOut": 20, "cost": 0.001}, BEFORE + 5)
    (call,) = merge_calls(calls(began, ended))
    assert (call.input, call.output, call.ts) == (9, 20, BEFORE * 1000)


def test_a_copy_of_a_task_is_the_same_task_and_another_task_is_not():
    task = [say("task", "do it"), request(BEFORE + 1)]
    other = [say("task", "do something else"), request(BEFORE + 1)]
    assert len(merge_calls([*calls(*task), *calls(*task), *calls(*other)])) == 2


@pytest.mark.parametrize("kind", ["deleted_api_reqs", "subagent_usage"])
def test_sums_are_refused(kind: str):
    with pytest.raises(Skip) as caught:
        calls(say(kind, {"tokensIn": 9, "tokensOut": 20}))
    assert caught.value.reason == "aggregate"
    entry = {"id": "1", "ts": 1, "task": "…", "tokensIn": 9, "tokensOut": 20, "totalCost": 0.1}
    with pytest.raises(Skip):
        calls(entry)


def test_summing_a_conversation_up_states_its_cost_alone():
    call = only(say("condense_context", contextCondense={"cost": 0.02, "prevContextTokens": 90_000}))
    assert (call.reported_picousd, call.quality, call.tags) == (20_000_000_000, "none", "compaction")


def test_a_session_of_cline_4_counts_the_whole_prompt():
    metrics = {"inputTokens": 12_109, "outputTokens": 20, "cacheReadTokens": 12_000, "cacheWriteTokens": 100}
    answer = {
        "id": "m1", "role": "assistant", "content": [], "ts": AFTER, "metrics": {**metrics, "cost": 0.0044},
        "modelInfo": {"id": "claude-sonnet-4-5", "provider": "anthropic"},
    }  # fmt: skip
    session = {
        "version": 1,
        "agent": "lead",
        "sessionId": "s",
        "messages": [{"role": "user", "ts": 1}, answer],
    }
    call = only(session)
    assert counts(call) == (9, 12_000, 100, 20)
    assert (call.model, call.provider, call.session, call.response_id) == (
        "claude-sonnet-4-5",
        "anthropic",
        "s",
        "m1",
    )
    assert counts(only(answer)) == counts(call)


def test_the_status_messages_of_dirac_are_requests():
    status = {"tokensIn": 180, "tokensOut": 65, "reasoningTokens": 5, "cacheWrites": 0, "cacheReads": 23_872}
    call = only({"ts": AFTER, "content": {"type": "api_status", "status": status}})
    assert (counts(call), call.reasoning) == ((180, 23_872, 0, 65), 5)


@pytest.mark.parametrize(
    "record",
    [
        {"ts": 1, "type": "ask", "ask": "tool", "text": "{}"},
        {"role": "user", "content": [], "ts": 1},
        {"role": "assistant", "content": [], "modelInfo": CLAUDE, "metrics": {"tokens": {"prompt": 9}}},
        {"files_in_context": [], "model_usage": [{"ts": 1, "model_id": "m"}]},
    ],
)
def test_what_lies_beside_requests_is_no_call(record: dict[str, Any]):
    assert calls(record) == []


def test_somebody_elses_message_with_counts_is_not_taken():
    assert not ADAPTER.matches(
        {"ts": 1, "role": "assistant", "content": "…", "model": "m", "input_tokens": 9}
    )
