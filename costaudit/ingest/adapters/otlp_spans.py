"""Spans in one form, whoever wrote them: OTLP/JSON, Python's console exporter, or a dumped SDK object."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from costaudit.ingest.adapters.otlp_names import ERROR, Names
from costaudit.ingest.adapters.row_values import objects
from costaudit.ingest.fields import mapping, text, timestamp_us
from costaudit.ingest.format import Record

Attributes = Mapping[str, Any]

TEMPO: Final = "batches"
SPAN_ROOTS: Final = ("resourceSpans", "resource_spans", TEMPO)
"""Lists of spans, grouped by where they come from. The last is Tempo's name (`/api/traces`); its newer API
has the first inside of `trace`."""

SCOPED: Final = frozenset({"scopeSpans", "instrumentationLibrarySpans"})
"""Lists of spans in such a group, new and old."""

CODE: Final = re.compile(r"[\w.:-]{1,64}")
"""A status message that is a code and not a sentence, which could quote a prompt."""

BASE64: Final = re.compile(r"[A-Za-z0-9+/]{11}=|[A-Za-z0-9+/]{22}==")
"""The 8 bytes of a span's id, or the 16 of a trace's."""
HEX: Final = re.compile(r"[0-9A-Fa-f]+")

MAX_DEPTH: Final = 64
"""Ancestors that are looked at: a trace with a loop in it ends there."""


class OtlpSpan(msgspec.Struct, frozen=True):
    """One span of a trace."""

    trace_id: str | None
    span_id: str | None
    parent_id: str | None
    name: str
    scope: str
    start_us: int | None
    end_us: int | None
    failed: bool
    message: str | None
    """The status message, if it is a code."""
    attributes: Attributes
    resource: Attributes

    def first(self, names: Names) -> Any:
        """The first of the attributes that is there."""
        return first(self.attributes, names)


def first(attributes: Attributes, names: Names) -> Any:
    """The first of the attributes that is there and not empty."""
    for name in names:
        value = attributes.get(name)
        if value is not None and value != "":
            return value
    return None


def attributes_of(value: Any) -> dict[str, Any]:
    """Attributes as a plain dict, from OTLP's list of keys and typed values or from a dict."""
    if isinstance(value, Mapping):
        return dict(value)
    pairs = (pair for pair in objects(value) if isinstance(pair.get("key"), str))
    return {pair["key"]: any_value(pair.get("value")) for pair in pairs}


def any_value(value: Any, depth: int = 0) -> Any:
    """An OTLP AnyValue as a plain value. Integers may come as text (the collector) or numbers (JS, Rust)."""
    if not isinstance(value, Mapping) or depth > 8:
        return None
    for name in ("stringValue", "intValue", "doubleValue", "boolValue"):
        if name in value:
            return value[name]
    values = mapping(value.get("arrayValue")).get("values")
    if isinstance(values, list):
        return [any_value(v, depth + 1) for v in values]
    pairs = mapping(value.get("kvlistValue")).get("values")
    if not isinstance(pairs, list):
        return None
    keyed = (pair for pair in objects(pairs) if isinstance(pair.get("key"), str))
    return {pair["key"]: any_value(pair.get("value"), depth + 1) for pair in keyed}


def spans_of(record: Record) -> list[OtlpSpan]:
    """All spans of an export request."""
    found = []
    roots = [
        part[root] for part in (record, mapping(record.get("trace"))) for root in SPAN_ROOTS if root in part
    ]
    for group in objects(roots[0] if roots else None):
        resource = attributes_of(mapping(group.get("resource")).get("attributes"))
        for scoped in objects(next((group[name] for name in SCOPED if group.get(name)), None)):
            scope = text(mapping(scoped.get("scope")).get("name")) or ""
            found += [_from_otlp(span, scope, resource) for span in objects(scoped.get("spans"))]
    return found


def _from_otlp(span: Mapping[str, Any], scope: str, resource: Attributes) -> OtlpSpan:
    status = mapping(span.get("status"))
    return OtlpSpan(
        trace_id=span_ident(span.get("traceId")),
        span_id=span_ident(span.get("spanId")),
        parent_id=span_ident(span.get("parentSpanId")),
        name=text(span.get("name")) or "",
        scope=scope,
        start_us=timestamp_us(span.get("startTimeUnixNano")),
        end_us=timestamp_us(span.get("endTimeUnixNano")),
        failed=status.get("code") in (2, "2", "STATUS_CODE_ERROR"),
        message=message_code(status.get("message")),
        attributes=attributes_of(span.get("attributes")),
        resource=resource,
    )


