"""LangSmith: runs, as JSON lines of the API or rows of the bulk export (JSON inside strings).

Only `run_type: llm` is a call: chains add up the tokens of the runs under them. Token counts include
cached tokens and reasoning. `session_id` is the project; the conversation is `thread_id` in the
metadata. Times are UTC without saying so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from costaudit.ingest.adapters.request_body import set_request
from costaudit.ingest.adapters.row_facts import response_id_of, set_cost, set_labels
from costaudit.ingest.adapters.row_values import elapsed_ms, filled, items, objects, short_code
from costaudit.ingest.adapters.trace_store import around, calls_among, linked
from costaudit.ingest.fields import first, mapping, model_name, picousd, text, timestamp_us
from costaudit.ingest.format import Adapter, Record
from costaudit.ingest.meaning import includes
from costaudit.ingest.unused import unused_numbers
from costaudit.ingest.usage import count
from costaudit.schema import Call, SpanKind, Status
from costaudit.stated import Stated

MARKS: Final = ("dotted_order", "session_id", "trace_id", "parent_run_id")

ROLES: Final = {"human": "user", "HumanMessage": "user", "ai": "assistant", "AIMessage": "assistant"} | {
    "SystemMessage": "system",
    "ToolMessage": "tool",
}
"""Roles of LangChain messages, by type and by class."""

TIERS: Final = ("priority", "flex")
"""Service tiers that LangChain puts in front of the names of token details."""

_DETAILS: Final = (
    "cache_read", "cached_tokens", "cache_creation", "cache_creation_tokens", "ephemeral_1h_input_tokens",
    "ephemeral_5m_input_tokens", "reasoning", "reasoning_tokens", "audio", "audio_tokens", "image",
    "image_tokens",
)  # fmt: skip
_KNOWN: Final = frozenset({
    "input_tokens", "prompt_tokens", "output_tokens", "completion_tokens", "total_tokens", "input_cost",
    "output_cost", "total_cost", "input_cost_details", "output_cost_details",
    *_DETAILS, *(f"{tier}_{name}" for tier in TIERS for name in _DETAILS),
})  # fmt: skip
"""Keys of a usage object that are read, or say what the cost is made of."""

INTERNAL_TAG: Final = ("seq:", "map:", "graph:", "langsmith:")
"""Starts of tags that LangChain sets itself."""


def is_langsmith(record: Record) -> bool:
    """True for a run of any type, and for a page of runs."""
    if isinstance(record.get("run_type"), str) and "start_time" in record:
        return any(name in record for name in MARKS)
    page = objects(record.get("runs"))
    return bool(page) and is_langsmith(page[0])


def calls_from_langsmith(record: Record) -> list[Call]:
    """The calls of one run or page; a chain, tool or retriever is none. Raises Skip for impossible usage."""
    return calls_among(traced_langsmith(record))


def traced_langsmith(record: Record) -> list[Call]:
    """The calls of one run or page, and the other runs."""
    rows = [record] if "run_type" in record else objects(record.get("runs"))
    found = []
    for row in rows:
        kind = SpanKind.APART if row.get("run_type") == "tool" else SpanKind.AROUND
        is_call = row.get("run_type") == "llm"
        link = linked(
            row.get("trace_id"), row.get("id"), row.get("parent_run_id"), SpanKind.CALL if is_call else kind
        )
        if is_call:
            found.append(_call(filled(row)))
            found[-1].span = link
        else:
            found += around(link)
    return found


def _call(row: Mapping[str, Any]) -> Call:
    extra = mapping(row.get("extra"))
    metadata, asked = mapping(extra.get("metadata")), mapping(extra.get("invocation_params"))
    outputs = mapping(row.get("outputs"))
    message = _message(outputs)
    told = mapping(message.get("response_metadata"))
    call = Call(
        ts=timestamp_us(row.get("start_time")),
        call_id=text(row.get("id")),
        response_id=response_id_of(told) or response_id_of(message) or response_id_of(outputs),
        provider=text(metadata.get("ls_provider")),
        latency_ms=elapsed_ms(row.get("start_time"), row.get("end_time")),
        service_tier=text(told.get("service_tier")),
    )
    set_request(call, {**asked, **_conversation(mapping(row.get("inputs")))})
    call.model_requested = call.model_requested or model_name(metadata.get("ls_model_name"))
    call.model = model_name(first(told, "model_name", "model")) or call.model_requested
    _set_labels(call, row, metadata)
    _set_counts(call, row, _usage(outputs, message))
    if row.get("status") == "error" or row.get("error"):
        call.status, call.final = Status.ERROR.value, True
        call.error_code = short_code(row.get("error"))
    set_cost(call, _cost(row))
    return call


def _set_labels(call: Call, row: Mapping[str, Any], metadata: Mapping[str, Any]) -> None:
    """`thread_id` is the conversation; without a feature in the metadata the first own tag names it."""
    set_labels(call, {**metadata, "session": first(metadata, "thread_id", "session_id", "conversation_id")})
    tags = [t for t in items(row.get("tags")) if isinstance(t, str) and t and not t.startswith(INTERNAL_TAG)]
    named = [t.removeprefix("feature:") for t in tags if t.startswith("feature:")] or tags
    call.feature = call.feature or next(iter(named), None) or text(metadata.get("langgraph_node"))
    call.tags = ",".join(tags) or None


def _message(outputs: Mapping[str, Any]) -> Mapping[str, Any]:
    """The answer in LangChain's serialised form, or an empty object."""
    generation: Any = next(iter(items(outputs.get("generations"))), None)
    if isinstance(generation, list):
        generation = next(iter(generation), None)
    message = mapping(mapping(generation).get("message")) or mapping(outputs.get("message"))
    return mapping(message.get("kwargs")) or message


