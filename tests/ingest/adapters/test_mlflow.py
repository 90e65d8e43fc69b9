"""MLflow traces."""

from __future__ import annotations

import json
from typing import Any

import pytest

from costaudit.ingest.adapters.mlflow import ADAPTER
from costaudit.ingest.settle import settled
from tests.ingest.adapters.rows import counts, only
from tests.tape.calls import calls_of_run

USAGE: dict[str, Any] = {"input_tokens": 1312, "output_tokens": 186, "total_tokens": 1498}
USAGE["cache_read_input_tokens"] = 1024


def span(
    ident: str = "s1", parent: str | None = None, kind: str = "CHAT_MODEL", **more: Any
) -> dict[str, Any]:
    attributes = {
        "mlflow.spanType": kind,
        "mlflow.llm.model": "gpt-5-mini",
        "mlflow.llm.provider": "openai",
        "mlflow.chat.tokenUsage": USAGE,
        "mlflow.spanInputs": {"messages": [{"role": "user", "content": "Label?"}]},
        **more,
    }
    return {
        "span_id": ident,
        "parent_span_id": parent,
        "start_time_unix_nano": 1791191702114000000,
        "end_time_unix_nano": 1791191704545000000,
        "status": {"code": "STATUS_CODE_OK"},
        "attributes": {name: json.dumps(value) for name, value in attributes.items()},
    }


def trace(*spans: dict[str, Any]) -> dict[str, Any]:
    metadata = {
        "mlflow.trace.tokenUsage": json.dumps(USAGE),
        "mlflow.trace.user": "u-17",
        "mlflow.trace.session": "s",
    }
    info = {"trace_id": "tr-1", "request_time": "2026-10-05T09:15:02.114Z", "state": "OK"}
    return {
        "info": {**info, "trace_metadata": metadata, "tags": {"mlflow.traceName": "triage"}},
        "data": {"spans": list(spans)},
    }


def test_a_model_span_is_a_call():
    call = only(ADAPTER, trace(span()))
    assert (counts(call), call.quality) == ((288, 1024, 0, 0, 186, 0), "exact")
    assert (call.model, call.provider, call.call_id) == ("gpt-5-mini", "openai", "tr-1/s1")
    assert (call.user, call.session, call.feature, call.prompt) == ("u-17", "s", "triage", "Label?")
    assert (call.ts, call.latency_ms) == (1791191702114000, 2431)


def test_the_sum_of_the_trace_is_never_added_to_its_spans():
    spans = [span("root", kind="CHAIN"), span("a", "root"), span("b", "root", kind="LLM")]
    assert [c.call_id for c in settled(ADAPTER.calls(trace(*spans)))] == ["tr-1/a", "tr-1/b"]


def test_a_model_span_around_another_is_the_same_call():
    assert ADAPTER.traced is not None
    spans = settled(ADAPTER.traced(trace(span("outer"), span("x", "outer", "CHAIN"), span("inner", "x"))))
    assert [(call.input, call.output) for call in calls_of_run([spans])] == [(288, 186)]


def test_without_model_spans_the_sum_is_one_call_of_an_unknown_model():
    call = only(ADAPTER, trace(span(kind="CHAIN")))
    assert (counts(call)[:2], call.model, call.quality) == ((288, 1024), None, "partial")


def test_the_providers_whole_answer_beats_mlflows_reading_of_it():
    usage = {"input_tokens": 412, "output_tokens": 903, "cache_read_input_tokens": 300}
    answer: dict[str, Any] = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude",
        "usage": usage,
    }
    outputs: dict[str, Any] = {"mlflow.spanOutputs": {**answer, "stop_reason": "end_turn"}}
    call = only(ADAPTER, trace(span(**outputs)))
    assert (counts(call), call.response_id) == ((412, 300, 0, 0, 903, 0), "msg_1")


def test_cost_and_long_lived_cache_writes():
    usage = {"input_tokens": 412, "output_tokens": 9, "cache_read_input_tokens": 18000}
    usage |= {"cache_creation_input_tokens": 2000, "cache_creation_input_tokens_above_1hr": 1500}
    more: dict[str, Any] = {"mlflow.chat.tokenUsage": usage, "mlflow.llm.cost": {"total_cost": 0.5}}
    call = only(ADAPTER, trace(span(**more)))
    assert (counts(call), call.reported_picousd) == ((412, 18000, 500, 1500, 9, 0), 5 * 10**11)


@pytest.mark.parametrize(
    "status", [{"code": "STATUS_CODE_ERROR", "message": "Timeout: x"}, {"code": "ERROR"}]
)
def test_a_failed_span(status: dict[str, str]):
    assert only(ADAPTER, trace({**span(), "status": status})).status == "error"


def test_rows_of_the_trace_table():
    whole = trace(span())
    for row in ({"trace": json.dumps(whole), "state": "OK"}, {"traces": [whole]}):
        assert only(ADAPTER, row) == only(ADAPTER, whole)
    columns = {**whole["info"], "spans": whole["data"]["spans"]}
    assert only(ADAPTER, columns) == only(ADAPTER, whole)


def test_other_records_with_info_and_data_are_not_traces():
    assert not ADAPTER.matches({"info": {}, "data": {}})
    assert not ADAPTER.matches({"trace": {"id": "x"}, "observations": []})
