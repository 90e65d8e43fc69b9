"""Spans in tables, stores and their answers: Phoenix, Logfire, ClickHouse, Azure Monitor, Jaeger, Elastic.

A record is a row, a trace with its spans (Jaeger, Cloud Trace, Sentry's transactions), a table by columns
(Logfire's query API) or a table of rows without names (Azure's query API).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from costaudit.ingest.adapters import flat, span_row_names
from costaudit.ingest.adapters.otlp import traced_spans
from costaudit.ingest.adapters.otlp_spans import OtlpSpan
from costaudit.ingest.adapters.row_values import objects
from costaudit.ingest.adapters.span_rows import (
    first_of,
    has_attributes,
    idents_of,
    is_finished,
    row_of,
    span_of,
)
from costaudit.ingest.adapters.trace_store import calls_among
from costaudit.ingest.fields import mapping, text
from costaudit.ingest.format import Adapter, Record
from costaudit.schema import Call

_TRACE_IDS: Final = ("traceID", "traceId", "trace_id")
_LOOKED_AT: Final = 50
"""Rows of a table, or spans of a trace, that are looked at for marks of a span."""

_HINTS: Final = frozenset({
    *span_row_names.TRACE, *(name.partition(".")[0] for name in span_row_names.TRACE),
})  # fmt: skip
"""A row has one of these columns."""


def is_span_table(record: Record) -> bool:
    """True for a row that is a span, a trace with its spans, and a table of them."""
    if _is_row(record) or ("processes" in record and any(_rows(record, 1))):
        return True
    return any(_is_row(row) for row in _rows(record, _LOOKED_AT))


def calls_from_table(record: Record) -> list[Call]:
    """The calls of a record, without the spans that are none."""
    return calls_among(traced_table(record))


def traced_table(record: Record) -> list[Call]:
    """The calls of a record, and its other spans. Raises Skip for impossible usage in its only call."""
    rows = _rows(record) if None in idents_of(row_of(record)) else [record]
    return traced_spans(list(_spans(rows)))


def _spans(records: Any) -> Iterator[OtlpSpan]:
    for record in records:
        row = row_of(record)
        if is_finished(row):
            yield span_of(record, row)


_MAYBE: Final = re.compile(r"trace|operation_?id|context", re.IGNORECASE)
"""In the name of some column of every row."""


def _is_row(record: Record) -> bool:
    if not any(map(_MAYBE.search, record)):
        return False
    row = row_of(record)
    if _HINTS.isdisjoint(row) or None in idents_of(row):
        return False
    if has_attributes(record, row):
        return True
    columns = (span_row_names.NAME, span_row_names.START, span_row_names.KIND)
    is_span = all(first_of(row, some) is not None for some in columns)
    return is_span and not flat.matches(record)


def _rows(record: Record, most: int | None = None) -> Iterator[Record]:
    """The rows of a record that has several of them, or some of the first."""
    trace = next((text(record.get(name)) for name in _TRACE_IDS if name in record), None)
    if trace is not None:
        processes = mapping(record.get("processes"))
        for span in objects(record.get("spans"))[:most]:
            process = mapping(processes.get(str(span.get("processID"))))
            yield {"traceID": trace, "process": process, **span}
    root = mapping(mapping(record.get("contexts")).get("trace"))
    if root:  # a transaction of Sentry is the root of its spans
        times = {name: record.get(name) for name in ("start_timestamp", "timestamp")}
        yield from [{**root, **times}, *objects(record.get("spans"))][:most]
    inner = mapping(record.get("attributes"))
    if not inner.keys().isdisjoint(_TRACE_IDS):  # an entry of Datadog's spans API
        yield inner
    for table in objects(record.get("tables"))[:most]:
        names = [text(column.get("name")) or "" for column in objects(table.get("columns"))]
        rows = table.get("rows")
        for row in rows[:most] if isinstance(rows, list) else ():
            if isinstance(row, list) and len(row) == len(names):
                yield dict(zip(names, row, strict=True))
    columns = {text(c.get("name")) or "": c.get("values") for c in objects(record.get("columns"))}
    cells = [values for values in columns.values() if isinstance(values, list)]
    if cells and len(cells) == len(columns):
        for values in islice(zip(*cells, strict=False), most):
            yield dict(zip(columns, values, strict=True))


ADAPTER: Final = Adapter(
    name="span-table",
    title="OpenTelemetry spans in tables and stores: Phoenix, Logfire, ClickHouse, Azure Monitor, Jaeger …",
    matches=is_span_table,
    calls=calls_from_table,
    traced=traced_table,
    needs=("trace_id", "span_id", "attributes"),
)
