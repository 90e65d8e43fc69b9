"""Spans in tables and stores: one call of 2,006 tokens in, 1,920 of them cached, and 300 out, in each."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from costaudit.ingest.adapters import ADAPTERS
from costaudit.ingest.adapters.span_rows import pairs_of
from costaudit.ingest.adapters.span_tables import ADAPTER
from costaudit.ingest.detect import matching
from costaudit.ingest.settle import settled
from costaudit.schema import Call, SpanKind
from tests.tape.calls import calls_of_run

TRACE, SPAN, PARENT = "f5bb6d6f6b1f4b0bf5bb6d6f6b1f4b0b", "67f6740bbe1ddc3f", "aaf6740bbe1ddc3f"
START, END = "2025-11-04T10:00:01Z", "2025-11-04T10:00:04Z"
START_US = 1_762_250_401_000_000
GEN_AI = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.usage.input_tokens": 2006,
    "gen_ai.usage.output_tokens": 300,
    "gen_ai.usage.cache_read.input_tokens": 1920,
    "session.id": "s1",
}
TEXTS = {name: str(value) for name, value in GEN_AI.items()}
PHOENIX = {
    "llm.model_name": "gpt-4o",
    "llm.provider": "openai",
    "llm.token_count.prompt": 2006.0,
    "llm.token_count.completion": 300.0,
    "llm.token_count.prompt_details.cache_read": 1920.0,
    "openinference.span.kind": "LLM",
    "session.id": "s1",
}
NESTED = {
    "llm": {
        "model_name": "gpt-4o",
        "provider": "openai",
        "token_count": {"prompt": 2006, "completion": 300, "prompt_details": {"cache_read": 1920}},
        "input_messages": [{"message": {"role": "user", "content": "Hello?"}}],
    },
    "session": {"id": "s1"},
}
IDS = {"trace_id": TRACE, "span_id": SPAN, "parent_span_id": PARENT}
AZURE = {"operation_Id": TRACE, "id": SPAN, "operation_ParentId": PARENT, "name": "chat", "success": "True"}
LABELS = {name.replace(".", "_"): value for name, value in TEXTS.items()}

ROWS: dict[str, dict[str, Any]] = {
    "phoenix-frame": {
        "context.trace_id": TRACE, "context.span_id": SPAN, "parent_id": PARENT, "name": "chat",
        "start_time": "2025-11-04 10:00:01.000000+00:00", "end_time": "2025-11-04 10:00:04.000000+00:00",
        "attributes.llm.cost.total": float("nan"),
        **{f"attributes.{name}": value for name, value in PHOENIX.items()},
    },
    "phoenix-database": {
        "trace_rowid": TRACE, "span_id": SPAN, "parent_id": PARENT, "span_kind": "LLM", "name": "chat",
        "start_time": START, "end_time": END, "attributes": json.dumps(NESTED),
    },
    "logfire": {
        **IDS, "kind": "span", "span_name": "chat", "start_timestamp": START, "end_timestamp": END,
        "duration": "3.0", "service_name": "shop", "attributes": json.dumps(GEN_AI),
    },
    "clickhouse": {
        "Timestamp": "2025-11-04 10:00:01.000000000", "TraceId": TRACE, "SpanId": SPAN,
        "ParentSpanId": PARENT, "SpanName": "chat", "SpanAttributes": TEXTS, "Duration": "3000000000",
        "StatusCode": "Unset", "ResourceAttributes": {"service.name": "shop"},
    },
    "clickhouse-csv": {
        "Timestamp": "2025-11-04 10:00:01.000000000", "TraceId": TRACE, "SpanId": SPAN,
        "ParentSpanId": PARENT, "SpanName": "chat", "SpanAttributes": str(TEXTS), "Duration": "3000000000",
    },
    "clickhouse-selected": {
        "Timestamp": "2025-11-04 10:00:01", "TraceId": TRACE, "SpanId": SPAN, "ParentSpanId": PARENT,
        "SpanName": "chat", "duration_ms": 3000,
        **{f"SpanAttributes['{name}']": value for name, value in TEXTS.items()},
    },
    "signoz": {
        **IDS, "name": "chat", "timestamp": START, "duration_nano": 3_000_000_000,
        "attributes_string": {name: v for name, v in GEN_AI.items() if isinstance(v, str)},
        "attributes_number": {name: float(v) for name, v in GEN_AI.items() if isinstance(v, int)},
    },
    "application-insights": {
        "timestamp [UTC]": START, **AZURE, "duration": "3000", "customDimensions": json.dumps(TEXTS),
    },
    "log-analytics": {
        "TimeGenerated": START, "OperationId": TRACE, "Id": SPAN, "ParentId": PARENT, "Name": "chat",
        "DurationMs": 3000.0, "Success": True, "Properties": TEXTS,
    },
    "parquet-map": {
        **IDS, "name": "chat", "start_time": START, "end_time": END, "attributes": list(TEXTS.items()),
    },
    "elastic": {
        "@timestamp": START, "trace": {"id": TRACE}, "span": {"id": SPAN, "name": "chat"},
        "parent": {"id": PARENT}, "duration_us": 3_000_000, "labels": LABELS,
    },
    "snowflake": {
        "TIMESTAMP": END, "START_TIMESTAMP": START, "RECORD_TYPE": "SPAN",
        "TRACE": json.dumps({"trace_id": TRACE, "span_id": SPAN}), "TIMESTAMP_END": None,
        "RECORD": {"name": "chat", "parent_span_id": PARENT}, "RECORD_ATTRIBUTES": GEN_AI,
        "duration_ms": 3000,
    },
    "datadog": {
        "trace_id": TRACE, "span_id": SPAN, "parent_id": PARENT, "name": "chat", "start": START_US * 1000,
        "duration": 3_000_000_000, "meta": {n: v for n, v in GEN_AI.items() if isinstance(v, str)},
        "metrics": {n: v for n, v in GEN_AI.items() if isinstance(v, int)},
    },
    "wide": {
        "trace.trace_id": TRACE, "trace.span_id": SPAN, "trace.parent_id": PARENT, "name": "chat",
        "timestamp": START, "duration_ms": 3000, **GEN_AI,
    },
}  # fmt: skip
"""A row of each store, named after it."""


def spans_in(record: dict[str, Any]) -> list[Call]:
    assert matching(record, ADAPTERS) is ADAPTER
    assert ADAPTER.traced is not None
    return settled(ADAPTER.traced(record))


def check(call: Call) -> None:
    assert (call.input, call.cache_read, call.output) == (86, 1920, 300)
    assert (call.model, call.provider, call.session) == ("gpt-4o", "openai", "s1")
    assert (call.ts, call.latency_ms, call.status) == (START_US, 3000, "ok")
    assert call.span is not None
    assert (call.span.trace, call.span.span, call.span.parent) == (TRACE, SPAN, PARENT)


@pytest.mark.parametrize("store", ROWS)
def test_the_same_span_in_a_row_of_each_store(store: str):
    (call,) = spans_in(ROWS[store])
    check(call)


def test_prompts_in_nested_attributes_are_found():
    (call,) = spans_in(ROWS["phoenix-database"])
    assert (call.prompt, call.turns) == ("Hello?", 1)


def jaeger() -> dict[str, Any]:
    kinds = {str: "string", int: "int64"}
    tags = [{"key": n, "type": kinds[type(v)], "value": v} for n, v in GEN_AI.items()]
    times = {"startTime": START_US, "duration": 3_000_000, "processID": "p1"}
    user = [{"key": "user.id", "type": "string", "value": "ann"}]
    around = {
        "traceID": TRACE,
        "spanID": PARENT,
        "operationName": "POST /ask",
        "references": [],
        "tags": user,
    }
    inside = {"refType": "CHILD_OF", "traceID": TRACE, "spanID": PARENT}
    call = {"traceID": TRACE, "spanID": SPAN, "operationName": "chat", "references": [inside], "tags": tags}
    processes = {"p1": {"serviceName": "shop", "tags": []}}
    return {"traceID": TRACE, "spans": [around | times, call | times], "processes": processes}


def azure_answer() -> dict[str, Any]:
    row = ROWS["application-insights"]
    columns = [{"name": name, "type": "string"} for name in row]
    return {"tables": [{"name": "PrimaryResult", "columns": columns, "rows": [list(row.values())]}]}


def datadog_entry() -> dict[str, Any]:
    span = {
        "trace_id": TRACE, "span_id": SPAN, "parent_id": PARENT, "start_timestamp": START,
        "end_timestamp": END, "service": "shop",
        "custom": {**NESTED, "openinference": {"span": {"kind": "LLM"}}},
    }  # fmt: skip
    return {"id": "A1", "type": "spans", "attributes": span}


def logfire_answer() -> dict[str, Any]:
    return {"columns": [{"name": name, "values": [value]} for name, value in ROWS["logfire"].items()]}


@pytest.mark.parametrize(
    "answer",
    [jaeger(), azure_answer(), logfire_answer(), datadog_entry()],
    ids=["jaeger", "azure", "logfire", "datadog"],
)
def test_what_the_apis_of_stores_answer(answer: dict[str, Any]):
    call = spans_in(answer)[0]
    check(call)
    assert call.feature == (None if "tables" in answer else "shop")


def test_spans_around_are_told():
    call, around = spans_in(jaeger())
    assert (call.span and call.span.parent, around.span and around.span.span) == (PARENT, PARENT)
    assert call.user == around.user == "ann"
    agent = {**ROWS["phoenix-frame"], "attributes.openinference.span.kind": "AGENT"}
    (found,) = spans_in(agent)
    assert found.span is not None
    assert found.span.kind is SpanKind.APART


def test_tempo_has_batches_and_ids_in_base64():
    attributes = [{"key": n, "value": {"stringValue": v}} for n, v in TEXTS.items()]
    span = {
        "traceId": "9bttb2sfSwv1u21vax9LCw==", "spanId": "Z/Z0C74d3D8=", "parentSpanId": "qvZ0C74d3D8=",
        "name": "chat", "startTimeUnixNano": str(START_US * 1000), "attributes": attributes,
        "endTimeUnixNano": str((START_US + 3_000_000) * 1000),
    }  # fmt: skip
    scoped = [{"resource": {}, "scopeSpans": [{"scope": {"name": "x"}, "spans": [span]}]}]
    for record in ({"batches": scoped}, {"trace": {"resourceSpans": scoped}}):
        adapter = matching(record, ADAPTERS)
        assert adapter is not None
        assert adapter.name == "otlp"
        (call,) = settled(adapter.calls(record))
        check(call)
    assert matching({"batches": [{"id": 1}]}, ADAPTERS) is None


@pytest.mark.parametrize(
    ("store", "said"),
    [
        ("clickhouse", {"StatusCode": "Error"}),
        ("clickhouse", {"StatusCode": "STATUS_CODE_ERROR"}),
        ("application-insights", {"success": "False", "resultCode": "429"}),
        ("logfire", {"is_exception": "True"}),
        ("signoz", {"has_error": True}),
        ("datadog", {"error": 1}),
    ],
)
def test_failures(store: str, said: dict[str, Any]):
    (call,) = spans_in(ROWS[store] | said)
    assert call.status == "error"
    assert call.error_code == said.get("resultCode", "error")


def test_rows_that_are_no_finished_spans_are_left_out():
    assert spans_in(ROWS["logfire"] | {"kind": "pending_span"}) == []
    assert spans_in(ROWS["snowflake"] | {"RECORD_TYPE": "SPAN_EVENT"}) == []


def test_other_spans_are_recognised_and_flat_records_with_a_trace_stay_flat():
    http = {**IDS, "kind": "SERVER", "name": "GET /", "start_time": START, "end_time": END}
    assert [call.span and call.span.kind for call in spans_in(http)] == [SpanKind.AROUND]
    flat = {
        **IDS,
        "timestamp": START,
        "model": "gpt-4o",
        "input_tokens": 5,
        "output_tokens": 1,
        "tags": ["a"],
    }
    adapter = matching(flat, ADAPTERS)
    assert adapter is not None
    assert adapter.name == "flat"
    log = {"trace_id": TRACE, "span_id": SPAN, "timestamp": START, "message": "hi", "attributes": {"a": 1}}
    assert matching(log, ADAPTERS) is None


@pytest.mark.parametrize(
    "odd", ["{'a': ", "{'a': __import__('os')}", "{" * 5000, "[1, 2]", [["a"], ["b", 1, 2], 3], 7, True]
)
def test_odd_attributes_are_none(odd: Any):
    assert pairs_of(odd) == {}


def test_ids_of_no_use_are_no_span():
    for ident in (None, 1.5, {}, [], "0000000000000000", True):
        assert not ADAPTER.matches(ROWS["clickhouse"] | {"SpanId": ident}) or ident == 1.5


Run = Callable[..., Any]


def test_files_of_stores_are_read_together_and_nested_spans_count_once(run: Run, tmp_path: Path):
    """The frame has the call and a framework's span around it; the table in another file the client's."""
    frame = [ROWS["phoenix-frame"], ROWS["phoenix-frame"] | {"context.span_id": PARENT, "parent_id": None}]
    pq.write_table(pa.Table.from_pylist(frame), tmp_path / "frame.parquet")
    inner = {**ROWS["clickhouse-csv"], "SpanId": "bbf6740bbe1ddc3f", "ParentSpanId": SPAN}
    with (tmp_path / "inner.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, list(inner))
        table.writeheader()
        table.writerow(inner)
    answer = json.loads(run("analyze", tmp_path, "--format", "json").out)
    assert (answer["inputs"]["requests"], answer["inputs"]["duplicates"]) == (1, 2)
    assert answer["inputs"]["formats"] == {"span-table": 3}
    assert (answer["spend"]["tokens"]["input"], answer["spend"]["tokens"]["output"]) == (86, 300)


def test_a_map_column_of_parquet_is_read(run: Run, tmp_path: Path):
    kind = pa.map_(pa.string(), pa.string())
    columns = {name: pa.array([value]) for name, value in ROWS["parquet-map"].items() if name != "attributes"}
    columns["attributes"] = pa.array([list(TEXTS.items())], kind)
    pq.write_table(pa.table(columns), tmp_path / "spans.parquet")
    answer = json.loads(run("analyze", tmp_path, "--format", "json").out)
    assert (answer["inputs"]["requests"], answer["spend"]["tokens"]["cache_read"]) == (1, 1920)


def test_the_index_that_pandas_writes_beside_its_column_is_no_second_column(run: Run, tmp_path: Path):
    row = ROWS["phoenix-frame"]
    path = tmp_path / "frame.csv"
    for index, code in ((SPAN, 0), ("0", 2)):
        with path.open("w", newline="") as file:
            csv.writer(file).writerows([["context.span_id", *row], [index, *row.values()]])
        found = run("analyze", path, "--format", "json")
        assert found.code == code
    assert "two columns are called 'context.span_id'" in found.err


@pytest.mark.parametrize(
    ("name", "record"),
    [
        ("langsmith", {"run_type": "llm", "start_time": START, "end_time": END, "trace_id": TRACE,
                       "session_id": "p", "prompt_tokens": 2006, "completion_tokens": 300}),
        ("datadog-llmobs", {"span_kind": "llm", "start_ns": START_US * 1000, "duration": 3, "trace_id": TRACE,
                            "ml_app": "a", "metrics": {"input_tokens": 2006, "output_tokens": 300}}),
        ("langfuse", {"type": "GENERATION", "startTime": START, "traceId": TRACE, "model": "gpt-4o",
                      "usageDetails": {"input": 2006, "output": 300, "total": 2306}}),
    ],
)  # fmt: skip
def test_calls_inside_of_calls_of_tracers_with_formats_of_their_own(name: str, record: dict[str, Any]):
    parents = "parent_run_id", "parent_id", "parentObservationId"
    outer = record | {"id": "o1", "span_id": "o1"}
    inner = record | {"id": "i1", "span_id": "i1"} | dict.fromkeys(parents, "o1")
    adapter = matching(outer, ADAPTERS)
    assert adapter is not None
    assert adapter.name == name
    assert adapter.traced is not None
    blocks = [settled(adapter.traced(one)) for one in (inner, outer)]
    assert [(call.input, call.output) for call in calls_of_run(blocks)] == [(2006, 300)]
