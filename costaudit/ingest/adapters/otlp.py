"""OpenTelemetry traces and logs as JSON lines: one export request per line, or one span per line.

The spans of the GenAI conventions, OpenInference, OpenLLMetry, the Vercel AI SDK, Anthropic's SDK and the
gateways that speak them (Envoy, Portkey); the events of Claude Code, Codex and Gemini CLI. Input includes
cached tokens and output includes reasoning (31 of 31 and 32 of 32 real cached Anthropic calls per
instrumentation). Only spans of a single model call count: agents, chains, tools and outer `ai.*` spans
repeat the usage of the calls inside them.

Two instrumentations of one call state the same response id and merge by it; a span without one is
identified by trace and span id. Model spans inside of model spans are sorted out when all is read, wherever
they stand (`costaudit.tape.nesting`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any, Final

from costaudit.ingest.adapters import otlp_names as names
from costaudit.ingest.adapters.claude_code import call_from_event as claude_event
from costaudit.ingest.adapters.codex import call_from_event as codex_event
from costaudit.ingest.adapters.gemini_cli import call_from_event as gemini_event
from costaudit.ingest.adapters.hosts import served
from costaudit.ingest.adapters.otlp_spans import (
    SCOPED,
    SPAN_ROOTS,
    TEMPO,
    OtlpSpan,
    SpanTrace,
    any_value,
    attributes_of,
    error_code_of,
    first,
    is_plain_span,
    plain_span,
    spans_of,
)
from costaudit.ingest.adapters.otlp_text import request_of, response_id_of
from costaudit.ingest.adapters.request_body import set_request
from costaudit.ingest.adapters.row_facts import CACHED_INSIDE, set_labels, set_usd, without_split
from costaudit.ingest.adapters.row_values import integer, items, objects
from costaudit.ingest.adapters.trace_store import around, calls_among, linked
from costaudit.ingest.by_words import take_by_words
from costaudit.ingest.fields import flag, mapping, model_name, text, timestamp_us
from costaudit.ingest.format import Adapter, Record, Skip
from costaudit.ingest.meaning import includes
from costaudit.ingest.naming import in_order
from costaudit.ingest.unused import unused_numbers
from costaudit.ingest.usage import count
from costaudit.schema import Call, Quality, SpanKind, Status
from costaudit.stated import Stated

ROOTS: Final = (*SPAN_ROOTS, "resourceLogs", "resource_logs", "resourceMetrics", "scopeMetrics")
"""One of these lists makes a record an export request. Metrics are sums and give no calls."""

Reader = Callable[[], Call | None]

EVENTS: Final[dict[str, Callable[[Mapping[str, Any], int | None], Call | None]]] = {
    "api_request": claude_event,
    "api_error": claude_event,
    "claude_code.api_request": claude_event,
    "claude_code.api_error": claude_event,
    "codex.sse_event": codex_event,
    "codex.api_request": codex_event,
    "gemini_cli.api_response": gemini_event,
    "gemini_cli.api_error": gemini_event,
}
"""Log events that are calls. GenAI's own events repeat what their spans say and are not among them."""

CLAUDE_SPAN: Final = "claude_code.llm_request"


def is_otlp(record: Record) -> bool:
    """True for an export request, and for a trace as Tempo answers with it."""
    inner = mapping(record.get("trace"))
    return any(isinstance(record.get(root), list) for root in ROOTS if root != TEMPO) or any(
        bool(_scoped(part.get(root))) for part in (record, inner) for root in SPAN_ROOTS
    )


def _scoped(groups: Any) -> bool:
    """Whether a list has groups of spans: `batches` alone is a name that other logs may have."""
    return any(not SCOPED.isdisjoint(group) for group in objects(groups)[:1])


def calls_from_export(record: Record) -> list[Call]:
    """The calls of one export request, without the spans that are none: see `traced_export`."""
    return calls_among(traced_export(record))


def traced_export(record: Record) -> list[Call]:
    """The calls of one export request, and its other spans.

    Raises Skip for impossible usage in a request's only call; among several the others still count,
    and the one becomes a call without numbers.
    """
    entries: list[Reader] = []
    for group in objects(record.get("resourceLogs") or record.get("resource_logs")):
        for scoped in objects(group.get("scopeLogs")):
            entries += [partial(_call_from_log, entry) for entry in objects(scoped.get("logRecords"))]
    return traced_spans(spans_of(record), entries)


def traced_spans(spans: list[OtlpSpan], more: Sequence[Reader] = ()) -> list[Call]:
    """The calls of some spans, further ones, and the spans that are none: see `traced_export`."""
    trace = SpanTrace(spans)
    models = [span for span in spans if is_model_call(span)]
    readers: list[Reader] = [partial(call_from_span, span, trace) for span in models]
    return _all_calls([*readers, *more]) + _others(spans, models)


