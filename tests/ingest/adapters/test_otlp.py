"""OpenTelemetry export requests: which spans count, under which names, and what identifies them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from costaudit.ingest.adapters.otlp import OTLP, SPAN
from costaudit.ingest.format import Skip
from costaudit.ingest.settle import settled
from costaudit.schema import Call
from tests.tape.calls import calls_of_run, merge_calls

START, END = 1791191702_114000000, 1791191704_545000000
CHAT: dict[str, Any] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-5-mini",
    "gen_ai.usage.input_tokens": 1312,
    "gen_ai.usage.output_tokens": 186,
}


def typed(value: Any) -> dict[str, Any]:
    """An OTLP AnyValue: integers as text, as the collector writes them."""
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [typed(v) for v in value]}}
    return {"stringValue": value}


def span(
    ident: str = "s1", parent: str = "", name: str = "chat", status: Any = None, **attributes: Any
) -> dict[str, Any]:
    return {
        "traceId": "t1",
        "spanId": ident,
        "parentSpanId": parent,
        "name": name,
        "startTimeUnixNano": str(START),
        "endTimeUnixNano": str(END),
        "attributes": [{"key": k, "value": typed(v)} for k, v in attributes.items() if v is not None],
        "status": status or {},
    }


def export(*spans: dict[str, Any], service: str = "app") -> dict[str, Any]:
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": {}, "spans": list(spans)}]}]}


def read(*spans: dict[str, Any]) -> list[Call]:
    record = export(*spans)
    assert OTLP.matches(record)
    return settled(OTLP.calls(record))


def only(**attributes: Any) -> Call:
    (call,) = read(span(**{**CHAT, **attributes}))
    return call


def counts(call: Call) -> tuple[int, ...]:
    return call.input, call.cache_read, call.cache_write_5m, call.cache_write_1h, call.output, call.reasoning


def test_time_latency_and_identity_of_a_span_without_a_response_id():
    call = only()
    assert (call.ts, call.latency_ms, call.call_id) == (START // 1000, 2431, "t1:s1")
    assert (call.response_id, call.parent_id, call.attempt) == (None, None, None)


def test_a_response_id_takes_the_place_of_the_span_id():
    call = only(**{"gen_ai.response.id": "chatcmpl-1", "gen_ai.response.model": "gpt-5-mini-2025-08-07"})
    assert (call.call_id, call.response_id) == (None, "chatcmpl-1")
    assert (call.model, call.model_requested) == ("gpt-5-mini-2025-08-07", "gpt-5-mini")


@pytest.mark.parametrize(
    "cached",
    [
        {"gen_ai.usage.cache_read.input_tokens": 1000, "gen_ai.usage.cache_write.input_tokens": 200},
        {"gen_ai.usage.cache_read.input_tokens": 1000, "gen_ai.usage.cache_creation.input_tokens": 200},
        {"gen_ai.usage.cache_read_input_tokens": 1000, "gen_ai.usage.cache_creation_input_tokens": 200},
    ],
)
def test_old_and_new_names_of_the_cache_are_inside_the_input(cached: dict[str, int]):
    assert counts(only(**cached)) == (112, 1000, 200, 0, 186, 0)


def test_openinference_names():
    attributes: dict[str, Any] = {
        "openinference.span.kind": "LLM",
        "llm.provider": "anthropic",
        "llm.model_name": "claude-haiku-4-5",
        "llm.token_count.prompt": 1312,
        "llm.token_count.completion": 186,
        "llm.token_count.prompt_details.cache_read": 1000,
        "llm.token_count.prompt_details.cache_write": 200,
        "llm.token_count.completion_details.reasoning": 6,
        "llm.cost.total": 0.0125,
        "output.value": json.dumps({"id": "msg_1", "type": "message"}),
        "tag.tags": ["a", "b"],
        "metadata": '{"feature": "triage"}',
    }
    (call,) = read(span(**attributes))
    assert counts(call) == (112, 1000, 200, 0, 186, 6)
    assert (call.response_id, call.reported_picousd, call.tags) == ("msg_1", 12_500_000_000, "a,b")
    assert (call.model, call.feature) == ("claude-haiku-4-5", "triage")


def test_anthropics_own_spans_split_the_writes_by_lifetime():
    call = only(
        **{
            "gen_ai.usage.cache_write.input_tokens": 200,
            "anthropic.usage.cache_creation.ephemeral_5m_input_tokens": 50,
            "anthropic.usage.cache_creation.ephemeral_1h_input_tokens": 150,
            "anthropic.response.service_tier": "priority",
        }
    )
    assert counts(call) == (1112, 0, 50, 150, 186, 0)
    assert call.service_tier == "priority"


OTHER: dict[str, Any] = {"http.method": "POST", "gen_ai.request.model": "m"}
USAGE_ONLY: dict[str, Any] = {"gen_ai.usage.input_tokens": 5}
VERCEL: dict[str, Any] = {
    "ai.model.id": "claude-haiku-4-5",
    "ai.model.provider": "anthropic.messages",
    "ai.usage.inputTokens": 1312,
    "ai.usage.outputTokens": 186,
    "ai.usage.cachedInputTokens": 1000,
    "ai.usage.inputTokenDetails.cacheWriteTokens": 200,
    "ai.telemetry.functionId": "triage",
}


def test_of_the_vercel_sdk_only_the_inner_span_counts():
    outer = span("o", **{**VERCEL, "ai.operationId": "ai.generateText"})
    inner = span("i", "o", **{**VERCEL, "ai.operationId": "ai.generateText.doGenerate"})
    tool = span("x", "o", **{"ai.operationId": "ai.toolCall"})
    (call,) = read(outer, inner, tool)
    assert (call.call_id, call.feature) == ("t1:i", "triage")
    assert counts(call) == (112, 1000, 200, 0, 186, 0)


@pytest.mark.parametrize(
    "mark",
    [
        {"gen_ai.operation.name": "invoke_agent"},
        {"gen_ai.operation.name": "execute_tool"},
        {"openinference.span.kind": "AGENT"},
        {"openinference.span.kind": "CHAIN"},
        {"gen_ai.operation.name": None, "traceloop.span.kind": "workflow"},
        {"gen_ai.operation.name": None, "langfuse.observation.type": "span"},
    ],
)
def test_agents_chains_and_tools_are_no_calls_whatever_usage_they_repeat(mark: dict[str, Any]):
    assert read(span(**{**CHAT, **mark})) == []


def test_a_span_that_does_not_say_what_it_is_counts_by_its_model_and_usage():
    assert counts(only(**{"gen_ai.operation.name": None})) == (1312, 0, 0, 0, 186, 0)
    assert read(span(**OTHER)) == []
    assert read(span("s1", **USAGE_ONLY)) == []


def test_two_instrumentations_of_one_call_merge_by_response_id():
    attributes: dict[str, Any] = {
        "openinference.span.kind": "LLM",
        "llm.model_name": "m",
        "llm.token_count.prompt": 1312,
        "llm.token_count.completion": 186,
        "output.value": '{"id": "msg_1", "type": "message"}',
    }
    inference = span("a", **attributes)
    own = span("b", **{**CHAT, "gen_ai.response.id": "msg_1"})
    assert len(merge_calls(read(inference, own))) == 1


def test_model_spans_inside_of_others_are_told_with_who_is_inside_whom():
    """Which of them are one call is decided over the run: see tests/tape/test_nesting.py."""
    agent = span("a", **{"gen_ai.operation.name": "invoke_agent", "user.id": "ann"})
    chain = span("c", "a", name="RunnableSequence", **{"openinference.span.kind": "CHAIN"})
    record = export(agent, chain, span("o", "c", **CHAT), span("i", "o", **CHAT), span("x", name="GET /"))
    assert OTLP.traced is not None
    found = [call.span for call in OTLP.traced(record) if call.span is not None]
    assert [(link.span, link.parent, link.kind.name) for link in found] == [
        ("o", "c", "SERVICE_CALL"),
        ("i", "o", "SERVICE_CALL"),
        ("a", None, "APART"),
        ("c", "a", "AROUND"),
    ]
    assert len(calls_of_run([settled(OTLP.traced(record))])) == 1


def test_an_attempt_that_failed_inside_a_call_stays():
    failed = span(
        "i", "o", status={"code": 2}, **{"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}
    )
    calls = read(span("o", **{**CHAT, "gen_ai.response.id": "r"}), failed)
    assert sorted(c.status for c in calls) == ["error", "ok"]


def test_session_user_and_feature_come_from_the_spans_around():
    outer = span("o", name="run", **{"session.id": "s-1", "user.id": "u-1", "app.feature": "triage"})
    (call,) = read(outer, span("i", "o", **CHAT))
    assert (call.session, call.user, call.feature) == ("s-1", "u-1", "triage")
    assert only().feature == "app"


def test_parents_in_a_circle_do_not_hang():
    assert len(read(span("a", "b", **CHAT), span("b", "a", name="x"))) == 1


@pytest.mark.parametrize(
    ("status", "attributes", "code"),
    [
        ({"code": 2}, {"error.type": "429"}, "429"),
        ({"code": 2, "message": "rate_limit_exceeded"}, {}, "rate_limit_exceeded"),
        ({"code": "STATUS_CODE_ERROR", "message": "could not answer: my prompt"}, {}, "error"),
        ({}, {"error.type": "timeout"}, "timeout"),
    ],
)
def test_errors_have_a_code_and_never_a_sentence(status: Any, attributes: dict[str, Any], code: str):
    (call,) = read(span(status=status, **{**CHAT, "gen_ai.usage.input_tokens": None, **attributes}))
    assert (call.status, call.error_code) == ("error", code)


def test_a_known_host_is_believed_over_the_clients_name():
    call = only(**{"gen_ai.provider.name": "openai", "server.address": "api.groq.com"})
    assert (call.provider, call.gateway) == ("groq", None)
    call = only(**{"gen_ai.openai.api_base": "https://openrouter.ai/api/v1"})
    assert (call.provider, call.gateway) == ("openrouter", "openrouter")
    assert only(**{"server.address": "llm.internal"}).provider == "openai"


def test_a_long_openai_prompt_without_any_word_on_caching_is_partial():
    assert only().quality == "partial"
    assert only(**{"gen_ai.usage.input_tokens": 900}).quality == "exact"
    assert only(**{"gen_ai.usage.cache_read.input_tokens": 0}).quality == "exact"


def test_gemini_reasoning_beside_the_output_shows_in_the_total():
    call = only(
        **{
            "gen_ai.provider.name": "gcp.gemini",
            "gen_ai.usage.input_tokens": 5000,
            "gen_ai.usage.output_tokens": 120,
            "gen_ai.usage.reasoning_tokens": 340,
            "gen_ai.usage.total_tokens": 5460,
        }
    )
    assert counts(call) == (5000, 0, 0, 0, 460, 340)


@pytest.mark.parametrize(
    "attributes",
    [
        {
            "gen_ai.input.messages": json.dumps(
                [
                    {"role": "system", "parts": [{"type": "text", "content": "Be brief."}]},
                    {"role": "user", "parts": [{"type": "text", "content": "Hello?"}]},
                ]
            )
        },
        {
            "gen_ai.system_instructions": json.dumps([{"type": "text", "content": "Be brief."}]),
            "gen_ai.prompt.0.role": "user",
            "gen_ai.prompt.0.content": "Hello?",
        },
        {
            "gen_ai.prompt.0.role": "system",
            "gen_ai.prompt.0.content": "Be brief.",
            "gen_ai.prompt.1.role": "user",
            "gen_ai.prompt.1.content": "Hello?",
        },
        {
            "llm.input_messages.0.message.role": "system",
            "llm.input_messages.0.message.content": "Be brief.",
            "llm.input_messages.1.message.role": "user",
            "llm.input_messages.1.message.contents.0.message_content.text": "Hello?",
        },
        {
            "input.value": json.dumps(
                {"messages": [{"role": "user", "content": "Hello?"}], "system": "Be brief."}
            )
        },
        {
            "ai.prompt.messages": json.dumps(
                [
                    {"role": "system", "content": "Be brief."},
                    {"role": "user", "content": [{"type": "text", "text": "Hello?"}]},
                ]
            )
        },
    ],
)
def test_prompts_are_found_wherever_they_are_kept(attributes: dict[str, Any]):
    call = only(**attributes)
    assert (call.system, call.prompt, call.turns) == ("Be brief.", "Hello?", 1)


def test_an_impossible_count_is_named_and_does_not_hide_the_spans_beside_it():
    bad = span("b", **{**CHAT, "gen_ai.usage.input_tokens": -1})
    with pytest.raises(Skip) as skip:
        settled(OTLP.calls(export(bad)))
    assert skip.value.reason == "negative_usage"
    good, unknown = read(span("a", **CHAT), bad)
    assert (good.input, unknown.input, unknown.quality) == (1312, 0, "none")


def test_integers_may_be_numbers_and_lists_may_be_missing():
    attributes = [
        {"key": k, "value": {"intValue": v} if isinstance(v, int) else {"stringValue": v}}
        for k, v in CHAT.items()
    ]
    (call,) = read({**span(), "attributes": attributes})
    assert call.input == 1312
    odd: list[Any] = [[], {}, [None], [{"resource": None, "scopeSpans": [None, {"spans": None}]}]]
    for spans in odd:
        assert settled(OTLP.calls({"resourceSpans": spans})) == []


def test_metrics_are_recognised_and_are_no_calls():
    assert OTLP.matches({"resourceMetrics": []})
    assert settled(OTLP.calls({"resourceMetrics": [{"scopeMetrics": []}]})) == []


def test_a_line_of_pythons_console_exporter():
    record = {
        "name": "chat gpt-5-mini",
        "context": {"trace_id": "0xabc", "span_id": "0x12", "trace_state": "[]"},
        "kind": "SpanKind.CLIENT",
        "parent_id": None,
        "start_time": "2026-10-05T09:15:02.114000Z",
        "end_time": "2026-10-05T09:15:04.545000Z",
        "status": {"status_code": "ERROR", "description": "boom"},
        "attributes": CHAT,
        "resource": {"attributes": {"service.name": "app"}},
    }
    assert SPAN.matches(record)
    (call,) = settled(SPAN.calls(record))
    assert (call.ts, call.latency_ms, call.call_id) == (START // 1000, 2431, "abc:12")
    assert (call.input, call.status, call.error_code) == (1312, "error", "boom")
    assert not SPAN.matches({"name": "x", "attributes": {}})
