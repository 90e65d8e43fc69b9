"""Spans as stores keep them: a row each, under the store's own names of columns.

Attributes are an object, JSON in text, a Parquet map, a list of keys and values (Jaeger), columns of their
own (`attributes.llm.token_count.prompt`), or several of these, and may be nested (Phoenix's database). All
become the one form that OTLP is read by, so that the same attributes count, and the same rule says who is
inside whom (`costaudit.tape.nesting`).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from math import isnan
from typing import Any, Final

from costaudit.ingest.adapters import otlp_names
from costaudit.ingest.adapters import span_row_names as names
from costaudit.ingest.adapters.otlp_spans import (
    OtlpSpan,
    any_value,
    message_code,
    span_ident,
    time_us,
)
from costaudit.ingest.adapters.row_values import items, number, objects
from costaudit.ingest.fields import flag, mapping, text
from costaudit.ingest.format import Record

_COLUMN: Final = re.compile(
    r"(?:attributes|span_?attributes|custom_?dimensions|properties|tags?|labels|custom)"
    r"(?:\.(?P<dotted>.+)|\[['\"](?P<quoted>[^'\"]+)['\"]\])",
    re.IGNORECASE,
)
"""A column for one attribute: `attributes.NAME`, or `SpanAttributes['NAME']` as ClickHouse calls it."""

_KNOWN: Final = frozenset({
    *(n for aliases in otlp_names.ATTRIBUTION.values() for n in aliases if "." in n), *otlp_names.ERROR,
    *otlp_names.HOST, *otlp_names.COST,
})  # fmt: skip
"""Further attributes that may be columns of their own."""

_DEDOTTED: Final = {
    name.replace(".", "_"): name
    for found in (otlp_names.TEXTS, otlp_names.COUNTS, otlp_names.ATTRIBUTION)
    for aliases in found.values()
    for name in aliases
} | {name.replace(".", "_"): name for name in ("gen_ai.operation.name", "openinference.span.kind")}
"""Names of attributes as a store writes them that allows no dots (Elastic's `labels`)."""

_MARKS: Final = re.compile(rf"[\"'](?:{'|'.join(re.escape(p[:-1]) for p in names.PREFIXES)})[.\"']")
"""An attribute that only traces of models have, in a map in text."""

_MOST_TEXT: Final = 1 << 20
"""Characters of a map in text that is not JSON."""
_MOST_DEPTH: Final = 8
_MOST_ITEMS: Final = 1000
"""Of lists inside of attributes."""

Row = Mapping[str, Any]
"""A record by the plain names of its columns."""


def row_of(record: Record) -> dict[str, Any]:
    """A record by the plain names of its columns, with what stands in objects that say more of the span."""
    row: dict[str, Any] = {}
    _take_columns(record, "", row)
    return row


def _take_columns(record: Record, prefix: str, row: dict[str, Any]) -> None:
    for key, value in record.items():
        if _is_nothing(value):
            continue
        name = prefix + key.lower().removesuffix("[utc]").replace("_", "").replace(" ", "")
        row.setdefault(name, value)
        if name in names.NESTED:
            _take_columns(mapping(value), f"{name}.", row)


def _is_nothing(value: Any) -> bool:
    """Whether a cell is empty; a data frame has NaN for it."""
    return (
        value is None or (isinstance(value, str) and not value) or (isinstance(value, float) and isnan(value))
    )


def first_of(row: Row, columns: names.Columns) -> Any:
    """The first of the columns that has a value."""
    return next((row[name] for name in columns if name in row), None)


def idents_of(row: Row) -> tuple[str | None, str | None]:
    """The ids of trace and span."""
    span = first_of(row, names.SPAN)
    if span is None and "operationid" in row:
        span = row.get(names.SPAN_OF_OPERATION)
    return span_ident(first_of(row, names.TRACE)), span_ident(span)


def has_attributes(record: Record, row: Row) -> bool:
    """Whether the attributes of a row are such as only traces of models have; text is not decoded for it."""
    kept = [row[column] for column in names.ATTRIBUTES if column in row]
    if any(isinstance(value, str) and _MARKS.search(value) for value in kept):
        return True
    objects_alone = {name: value for name, value in row.items() if not isinstance(value, str)}
    return any(
        name.startswith(names.PREFIXES) or (isinstance(value, Mapping) and f"{name}." in names.PREFIXES)
        for name, value in _pairs(record, objects_alone).items()
    )


def is_finished(row: Row) -> bool:
    """False for a row that is no span, or one that goes on."""
    kinds = (text(row.get(name)) or "" for name in ("kind", names.RECORD_TYPE))
    return all(kind.lower().replace("_", "") not in names.NO_SPANS for kind in kinds)


def span_of(record: Record, row: Row) -> OtlpSpan:
    """The span of a row."""
    trace, span = idents_of(row)
    attributes = _flattened(_pairs(record, row))
    _take_beside(attributes, row)
    start, end = time_us(first_of(row, names.START)), time_us(first_of(row, names.END))
    if end is None and all(name in row for name in names.END_BESIDE):
        end = time_us(row[names.END_BESIDE[1]])
    service = text(first_of(row, names.SERVICE))
    resource = {} if service is None else {"service.name": service}
    return OtlpSpan(
        trace_id=trace,
        span_id=span,
        parent_id=_parent(row, span, trace),
        name=text(first_of(row, names.NAME)) or "",
        scope=text(first_of(row, names.SCOPE)) or "",
        start_us=start,
        end_us=_ended(row, start) if end is None else end,
        failed=_failed(row, attributes),
        message=message_code(first_of(row, names.MESSAGE)),
        attributes=attributes,
        resource=resource | pairs_of(first_of(row, names.RESOURCE)),
    )


def _parent(row: Row, span: str | None, trace: str | None) -> str | None:
    found = first_of(row, names.PARENT)
    for reference in objects(row.get("references")):  # Jaeger
        if found is None and reference.get("refType") in ("CHILD_OF", None):
            found = reference.get("spanID") or reference.get("spanId")
    parent = span_ident(found)
    return None if parent in (span, trace) else parent  # Azure's roots are inside of their operation


def _ended(row: Row, start: int | None) -> int | None:
    ns = next((n * unit for name, unit in names.DURATION.items() if (n := number(row.get(name)))), None)
    if ns is None and "duration" in row:
        unit = next((unit for beside, unit in names.DURATION_BESIDE.items() if beside in row), None)
        took = number(row["duration"])
        ns = None if unit is None or took is None else took * unit
    return None if ns is None or start is None or ns > 1e16 else start + round(ns / 1000)


def _failed(row: Row, attributes: Mapping[str, Any]) -> bool:
    status = text(first_of(row, names.STATUS)) or text(attributes.get("otel.status_code")) or ""
    if status == "2" or status.lower().endswith("error"):
        return True
    failed = [first_of(row, names.FAILED), attributes.get("error")]
    return any(_flag(value) is True for value in failed) or _flag(first_of(row, names.SUCCEEDED)) is False


def _flag(value: Any) -> bool | None:
    return bool(value) if value in (0, 1) else flag(value)


def _take_beside(attributes: dict[str, Any], row: Row) -> None:
    """What a store keeps beside the attributes and other spans have in them."""
    kind = text(row.get("spankind")) or ""
    beside = {
        "openinference.span.kind": kind if kind in names.OPENINFERENCE else None,
        "user.id": text(first_of(row, names.USER)),
        "session.id": text(first_of(row, names.SESSION)),
        "http.response.status_code": text(first_of(row, names.RESULT)),
    }
    for name, value in beside.items():
        if value is not None:
            attributes.setdefault(name, value)


def _pairs(record: Record, row: Row) -> dict[str, Any]:
    """All attributes of a row, wherever it keeps them."""
    found: dict[str, Any] = {}
    for column in names.ATTRIBUTES:
        if column in row:
            found |= pairs_of(row[column])
    for key, value in record.items():
        if _is_nothing(value):
            continue
        own = _COLUMN.fullmatch(key)
        name = key if own is None else own["dotted"] or own["quoted"]
        if own is not None or name in _KNOWN or name.startswith(names.PREFIXES):
            found[name] = value
    return {_DEDOTTED.get(name, name): value for name, value in found.items() if not _is_nothing(value)}


def pairs_of(value: Any) -> dict[str, Any]:
    """Attributes by name, however they are kept: see the head of this module."""
    if isinstance(value, str):
        value = _decoded(value)
    if isinstance(value, Mapping):
        return {name: _plain(v) for name, v in value.items() if isinstance(name, str)}
    found: dict[str, Any] = {}
    for pair in items(value):
        if isinstance(pair, (list, tuple)) and len(pair) == 2 and isinstance(pair[0], str):
            found[pair[0]] = pair[1]
        elif isinstance(pair, Mapping) and isinstance(pair.get("key"), str):
            found[pair["key"]] = _plain(pair.get("value"))
    return found


def _plain(value: Any) -> Any:
    """The value of an OTLP AnyValue; any other as it is."""
    if isinstance(value, Mapping) and len(value) == 1 and str(*value).endswith("Value"):
        return any_value(value)
    return value


def _decoded(value: str) -> Any:
    """A map in text: JSON, or with single quotes as ClickHouse and Python write one."""
    found = mapping(value) or items(value)
    if found or value[:1] not in ("{", "[") or len(value) > _MOST_TEXT:
        return found
    try:
        return ast.literal_eval(value)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None


def _flattened(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes, and those in objects and lists under the names that they have alone."""
    found = dict(attributes)
    for name, value in attributes.items():
        if isinstance(value, (Mapping, list, tuple)):
            for inner, part in _inside(name, value, 0):
                found.setdefault(inner, part)
    return found


def _inside(name: str, value: Any, depth: int) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        parts = [(f"{name}.{key}", part) for key, part in value.items()]
    elif isinstance(value, (list, tuple)) and any(isinstance(part, Mapping) for part in value[:_MOST_ITEMS]):
        parts = [(f"{name}.{place}", part) for place, part in enumerate(value[:_MOST_ITEMS])]
    else:
        yield name, value
        return
    for inner, part in parts if depth < _MOST_DEPTH else ():
        yield from _inside(inner, part, depth + 1)