def _usage(outputs: Mapping[str, Any], message: Mapping[str, Any]) -> Mapping[str, Any]:
    """The usage in the output, wherever the library put it."""
    llm_output = mapping(outputs.get("llm_output"))
    for holder, name in (
        (outputs, "usage_metadata"),
        (message, "usage_metadata"),
        (llm_output, "token_usage"),
        (llm_output, "usage"),
        (outputs, "usage"),
    ):
        if usage := mapping(holder.get(name)):
            return usage
    return {}


def _set_counts(call: Call, row: Mapping[str, Any], usage: Mapping[str, Any]) -> None:
    """Counts of the output over those of the row, which the bulk export may leave out."""
    inside = mapping(first(usage, "input_token_details", "prompt_tokens_details"))
    outside = mapping(first(usage, "output_token_details", "completion_tokens_details"))
    inside = inside or mapping(row.get("prompt_token_details"))
    outside = outside or mapping(row.get("completion_token_details"))
    tier = next((t for t in TIERS if t in inside or f"{t}_cache_read" in inside), None)
    call.service_tier = call.service_tier or tier
    call.stated = Stated(
        prompt=_first_count(usage, row, "input_tokens", "prompt_tokens"),
        completion=_first_count(usage, row, "output_tokens", "completion_tokens"),
        total=_first_count(usage, row, "total_tokens", "total_tokens"),
        cache_read=_detail(inside, "cache_read", "cached_tokens"),
        write_5m=_detail(inside, "ephemeral_5m_input_tokens"),
        write_1h=_detail(inside, "ephemeral_1h_input_tokens"),
        written=_detail(inside, "cache_creation", "cache_creation_tokens"),
        reasoning=_detail(outside, "reasoning", "reasoning_tokens"),
        input_audio=_detail(inside, "audio", "audio_tokens"),
        output_audio=_detail(outside, "audio", "audio_tokens"),
        input_image=_detail(inside, "image", "image_tokens"),
        output_image=_detail(outside, "image", "image_tokens"),
        includes=includes(None, "trace"),
        zeros_are_nothing=True,
        unused=unused_numbers(usage, _KNOWN),
    )


def _first_count(usage: Mapping[str, Any], row: Mapping[str, Any], name: str, column: str) -> int | None:
    value = first(usage, name, column)
    return count(row.get(column) if value is None else value, column)


def _detail(details: Mapping[str, Any], *names: str) -> int | None:
    """A token detail, also with a service tier in front of its name."""
    spelled = (*names, *(f"{tier}_{name}" for tier in TIERS for name in names))
    return count(first(details, *spelled), names[0])


def _conversation(inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    """The inputs as a request: LangChain's messages in OpenAI's shape, prompts as text."""
    turns = items(inputs.get("messages"))
    if turns and isinstance(turns[0], list):
        turns = turns[0]
    if turns:
        return {**inputs, "messages": [_turn(mapping(turn)) for turn in turns]}
    prompts = items(inputs.get("prompts"))
    return {**inputs, "prompt": prompts[0]} if prompts else inputs


def _turn(turn: Mapping[str, Any]) -> Mapping[str, Any]:
    if "role" in turn:
        return turn
    said = mapping(turn.get("kwargs")) or mapping(turn.get("data")) or turn
    name = items(turn.get("id"))[-1:] or [first(said, "type") or turn.get("type")]
    return {"role": ROLES.get(str(name[0]), name[0]), "content": said.get("content")}


def _cost(row: Mapping[str, Any]) -> int | None:
    """The stated cost, or prompt and completion cost together."""
    stated = picousd(row.get("total_cost"))
    parts = [picousd(row.get(name)) for name in ("prompt_cost", "completion_cost")]
    return sum(p or 0 for p in parts) if stated is None and any(parts) else stated


ADAPTER: Final = Adapter(
    name="langsmith",
    title="LangSmith: runs of the API and the bulk export",
    matches=is_langsmith,
    calls=calls_from_langsmith,
    traced=traced_langsmith,
    needs=("run_type", "start_time", "trace_id"),
)
