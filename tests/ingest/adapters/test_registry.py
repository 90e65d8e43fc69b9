"""The registry of formats, and what must hold for every adapter in it."""

from __future__ import annotations

import copy
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costaudit.ingest.adapters import ADAPTERS
from costaudit.ingest.format import Adapter, Skip
from costaudit.ingest.quarantine import REASONS
from costaudit.ingest.settle import settled
from costaudit.schema import COUNTS, MAX_COUNT, Call, Quality, Status
from tests.often import often

CHAT: dict[str, Any] = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1791191702,
    "model": "gpt-5-mini",
    "choices": [{"finish_reason": "stop"}],
    "service_tier": "default",
    "provider": "x",
    "error": None,
    "usage": {
        "prompt_tokens": 100,
        "completion_tokens": 20,
        "total_tokens": 120,
        "cost": 0.1,
        "is_byok": True,
        "prompt_tokens_details": {"cached_tokens": 10, "audio_tokens": 1, "cache_write_tokens": 5},
        "completion_tokens_details": {"reasoning_tokens": 5, "audio_tokens": 1},
        "server_tool_use": {"web_search_requests": 1},
        "cost_details": {"upstream_inference_cost": 0.1},
    },
}
RESPONSE: dict[str, Any] = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1791191702,
    "status": "completed",
    "model": "gpt-5",
    "output": [{"type": "web_search_call", "action": {"type": "search"}}],
    "metadata": {"feature": "f"},
    "error": None,
    "instructions": "s",
    "text": {"format": {"type": "text"}},
    "usage": {
        "input_tokens": 100,
        "output_tokens": 20,
        "total_tokens": 120,
        "input_tokens_details": {"cached_tokens": 10},
        "output_tokens_details": {"reasoning_tokens": 5},
    },
}
MESSAGE: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude",
    "stop_reason": "end_turn",
    "usage": {
        "input_tokens": 5,
        "output_tokens": 9,
        "cache_read_input_tokens": 7,
        "cache_creation_input_tokens": 4,
        "cache_creation": {"ephemeral_5m_input_tokens": 1, "ephemeral_1h_input_tokens": 3},
        "output_tokens_details": {"thinking_tokens": 2},
        "service_tier": "standard",
        "inference_geo": "us",
        "iterations": [
            {"type": "message", "input_tokens": 5, "output_tokens": 9},
            {"type": "advisor_message", "model": "m", "input_tokens": 5, "output_tokens": 9},
        ],
    },
}
REQUEST: dict[str, Any] = {
    "model": "gpt-5",
    "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}],
    "tools": [{}],
    "max_tokens": 5,
    "stream": False,
    "metadata": {"user_id": "u"},
    "response_format": {"type": "text"},
}
EVENTS = [
    {"type": "message_start", "message": {**MESSAGE, "stop_reason": None}},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 90}},
]
CHUNKS = [{**CHAT, "object": "chat.completion.chunk", "choices": [{"delta": {"role": "assistant"}}]}, CHAT]
LITELLM: dict[str, Any] = {
    "request_id": "r",
    "call_type": "acompletion",
    "spend": 0.0,
    "prompt_tokens": 100,
    "completion_tokens": 20,
    "total_tokens": 120,
    "startTime": "2026-10-05 09:16:40+00:00",
    "endTime": "2026-10-05 09:16:50+00:00",
    "request_duration_ms": 9,
    "model": "m",
    "model_group": "g",
    "custom_llm_provider": "openai",
    "user": "u",
    "metadata": {
        "usage_object": CHAT["usage"],
        "error_information": {"error_code": "429"},
        "attempted_retries": 1,
        "model_map_information": {"model_map_value": None},
        "cost_breakdown": {"service_tier": "flex"},
        "requester_metadata": {"feature": "f"},
    },
    "cache_hit": "False",
    "request_tags": ["feature:x"],
    "status": "success",
    "messages": REQUEST["messages"],
    "response": {"choices": [{"finish_reason": "stop"}]},
    "proxy_server_request": REQUEST,
}
RECORDS: list[dict[str, Any]] = [
    CHAT,
    {"object": "list", "data": [CHAT]},
    {"object": "list", "data": [], "model": "m", "usage": {"total_tokens": 3}},
    RESPONSE,
    MESSAGE,
    LITELLM,
    {
        **LITELLM,
        "id": "r",
        "trace_id": "t",
        "response_cost": 0.1,
        "response_time": 1.5,
        "model_parameters": {},
    },
    {"custom_id": "c", "response": {"status_code": 200, "body": CHAT}, "error": None},
    {"custom_id": "c", "result": {"type": "succeeded", "message": MESSAGE}},
    {"custom_id": "c", "result": {"type": "errored", "error": {"error": {"type": "x"}}}},
    {
        "event": "message_send",
        "user_id": "u",
        "time": 1723560043,
        "properties": {
            "main_model": "m",
            "prompt_tokens": 1,
            "completion_tokens": 2,
            "total_tokens": 3,
            "cost": 0,
        },
    },
    {
        "request": REQUEST,
        "response": CHAT,
        "host": "api.openai.com",
        "path": "/v1",
        "status": 200,
        "date": None,
    },
    {"request": REQUEST, "response": RESPONSE, "url": "https://api.openai.com/v1/responses", "latency_ms": 5},
    {"request": REQUEST, "response": {"_sse_events": EVENTS}, "host": "api.anthropic.com"},
    {"request": REQUEST, "response": CHUNKS},
    {"request": REQUEST, "response": 'data: {"object": "chat.completion.chunk"}\n\n', "stream": True},
    {"request": {"method": "POST", "url": "x", "body": REQUEST}, "response": {"headers": {}, "body": CHAT}},
]