def is_plain_span(record: Record) -> bool:
    """True for one span as a console exporter or an SDK writes it."""
    if not isinstance(record.get("attributes"), Mapping) or not isinstance(record.get("name"), str):
        return False
    context = mapping(record.get("context") or record.get("_spanContext") or record.get("spanContext"))
    return ("trace_id" in context or "traceId" in context) and (
        "start_time" in record or "startTime" in record
    )


def plain_span(record: Record) -> OtlpSpan:
    """The span of a record that `is_plain_span`."""
    context = mapping(record.get("context") or record.get("_spanContext") or record.get("spanContext"))
    scope = mapping(record.get("instrumentationScope") or record.get("instrumentation_scope"))
    status = mapping(record.get("status"))
    code = status.get("status_code") or record.get("status_code")  # Phoenix has it beside
    parent = record.get("parent_id") or mapping(record.get("parentSpanContext")).get("spanId")
    return OtlpSpan(
        trace_id=span_ident(context.get("trace_id") or context.get("traceId")),
        span_id=span_ident(context.get("span_id") or context.get("spanId")),
        parent_id=span_ident(parent),
        name=text(record.get("name")) or "",
        scope=text(scope.get("name")) or "",
        start_us=time_us(record.get("start_time") or record.get("startTime")),
        end_us=time_us(record.get("end_time") or record.get("endTime")),
        failed=status.get("code") == 2 or code in ("ERROR", "StatusCode.ERROR"),
        message=message_code(
            status.get("description") or status.get("message") or record.get("status_message")
        ),
        attributes=attributes_of(record.get("attributes")),
        resource=attributes_of(mapping(record.get("resource")).get("attributes")),
    )


def time_us(value: Any) -> int | None:
    """A time as `timestamp_us` reads it, or JavaScript's pair of seconds and nanoseconds."""
    if isinstance(value, list):
        whole = len(value) == 2 and all(type(v) is int for v in value)
        return timestamp_us(value[0] * 10**9 + value[1]) if whole else None
    return timestamp_us(value)


def started_us(ended: int | None, duration_ms: int | None) -> int | None:
    """When something began that ended then and took so long."""
    if ended is None or duration_ms is None or duration_ms * 1000 >= ended:
        return ended
    return ended - duration_ms * 1000


def error_code_of(span: OtlpSpan) -> str | None:
    """The code of a failed span; None for one that did not fail."""
    stated = span.attributes.get("error.type")
    if not span.failed and stated in (None, ""):
        return None
    return message_code(text(span.first(ERROR))) or span.message or "error"


def span_ident(value: Any) -> str | None:
    """The id of a trace or a span in one spelling: small hexadecimal digits; None for none and for zeros.

    JSON of protocol buffers writes bytes as base64, as Tempo's API does; Python's SDK writes `0x` before.

    >>> span_ident("0xC000000000000012"), span_ident("wAAAAAAAABI="), span_ident("0000000000000000")
    ('c000000000000012', 'c000000000000012', None)
    """
    found = text(value)
    if found is None:
        return None
    found = found.removeprefix("0x")
    if BASE64.fullmatch(found):
        found = base64.b64decode(found).hex()
    elif HEX.fullmatch(found):
        found = found.lower()
    return found if found.strip("0") else None


def message_code(value: Any) -> str | None:
    """A status message that is a code; None for any other."""
    return value if isinstance(value, str) and CODE.fullmatch(value) else None


class SpanTrace:
    """The spans of one record and who is inside whom."""

    def __init__(self, spans: list[OtlpSpan]) -> None:
        self._by_id = {(s.trace_id, s.span_id): s for s in spans if s.span_id}

    def ancestors(self, span: OtlpSpan) -> Iterator[OtlpSpan]:
        """The spans around a span, nearest first, as far as the record has them."""
        parent: OtlpSpan | None = span
        for _ in range(MAX_DEPTH):
            ident = None if parent is None else parent.parent_id
            parent = self._by_id.get((span.trace_id, ident)) if ident else None
            if parent is None or parent is span:
                return
            yield parent
