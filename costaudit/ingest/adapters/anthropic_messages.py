"""Anthropic Messages bodies, also as Bedrock and Vertex serve them.

`input_tokens` excludes cached and written tokens; thinking is inside `output_tokens`. The
top-level usage is not the bill when `usage.iterations` is there: compactions and advisor messages
(another model) come on top of it, and it is the sum of the `message` iterations.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from costaudit.ingest.adapters.openai_chat import web_searches
from costaudit.ingest.fields import first, mapping, model_name, text
from costaudit.ingest.format import Adapter, Record
from costaudit.ingest.meaning import includes
from costaudit.ingest.unused import unused_numbers
from costaudit.ingest.usage import count, lacks_some
from costaudit.schema import Call, Quality
from costaudit.stated import Stated

PROVIDER_BY_ID: Final = (("msg_bdrk_", "bedrock"), ("msg_vrtx_", "vertex"))
"""Prefixes of message ids that tell who served the message."""


_KNOWN: Final = frozenset({
    "input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens",
    "ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens", "thinking_tokens", "web_search_requests",
    "iterations",
})  # fmt: skip
"""Keys of a usage object that are read."""


def set_message_usage(call: Call, usage: Mapping[str, Any]) -> Call:
    """Note the counts of an Anthropic usage object. Raises Skip for impossible ones."""
    call.stated = _stated(usage)
    return call


def _stated(usage: Mapping[str, Any]) -> Stated:
    split = mapping(usage.get("cache_creation"))
    return Stated(
        prompt=count(usage.get("input_tokens"), "input_tokens"),
        completion=count(usage.get("output_tokens"), "output_tokens"),
        cache_read=count(usage.get("cache_read_input_tokens"), "cache_read_input_tokens"),
        write_5m=count(split.get("ephemeral_5m_input_tokens"), "ephemeral_5m_input_tokens"),
        write_1h=count(split.get("ephemeral_1h_input_tokens"), "ephemeral_1h_input_tokens"),
        written=count(usage.get("cache_creation_input_tokens"), "cache_creation_input_tokens"),
        reasoning=_thinking(usage),
        includes=includes("anthropic", "messages"),
        # In 288 of 288 real bodies both are there, or none.
        lacks=lacks_some(
            usage.get("cache_read_input_tokens"),
            first(usage, "cache_creation_input_tokens", "cache_creation"),
        ),
        unused=unused_numbers(usage, _KNOWN),
    )


def calls_from_message(body: Record) -> list[Call]:
    """The calls of one message: one, or one per iteration where extra ones are listed.

    Iterations share the message's response id; their call ids are `<message id>#<n>`. Raises Skip
    for impossible usage.
    """
    usage = mapping(body.get("usage"))
    call = _message(body, usage)
    iterations = usage.get("iterations")
    if isinstance(iterations, list) and len(iterations) > 1:
        parts = [i for i in iterations if isinstance(i, Mapping)]
        return _by_iteration(call, body, usage, parts)
    return [set_message_usage(call, usage)] if usage else [call]


def _message(body: Record, usage: Mapping[str, Any]) -> Call:
    """The call without its token counts."""
    region = text(usage.get("inference_geo"))
    call = Call(
        response_id=text(body.get("id")),
        provider="anthropic",
        model=model_name(body.get("model")),
        service_tier=text(usage.get("service_tier")),
        region=None if region == "not_available" else region,
        speed=text(usage.get("speed")),
        web_searches=web_searches(usage),
        quality=Quality.EXACT.value if usage else Quality.NONE.value,
    )
    for prefix, provider in PROVIDER_BY_ID:
        if call.response_id and call.response_id.startswith(prefix):
            call.provider = provider
    if "stop_reason" in body:
        call.final = body["stop_reason"] is not None
        if not call.final and usage:  # the placeholder of message_start, not the final count
            call.quality = Quality.PARTIAL.value
    return call


def _by_iteration(
    whole: Call, body: Record, usage: Mapping[str, Any], iterations: list[Mapping[str, Any]]
) -> list[Call]:
    """One call per iteration; searches and thinking of the whole go to the `message` iterations."""
    calls: list[Call] = []
    searches, thinking = whole.web_searches, _thinking(usage)
    own = [i for i in iterations if i.get("type") == "message"]
    if not own:
        iterations = [*iterations, {**usage, "type": "message"}]
    last = max(n for n, i in enumerate(iterations) if i.get("type") == "message")
    for number, iteration in enumerate(iterations):
        call = _message(body, usage)
        call.call_id = f"{whole.response_id}#{number}" if whole.response_id else None
        call.model = model_name(iteration.get("model")) or whole.model
        call.web_searches = searches if number == last else 0
        stated = _stated(iteration)
        if iteration.get("type") == "message" and thinking and not stated.reasoning:
            stated.reasoning = min(thinking, stated.completion or 0)
            thinking -= stated.reasoning
        call.stated = stated
        calls.append(call)
    return calls


def _thinking(usage: Mapping[str, Any]) -> int | None:
    return count(mapping(usage.get("output_tokens_details")).get("thinking_tokens"), "thinking_tokens")


def is_message(record: Record) -> bool:
    """True for the bodies that `calls_from_message` reads."""
    if record.get("type") != "message":
        return False
    return isinstance(record.get("usage"), Mapping) or (
        record.get("role") == "assistant" and "model" in record and "stop_reason" in record
    )


ADAPTER: Final = Adapter(
    name="anthropic-messages",
    title="Anthropic Messages: response bodies, also of Bedrock and Vertex",
    matches=is_message,
    calls=calls_from_message,
    needs=("type", "model", "usage"),
)
