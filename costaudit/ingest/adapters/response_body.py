"""Any recorded response body, put in front of the adapter that reads its shape.

Used by the formats that wrap bodies: recorded exchanges and batch results.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from costaudit.ingest.adapters.anthropic_messages import calls_from_message, is_message
from costaudit.ingest.adapters.cohere import calls_from_cohere, is_cohere
from costaudit.ingest.adapters.ollama import calls_from_ollama, is_ollama
from costaudit.ingest.adapters.openai_chat import (
    CHUNK,
    OBJECTS,
    calls_from_chat,
    error_code,
    is_chat,
)
from costaudit.ingest.adapters.openai_responses import call_from_response, is_response
from costaudit.ingest.fields import mapping
from costaudit.ingest.format import Record
from costaudit.schema import Call, Quality, Status

COHERE_EVENTS: Final = ("message-start", "message-end")
"""Events of a stream of Cohere that say something about its call."""

NOT_CALLS: Final = (
    "assistant",
    "batch",
    "chat.completion.deleted",
    "conversation",
    "file",
    "fine_tuning.job",
    "list",
    "model",
    "response.deleted",
    "thread",
    "thread.deleted",
    "thread.message",
    "thread.run.step",
    "upload",
    "vector_store",
)
"""`object` of bodies that manage stored things and run no model."""


def _calls_from_response(body: Record) -> list[Call]:
    return [call_from_response(body)]


_SHAPES: Final[tuple[tuple[Callable[[Record], bool], Callable[[Record], list[Call]]], ...]] = (
    (is_response, _calls_from_response),
    (is_message, calls_from_message),
    (is_cohere, calls_from_cohere),
    (is_ollama, calls_from_ollama),
)


def calls_from_body(body: Record, provider: str | None = None) -> list[Call] | None:
    """The calls of one body; none for a body that is not a call, None for an unknown shape.

    `provider` is who is known to have answered. Raises Skip for a body of a known shape that cannot be
    counted.
    """
    if is_chat(body):
        return calls_from_chat(body, provider)
    for has_shape, read in _SHAPES:
        if has_shape(body):
            return read(body)
    if body.get("object") in NOT_CALLS:
        return []
    error = body.get("error")
    if error and isinstance(error, (Mapping, str)):
        return [error_call(body)]
    return None


def error_call(body: Any, status: int | None = None) -> Call:
    """A call that failed: no usage, the code from the body or else the HTTP status."""
    error = body.get("error") if isinstance(body, Mapping) else None
    code = error_code(error) if isinstance(error, Mapping) else None
    return Call(
        status=Status.ERROR.value,
        quality=Quality.NONE.value,
        error_code=code or (str(status) if status is not None else None),
        final=True,
    )


def fold_events(events: Iterable[Any]) -> dict[str, Any] | None:
    """The body that a finished stream amounts to; None when the events are of no known API.

    Chat chunks: identity from the first that has it, usage from the last. Responses: the object in
    the last event that carries one. Anthropic: `message_start` overlaid by the cumulative
    `message_delta`. An error event becomes the body's `error` where no usage came before it.
    """
    body: dict[str, Any] | None = None
    for event in events:
        if isinstance(event, Mapping):
            folded = fold_event(body, event)
            body = body if folded is None else folded
    return body


def fold_event(body: dict[str, Any] | None, event: Mapping[str, Any]) -> dict[str, Any] | None:
    """The body after one event; None when the event says nothing about it."""
    kind = event.get("type")
    if isinstance(event.get("response"), Mapping) or is_ollama(event):
        return dict(event if is_ollama(event) else event["response"])  # Ollama's last line states the usage
    if kind == "message_start":
        return dict(mapping(event.get("message")))
    if kind == "message_delta" and body is not None:
        stated = {k: v for k, v in mapping(event.get("usage")).items() if v is not None}
        delta = mapping(event.get("delta"))
        usage = {**mapping(body.get("usage")), **stated}
        # The beginning has a placeholder of the output, and of the input what it was before any search.
        lasting = {"output_tokens", *(["input_tokens"] if "cache_read_input_tokens" in stated else [])}
        usage = {k: v for k, v in usage.items() if k not in lasting or k in stated}
        return {**body, "usage": usage, "stop_reason": delta.get("stop_reason", body.get("stop_reason"))}
    if event.get("object") in OBJECTS or isinstance(event.get("choices"), list):
        return _fold_chunk(body or {}, event)
    if event.get("error") or kind == "error":
        return {**(body or {}), "error": event.get("error") or event}
    return _fold_cohere(body or {}, event) if kind in COHERE_EVENTS else None


def _fold_cohere(body: dict[str, Any], event: Mapping[str, Any]) -> dict[str, Any]:
    told = {"id": event.get("id"), **mapping(event.get("delta"))}
    return {**body, **{name: told[name] for name in ("id", "usage", "finish_reason") if told.get(name)}}


def _fold_chunk(body: dict[str, Any], chunk: Mapping[str, Any]) -> dict[str, Any]:
    folded = body or {"object": _whole(chunk.get("object")), "choices": []}
    for name in ("id", "model", "created", "created_at", "provider"):
        if chunk.get(name) and not folded.get(name):
            folded[name] = chunk[name]
    for name in ("service_tier", "usage", "x_groq", "error"):
        if chunk.get(name):
            folded[name] = chunk[name]
    choices = chunk.get("choices")
    if isinstance(choices, list):
        ended = (c for c in choices if isinstance(c, Mapping) and c.get("finish_reason") is not None)
        folded["choices"] = [*ended] or folded.get("choices") or [{"finish_reason": None}]
    return folded


def _whole(kind: Any) -> Any:
    return "chat.completion" if kind is None or kind == CHUNK else kind
