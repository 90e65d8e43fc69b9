"""Langfuse: observations of the UI export (camelCase), the blob storage export (snake_case) and the API.

Only GENERATION and EMBEDDING observations are calls; spans, agents and chains repeat what is under
them, and which generations inside of others are the same call is decided over the run
(`costaudit.tape.nesting`). Latency is in seconds. Unless `providedCostDetails` says otherwise the cost was
computed by Langfuse from its own price table; a model that it does not know costs 0 there, unknown here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from costaudit.ingest.adapters.langfuse_usage import set_usage_details
from costaudit.ingest.adapters.request_body import set_request
from costaudit.ingest.adapters.row_facts import response_id_of, set_cost, set_labels
from costaudit.ingest.adapters.row_values import (
    elapsed_ms,
    filled,
    integer,
    items,
    milliseconds,
    objects,
    plain,
    short_code,
)
from costaudit.ingest.adapters.trace_store import around, calls_among, linked
from costaudit.ingest.fields import first, mapping, model_name, picousd, text, timestamp_us
from costaudit.ingest.format import Adapter, Record
from costaudit.schema import Call, SpanKind, SpanLink, Status

CALLS: Final = ("GENERATION", "EMBEDDING")
APART: Final = ("AGENT", "TOOL")
"""Observations whose calls are others than a call around them."""

KINDS: Final = (
    *CALLS,
    "SPAN",
    "EVENT",
    "AGENT",
    "TOOL",
    "CHAIN",
    "RETRIEVER",
    "EVALUATOR",
    "GUARDRAIL",
)
"""Every `type` of an observation."""

PROVIDER: Final = ("gen_ai.provider.name", "gen_ai.system", "llm.provider", "ls_provider")
"""Where the metadata of a traced call names its provider."""


def is_langfuse(record: Record) -> bool:
    """True for an observation, a page of them, and a trace with its observations."""
    if _is_observation(record):
        return True
    inner = _observations(record)
    return bool(inner) and _is_observation(inner[0])


def calls_from_langfuse(record: Record) -> list[Call]:
    """The calls of one observation, page or trace. Raises Skip for impossible usage."""
    return calls_among(traced_langfuse(record))


def traced_langfuse(record: Record) -> list[Call]:
    """The calls of a record, and its other observations."""
    if _is_observation(record):
        return _traced(filled(record), {})
    trace = mapping(record.get("trace")) or record
    return [found for row in _observations(record) for found in _traced(filled(row), trace)]


def _traced(row: Mapping[str, Any], trace: Mapping[str, Any]) -> list[Call]:
    if row.get("type") in CALLS:
        call = _call(row, trace)
        call.span = _link(row, trace, SpanKind.CALL)
        return [call]
    link = _link(row, trace, SpanKind.APART if row.get("type") in APART else SpanKind.AROUND)
    return around(link)


def _link(row: Mapping[str, Any], trace: Mapping[str, Any], kind: SpanKind) -> SpanLink | None:
    whole = text(_field(row, "traceId")) or text(trace.get("id"))
    return linked(whole, row.get("id"), _field(row, "parentObservationId"), kind)


def _is_observation(record: Record) -> bool:
    if record.get("type") not in KINDS or not ("traceId" in record or "trace_id" in record):
        return False
    return "startTime" in record or "start_time" in record


def _observations(record: Record) -> list[Mapping[str, Any]]:
    return objects(record.get("observations")) or objects(record.get("data"))


def _field(row: Mapping[str, Any], name: str) -> Any:
    """A field by its name in the UI export, in either spelling."""
    snake = "".join(f"_{c.lower()}" if c.isupper() else c for c in name)
    return first(row, name, snake)


def _call(row: Mapping[str, Any], trace: Mapping[str, Any]) -> Call:
    metadata = mapping(row.get("metadata"))
    attributes = {**metadata, **mapping(metadata.get("attributes"))}
    start, end = _field(row, "startTime"), _field(row, "endTime")
    call = Call(
        ts=timestamp_us(start),
        call_id=text(row.get("id")),
        response_id=text(attributes.get("gen_ai.response.id")) or response_id_of(row.get("output")),
        attempt=integer(metadata.get("attempt")),
        provider=text(first(attributes, *PROVIDER)),
        model=model_name(first(row, "model", "provided_model_name", "providedModelName")),
        user=text(_field(row, "userId")) or text(trace.get("userId")),
        session=text(_field(row, "sessionId")) or text(trace.get("sessionId")),
        latency_ms=elapsed_ms(start, end),
    )
    if call.latency_ms is None:
        call.latency_ms = milliseconds(row.get("latency"), per_unit=1000)
    _set_labels(call, row, trace, attributes)
    _set_input(call, row)
    _set_counts(call, row)
    if row.get("level") == "ERROR":
        call.status, call.final = Status.ERROR.value, True
        call.error_code = short_code(_field(row, "statusMessage"))
    set_cost(call, _cost(row))
    return call


def _set_labels(
    call: Call, row: Mapping[str, Any], trace: Mapping[str, Any], attributes: Mapping[str, Any]
) -> None:
    set_labels(call, attributes)
    call.session = call.session or text(attributes.get("session.id"))
    call.user = call.user or text(attributes.get("user.id"))
    names = (_field(row, "promptName"), _field(row, "traceName"), trace.get("name"), row.get("name"))
    call.feature = call.feature or next(filter(None, map(text, names)), None)
    tags = items(first(row, "traceTags", "tags")) or items(trace.get("tags"))
    call.tags = ",".join(t for t in tags if isinstance(t, str) and t) or None


def _set_input(call: Call, row: Mapping[str, Any]) -> None:
    """What was asked, in the parameters and in an input of messages, a request body or plain text."""
    asked = plain(row.get("input"))
    body = {"messages": [_turn(t) for t in asked]} if isinstance(asked, list) else {"prompt": asked}
    if isinstance(asked, Mapping):
        body = {"prompt": asked.get("contents"), **asked}
    set_request(call, {**mapping(_field(row, "modelParameters")), **body})


def _turn(turn: Any) -> Any:
    """A message, with the `parts` of the GenAI conventions as OpenAI's content."""
    if not isinstance(turn, Mapping) or not isinstance(turn.get("parts"), list):
        return turn
    parts = [{"type": part.get("type"), "text": part.get("content")} for part in objects(turn["parts"])]
    return {"role": turn.get("role"), "content": parts}


