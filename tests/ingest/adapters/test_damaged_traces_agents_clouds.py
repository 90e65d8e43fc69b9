"""Damaged records of traces, coding agents and clouds: read or set aside with a reason, never a crash."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from costaudit.ingest.adapters import ADAPTERS
from costaudit.ingest.detect import matching
from costaudit.ingest.format import Adapter, Skip
from costaudit.ingest.quarantine import REASONS
from costaudit.ingest.settle import settled
from costaudit.schema import COUNTS, MAX_COUNT, Call, Quality, Status

JsonObject = dict[str, Any]

SPAN: JsonObject = {
    "traceId": "t",
    "spanId": "s",
    "parentSpanId": "p",
    "name": "chat",
    "startTimeUnixNano": "1791191702114000000",
    "endTimeUnixNano": "1791191704545000000",
    "status": {"code": 2, "message": "m"},
    "attributes": [
        {"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}},
        {"key": "gen_ai.request.model", "value": {"stringValue": "m"}},
        {"key": "gen_ai.usage.input_tokens", "value": {"intValue": "9"}},
        {"key": "gen_ai.usage.output_tokens", "value": {"intValue": 3}},
        {
            "key": "gen_ai.input.messages",
            "value": {"stringValue": '[{"role": "user", "parts": [{"content": "x"}]}]'},
        },
        {"key": "tag.tags", "value": {"arrayValue": {"values": [{"stringValue": "a"}]}}},
        {"key": "server.address", "value": {"stringValue": "api.openai.com"}},
    ],
}
LOG: JsonObject = {
    "timeUnixNano": "0",
    "observedTimeUnixNano": "1791191704545000000",
    "body": {"stringValue": "x"},
    "attributes": [
        {"key": "event.name", "value": {"stringValue": "api_request"}},
        {"key": "model", "value": {"stringValue": "m"}},
        {"key": "input_tokens", "value": {"intValue": 9}},
        {"key": "duration_ms", "value": {"intValue": 9}},
        {"key": "cost_usd", "value": {"doubleValue": 0.1}},
    ],
}
MESSAGE: JsonObject = {
    "id": "msg_1",
    "type": "message",
    "model": "m",
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 5, "output_tokens": 9, "cache_creation": {"ephemeral_1h_input_tokens": 3}},
}
CODEX: JsonObject = {
    "input_tokens": 9,
    "cached_input_tokens": 3,
    "output_tokens": 2,
    "reasoning_output_tokens": 1,
    "total_tokens": 11,
}
GEMINI: JsonObject = {
    "candidates": [{"finishReason": "STOP", "groundingMetadata": {"webSearchQueries": ["a"]}}],
    "modelVersion": "gemini-2.5-flash",
    "responseId": "r",
    "createTime": "2026-10-05T09:20:11Z",
    "usageMetadata": {
        "promptTokenCount": 9,
        "candidatesTokenCount": 2,
        "thoughtsTokenCount": 1,
        "totalTokenCount": 12,
        "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 4}],
        "trafficType": "ON_DEMAND",
    },
}
ASKED: JsonObject = {
    "contents": [{"role": "user", "parts": [{"text": "x"}, {"inlineData": {"mimeType": "image/png"}}]}],
    "systemInstruction": {"parts": [{"text": "s"}]},
    "generationConfig": {"maxOutputTokens": 5},
    "labels": {"user": "u"},
}
CONVERSE: JsonObject = {
    "metrics": {"latencyMs": 5},
    "stopReason": "end_turn",
    "serviceTier": {"type": "flex"},
    "usage": {
        "inputTokens": 9,
        "outputTokens": 2,
        "totalTokens": 11,
        "cacheDetails": [{"ttl": "1h", "inputTokens": 1}],
    },
}
TIME = "2026-10-05T09:20:11Z"
RECORDS: dict[str, list[JsonObject]] = {
    "otlp": [
        {
            "resourceSpans": [
                {"resource": {"attributes": []}, "scopeSpans": [{"scope": {"name": "x"}, "spans": [SPAN]}]}
            ]
        },
        {"resourceLogs": [{"scopeLogs": [{"logRecords": [LOG]}]}]},
    ],
    "otel-span": [
        {
            "name": "chat",
            "context": {"trace_id": "0x1", "span_id": "0x2"},
            "start_time": TIME,
            "end_time": TIME,
            "attributes": {
                "gen_ai.request.model": "m",
                "gen_ai.usage.input_tokens": 5,
                "gen_ai.response.id": "r",
            },
            "status": {"status_code": "ERROR"},
        }
    ],
    "claude-code": [
        {
            "type": "assistant",
            "sessionId": "s",
            "uuid": "u",
            "timestamp": TIME,
            "cwd": "/a/b",
            "message": MESSAGE,
        },
        {
            "type": "progress",
            "sessionId": "s",
            "data": {"message": {"type": "assistant", "message": MESSAGE}},
        },
    ],
    "codex": [
        {
            "timestamp": TIME,
            "type": "token_usage_record",
            "payload": {"response_id": "r", "turn_id": "t", "usage": CODEX},
        },
        {
            "timestamp": TIME,
            "type": "event_msg",
            "payload": {
                "type": "token_count",
                "info": {"last_token_usage": CODEX, "total_token_usage": CODEX},
            },
        },
    ],
    "gemini-cli": [
        {"id": "m", "timestamp": TIME, "type": "gemini", "model": "m", "tokens": {"input": 9, "output": 2}}
    ],
    "gemini-cli-telemetry": [
        {
            "hrTime": [1791192013, 0],
            "attributes": {
                "event.name": "gemini_cli.api_response",
                "model": "m",
                "input_token_count": 9,
                "duration_ms": 5,
                "response_text": '{"responseId": "r"}',
            },
        }
    ],
    "gemini": [GEMINI],
    "gemini-interactions": [
        {
            "object": "interaction",
            "id": "v",
            "model": "m",
            "usage": {"total_input_tokens": 9, "total_output_tokens": 2, "total_tokens": 11},
        }
    ],
    "vertex-log": [
        {
            "endpoint": "projects/p/locations/us-east1/x",
            "logging_time": TIME,
            "model": "google/m",
            "full_request": ASKED,
            "full_response": [GEMINI],
            "metadata": {"request_latency": 5},
        }
    ],
    "bedrock-invocation": [
        {
            "schemaType": "ModelInvocationLog",
            "timestamp": TIME,
            "modelId": "m",
            "requestMetadata": {"user": "u"},
            "identity": {"arn": "a/b"},
            "input": {"inputBodyJson": {"messages": [], "toolConfig": {"tools": [{}]}}, "inputTokenCount": 9},
            "output": {"outputBodyJson": MESSAGE, "outputTokenCount": 2},
        }
    ],
    "bedrock": [CONVERSE, {"inputTextTokenCount": 9, "results": [{"tokenCount": 3}]}],
    "cloud-exchange": [
        {
            "request": ASKED,
            "response": {"_sse_events": [GEMINI]},
            "host": "aiplatform.googleapis.com",
            "latency_ms": 5,
        },
        {"request": {"messages": []}, "response": CONVERSE, "path": "/model/m/converse", "date": TIME},
    ],
}
MINE = [adapter for adapter in ADAPTERS if adapter.name in RECORDS]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value inside a record."""
    entries = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, inner in entries:
        yield (*path, key)
        yield from places(inner, (*path, key))


