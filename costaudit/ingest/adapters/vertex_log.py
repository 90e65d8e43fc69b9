"""Vertex AI request and response logging: rows of its BigQuery table, exported as JSON or Parquet.

JSON columns may be strings. `full_response` holds one body, or all chunks of a stream: the last usage
counts. Claude on Vertex answers in Anthropic's shape. The table may hold a sample only: the logging was
set up with a rate that its rows do not state.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from costaudit.ingest.adapters.gemini import (
    calls_from_generate,
    fold_chunks,
    is_generate,
    set_generate_request,
)
from costaudit.ingest.adapters.otlp_spans import started_us
from costaudit.ingest.adapters.request_body import set_request
from costaudit.ingest.adapters.response_body import calls_from_body, error_call, fold_events
from costaudit.ingest.adapters.row_facts import set_labels
from costaudit.ingest.adapters.row_values import milliseconds, plain
from costaudit.ingest.fields import mapping, text, timestamp_us
from costaudit.ingest.format import Adapter, Record, Skip
from costaudit.schema import Call

LOCATION: Final = re.compile(r"/locations/([a-z0-9-]+)/")


def is_row(record: Record) -> bool:
    """True for a row of the logging table."""
    return "full_request" in record and "full_response" in record and "logging_time" in record


def calls_from_row(row: Record) -> list[Call]:
    """The calls of one row. Raises Skip for a response of an unknown shape and for impossible usage."""
    request = mapping(row.get("full_request"))
    calls = _answer(plain(row.get("full_response")))
    for call in calls:
        (set_generate_request if "contents" in request else set_request)(call, request)
        _complete(call, row, mapping(request.get("labels")))
    return calls


def _answer(response: Any) -> list[Call]:
    chunks = response if isinstance(response, list) else [response]
    body = fold_chunks(chunks)
    if body is not None:
        return calls_from_generate(body)
    folded = response if isinstance(response, Mapping) else fold_events(chunks)
    if folded is None or is_generate(folded):
        raise Skip("unrecognised", "full_response has no known shape")
    if folded.get("error"):
        return [error_call(folded)]
    calls = calls_from_body(folded)
    if calls is None:
        raise Skip("unrecognised", "full_response has no known shape")
    return calls


def _complete(call: Call, row: Record, labels: Mapping[str, Any]) -> None:
    """What the row around the two bodies adds."""
    call.provider = "vertex"
    requested = text(row.get("model"))
    call.model_requested = requested.rpartition("/")[2] if requested else call.model_requested
    call.model = call.model or call.model_requested
    call.response_id = call.response_id or text(row.get("request_id"))
    place = LOCATION.search(text(row.get("endpoint")) or "")
    call.region = place[1] if place else call.region
    call.latency_ms = milliseconds(mapping(row.get("metadata")).get("request_latency"))
    logged = timestamp_us(row.get("logging_time"))
    call.ts = started_us(logged, call.latency_ms) if call.ts is None else call.ts
    set_labels(call, labels)


ADAPTER: Final = Adapter(
    name="vertex-log",
    title="Vertex AI: request and response logs in BigQuery, exported rows",
    matches=is_row,
    calls=calls_from_row,
    needs=("full_request", "full_response", "logging_time"),
)