def _set_counts(call: Call, row: Mapping[str, Any]) -> None:
    """Counts of `usageDetails`, or of the `usage` and `promptTokens` of older exports."""
    details = pairs(_field(row, "usageDetails")) or pairs(row.get("usage"))
    unit = details.get("unit")
    if isinstance(unit, str) and unit != "TOKENS":  # characters, images, seconds: nothing to price by token
        details = {}
    details = {name: value for name, value in details.items() if name not in OLD_EXTRAS}
    if not details:
        details = {n: row[n] for n in ("promptTokens", "completionTokens", "totalTokens") if n in row}
    set_usage_details(call, details)
    if call.stated is not None and row.get("type") == "GENERATION":
        call.stated.wants_output = True


OLD_EXTRAS: Final = ("unit", "inputCost", "outputCost", "totalCost")
"""Fields of the old `usage` object that count nothing."""


def pairs(value: Any) -> Mapping[str, Any]:
    """An object, also as the list of pairs that a Parquet map is read as."""
    if isinstance(value, (list, tuple)):
        entries = (e for e in value if isinstance(e, (list, tuple)) and len(e) == 2)
        return {name: v for name, v in entries if isinstance(name, str)}
    return mapping(value)


def _cost(row: Mapping[str, Any]) -> int | None:
    """The cost that was sent to Langfuse, else the one that it computed."""
    provided = pairs(_field(row, "providedCostDetails"))
    if provided.get("total") is not None:
        return picousd(provided["total"])
    stated = first(row, "totalCost", "total_cost", "calculatedTotalCost")
    return picousd(stated if stated is not None else pairs(_field(row, "costDetails")).get("total"))


ADAPTER: Final = Adapter(
    name="langfuse",
    title="Langfuse: observations of the UI, blob storage and API exports",
    matches=is_langfuse,
    calls=calls_from_langfuse,
    traced=traced_langfuse,
    needs=("traceId", "type", "startTime"),
)