NAMES = sorted(
    {name for record in RECORDS for name in record}
    | {*CHAT["usage"], *MESSAGE["usage"], *REQUEST, *LITELLM["metadata"], "type", "body", "status_code"}
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([2**53, 2**64, 10**400, -1, 1.5])
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(
        ["message", "list", "response", "success", "{}", "[]", "{", "data: {}", "https://[", "None"]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5),
    max_leaves=20,
)
OBJECTS = st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=4), JSON, max_size=10)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value inside a record."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from places(inner, (*path, key))


def replaced(record: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """A copy of the record with one value exchanged."""
    mutated = copy.deepcopy(record)
    target: Any = mutated
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value
    return mutated


def read_safely(adapter: Adapter, record: dict[str, Any]) -> None:
    """Reading gives sound calls or a Skip with a known reason, never anything else."""
    try:
        calls = settled(adapter.calls(record))
    except Skip as skip:
        calls, reason = [], skip.reason
    else:
        reason = "unrecognised"
    assert reason in REASONS
    for call in calls:
        assert_sound(call)


def read_damaged(
    data: st.DataObject,
    records: Sequence[dict[str, Any]],
    values: st.SearchStrategy[Any],
    adapters: Iterable[Adapter],
) -> None:
    """One of the records with some values exchanged, read by every format that takes it."""
    record = data.draw(st.sampled_from(records))
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(list(places(record))))
        record = replaced(record, path, data.draw(values))
    for adapter in adapters:
        if adapter.matches(record):
            read_safely(adapter, record)


def assert_sound(call: Call) -> None:
    assert all(
        type(getattr(call, name)) is int and 0 <= getattr(call, name) <= 4 * MAX_COUNT for name in COUNTS
    )
    assert call.reasoning <= call.output
    assert call.status in set(Status)
    assert call.quality in set(Quality)
    assert call.ts is None or type(call.ts) is int
    assert call.reported_picousd is None or call.reported_picousd >= 0
    for name in (
        "model",
        "model_requested",
        "provider",
        "call_id",
        "response_id",
        "error_code",
        "region",
        "tags",
    ):
        value = getattr(call, name)
        assert value is None or (isinstance(value, str) and value)


@settings(max_examples=300)
@given(record=OBJECTS)
def test_matches_never_raises_and_calls_raises_only_skip(record: dict[str, Any]):
    for adapter in ADAPTERS:
        assert adapter.matches(record) in {True, False}
        read_safely(adapter, record)


@given(data=st.data())
def test_a_damaged_record_is_read_or_skipped(data: st.DataObject):
    read_damaged(data, RECORDS, JSON, ADAPTERS)


def test_every_inline_record_is_read_by_its_format_and_counts_something():
    names = []
    for record in RECORDS:
        adapter = next(a for a in ADAPTERS if a.matches(record))
        for call in settled(adapter.calls(record)):
            assert_sound(call)
        names.append(adapter.name)
    assert set(names) <= {a.name for a in ADAPTERS} - {"flat"}


def test_every_example_survives_the_exchange_of_any_one_value(example_records: list[dict[str, Any]]):
    odd: list[Any] = [None, True, -1, 1.5, 2**64, "x", "{", [], {}, [{}], {"usage": []}]
    for record in example_records:
        for number, path in enumerate(places(record)):
            for value in odd[number % often(5, 1) :: often(5, 1)]:
                mutated = replaced(record, path, value)
                for adapter in ADAPTERS:
                    if adapter.matches(mutated):
                        read_safely(adapter, mutated)


def test_names_are_unique_and_every_format_has_a_title():
    assert len({a.name for a in ADAPTERS}) == len(ADAPTERS)
    assert all(a.title and a.name == a.name.lower() for a in ADAPTERS)


def test_the_flat_format_is_asked_last():
    assert ADAPTERS[-1].name == "flat"


@pytest.mark.parametrize("module", ["usage", "fields", "format", "adapters"])
def test_any_module_can_be_imported_first(module: str):
    subprocess.run([sys.executable, "-c", f"import costaudit.ingest.{module}"], check=True)
