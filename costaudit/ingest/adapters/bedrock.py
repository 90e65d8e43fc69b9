"""Amazon Bedrock: model invocation logs, and bodies of Converse and InvokeModel.

Input excludes cache reads and writes (totalTokens = input + output + read + write in 251 of 251 real
bodies); output includes reasoning. The log does not say how long written tokens live: without the
response's own split they count as 5 minute writes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from costaudit.ingest.adapters.anthropic_messages import calls_from_message, is_message
from costaudit.ingest.adapters.request_body import set_request
from costaudit.ingest.adapters.response_body import fold_events
from costaudit.ingest.adapters.row_facts import set_labels, tags_of
from costaudit.ingest.adapters.row_values import milliseconds, objects
from costaudit.ingest.fields import first, mapping, model_name, text, timestamp_us
from costaudit.ingest.format import Adapter, Record
from costaudit.ingest.meaning import includes
from costaudit.ingest.unused import unused_numbers
from costaudit.ingest.usage import count, lacks_some
from costaudit.schema import Call, Quality, Status
from costaudit.stated import Stated

CLEAR_ARN: Final = re.compile(
    r"arn:aws[\w-]*:bedrock:[\w-]*:\d*:(?:inference-profile|foundation-model)/(.+)$"
)
"""An ARN whose last part is a model's id; of other kinds only the whole ARN says what is meant."""

_KNOWN: Final = frozenset({
    "inputTokens", "outputTokens", "totalTokens", "cacheReadInputTokens", "cacheReadInputTokenCount",
    "cacheWriteInputTokens", "cacheWriteInputTokenCount",
})  # fmt: skip
"""Keys of a usage object that are read, or say the same again."""

_LOG_KEYS: Final = frozenset({
    "inputTokenCount", "outputTokenCount", "cacheReadInputTokenCount", "cacheWriteInputTokenCount",
    "inputBodyJson", "outputBodyJson",
})  # fmt: skip

SPARE_COUNTS: Final = (
    ("inputTextTokenCount", "results"),
    ("inputTextTokenCount", "embedding"),
    ("prompt_token_count", "generation_token_count"),
)
"""Marks of InvokeModel bodies with counts of their own: Titan's text and embeddings, Llama."""


def model_id(value: Any) -> str | None:
    """A model's id without the ARN around it; Skip for a value that is no name.

    >>> model_id("arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-haiku-4-5-20251001-v1:0")
    'us.anthropic.claude-haiku-4-5-20251001-v1:0'
    """
    name = model_name(value)
    found = CLEAR_ARN.match(name) if name else None
    return found[1] if found else name


def is_converse(record: Record) -> bool:
    """True for a Converse body, and for Nova's InvokeModel body."""
    usage = record.get("usage")
    if not isinstance(usage, Mapping) or not ("inputTokens" in usage or "outputTokens" in usage):
        return False
    return "stopReason" in record or "metrics" in record


def is_spare(record: Record) -> bool:
    """True for the InvokeModel bodies of Titan and Llama."""
    return any(one in record and other in record for one, other in SPARE_COUNTS)


def is_body(record: Record) -> bool:
    """True for any body that `calls_from_body` reads."""
    return is_converse(record) or is_spare(record)


def calls_from_body(body: Record) -> list[Call]:
    """The call of one body. Raises Skip for impossible usage."""
    call = Call(
        provider="bedrock",
        model=model_id(first(body, "modelId", "model_id")),
        latency_ms=_latency(body),
        service_tier=_tier(body),
    )
    if is_converse(body):
        call.final = body.get("stopReason") is not None
        return [_set_converse_usage(call, mapping(body.get("usage")))]
    call.final = True
    results = list(objects(body.get("results")))
    answered = first(body, "generation_token_count") if not results else results[-1].get("tokenCount")
    asked = first(body, "inputTextTokenCount", "prompt_token_count")
    completion = 0 if "embedding" in body else count(answered, "tokenCount")
    prompt = count(asked, "inputTextTokenCount")
    call.stated = Stated(prompt=prompt, completion=completion, includes=includes("bedrock", "chat"))
    return [call]


def _set_converse_usage(call: Call, usage: Mapping[str, Any]) -> Call:
    read = first(usage, "cacheReadInputTokens", "cacheReadInputTokenCount")
    wrote = first(usage, "cacheWriteInputTokens", "cacheWriteInputTokenCount")
    lasting = (d for d in objects(usage.get("cacheDetails")) if d.get("ttl") == "1h")
    hour = sum(count(d.get("inputTokens"), "cacheDetails") or 0 for d in lasting)
    call.stated = Stated(
        prompt=count(usage.get("inputTokens"), "inputTokens"),
        completion=count(usage.get("outputTokens"), "outputTokens"),
        cache_read=count(read, "cacheReadInputTokens"),
        write_1h=hour,
        written=count(wrote, "cacheWriteInputTokens"),
        total=count(usage.get("totalTokens"), "totalTokens"),
        includes=includes("bedrock", "converse"),
        lacks=lacks_some(read, wrote),
        unused=unused_numbers(usage, _KNOWN),
    )
    return call


def is_invocation(record: Record) -> bool:
    """True for a record of the model invocation log."""
    return record.get("schemaType") == "ModelInvocationLog"