def _all_calls(readers: list[Reader]) -> list[Call]:
    calls: list[Call] = []
    refused: list[Skip] = []
    for read in readers:
        try:
            call = read()
        except Skip as skip:
            refused.append(skip)
        else:
            calls += [] if call is None else [call]
    if refused and not calls:
        raise refused[0]
    return calls + [Call(quality=Quality.NONE.value) for _ in refused]


def calls_from_span_record(record: Record) -> list[Call]:
    """The call of a span that stands alone; none for a span that is no model call."""
    return calls_among(traced_span_record(record))


def traced_span_record(record: Record) -> list[Call]:
    """The call of a span that stands alone, or what it says of the calls inside it."""
    return traced_spans([plain_span(record)])


def _others(spans: list[OtlpSpan], models: list[OtlpSpan]) -> list[Call]:
    """What spans that are no calls say of those inside: whose they are, and who is inside whom."""
    known = {id(span) for span in models}
    found = []
    for span in spans:
        if id(span) not in known:
            call = Call()
            _set_own_attribution(call, span)
            found += around(linked(span.trace_id, span.span_id, span.parent_id, _kind_around(span)), call)
    return found


def _kind_around(span: OtlpSpan) -> SpanKind:
    lower = {name.lower(): value for name, value in span.attributes.items()}
    for name, values in names.APART:
        kind = lower.get(name)
        if isinstance(kind, str) and kind.lower() in values:
            return SpanKind.APART
    return SpanKind.AROUND


def _call_from_log(entry: Mapping[str, Any]) -> Call | None:
    attributes = attributes_of(entry.get("attributes"))
    body = mapping(entry.get("body")).get("stringValue")
    for name in (attributes.get("event.name"), entry.get("eventName"), body):
        if isinstance(name, str) and name in EVENTS:
            stated = timestamp_us(entry.get("timeUnixNano"))  # Codex writes 0 there
            return EVENTS[name](attributes, stated or timestamp_us(entry.get("observedTimeUnixNano")))
    return None


def lines_in(record: Record) -> list[Record]:
    """What an application logged itself and a collector put into log records: bodies that count tokens.

    The collector's filelog receiver leaves a line as text, its parsers make an object of it. Events have
    names and are read here.
    """
    lines: list[Record] = []
    for group in objects(record.get("resourceLogs") or record.get("resource_logs")):
        for scoped in objects(group.get("scopeLogs")):
            for entry in objects(scoped.get("logRecords")):
                body = None if _is_event(entry) else any_value(entry.get("body"))
                if isinstance(body, str) and "{" in body and _COUNTS.search(body):
                    lines.append({"timestamp": entry.get("timeUnixNano"), "line": body})
                elif isinstance(body, Mapping) and any(_COUNTS.search(key) for key in body):
                    lines.append({"timestamp": entry.get("timeUnixNano"), "record": body})
    return lines


_COUNTS: Final = re.compile("token|usage", re.IGNORECASE)


def _is_event(entry: Mapping[str, Any]) -> bool:
    if entry.get("eventName"):
        return True
    attributes = attributes_of(entry.get("attributes"))
    return any(name == "event.name" or name.startswith("gen_ai.") for name in attributes)


def is_model_call(span: OtlpSpan) -> bool:
    """True for a span that is one call of a model, by what it says it is or else by its usage."""
    if span.name == CLAUDE_SPAN:
        return True
    lower = {name.lower(): value for name, value in span.attributes.items()}
    for name, values in names.KINDS:
        kind = lower.get(name)
        if isinstance(kind, str):
            return kind.lower() in values and (_has_model(span) or _has_usage(span))
    return _has_model(span) and _has_usage(span)


def call_from_span(span: OtlpSpan, trace: SpanTrace) -> Call:
    """The call of one span. Raises Skip for impossible usage."""
    attributes = span.attributes
    if span.name == CLAUDE_SPAN:
        claude = claude_event({**attributes, "event.name": "api_request"}, span.end_us)
        if claude is not None:
            claude.span = linked(span.trace_id, span.span_id, span.parent_id, SpanKind.CALL)
            return claude
    place = served(text(span.first(names.HOST)))
    call = Call(
        ts=span.start_us,
        response_id=_response_id(span),
        model=model_name(span.first(names.TEXTS["model"])),
        model_requested=model_name(span.first(names.TEXTS["model_requested"])),
        # A client for one API is used with many hosts.
        provider=place.provider or text(span.first(names.TEXTS["provider"])),
        service_tier=text(span.first(names.TEXTS["service_tier"])),
        region=text(span.first(names.TEXTS["region"])) or place.region,
        stream=flag(span.first(names.STREAM)),
        final=True if span.first(names.FINISH) else None,
    )
    if call.response_id is None and span.trace_id and span.span_id:
        call.call_id = f"{span.trace_id}:{span.span_id}"
    call.model = call.model or call.model_requested
    call.gateway = "openrouter" if call.provider == "openrouter" else None
    if span.start_us is not None and span.end_us is not None and span.end_us >= span.start_us:
        call.latency_ms = (span.end_us - span.start_us) // 1000
    _set_usage(call, attributes)
    set_usd(call, span.first(names.COST))
    _set_error(call, span)
    _set_request(call, span)
    _set_attribution(call, span, trace)
    return call


