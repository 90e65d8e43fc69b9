"""The same requests as OpenTelemetry spans in OTLP's JSON, by the names of the GenAI conventions."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.columns_to_json import compact, filled, joined, renamed, slices, texts, write_lines
from benchmarks.drawn import Truth

CALLS: Final = 8
"""Model calls in each trace, beside the span of the agent around them and one of a tool."""
PROVIDERS: Final = {"openai": "openai", "anthropic": "anthropic", "google": "gcp.gemini"}
"""What the conventions call them."""
HOSTS: Final = {
    "openai": "api.openai.com",
    "anthropic": "api.anthropic.com",
    "google": "generativelanguage.googleapis.com",
}


def attributes(values: Mapping[str, str], kind: str = "stringValue") -> list[dict[str, Any]]:
    """Attributes as OTLP writes them; integers are texts there, too."""
    return [{"key": key, "value": {kind: value}} for key, value in values.items()]


FAILED: Final = compact(attributes({"error.type": "500"})[0])
STOPPED: Final = compact({
    "key": "gen_ai.response.finish_reasons",
    "value": {"arrayValue": {"values": [{"stringValue": "stop"}]}},
})  # fmt: skip

CALL: Final[dict[str, Any]] = {
    "traceId": "TRACE", "spanId": "$span", "parentSpanId": "AGENT", "name": "chat $model", "kind": 3,
    "startTimeUnixNano": "$start", "endTimeUnixNano": "$end",
    "attributes": [
        *attributes({
            "gen_ai.operation.name": "chat", "gen_ai.provider.name": "$provider",
            "gen_ai.request.model": "$model", "gen_ai.response.model": "$model",
            "gen_ai.response.id": "$id", "server.address": "$host",
            "app.feature": "$feature", "user.id": "$user",
        }),
        *attributes({
            "gen_ai.usage.input_tokens": "$prompt", "gen_ai.usage.output_tokens": "$completion",
            "gen_ai.usage.cache_read.input_tokens": "$cached",
        }, "intValue"),
        "#finish",
    ],
    "status": "#status", "flags": 256,
}  # fmt: skip
"""A span with place-holders for its trace and for the agent's span."""
AROUND: Final[dict[str, Any]] = {
    "traceId": "TRACE", "spanId": "AGENT", "name": "invoke_agent", "kind": 1, "startTimeUnixNano": "START",
    "endTimeUnixNano": "START", "status": {},
    "attributes": attributes({"gen_ai.operation.name": "invoke_agent"}),
}  # fmt: skip
TOOL: Final[dict[str, Any]] = {
    **AROUND, "spanId": "ffffffffffffffff", "parentSpanId": "AGENT", "name": "execute_tool search",
    "attributes": attributes({"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "search"}),
}  # fmt: skip
RESOURCE: Final = {
    "attributes": attributes({"service.name": "shop", "telemetry.sdk.language": "python"}),
}
EXPORT: Final = compact({
    "resourceSpans": [{
        "resource": RESOURCE,
        "scopeSpans": [{"scope": {"name": "shop.llm", "version": "1.4.0"}, "spans": [AROUND, "CALLS", TOOL]}],
    }],
})  # fmt: skip


def write_otlp(path: Path, rows: int, truth: Truth) -> None:
    """One export request per line, each a trace with its resource."""
    numbers = itertools.count(1)
    write_lines(path, (_exports(batch, numbers) for batch in slices(rows, truth)))


def _exports(batch: pa.RecordBatch, numbers: Iterator[int]) -> pa.Array:
    columns = _columns(batch)
    spans, starts = filled(CALL, columns).to_pylist(), columns["start"].to_pylist()
    return pa.array([
        _export(next(numbers), starts[at], spans[at : at + CALLS]) for at in range(0, len(spans), CALLS)
    ])  # fmt: skip


def _export(number: int, start: str, calls: list[str]) -> str:
    line = EXPORT.replace('"CALLS"', ",".join(calls)).replace("START", start)
    return line.replace("TRACE", f"{number:032x}").replace("AGENT", f"{number:016x}")


def _columns(batch: pa.RecordBatch) -> dict[str, pa.Array]:
    ident, start_us = batch.column("request_id"), batch.column("timestamp").cast(pa.int64())
    end_us = pc.add(start_us, pc.multiply(batch.column("latency_ms"), 1000))
    failed = pc.equal(batch.column("status"), "error")
    return {
        "id": ident,
        "span": joined([pc.utf8_slice_codeunits(ident, at, at + 4) for at in (0, 4, 9, 14)]),
        "start": texts(pc.multiply(start_us, 1000)),
        "end": texts(pc.multiply(end_us, 1000)),
        "provider": renamed(batch.column("provider"), PROVIDERS),
        "host": renamed(batch.column("provider"), HOSTS),
        **{name: batch.column(name) for name in ("model", "user", "feature")},
        "prompt": texts(batch.column("input_tokens")),
        "completion": texts(batch.column("output_tokens")),
        "cached": texts(batch.column("cached_tokens")),
        "finish": pc.if_else(failed, FAILED, STOPPED),
        "status": pc.if_else(failed, '{"code":2}', "{}"),
    }
