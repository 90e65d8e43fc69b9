"""MLflow traces: one record per trace, its model spans are the calls.

Attributes of spans are JSON inside strings. The usage of the trace is the sum of its spans': it is
read only where no span states any. A model span around another one is sorted out when all is read
(`costaudit.tape.nesting`). Older MLflow writes Anthropic's input without the cache;
where the span keeps the provider's whole answer, its usage is taken instead.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from costaudit.ingest.adapters.request_body import set_request
from costaudit.ingest.adapters.row_facts import set_answer, set_cost, set_labels
from costaudit.ingest.adapters.row_values import elapsed_ms, milliseconds, objects, short_code
from costaudit.ingest.adapters.trace_store import around, calls_among, linked
from costaudit.ingest.fields import first, mapping, model_name, picousd, text, timestamp_us
from costaudit.ingest.format import Adapter, Record
from costaudit.ingest.meaning import includes
from costaudit.ingest.unused import unused_numbers
from costaudit.ingest.usage import count
from costaudit.schema import Call, SpanKind, Status
from costaudit.stated import Stated

_KNOWN: Final = frozenset({
    "input_tokens", "output_tokens", "total_tokens", "cache_read_input_tokens", "cache_creation_input_tokens",
    "cache_creation_input_tokens_above_1hr", "reasoning_tokens",
})  # fmt: skip
"""Keys of a usage object that are read."""

MODEL_SPANS: Final = ("CHAT_MODEL", "LLM", "EMBEDDING")

Span = Mapping[str, Any]


def is_mlflow(record: Record) -> bool:
    """True for a trace, a row of a trace table (`trace`, or `spans` with `trace_metadata`), a page."""
    return bool(_traces(record))


def calls_from_mlflow(record: Record) -> list[Call]:
    """The calls of the model spans of one or more traces. Raises Skip for impossible usage."""
    return calls_among(traced_mlflow(record))


def traced_mlflow(record: Record) -> list[Call]:
    """The calls of one or more traces, and their other spans."""
    return [call for info, spans in _traces(record) for call in _calls(info, spans)]


def _traces(record: Record) -> list[tuple[Mapping[str, Any], list[Span]]]:
    """Info and spans of every trace in the record."""
    if "info" in record and "data" in record:
        info, data = mapping(record["info"]), mapping(record["data"])
        known = "trace_metadata" in info or "request_metadata" in info or "execution_duration_ms" in info
        return [(info, objects(data.get("spans")))] if known else []
    if "spans" in record and ("trace_metadata" in record or "execution_duration" in record):
        return [(record, objects(record["spans"]))]
    inner = mapping(record.get("trace"))
    if inner:
        return _traces(inner) if "info" in inner else []
    return [found for t in objects(record.get("traces")) if "info" in t for found in _traces(t)]


def _calls(info: Mapping[str, Any], spans: list[Span]) -> Iterator[Call]:
    has_calls = False
    for span in spans:
        found = _attributes(span)
        kind = found.get("mlflow.spanType")
        if kind in MODEL_SPANS:
            has_calls = True
            call = _call(info, span, found)
            call.span = linked(_trace_id(info), _ident(span), _parent(span), SpanKind.CALL)
            yield call
            continue
        apart = SpanKind.APART if kind in ("AGENT", "TOOL") else SpanKind.AROUND
        link = linked(_trace_id(info), _ident(span), _parent(span), apart)
        yield from around(link)
    whole = mapping(_metadata(info).get("mlflow.trace.tokenUsage"))
    if not has_calls and whole:
        yield _trace_call(info, whole)


def _call(info: Mapping[str, Any], span: Span, found: Mapping[str, Any]) -> Call:
    start, end = _time(span, "start"), _time(span, "end")
    call = Call(
        ts=timestamp_us(start),
        call_id="/".join(filter(None, [_trace_id(info), _ident(span)])) or None,
        provider=text(first(found, "mlflow.llm.provider", "gen_ai.provider.name")),
        latency_ms=elapsed_ms(start, end),
    )
    set_request(call, mapping(found.get("mlflow.spanInputs")))
    if not set_answer(call, mapping(found.get("mlflow.spanOutputs"))):
        call.stated = _stated(mapping(found.get("mlflow.chat.tokenUsage")))
    named = first(found, "mlflow.llm.model", "mlflow.chat.model", "model")
    call.model = call.model or model_name(named) or call.model_requested
    status = mapping(span.get("status"))
    code = first(status, "code", "status_code") or span.get("status_code")
    if str(code).removeprefix("STATUS_CODE_") in ("ERROR", "2"):
        call.status, call.final = Status.ERROR.value, True
        call.error_code = short_code(first(status, "message", "description"))
    _set_who(call, info)
    set_cost(call, picousd(mapping(found.get("mlflow.llm.cost")).get("total_cost")))
    return call


def _trace_call(info: Mapping[str, Any], usage: Mapping[str, Any]) -> Call:
    """A trace whose model spans were not exported: its sum as one call of an unknown model."""
    call = Call(
        ts=timestamp_us(first(info, "request_time", "timestamp_ms")),
        call_id=_trace_id(info),
        latency_ms=milliseconds(first(info, "execution_duration_ms", "execution_duration")),
    )
    call.stated = _stated(usage)
    call.stated.doubt_from = 0
    if info.get("state") == "ERROR":
        call.status, call.final = Status.ERROR.value, True
    _set_who(call, info)
    set_cost(call, picousd(mapping(_metadata(info).get("mlflow.trace.cost")).get("total_cost")))
    return call


def _stated(usage: Mapping[str, Any]) -> Stated:
    return Stated(
        prompt=_tokens(usage, "input_tokens"),
        completion=_tokens(usage, "output_tokens"),
        total=_tokens(usage, "total_tokens"),
        cache_read=_tokens(usage, "cache_read_input_tokens"),
        write_1h=_tokens(usage, "cache_creation_input_tokens_above_1hr"),
        written=_tokens(usage, "cache_creation_input_tokens"),
        reasoning=_tokens(usage, "reasoning_tokens"),
        includes=includes(None, "trace"),
        zeros_are_nothing=True,
        unused=unused_numbers(usage, _KNOWN),
    )


def _tokens(usage: Mapping[str, Any], name: str) -> int | None:
    return count(usage.get(name), name)


def _set_who(call: Call, info: Mapping[str, Any]) -> None:
    metadata, tags = _metadata(info), mapping(info.get("tags"))
    call.user, call.session = (
        text(metadata.get("mlflow.trace.user")),
        text(metadata.get("mlflow.trace.session")),
    )
    own = {k: v for k, v in {**metadata, **tags}.items() if not str(k).startswith("mlflow.")}
    set_labels(call, own)
    call.feature = call.feature or text(tags.get("mlflow.traceName"))


def _metadata(info: Mapping[str, Any]) -> Mapping[str, Any]:
    return mapping(first(info, "trace_metadata", "request_metadata"))


def _attributes(span: Span) -> dict[str, Any]:
    """Attributes with the JSON in their strings decoded."""
    return {name: _decoded(value) for name, value in mapping(span.get("attributes")).items()}


def _decoded(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in ('"', "{", "["):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def _trace_id(info: Mapping[str, Any]) -> str | None:
    return text(first(info, "trace_id", "request_id"))


def _ident(span: Span) -> str | None:
    return text(first(span, "span_id", "id")) or text(mapping(span.get("context")).get("span_id"))


def _parent(span: Span) -> str | None:
    return text(first(span, "parent_span_id", "parent_id"))


def _time(span: Span, which: str) -> Any:
    return first(span, f"{which}_time_unix_nano", f"{which}_time_ns", f"{which}_time")


ADAPTER: Final = Adapter(
    name="mlflow",
    title="MLflow: traces, by their model spans",
    matches=is_mlflow,
    calls=calls_from_mlflow,
    traced=traced_mlflow,
    needs=("info", "data"),
)