@lru_cache(maxsize=1 << 12)
def _is_usage(name: str) -> bool:
    """Whether an attribute is one of usage, however it is spelled."""
    words = "_".join(in_order(name))
    return name.startswith(names.USAGE) or any(start in words for start in _USAGE_WORDS)


_USAGE_WORDS: Final = tuple("_".join(in_order(start)) for start in names.USAGE)


def _set_usage(call: Call, attributes: Mapping[str, Any]) -> None:
    beside = mapping(attributes.get("metadata"))  # Strands puts what it has no attribute for there
    attributes = {n: v for n, v in beside.items() if _is_usage(n)} | dict(attributes)
    counts: dict[str, Any] = {
        target: count(first(attributes, aliases), aliases[0]) for target, aliases in names.COUNTS.items()
    }
    split = counts["cache_read"] is not None or counts["written"] is not None
    embeds = _is_embedding(attributes)
    if embeds and counts["prompt"] is not None:
        counts["completion"] = counts["completion"] or 0
    usage = {name: value for name, value in attributes.items() if _is_usage(name)}
    call.stated = Stated(
        **counts, includes=includes(None, "trace"), unused=unused_numbers(usage, names.KNOWN)
    )
    take_by_words(call.stated)
    split = split or call.stated.cache_read is not None or call.stated.has_writes
    if not split and not embeds and (call.provider or "").lower().startswith(CACHED_INSIDE):
        without_split(call.stated, call.provider)


def _set_error(call: Call, span: OtlpSpan) -> None:
    call.error_code = error_code_of(span)
    if call.error_code is not None:
        call.status, call.final = Status.ERROR.value, True


def _set_request(call: Call, span: OtlpSpan) -> None:
    requested = call.model_requested
    set_request(call, request_of(span.attributes))
    call.model_requested = requested
    if span.first(names.TOOLS) not in (None, "[]"):
        call.has_tools = True
    call.max_tokens = integer(span.first(names.MAX_TOKENS))


def _set_attribution(call: Call, span: OtlpSpan, trace: SpanTrace) -> None:
    """Session, user and feature of the span, or of the nearest span around it that has one.

    Those of spans in other records are looked for when all is read.
    """
    _set_own_attribution(call, span)
    set_labels(call, mapping(span.attributes.get("metadata")))
    for outer in trace.ancestors(span):
        _set_own_attribution(call, outer)
    service = None if call.feature else text(span.resource.get("service.name"))
    call.feature = call.feature or service
    call.span = linked(
        span.trace_id, span.span_id, span.parent_id, SpanKind.SERVICE_CALL if service else SpanKind.CALL
    )
    tags = items(span.first(names.TAGS))
    call.tags = ",".join(t for t in tags if isinstance(t, str) and t) or None


def _set_own_attribution(call: Call, span: OtlpSpan) -> None:
    for name, aliases in names.ATTRIBUTION.items():
        if getattr(call, name) is None:
            setattr(call, name, text(first(span.attributes, aliases)))


def _response_id(span: OtlpSpan) -> str | None:
    return text(span.first(names.TEXTS["response_id"])) or response_id_of(span.attributes)


def _has_model(span: OtlpSpan) -> bool:
    return any(isinstance(span.first(names.TEXTS[n]), str) for n in ("model", "model_requested"))


def _has_usage(span: OtlpSpan) -> bool:
    return any(span.first(names.COUNTS[n]) is not None for n in ("prompt", "completion"))


def _is_embedding(attributes: Mapping[str, Any]) -> bool:
    kinds = (attributes.get(name) for name in names.EMBEDDING)
    return any(isinstance(kind, str) and "embed" in kind.lower() for kind in kinds)


OTLP: Final = Adapter(
    name="otlp",
    title="OpenTelemetry (OTLP/JSON): GenAI, OpenInference, OpenLLMetry, Vercel AI SDK; agents' events",
    matches=is_otlp,
    calls=calls_from_export,
    traced=traced_export,
    holds=lines_in,
    needs=("resourceSpans",),
)
SPAN: Final = Adapter(
    name="otel-span",
    title="OpenTelemetry: one span per line, as Python's console exporter writes it",
    matches=is_plain_span,
    calls=calls_from_span_record,
    traced=traced_span_record,
    needs=("name", "context", "attributes"),
)
ADAPTERS: Final = (OTLP, SPAN)
