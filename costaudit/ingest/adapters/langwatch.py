"""LangWatch: traces with their spans, and spans alone, as its API and exports give them.

Spans of type `llm` are calls: `metrics.prompt_tokens` and `completion_tokens` are the two sides as the SDK
took them from the answer, `metrics.cost` is what LangWatch or the application made of them. A trace's own
`metrics` add its spans up. Times are milliseconds since 1970, in `timestamps`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from costaudit.ingest.adapters.row_facts import set_labels, set_usd, without_split
from costaudit.ingest.adapters.row_values import elapsed_ms, objects, short_code
from costaudit.ingest.adapters.trace_store import around, calls_among, linked
from costaudit.ingest.fields import flag, mapping, model_name, text, timestamp_us
from costaudit.ingest.format import Adapter, Record
from costaudit.ingest.meaning import includes
from costaudit.ingest.unused import unused_numbers
from costaudit.ingest.usage import count
from costaudit.schema import Call, Quality, SpanKind, Status
from costaudit.stated import Stated

_LLM: Final = "llm"
_KNOWN: Final = frozenset({
    "prompt_tokens", "completion_tokens", "reasoning_tokens", "cache_read_input_tokens",
    "cache_creation_input_tokens", "cost", "tokens_estimated",
})  # fmt: skip


def is_langwatch(record: Record) -> bool:
    """True for a trace with its spans, and for a span."""
    if "spans" in record:
        spans = objects(record.get("spans"))
        return bool(spans) and all(map(_is_span, spans))
    return _is_span(record)


def _is_span(record: Record) -> bool:
    return (
        "span_id" in record
        and "type" in record
        and mapping(record.get("timestamps")).keys() >= {"started_at"}
    )


def calls_from_langwatch(record: Record) -> list[Call]:
    """The calls of a trace or of a span. Raises Skip for impossible usage."""
    return calls_among(traced(record))


def traced(record: Record) -> list[Call]:
    """The calls of a trace or a span, and what the other spans say of those inside."""
    if "spans" not in record:
        return _of_span(record, {})
    return [
        call for span in objects(record["spans"]) for call in _of_span(span, mapping(record.get("metadata")))
    ]


def _of_span(span: Record, metadata: Mapping[str, Any]) -> list[Call]:
    call = Call()
    for labels in (mapping(span.get("params")), metadata):
        set_labels(call, labels)
    kind = SpanKind.CALL if span.get("type") == _LLM else SpanKind.AROUND
    call.span = linked(span.get("trace_id"), span.get("span_id"), span.get("parent_id"), kind)
    if kind is SpanKind.AROUND:
        return around(call.span, call)
    times, metrics = mapping(span.get("timestamps")), mapping(span.get("metrics"))
    call.ts = timestamp_us(times.get("started_at"))
    call.latency_ms = elapsed_ms(times.get("started_at"), times.get("finished_at"))
    call.call_id = text(span.get("span_id"))
    call.provider, call.model = text(span.get("vendor")), model_name(span.get("model"))
    call.final = True
    call.stated = Stated(
        prompt=count(metrics.get("prompt_tokens"), "prompt_tokens"),
        completion=count(metrics.get("completion_tokens"), "completion_tokens"),
        reasoning=count(metrics.get("reasoning_tokens"), "reasoning_tokens"),
        cache_read=count(metrics.get("cache_read_input_tokens"), "cache_read_input_tokens"),
        written=count(metrics.get("cache_creation_input_tokens"), "cache_creation_input_tokens"),
        includes=includes(None, "trace"),
        unused=unused_numbers(metrics, _KNOWN),
    )
    if call.stated.cache_read is None:
        without_split(call.stated, call.provider)
    if call.stated.says_nothing:
        call.quality = Quality.NONE.value
    elif flag(metrics.get("tokens_estimated")):
        call.quality = Quality.ESTIMATED.value
    if span.get("error"):
        call.status, call.error_code = Status.ERROR.value, short_code(span["error"])
    set_usd(call, metrics.get("cost"))
    return [call]


ADAPTER: Final = Adapter(
    name="langwatch",
    title="LangWatch: traces and spans (API, exports)",
    matches=is_langwatch,
    calls=calls_from_langwatch,
    traced=traced,
    needs=("span_id", "type", "timestamps"),
)
