"""Datadog LLM Observability: spans of the export API, and as its intake takes them.

Spans of the kinds `llm` and `embedding` are calls; all others hold such. `input_tokens` is the sum of
`non_cached_input_tokens`, `cache_read_input_tokens` and `cache_write_input_tokens`, and the reasoning is in
`output_tokens`. Costs are Datadog's estimates in billionths of a dollar (Cost page of its documentation),
`total_cost` of a span that is sent in is in dollars.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from costaudit.ingest.adapters.row_facts import set_cost, set_labels
from costaudit.ingest.adapters.row_values import items, milliseconds, number, objects, picousd_of, short_code
from costaudit.ingest.adapters.trace_store import around, calls_among, linked
from costaudit.ingest.fields import first, mapping, model_name, picousd, text, timestamp_us
from costaudit.ingest.format import Adapter, Record
from costaudit.ingest.meaning import includes
from costaudit.ingest.unused import unused_numbers
from costaudit.ingest.usage import count
from costaudit.schema import Call, Quality, SpanKind, SpanLink, Status
from costaudit.stated import Stated

KINDS: Final = ("llm", "embedding")
HOLDERS: Final = ("agent", "tool", "retrieval")
"""Kinds of spans whose calls are others than a call around them."""
NO_PARENT: Final = "undefined"
NANO_PER_USD: Final = 10**9
NS_PER_MS: Final = 10**6

_KNOWN: Final = frozenset({
    "input_tokens", "output_tokens", "total_tokens", "cache_read_input_tokens", "cache_write_input_tokens",
    "non_cached_input_tokens", "reasoning_output_tokens", "ephemeral_5m_input_tokens",
    "ephemeral_1h_input_tokens", "input_cost", "output_cost", "total_cost", "cache_read_input_cost",
    "cache_write_input_cost", "non_cached_input_cost", "estimated_input_cost", "estimated_output_cost",
    "estimated_total_cost", "estimated_cache_read_input_cost", "estimated_cache_write_input_cost",
    "estimated_non_cached_input_cost", "estimated_reasoning_output_cost",
})  # fmt: skip


def _spans(record: Record) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """The spans of a record, each with what stands around it."""
    data = record.get("data")
    inner = data.get("attributes") if isinstance(data, Mapping) else record.get("attributes")
    outside = inner if isinstance(inner, Mapping) and inner else record
    if isinstance(outside.get("spans"), list):
        yield from ((span, outside) for span in objects(outside["spans"]))
    else:
        yield outside, outside


def _kind(span: Mapping[str, Any]) -> str | None:
    meta = mapping(span.get("meta"))
    return text(span.get("span_kind")) or text(first(meta, "kind", "span.kind"))


def is_datadog(record: Record) -> bool:
    """True for a span, and for an object that holds some."""
    spans = list(_spans(record))
    return bool(spans) and all(
        "start_ns" in span
        and _kind(span) is not None
        and ("metrics" in span or "ml_app" in span or "meta" in span)
        for span, _ in spans
    )


def calls_from_datadog(record: Record) -> list[Call]:
    """The calls of the spans of a record. Raises Skip for impossible usage."""
    return calls_among(traced_spans(record))


def traced_spans(record: Record) -> list[Call]:
    """The calls of a record, and what its other spans say of the calls inside them."""
    found: list[Call] = []
    for span, outside in _spans(record):
        call = _call(span, outside) if _kind(span) in KINDS else _named(span, outside)
        call.span = _link(span)
        found += [call] if _kind(span) in KINDS else around(call.span, call)
    return found


def _link(span: Mapping[str, Any]) -> SpanLink | None:
    kind, parent = _kind(span), text(span.get("parent_id"))
    apart = SpanKind.APART if kind in HOLDERS else SpanKind.AROUND
    return linked(
        text(span.get("trace_id")),
        text(span.get("span_id")),
        None if parent == NO_PARENT else parent,
        SpanKind.CALL if kind in KINDS else apart,
    )


def _named(span: Mapping[str, Any], outside: Mapping[str, Any]) -> Call:
    """Whose a span is."""
    tags = _tags([*items(outside.get("tags")), *items(span.get("tags"))])
    call = Call(
        session=text(first(span, "session_id")) or text(outside.get("session_id")) or tags.get("session_id"),
        feature=text(span.get("ml_app")) or text(outside.get("ml_app")) or tags.get("ml_app"),
    )
    set_labels(call, tags)
    return call


def _call(span: Mapping[str, Any], outside: Mapping[str, Any]) -> Call:
    meta, metrics = mapping(span.get("meta")), mapping(span.get("metrics"))
    named = {**mapping(meta.get("metadata")), **mapping(span.get("metadata")), **meta, **span}
    trace, ident = text(span.get("trace_id")), text(span.get("span_id"))
    call = _named(span, outside)
    call.ts, call.latency_ms = timestamp_us(span.get("start_ns")), _milliseconds(number(span.get("duration")))
    call.call_id = f"{trace}:{ident}" if trace and ident else ident
    call.provider, call.model = text(named.get("model_provider")), model_name(named.get("model_name"))
    call.final = True
    if str(span.get("status")) == "error" or mapping(meta.get("error")):
        call.status = Status.ERROR.value
        call.error_code = short_code(mapping(meta.get("error")))
    call.stated = Stated(
        prompt=_prompt(metrics),
        completion=count(metrics.get("output_tokens"), "output_tokens"),
        total=count(metrics.get("total_tokens"), "total_tokens"),
        cache_read=count(metrics.get("cache_read_input_tokens"), "cache_read_input_tokens"),
        written=count(metrics.get("cache_write_input_tokens"), "cache_write_input_tokens"),
        write_1h=count(metrics.get("ephemeral_1h_input_tokens"), "ephemeral_1h_input_tokens"),
        reasoning=count(metrics.get("reasoning_output_tokens"), "reasoning_output_tokens"),
        includes=includes(None, "trace"),
        zeros_are_nothing=True,
        unused=unused_numbers(metrics, _KNOWN, "metrics."),
    )
    if not metrics:
        call.quality = Quality.NONE.value
    estimate = picousd_of(metrics.get("estimated_total_cost"), NANO_PER_USD)
    set_cost(call, picousd(metrics.get("total_cost")) if estimate is None else estimate)
    return call


def _prompt(metrics: Mapping[str, Any]) -> int | None:
    """The whole prompt: the input, or the sum of its parts where these say that the input leaves some out."""
    names = ("non_cached_input_tokens", "cache_read_input_tokens", "cache_write_input_tokens")
    whole = count(metrics.get("input_tokens"), "input_tokens")
    parts = [count(metrics.get(name), name) for name in names]
    return whole if parts[0] is None or whole is None else max(whole, sum(part or 0 for part in parts))


def _milliseconds(nanoseconds: float | None) -> int | None:
    return None if nanoseconds is None else milliseconds(nanoseconds / NS_PER_MS)


def _tags(values: list[Any]) -> dict[str, str]:
    """Tags of the form `name:value`."""
    pairs = (value.partition(":") for value in values if isinstance(value, str))
    return {name: rest for name, _, rest in pairs if rest}


ADAPTER: Final = Adapter(
    name="datadog-llmobs",
    title="Datadog LLM Observability: spans of the export API and of the intake",
    matches=is_datadog,
    calls=calls_from_datadog,
    traced=traced_spans,
    needs=("span_kind", "start_ns", "metrics"),
)