def calls_from_invocation(record: Record) -> list[Call]:
    """The calls of one log record. Raises Skip for impossible usage.

    The counts of the record are the bill. Where the response body is in the log and states the same
    sums, its finer split is used.
    """
    asked, answered = mapping(record.get("input")), mapping(record.get("output"))
    request, body = mapping(asked.get("inputBodyJson")), _response(answered.get("outputBodyJson"))
    calls = calls_from_message(body) if is_message(body) else [Call(final=_ended(body))]
    if len(calls) == 1:
        _set_log_counts(calls[0], asked, answered, body)
    for call in calls:
        _set_request(call, request)
        _complete(call, record, body)
    return calls


def _set_log_counts(
    call: Call, asked: Mapping[str, Any], answered: Mapping[str, Any], body: Mapping[str, Any]
) -> None:
    prompt = count(asked.get("inputTokenCount"), "inputTokenCount")
    completion = count(answered.get("outputTokenCount"), "outputTokenCount")
    if prompt is None and completion is None:
        if is_body(body):
            call.stated = calls_from_body(body)[0].stated
        elif not is_message(body):
            call.quality = Quality.NONE.value
        return
    log = Stated(
        prompt=prompt,
        completion=completion,
        cache_read=count(asked.get("cacheReadInputTokenCount"), "cacheReadInputTokenCount"),
        written=count(asked.get("cacheWriteInputTokenCount"), "cacheWriteInputTokenCount"),
        includes=includes("bedrock", "converse"),
        lacks=lacks_some(asked.get("cacheReadInputTokenCount"), asked.get("cacheWriteInputTokenCount")),
        unused=unused_numbers({**asked, **answered}, _LOG_KEYS),
    )
    if call.stated is not None and _sums(call.stated) == _sums(log):
        return
    if call.stated is not None and call.stated.reasoning:
        log.reasoning = min(call.stated.reasoning, log.completion or 0)
    call.stated, call.quality = log, Quality.EXACT.value


def _sums(stated: Stated) -> tuple[int, ...]:
    """What a body and a log record both state, absent as 0."""
    hour = stated.write_1h or 0
    written = max(stated.write_5m or 0, (stated.written or 0) - hour) + hour
    return stated.prompt or 0, stated.completion or 0, stated.cache_read or 0, written


def _response(value: Any) -> Mapping[str, Any]:
    """The body of a response; of a stream's events the whole that they amount to."""
    if isinstance(value, list):
        for event in objects(value):
            if isinstance(event.get("metadata"), Mapping):  # the last event of a Converse stream
                return {"stopReason": "stream", **event["metadata"]}
        return fold_events(value) or {}
    return mapping(value)


def _ended(body: Mapping[str, Any]) -> bool | None:
    return True if body.get("stopReason") or body.get("stop_reason") else None


def _set_request(call: Call, request: Mapping[str, Any]) -> None:
    config, tools = mapping(request.get("inferenceConfig")), mapping(request.get("toolConfig"))
    named = {"max_tokens": first(config, "maxTokens", "max_new_tokens"), "tools": tools.get("tools")}
    set_request(call, {**{k: v for k, v in named.items() if v is not None}, **request})


def set_converse_request(call: Call, request: Mapping[str, Any]) -> Call:
    """Fill the request side of a call from the body of a Converse or InvokeModel request."""
    _set_request(call, request)
    call.prompt = call.prompt or text(request.get("inputText"))
    return call


def _complete(call: Call, record: Record, body: Mapping[str, Any]) -> None:
    """Everything that the record says beside the two bodies."""
    metadata = mapping(record.get("requestMetadata"))
    call.ts = timestamp_us(record.get("timestamp"))
    call.response_id = call.response_id or text(record.get("requestId"))
    call.provider, call.region = "bedrock", text(record.get("region"))
    call.model = call.model_requested = model_id(record.get("modelId"))
    call.latency_ms, call.service_tier = _latency(body), _tier(body) or call.service_tier
    set_labels(call, metadata)
    call.tags = tags_of(metadata)
    caller = text(mapping(record.get("identity")).get("arn"))
    call.user = call.user or (caller.rpartition("/")[2] if caller else None)
    error = text(record.get("errorCode"))
    if error is not None:
        call.status, call.error_code, call.final = Status.ERROR.value, error, True
    call.stream = str(record.get("operation")).endswith("Stream")


def _latency(body: Mapping[str, Any]) -> int | None:
    return milliseconds(mapping(body.get("metrics")).get("latencyMs"))


def _tier(body: Mapping[str, Any]) -> str | None:
    tier = body.get("serviceTier")
    return text(tier.get("type") if isinstance(tier, Mapping) else tier)


INVOCATION: Final = Adapter(
    name="bedrock-invocation",
    title="Amazon Bedrock: model invocation logs",
    matches=is_invocation,
    calls=calls_from_invocation,
    needs=("schemaType", "modelId", "input", "output"),
)
BODY: Final = Adapter(
    name="bedrock",
    title="Amazon Bedrock: Converse and InvokeModel response bodies",
    matches=is_body,
    calls=calls_from_body,
    needs=("usage", "stopReason"),
)
ADAPTERS: Final = (INVOCATION, BODY)
