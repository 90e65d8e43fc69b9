"""Records in the envelopes of log shippers, logging libraries and databases."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from costaudit.ingest.canonical import Parsed, calls_of
from costaudit.ingest.detect import adapter_named
from costaudit.ingest.extended_json import plain_types
from costaudit.ingest.reader import open_log
from costaudit.ingest.sniff import sniff
from costaudit.schema import Call
from costaudit.times import instant

CALL = {"provider": "openai", "model": "gpt-4o", "prompt_tokens": 12, "completion_tokens": 3}
BODY = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5",
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 12, "output_tokens": 3},
}  # fmt: skip
TEXT = json.dumps(CALL)
WHEN = "2025-11-01T10:00:00Z"

Read = Callable[[str], tuple[list[Call], Parsed]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def reads(text: str) -> tuple[list[Call], Parsed]:
        path = tmp_path / "log"
        path.write_text(text)
        reader = open_log(sniff("log", path))
        (block,) = reader.blocks()
        parsed = reader.parse(block)
        return calls_of(parsed.batch) if parsed.formats else [], parsed

    return reads


def lines(*records: Any) -> str:
    return "".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in records)


JSON_ENVELOPES: dict[str, Any] = {
    "cloudwatch, filter-log-events": {"events": [{"timestamp": 1761991200000, "message": TEXT}]},
    "cloudwatch, subscription": {
        "messageType": "DATA_MESSAGE", "logGroup": "g",
        "logEvents": [{"id": "1", "timestamp": 1761991200000, "message": TEXT}],
    },
    "cloudwatch, get-query-results": {
        "status": "Complete",
        "results": [
            [{"field": "@timestamp", "value": "2025-11-01 10:00:00"}, {"field": "@message", "value": TEXT}]
        ],
    },
    "docker": {"log": TEXT + "\n", "stream": "stdout", "time": WHEN},
    "google cloud, object": {"insertId": "i", "jsonPayload": CALL, "timestamp": WHEN, "resource": {}},
    "google cloud, text": {"insertId": "i", "textPayload": f"INFO {TEXT}", "timestamp": WHEN},
    "google cloud, audit": {"protoPayload": {"@type": "t", "response": BODY}, "timestamp": WHEN},
    "elastic hit": {"_index": "llm", "_id": "1", "_score": 1, "_source": {"@timestamp": WHEN, "llm": CALL}},
    "elastic answer": {
        "took": 1, "hits": {"total": {"value": 1}, "hits": [{"_id": "1", "_source": CALL | {"ts": WHEN}}]},
    },
    "filebeat": {"_source": {"@timestamp": WHEN, "message": TEXT, "kubernetes": {"labels": {"app": "x"}}}},
    "fluent bit": {"date": 1761991200.5, "log": TEXT, "kubernetes": {"pod_name": "p"}},
    "journald": {"MESSAGE": TEXT, "__REALTIME_TIMESTAMP": "1761991200000000", "_SYSTEMD_UNIT": "app.service"},
    "splunk": {"preview": False, "result": {"_raw": TEXT, "_time": WHEN}},
    "loki": {"labels": {"app": "x"}, "line": TEXT, "timestamp": WHEN},
    "loki, query_range": {"status": "success", "data": {"resultType": "streams", "result": [
        {"stream": {"app": "x"}, "values": [["1761991200000000000", TEXT]]}]}},
    "loki, push": {"streams": [{"stream": {"app": "x"}, "values": [["1761991200000000000", TEXT, {}]]}]},
    "cloudflare workers": {"ScriptName": "x", "EventTimestampMs": 1761991200000, "Logs": [
        {"Level": "log", "Message": ["call", TEXT], "TimestampMs": 1761991200000}]},
    "a model in the envelope's words": {"ts": WHEN, "modelId": "m", "response": {
        "generation": "x", "prompt_token_count": 12, "generation_token_count": 3}},
    "kafka connect": {"schema": {"type": "struct"}, "payload": CALL | {"ts": WHEN}},
    "debezium": {"before": CALL | {"prompt_tokens": 1}, "after": CALL | {"created_at": WHEN}, "op": "u"},
    "sns": {"Type": "Notification", "MessageId": "m", "Message": TEXT, "Timestamp": WHEN},
    "har": {"log": {"version": "1.2", "entries": [
        {"startedDateTime": WHEN, "time": 812.4,
         "request": {"method": "POST", "url": "https://api.anthropic.com/v1/messages",
                     "postData": {"text": json.dumps({"model": "claude-sonnet-4-5", "messages": []})}},
         "response": {"status": 200, "content": {"text": json.dumps(BODY)}}},
        {"startedDateTime": WHEN, "request": {"method": "GET", "url": "https://a.example/x.png"},
         "response": {"status": 200, "content": {"text": "iVBORw0KGgo=", "encoding": "base64"}}}]}},
    "a page in a page": {"results": [{"events": [CALL | {"timestamp": WHEN}]}]},
    "pino": {"level": 30, "time": 1761991200000, "pid": 1, "hostname": "h", "msg": "llm call", "data": CALL},
    "zap": {"level": "info", "ts": 1761991200.5, "msg": "call", "payload": BODY},
    "winston": {"level": "info", "message": TEXT, "timestamp": WHEN},
    "structlog": {"event": "call", "level": "info", "timestamp": WHEN, "response": BODY},
    "a time beside the answer": {"ts": WHEN, "model": "claude", "latency_ms": 5, "response": BODY},
    "datadog": {"id": "A", "content": {"timestamp": WHEN, "message": "m", "attributes": {"llm": CALL}}},
    "a time of another name": {"loggedAt": WHEN, "completion": BODY},
    "elastic fields": {"_id": "1", "fields": {k: [v] for k, v in (CALL | {"time": WHEN}).items()}},
    "two deep": {"time": WHEN, "message": json.dumps({"level": "info", "fields": {"call": CALL}})},
}  # fmt: skip


@pytest.mark.parametrize("name", JSON_ENVELOPES)
def test_a_record_in_an_envelope_is_read_with_the_time_of_the_envelope(name: str, read: Read):
    (call,), parsed = read(lines(JSON_ENVELOPES[name]))
    assert (call.input, call.output) == (12, 3)
    assert call.ts is not None
    assert instant(call.ts) == WHEN
    assert (parsed.quarantine.total, parsed.records) == (0, 1)


def test_an_envelope_names_the_model_of_a_body_that_names_none(read: Read):
    (call,), _ = read(lines(JSON_ENVELOPES["a model in the envelope's words"]))
    assert (call.model, call.provider) == ("m", "bedrock")


def otlp(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"resourceLogs": [{"scopeLogs": [{"logRecords": list(entries)}]}]}


def test_a_collectors_log_record_holds_the_line_of_an_application(read: Read):
    at = {"timeUnixNano": "1761991200000000000"}
    fields = [{"key": "model", "value": {"stringValue": "gpt-4o"}},
              {"key": "prompt_tokens", "value": {"intValue": "12"}},
              {"key": "completion_tokens", "value": {"intValue": 3}}]  # fmt: skip
    calls, parsed = read(
        lines(
            otlp({**at, "body": {"stringValue": TEXT}}, {**at, "body": {"stringValue": "ready {}"}}),
            otlp({**at, "body": {"stringValue": f"INFO call {TEXT}"}}),
            otlp({**at, "body": {"kvlistValue": {"values": fields}}}),
            otlp({**at, "eventName": "gen_ai.choice", "body": {"stringValue": TEXT}}),
        )
    )
    assert [(call.input, call.ts and instant(call.ts)) for call in calls] == [(12, WHEN)] * 3
    assert parsed.quarantine.total == 0


TEXT_ENVELOPES = {
    "python": f"2025-11-01 10:00:00,123 INFO app {TEXT}",
    "kubernetes": f"2025-11-01T10:00:00.123456789Z stdout F {TEXT}",
    "brackets": f"[2025-11-01T10:00:00+00:00] production.INFO: call {TEXT} []",
    "syslog": f"<34>1 2025-11-01T10:00:00Z host app 1 - - {TEXT}",
    "braces before it": f"2025-11-01 10:00:00 worker {{1}} {TEXT}",
    "logfmt": f'ts=2025-11-01T10:00:00Z level=info msg="a call" data={TEXT}',
}


@pytest.mark.parametrize("name", TEXT_ENVELOPES)
def test_a_text_may_stand_before_the_object_of_a_line(name: str, read: Read):
    (call, other), parsed = read(
        lines("2025-11-01 09:59:59 starting, with 3 workers", *[TEXT_ENVELOPES[name]] * 2)
    )
    assert call == other
    assert (call.input, call.ts and instant(call.ts)) == (12, WHEN)
    assert parsed.quarantine.counts == {"not_json": 1}


def test_a_first_line_of_prose_makes_no_table_of_a_log(read: Read):
    (call,), parsed = read(lines("starting, please wait", TEXT_ENVELOPES["python"]))
    assert (call.input, parsed.lines) == (12, [2])


def test_lines_that_say_where_documents_go_are_no_records(read: Read):
    (call,), parsed = read(lines({"index": {"_index": "llm", "_id": "1"}}, CALL))
    assert (call.input, parsed.ignored, parsed.quarantine.total) == (12, 1, 0)


def test_a_table_may_hold_envelopes(read: Read):
    quoted = TEXT.replace('"', '""')
    (call,), parsed = read(f'@timestamp,@message,@logStream\n2025-11-01 10:00:00.000,"{quoted}",s\n')
    assert (call.input, call.ts and instant(call.ts)) == (12, WHEN)
    assert parsed.lines == [2]


def test_places_of_bad_records_in_envelopes_stay_exact(read: Read):
    bad = {"log": json.dumps(CALL | {"prompt_tokens": -1}), "time": WHEN}
    calls, parsed = read(lines({"log": TEXT}, bad, {"log": "starting\n"}, {"log": TEXT}))
    assert len(calls) == 2
    assert parsed.lines == [1, 4]
    (place,) = parsed.quarantine.places["negative_usage"]
    assert (place.line, place.byte) == (2, len(json.dumps({"log": TEXT})) + 1)
    assert parsed.quarantine.places["unrecognised"][0].line == 3


def test_what_the_record_says_comes_before_what_its_envelope_says(read: Read):
    inner = CALL | {"timestamp": WHEN, "user": "u-1"}
    (call,), _ = read(
        lines({"time": "2020-01-01", "user": "u-2", "session_id": "s", "status": 500, "data": inner})
    )
    assert (call.ts and instant(call.ts), call.user, call.session, call.status) == (WHEN, "u-1", "s", "ok")


def test_ids_of_an_envelope_are_those_of_a_line_or_of_a_web_request(read: Read):
    calls, _ = read(
        lines({"id": "7", "request_id": "r", "data": CALL}, {"id": "7", "request_id": "r", "data": CALL})
    )
    assert [(call.response_id, call.call_id) for call in calls] == [(None, None)] * 2


NOT_OPENED: dict[str, Any] = {
    "known itself": CALL | {"data": CALL | {"prompt_tokens": 99}},
    "two that could be it": {"first_call": CALL, "second_call": CALL | {"prompt_tokens": 13}},
    "sums": {"message": "done", "total_usage": CALL},
    "somebody's text": {"level": "info", "prompt": f"what is {TEXT}?"},
    "a span": {
        "span_id": "1",
        "attributes": {"gen_ai.request.model": "gpt-4o", "gen_ai.usage.input_tokens": 5},
    },
    "no call": {"data": {"model": "gpt-4o", "messages": []}},
    "the rest of another record": f'okens": 5, "x": 1}}{TEXT}',
}


@pytest.mark.parametrize("name", NOT_OPENED)
def test_what_is_known_or_not_certain_is_not_opened(name: str, read: Read):
    calls, parsed = read(lines(NOT_OPENED[name]))
    if name == "known itself":
        assert [call.input for call in calls] == [12]
    else:
        assert calls == []
        assert parsed.quarantine.total == 1


def test_the_format_that_is_asked_for_may_be_in_an_envelope(tmp_path: Path):
    path = tmp_path / "log"
    path.write_text(lines({"data": BODY}, {"data": BODY}))
    reader = open_log(sniff("log", path), adapter_named("anthropic-messages"))
    (block,) = reader.blocks()
    assert reader.parse(block).formats == {"anthropic-messages": 2}


def test_types_of_mongodb_are_values(read: Read):
    document = {
        "_id": {"$oid": "690603a0"}, "model": "gpt-4o", "at": 1,
        "ts": {"$date": {"$numberLong": "1761991200000"}},
        "usage": {"prompt_tokens": {"$numberInt": "12"}, "completion_tokens": {"$numberLong": "3"}},
        "cost": {"$numberDecimal": "0.5"},
    }  # fmt: skip
    (call,), _ = read(lines(document))
    assert (call.input, call.output, call.reported_picousd) == (12, 3, 5 * 10**11)
    assert call.ts is not None
    assert instant(call.ts) == WHEN
    assert plain_types({"a": {"$date": WHEN}, "b": [{"$numberDouble": "1.5"}]}) == {"a": WHEN, "b": [1.5]}
    untyped = {"a": {"$set": 1}}
    assert plain_types(untyped) is untyped


LONG = json.dumps({"text": "x" * 40_000} | CALL)


def test_lines_that_kubernetes_cut_are_put_together_stream_by_stream(read: Read):
    pieces = [LONG[:16_384], LONG[16_384:32_768], LONG[32_768:]]
    calls, parsed = read(
        lines(
            f"2025-11-01T10:00:00.1Z stdout P {pieces[0]}",
            f"2025-11-01T10:00:00.2Z stderr F {TEXT}",
            f"2025-11-01T10:00:00.3Z stdout P {pieces[1]}",
            f"2025-11-01T10:00:00.4Z stdout F {pieces[2]}",
            f"2025-11-01T10:00:00.5Z stdout F {TEXT}",
        )
    )
    assert [call.input for call in calls] == [12, 12, 12]
    assert sorted(parsed.lines) == [1, 2, 5]
    assert parsed.quarantine.total == 0


@pytest.mark.parametrize("marks", [[{}, {}, {}], [{"logtag": mark} for mark in "PPF"]])
def test_lines_that_docker_cut_are_put_together(marks: list[dict[str, str]], read: Read):
    texts = [LONG[:16_384], LONG[16_384:32_768], LONG[32_768:] + "\n"]
    pieces = [{"log": t, "stream": "stdout", "time": WHEN} | m for t, m in zip(texts, marks, strict=True)]
    (call,), parsed = read(lines(*pieces))
    assert (call.input, call.ts and instant(call.ts)) == (12, WHEN)
    assert (parsed.lines, parsed.records, parsed.quarantine.total) == ([1], 1, 0)
    calls, parsed = read(lines(*pieces[:2]))
    assert (calls, parsed.quarantine.counts) == ([], {"unrecognised": 1})
    assert parsed.quarantine.places["unrecognised"][0].line == 1
