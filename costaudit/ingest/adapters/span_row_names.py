"""What stores of spans call their columns: data, by what a column says of a span.

Names are in small letters, without `_` and blanks, and without Azure's ` [UTC]`; a dot leads into an object.

Sources: the schemas of the collector's ClickHouse exporter (`otel_traces`) and of SigNoz (`signoz_index`,
`durationSort`), the reference of Logfire's `records` table, of Azure Monitor's `dependencies` and
`AppDependencies` tables, of Snowflake's event tables and of Elastic's traces, Jaeger's UI types
(`types/trace.tsx`), Phoenix's `get_spans_dataframe` and its database, dd-trace's `meta` and `metrics`, and
the event payload of Sentry's transactions.
"""

from __future__ import annotations

from typing import Final

Columns = tuple[str, ...]

TRACE: Final[Columns] = (
    "context.traceid", "traceid", "trace.traceid", "trace.id", "operationid", "tracerowid",
)  # fmt: skip
SPAN: Final[Columns] = ("context.spanid", "spanid", "trace.spanid", "span.id", "span.spanid")
SPAN_OF_OPERATION: Final = "id"
"""Azure's name for the span id, beside its `operation_Id`."""
PARENT: Final[Columns] = (
    "parentid", "parentspanid", "trace.parentid", "parent.id", "operationparentid", "record.parentspanid",
)  # fmt: skip
NAME: Final[Columns] = ("name", "spanname", "record.name", "operationname", "op")
KIND: Final[Columns] = ("spankind", "kind", "kindstring", "record.kind", "itemtype", "dependencytype")
START: Final[Columns] = (
    "starttime", "starttimestamp", "starttimeunixnano", "starttimemillis", "starttimeus", "start",
    "timestamp", "timegenerated", "@timestamp",
)  # fmt: skip
END: Final[Columns] = ("endtime", "endtimestamp", "endtimeunixnano", "finishtimeus")
END_BESIDE: Final = ("starttimestamp", "timestamp")
"""With the first, the second is when a span ended (Sentry)."""
STATUS: Final[Columns] = (
    "statuscode", "otelstatuscode", "statuscodestring", "status.code", "status.statuscode",
    "record.status.code",
)  # fmt: skip
FAILED: Final[Columns] = ("isexception", "haserror", "error")
"""True in a span that failed …"""
SUCCEEDED: Final[Columns] = ("success",)
"""… and false in one."""
MESSAGE: Final[Columns] = (
    "statusmessage", "otelstatusmessage", "status.message", "status.description", "exceptiontype",
)  # fmt: skip
RESULT: Final[Columns] = ("resultcode", "responsestatuscode", "httpresponsestatuscode")
"""A code over HTTP."""
SERVICE: Final[Columns] = ("servicename", "process.servicename", "cloudrolename", "approlename", "service")
SCOPE: Final[Columns] = ("scopename", "otelscopename", "scope.name", "instrumentationscope.name")
USER: Final[Columns] = ("userauthenticatedid", "userid")
SESSION: Final[Columns] = ("sessionid",)

DURATION: Final[dict[str, int]] = {
    "durationms": 1_000_000, "durationnano": 1, "durationnanos": 1, "durationns": 1, "durationus": 1_000,
}  # fmt: skip
"""Columns that say how long a span took, in nanoseconds a unit."""
DURATION_BESIDE: Final[dict[str, int]] = {
    "operationid": 1_000_000, "spanattributes": 1, "references": 1_000, "processid": 1_000, "meta": 1,
}  # fmt: skip
"""The unit of `duration`, by a column that only one store has beside it."""

ATTRIBUTES: Final[Columns] = (
    "attributes", "spanattributes", "traceattributes", "recordattributes", "tags", "tag", "customdimensions",
    "custommeasurements", "properties", "measurements", "attributesstring", "attributesnumber",
    "attributesbool", "stringtagmap", "numbertagmap", "booltagmap", "meta", "metrics", "labels",
    "numericlabels", "custom", "data",
)  # fmt: skip
"""Columns that hold the attributes of a span; a store may divide them by type."""
RESOURCE: Final[Columns] = (
    "resourceattributes", "otelresourceattributes", "resource.attributes", "resourcesstring",
    "resourcetagsmap", "process.tags",
)  # fmt: skip

NESTED: Final = frozenset({
    "context", "trace", "span", "parent", "record", "status", "record.status", "scope", "process", "resource",
    "instrumentationscope",
})  # fmt: skip
"""Columns that are looked into for others."""

PREFIXES: Final[Columns] = (
    "gen_ai.", "llm.", "ai.", "openinference.", "traceloop.", "langfuse.", "langsmith.", "mlflow.",
    "anthropic.", "embedding.",
)  # fmt: skip
"""How names of attributes begin that only traces of models have."""

NO_SPANS: Final = frozenset({"pendingspan", "log", "spanevent", "event"})
"""Values of the kind, or of Snowflake's RECORD_TYPE, of rows that are no finished span."""
RECORD_TYPE: Final = "recordtype"

OPENINFERENCE: Final = frozenset({
    "LLM", "EMBEDDING", "CHAIN", "RETRIEVER", "RERANKER", "TOOL", "AGENT", "GUARDRAIL", "EVALUATOR",
})  # fmt: skip
"""Kinds that Phoenix has in a column of their own."""
