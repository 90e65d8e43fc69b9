"""Claude Code's transcripts and events."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from costaudit.ingest.adapters.claude_code import ADAPTER
from costaudit.ingest.adapters.otlp import OTLP
from costaudit.ingest.fields import timestamp_us
from costaudit.ingest.settle import settled
from costaudit.schema import Call
from tests.tape.calls import merge_calls


def message(
    ident: str = "msg_1", output: int = 903, stop: str | None = "end_turn", **usage: Any
) -> dict[str, Any]:
    return {
        "id": ident,
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-5-20250929",
        "content": [{"type": "text", "text": "…"}],
        "stop_reason": stop,
        "usage": {
            "input_tokens": 412,
            "cache_read_input_tokens": 18000,
            "cache_creation_input_tokens": 2000,
            "cache_creation": {"ephemeral_5m_input_tokens": 500, "ephemeral_1h_input_tokens": 1500},
            "output_tokens": output,
            **usage,
        },
    }


def line(said: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    return {
        "type": "assistant",
        "uuid": "u-1",
        "parentUuid": "u-0",
        "sessionId": "sess-1",
        "timestamp": "2026-10-05T09:16:50.370Z",
        "cwd": "/home/dev/shop",
        "gitBranch": "main",
        "requestId": "req_1",
        "isSidechain": False,
        "message": message() if said is None else said,
        **fields,
    }


def only(record: dict[str, Any]) -> Call:
    assert ADAPTER.matches(record)
    (call,) = settled(ADAPTER.calls(record))
    return call


def test_input_stands_beside_the_cache_and_writes_have_their_lifetime():
    call = only(line())
    assert (call.input, call.cache_read, call.cache_write_5m, call.cache_write_1h) == (412, 18000, 500, 1500)
    assert (call.output, call.quality, call.final, call.reading) == (903, "exact", True, "exclusive")


def test_the_message_id_is_the_identity_and_the_session_the_attribution():
    call = only(line())
    assert (call.response_id, call.call_id, call.provider) == ("msg_1", None, "anthropic")
    assert (call.session, call.feature, call.tags) == ("sess-1", "claude-code", "project:shop,branch:main")
    assert call.ts == timestamp_us("2026-10-05T09:16:50.370Z")


def test_a_windows_folder_has_a_name_too():
    assert only(line(cwd="C:\\work\\shop", gitBranch="a,b")).tags == "project:shop,branch:a b"


def test_a_record_without_a_stop_reason_has_a_placeholder_for_output():
    call = only(line(message(output=1, stop=None)))
    assert (call.final, call.quality, call.output) == (False, "partial", 1)


def test_the_blocks_of_one_message_are_one_call_with_its_largest_output():
    blocks = [line(message(output=1, stop=None)), line(message()), line(message(output=1, stop=None))]
    (call,) = merge_calls(c for b in blocks for c in settled(ADAPTER.calls(b)))
    assert (call.output, call.input, call.final, call.quality) == (903, 412, True, "exact")


def test_the_same_message_under_another_request_id_is_a_replay():
    replay = line(requestId="req_2", isSidechain=True)
    assert len(merge_calls(settled(ADAPTER.calls(line())) + settled(ADAPTER.calls(replay)))) == 1
    assert only(replay).tags == "project:shop,branch:main,subagent"


def test_calls_of_sub_agents_stand_in_progress_records():
    inner = {"type": "assistant", "timestamp": "2026-10-05T09:16:45Z", "message": message("msg_2")}
    record = line(None, type="progress", data={"type": "agent_progress", "message": inner})
    del record["message"]
    call = only(record)
    assert (call.response_id, call.session, call.input) == ("msg_2", "sess-1", 412)
    assert call.ts == timestamp_us("2026-10-05T09:16:45Z")


def test_lines_of_an_agents_own_file_name_it():
    assert only(line(agentId="a1b2c3", isSidechain=False)).tags == "project:shop,branch:main,subagent"


def test_without_a_message_id_the_request_is_the_identity():
    nameless = message() | {"id": None}
    blocks = [line(nameless, uuid=f"u-{n}", sessionId=f"s-{n}") for n in range(3)]
    other = line(nameless, requestId="req_2")
    assert len(merge_calls([call for each in [*blocks, other] for call in settled(ADAPTER.calls(each))])) == 2


def test_a_session_that_was_resumed_counts_no_call_again():
    earlier = [line(message(f"msg_{n}"), uuid=f"u-{n}") for n in range(3)]
    copied = [each | {"sessionId": "sess-2"} for each in earlier]
    new = line(message("msg_9"), sessionId="sess-2")
    calls = [call for each in [*earlier, *copied, new] for call in settled(ADAPTER.calls(each))]
    assert len(merge_calls(calls)) == 4


def test_iterations_of_other_models_are_calls_of_their_own():
    extra = [
        {"type": "advisor_message", "model": "claude-opus-4-8", "input_tokens": 2500, "output_tokens": 40},
        {"type": "message", "input_tokens": 412, "output_tokens": 903},
    ]
    calls = settled(ADAPTER.calls(line(message(iterations=extra))))
    assert [(c.model, c.input, c.session) for c in calls] == [
        ("claude-opus-4-8", 2500, "sess-1"),
        ("claude-sonnet-4-5-20250929", 412, "sess-1"),
    ]


@pytest.mark.parametrize(
    "record",
    [
        line({**message(), "model": "<synthetic>"}),
        line({"role": "assistant", "content": []}),
        {**line(), "type": "user", "message": {"role": "user", "content": "hi"}},
        {"type": "system", "sessionId": "s", "uuid": "u"},
        {"type": "summary", "summary": "…", "leafUuid": "u"},
        {"type": "file-history-snapshot", "messageId": "m", "snapshot": {}},
        {"type": "queue-operation", "operation": "enqueue", "sessionId": "s"},
        {"type": "something-new", "sessionId": "s", "uuid": "u", "parentUuid": None},
        {"type": "permission-mode", "permissionMode": "default", "sessionId": "s"},
        {"type": "mode", "mode": "normal", "sessionId": "s"},
        {"type": "ai-title", "aiTitle": "…"},
        {**line(), "type": "progress", "data": {"type": "bash_progress"}},
    ],
)
def test_everything_else_is_recognised_and_is_no_call(record: dict[str, Any]):
    assert ADAPTER.matches(record)
    assert settled(ADAPTER.calls(record)) == []


def test_foreign_records_are_left_alone():
    assert not ADAPTER.matches(message())
    assert not ADAPTER.matches({"type": "assistant", "message": message()})
    assert not ADAPTER.matches({"type": "llm", "sessionId": "s", "model": "m", "input_tokens": 5})


EVENT = {
    "event.name": "api_request",
    "session.id": "sess-1",
    "model": "claude-sonnet-4-5-20250929",
    "input_tokens": "412",
    "output_tokens": "903",
    "cache_read_tokens": "18000",
    "cache_creation_tokens": "2000",
    "cost_usd": 0.027681,
    "duration_ms": "9870",
    "request_id": "req_1",
    "speed": "fast",
}


def attributes(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"key": k, "value": {"doubleValue": v} if isinstance(v, float) else {"stringValue": v}}
        for k, v in values.items()
    ]


def log(**changes: Any) -> dict[str, Any]:
    entry = {"timeUnixNano": "1791191810370000000", "attributes": attributes({**EVENT, **changes})}
    return {"resourceLogs": [{"scopeLogs": [{"logRecords": [entry]}]}]}


def test_an_event_is_written_when_the_call_has_ended():
    (call,) = settled(OTLP.calls(log()))
    assert (call.ts, call.latency_ms) == (1791191800_500000, 9870)
    assert (call.input, call.cache_read, call.cache_write_5m, call.output) == (412, 18000, 2000, 903)
    assert (call.call_id, call.response_id, call.speed) == ("req_1", None, "fast")
    assert call.reported_picousd == 27_681_000_000


def test_the_span_of_the_same_request_is_the_same_call():
    span = {
        "traceId": "t",
        "spanId": "s",
        "name": "claude_code.llm_request",
        "startTimeUnixNano": "1791191800500000000",
        "endTimeUnixNano": "1791191810370000000",
        "attributes": attributes({**EVENT, "event.name": "x"}),
    }
    spans = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
    assert len(merge_calls(settled(OTLP.calls(log())) + settled(OTLP.calls(spans)))) == 1


def test_an_api_error_is_a_failed_call():
    (call,) = settled(OTLP.calls(log(**{"event.name": "api_error", "status_code": "529"})))
    assert (call.status, call.error_code, call.quality) == ("error", "529", "none")


def test_an_event_of_another_tool_with_the_same_name_is_no_call():
    entry = {"timeUnixNano": "1", "attributes": attributes({"event.name": "api_request", "path": "/x"})}
    assert settled(OTLP.calls({"resourceLogs": [{"scopeLogs": [{"logRecords": [entry]}]}]})) == []


def largest(paths: Iterable[Path]) -> list[int]:
    """Input, output, written and read tokens, with the maximum of every message id: a second reading."""
    best: dict[str, list[int]] = {}
    names = ("input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    for path in paths:
        for raw in gzip.decompress(path.read_bytes()).splitlines():
            record = json.loads(raw)
            said = record.get("data", {}).get("message", {}) if record["type"] == "progress" else record
            found = said.get("message") if said.get("type") == "assistant" else None
            if found and found["model"] != "<synthetic>":
                known = best.setdefault(found["id"], [0] * 4)
                best[found["id"]] = [
                    max(k, found["usage"].get(n) or 0) for k, n in zip(known, names, strict=True)
                ]
    return [len(best), *(sum(counts[i] for counts in best.values()) for i in range(4))]


def merged(paths: Iterable[Path]) -> list[int]:
    calls: list[Call] = []
    for path in paths:
        for raw in gzip.decompress(path.read_bytes()).splitlines():
            record = json.loads(raw)
            assert ADAPTER.matches(record)
            calls += settled(ADAPTER.calls(record))
    whole = merge_calls(calls)
    written = sum(c.cache_write_5m + c.cache_write_1h for c in whole)
    return [
        len(whole),
        sum(c.input for c in whole),
        sum(c.output for c in whole),
        written,
        sum(c.cache_read for c in whole),
    ]


def test_real_sessions_with_and_without_their_overlapping_exports(shared_data: Path):
    folder = shared_data / "logs" / "claude_code"
    sessions, overlapping = sorted(folder.glob("sessions/*.gz")), sorted(folder.glob("overlapping/*.gz"))
    assert merged(sessions) == largest(sessions) == [9258, 370047, 846837, 40531843, 809105246]
    assert merged(overlapping) == merged([*overlapping, *overlapping]) == largest(overlapping)
    assert merged([*sessions, *overlapping]) == largest([*sessions, *overlapping])