def replaced(record: JsonObject, path: tuple[Any, ...], value: Any) -> JsonObject:
    """A copy of the record with one value exchanged."""
    mutated = copy.deepcopy(record)
    target: Any = mutated
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value
    return mutated


def read_safely(adapter: Adapter, record: JsonObject) -> list[Call]:
    """Reading gives sound calls or a Skip with a known reason, never anything else."""
    reason, calls = "unrecognised", []
    try:
        calls = settled(adapter.calls(record))
    except Skip as skip:
        reason = skip.reason
    assert reason in REASONS
    for call in calls:
        assert_sound(call)
    return calls


def assert_sound(call: Call) -> None:
    assert all(type(getattr(call, n)) is int and 0 <= getattr(call, n) <= 4 * MAX_COUNT for n in COUNTS)
    assert call.reasoning <= call.output
    assert call.status in set(Status)
    assert call.quality in set(Quality)
    for name in ("ts", "latency_ms", "max_tokens", "reported_picousd", "turns"):
        value = getattr(call, name)
        assert value is None or (type(value) is int and 0 <= value < 2**63)
    for name in (
        "model",
        "model_requested",
        "provider",
        "gateway",
        "call_id",
        "response_id",
        "error_code",
        "region",
        "speed",
        "tags",
        "feature",
        "user",
        "session",
        "service_tier",
        "prompt",
        "system",
        "response_format",
    ):
        value = getattr(call, name)
        assert value is None or (isinstance(value, str) and value)


ODD: list[Any] = [
    None,
    True,
    -1,
    1.5,
    float("nan"),
    2**64,
    10**400,
    "",
    "x",
    "{",
    "[",
    "[1]",
    '{"id": []}',
    [],
    {},
    [{}],
    [[]],
    {"usage": []},
    {"key": 1},
    {"a": {"b": [None]}},
]


def test_every_format_reads_its_inline_records():
    for name, records in RECORDS.items():
        for record in records:
            found = matching(record)
            assert found is not None
            assert found.name == name
            (call,) = read_safely(found, record)
            assert call.input + call.input_audio + call.output > 0


WHOLE = [record for records in RECORDS.values() for record in records]


def test_every_inline_record_survives_the_exchange_of_any_one_value():
    for record in WHOLE:
        for path in places(record):
            for value in ODD:
                mutated = replaced(record, path, value)
                for adapter in [a for a in ADAPTERS if a.matches(mutated)]:
                    read_safely(adapter, mutated)
                    read_safely(adapter.for_one_file(), mutated)


NAMES = sorted({key for r in WHOLE for path in places(r) for key in path if isinstance(key, str)})
JSON = st.recursive(
    st.sampled_from(ODD) | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(NAMES),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5),
    max_leaves=20,
)


@settings(max_examples=300)
@given(record=st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=4), JSON, max_size=10))
def test_matches_never_raises_and_calls_raises_only_skip(record: JsonObject):
    for adapter in MINE:
        assert adapter.matches(record) in {True, False}
        read_safely(adapter, record)


@given(data=st.data())
def test_a_damaged_record_is_read_or_skipped(data: st.DataObject):
    record = data.draw(st.sampled_from(WHOLE))
    for _ in range(data.draw(st.integers(1, 4))):
        record = replaced(record, data.draw(st.sampled_from(list(places(record)))), data.draw(JSON))
        if not record:
            return
    for adapter in MINE:
        if adapter.matches(record):
            read_safely(adapter, record)
