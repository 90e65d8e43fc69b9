"""Helicone: the request export (JSON lines, CSV) and rows of its ClickHouse table (HQL).

Token columns are disjoint: cached, written, reasoning and audio tokens stand beside `prompt_tokens`
and `completion_tokens`, and `total_tokens` leaves the cache out. Rows from before the
`reasoning_tokens` column are inclusive. The export states its cost in USD, the table in 1e-9 USD.
The CSV export has no column for cached or reasoning tokens: its counts are `partial`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from costaudit.ingest.adapters.request_body import set_request
from costaudit.ingest.adapters.row_facts import (
    set_answer,
    set_cost,
    set_labels,
    set_outcome,
    tags_of,
)
from costaudit.ingest.adapters.row_values import (
    elapsed_ms,
    filled,
    integer,
    milliseconds,
    number,
    objects,
    picousd_of,
)
from costaudit.ingest.fields import first, mapping, model_name, picousd, text, timestamp_us
from costaudit.ingest.format import Adapter, Record
from costaudit.ingest.meaning import includes
from costaudit.ingest.unused import unused_numbers
from costaudit.ingest.usage import count
from costaudit.schema import Call, Status
from costaudit.stated import Stated

NANO: Final = 10**9
"""Units of the ClickHouse table's `cost` in a dollar (`COST_PRECISION_MULTIPLIER`)."""

NO_REFERENCE: Final = "00000000-0000-0000-0000-000000000000"
"""The `cache_reference_id` of a reply that did not come from Helicone's cache."""

CANCELLED: Final = -3
"""A `response_status` of Helicone's own: the client went away."""

MARKS: Final = (
    "response_status",
    "response_created_at",
    "delay_ms",
    "signed_body_url",
    "prompt_cache_read_tokens",
    "cache_reference_id",
)
"""Columns of Helicone's own beside `request_created_at`."""


def is_helicone(record: Record) -> bool:
    """True for a row of the export or of the table, and for a page of the request API."""
    if "request_created_at" in record:
        return any(name in record for name in MARKS)
    page = objects(record.get("data"))
    return bool(page) and is_helicone(page[0])


def calls_from_helicone(record: Record) -> list[Call]:
    """The calls of one row or page. Raises Skip for impossible usage."""
    if "request_created_at" not in record:
        return [_call(filled(row)) for row in objects(record.get("data"))]
    return [_call(filled(record))]


def _call(row: dict[str, Any]) -> Call:
    call = Call(
        ts=timestamp_us(row.get("request_created_at")),
        call_id=text(first(row, "request_id", "response_id")),
        provider=text(row.get("provider")),
        model=model_name(first(row, "model_override", "model", "response_model", "request_model")),
        gateway="helicone",
        user=text(first(row, "request_user_id", "user_id", "helicone_user")),
        latency_ms=milliseconds(first(row, "delay_ms", "latency")),
    )
    if call.latency_ms is None:
        call.latency_ms = elapsed_ms(row.get("request_created_at"), row.get("response_created_at"))
    _set_properties(call, mapping(first(row, "request_properties", "properties")))
    set_request(call, mapping(row.get("request_body")))
    call.model_requested = call.model_requested or model_name(row.get("request_model"))
    call.model = call.model or call.model_requested
    answer = mapping(row.get("response_body"))
    if not set_answer(call, answer):
        _set_counts(call, row)
    _set_status(call, row, answer)
    set_cost(call, _cost(row))
    return call


def _set_counts(call: Call, row: Mapping[str, Any]) -> None:
    """The row's own counts; before the reasoning column they were whole, as a gateway's are."""
    n = {name: count(row.get(f"{name}_tokens"), f"{name}_tokens") for name in COUNTS}
    call.stated = Stated(
        prompt=n["prompt"],
        completion=n["completion"],
        cache_read=n["prompt_cache_read"],
        write_5m=n["prompt_cache_write"],
        reasoning=n["reasoning"],
        input_audio=n["prompt_audio"],
        output_audio=n["completion_audio"],
        includes=includes(None, "gateway" if n["reasoning"] is None else "helicone"),
        zeros_are_nothing=True,
        lacks=n["prompt_cache_read"] is not None and None in (n["prompt_cache_write"], n["reasoning"]),
        doubt_from=0 if n["prompt_cache_read"] is None else None,
        unused=unused_numbers(row, _KNOWN),
    )


COUNTS: Final = (
    "prompt",
    "completion",
    "prompt_cache_read",
    "prompt_cache_write",
    "reasoning",
    "prompt_audio",
    "completion_audio",
)
"""The columns `<name>_tokens`."""

_KNOWN: Final = frozenset({
    *(f"{name}_tokens" for name in COUNTS), "total_tokens", "cost", "costUSD", "cost_usd", "cache_enabled",
    "request_body", "response_body", "request_properties", "properties", "cache_reference_id",
})  # fmt: skip


def _set_status(call: Call, row: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
    status = first(row, "response_status", "status")
    set_outcome(call, status, answer.get("error"))
    if str(status) == str(CANCELLED):
        call.status = Status.CANCELLED.value
    elif row.get("cache_reference_id", NO_REFERENCE) != NO_REFERENCE:
        call.status = Status.CACHE_HIT.value


def _set_properties(call: Call, properties: Mapping[str, Any]) -> None:
    """Helicone's own properties name session and retry, the team's are labels and tags."""
    own = {k: v for k, v in properties.items() if k.startswith("Helicone-")}
    labels = {k: v for k, v in properties.items() if k not in own}
    set_labels(call, labels)
    call.session = text(own.get("Helicone-Session-Id")) or call.session
    call.feature = call.feature or text(first(own, "Helicone-Session-Name", "Helicone-Session-Path"))
    call.attempt = integer(own.get("Helicone-Retry-Count"))
    call.tags = tags_of(labels)


def _cost(row: Mapping[str, Any]) -> int | None:
    """The cost in pico-dollars: every export has `response_status`, and only the table counts in 1e-9 USD."""
    cost = first(row, "cost", "costUSD")
    found = number(cost)
    if "response_status" in row or found is None or not found.is_integer():
        return picousd(cost)
    return picousd_of(cost, NANO)


ADAPTER: Final = Adapter(
    name="helicone",
    title="Helicone: request export (JSON lines, CSV) and rows of its ClickHouse table (HQL)",
    matches=is_helicone,
    calls=calls_from_helicone,
    needs=("request_created_at", "response_status", "model"),
)
