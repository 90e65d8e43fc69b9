"""Amazon Bedrock's invocation log and its bodies."""

from __future__ import annotations

from typing import Any

import pytest

from costaudit.ingest.adapters.bedrock import BODY, INVOCATION, model_id
from costaudit.ingest.settle import settled
from costaudit.schema import Call

PROFILE = (
    "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0"
)
USAGE = {
    "inputTokens": 412,
    "outputTokens": 903,
    "cacheReadInputTokens": 18000,
    "cacheWriteInputTokens": 2000,
    "totalTokens": 21315,
}
CONVERSE = {"metrics": {"latencyMs": 9870}, "output": {}, "stopReason": "end_turn", "usage": USAGE}


def log(body: Any = None, *, answered: int | None = 903, **fields: Any) -> dict[str, Any]:
    return {
        "schemaType": "ModelInvocationLog",
        "schemaVersion": "1.0",
        "timestamp": "2026-10-05T09:16:40Z",
        "accountId": "123456789012",
        "identity": {"arn": "arn:aws:sts::123456789012:assumed-role/contract-review/u-42"},
        "region": "us-east-1",
        "inferenceRegion": "us-west-2",
        "requestId": "b-1",
        "operation": "Converse",
        "modelId": PROFILE,
        "input": {
            "inputBodyJson": {
                "messages": [{"role": "user", "content": [{"text": "Hello?"}]}],
                "system": [{"text": "Be brief."}],
                "inferenceConfig": {"maxTokens": 50},
                "toolConfig": {"tools": [{"toolSpec": {}}]},
            },
            "inputTokenCount": 412,
            "cacheReadInputTokenCount": 18000,
            "cacheWriteInputTokenCount": 2000,
        },
        "output": {"outputBodyJson": CONVERSE if body is None else body, "outputTokenCount": answered},
        **fields,
    }


def only(record: dict[str, Any]) -> Call:
    assert INVOCATION.matches(record)
    (call,) = settled(INVOCATION.calls(record))
    return call


def counts(call: Call) -> tuple[int, ...]:
    return call.input, call.cache_read, call.cache_write_5m, call.cache_write_1h, call.output


def test_input_stands_beside_the_cache():
    call = only(log())
    assert counts(call) == (412, 18000, 2000, 0, 903)
    assert (call.reading, call.quality, call.final) == ("exclusive", "exact", True)


def test_who_where_and_what_for():
    call = only(log())
    assert (call.provider, call.region, call.response_id) == ("bedrock", "us-east-1", "b-1")
    assert (call.user, call.latency_ms, call.stream) == ("u-42", 9870, False)
    assert (call.prompt, call.system, call.max_tokens, call.has_tools) == ("Hello?", "Be brief.", 50, True)
    metadata = {"feature": "triage", "userId": "u-1", "team": "legal"}
    call = only(log(requestMetadata=metadata))
    assert (call.feature, call.user, call.tags) == ("triage", "u-1", "team:legal")


@pytest.mark.parametrize(
    ("logged", "model"),
    [
        (PROFILE, "us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
        (
            "arn:aws-us-gov:bedrock:us-gov-west-1::foundation-model/amazon.nova-pro-v1:0",
            "amazon.nova-pro-v1:0",
        ),
        (
            "global.anthropic.claude-haiku-4-5-20251001-v1:0",
            "global.anthropic.claude-haiku-4-5-20251001-v1:0",
        ),
        (
            "arn:aws:bedrock:us-east-1:1:application-inference-profile/ab12",
            "arn:aws:bedrock:us-east-1:1:application-inference-profile/ab12",
        ),
    ],
)
def test_an_arn_is_opened_where_it_names_a_model(logged: str, model: str):
    assert model_id(logged) == only(log(modelId=logged)).model == model


def test_counts_come_from_the_body_where_the_record_has_none():
    record = log(answered=None)
    record["input"] = {}
    assert counts(only(record)) == (412, 18000, 2000, 0, 903)
    record["output"] = {}
    assert (counts(only(record)), only(record).quality) == ((0, 0, 0, 0, 0), "none")


def anthropic(output: int = 903) -> dict[str, Any]:
    return {
        "id": "msg_bdrk_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-5-20250929",
        "stop_reason": "end_turn",
        "usage": {
            "input_tokens": 412,
            "cache_read_input_tokens": 18000,
            "cache_creation_input_tokens": 2000,
            "cache_creation": {"ephemeral_5m_input_tokens": 500, "ephemeral_1h_input_tokens": 1500},
            "output_tokens": output,
        },
    }


def test_a_body_with_the_same_sums_knows_how_long_the_cache_lives():
    call = only(log(anthropic(), operation="InvokeModel"))
    assert counts(call) == (412, 18000, 500, 1500, 903)
    assert call.response_id == "msg_bdrk_1"


def test_the_records_counts_are_the_bill_where_the_body_differs():
    assert counts(only(log(anthropic(5)))) == (412, 18000, 2000, 0, 903)


def test_bodies_of_streams_are_lists_of_events():
    metadata = {"metadata": {"usage": USAGE, "metrics": {"latencyMs": 12}}}
    call = only(log([{"messageStart": {}}, {"messageStop": {}}, metadata], operation="ConverseStream"))
    assert (counts(call), call.latency_ms, call.stream) == ((412, 18000, 2000, 0, 903), 12, True)
    events = [
        {"type": "message_start", "message": {**anthropic(1), "stop_reason": None}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 903}},
    ]
    call = only(log(events, operation="InvokeModelWithResponseStream"))
    assert counts(call) == (412, 18000, 500, 1500, 903)


def test_a_refused_call_is_an_error():
    record = log(errorCode="ThrottlingException")
    record["input"], record["output"] = {}, {}
    call = only(record)
    assert (call.status, call.error_code, call.quality) == ("error", "ThrottlingException", "none")


def of_body(body: dict[str, Any]) -> Call:
    assert BODY.matches(body)
    (call,) = settled(BODY.calls(body))
    return call


def test_a_converse_body():
    call = of_body(CONVERSE)
    assert (counts(call), call.latency_ms, call.provider) == ((412, 18000, 2000, 0, 903), 9870, "bedrock")


def test_a_converse_body_may_split_its_writes():
    details = [{"ttl": "1h", "inputTokens": 1500}, {"ttl": "5m", "inputTokens": 500}]
    assert counts(of_body({**CONVERSE, "usage": {**USAGE, "cacheDetails": details}})) == (
        412,
        18000,
        500,
        1500,
        903,
    )


@pytest.mark.parametrize(
    ("body", "tokens"),
    [
        ({"inputTextTokenCount": 30.0, "results": [{"tokenCount": 29}]}, (30, 29)),
        ({"inputTextTokenCount": 5, "embedding": []}, (5, 0)),
        ({"generation": "x", "prompt_token_count": 7, "generation_token_count": 3}, (7, 3)),
        ({"stopReason": "end_turn", "output": {}, "usage": {"inputTokens": 5, "outputTokens": 10}}, (5, 10)),
    ],
)
def test_bodies_of_invoke_model(body: dict[str, Any], tokens: tuple[int, int]):
    call = of_body(body)
    assert ((call.input, call.output), call.quality) == (tokens, "exact")


def test_foreign_usage_is_left_alone():
    assert not BODY.matches({"usage": {"inputTokens": 5}})
    assert not BODY.matches({"usage": {"input_tokens": 5}, "stopReason": "x"})
