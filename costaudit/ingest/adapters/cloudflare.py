"""Cloudflare AI Gateway: the log list of its REST API, and Logpush events.

The log list states one input count without a cache split. A Logpush event encrypts metadata and
bodies and states no tokens in the clear: it can be read once its `ResponseBody` is decrypted, and is
refused before that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from costaudit.ingest.adapters.request_body import set_request
from costaudit.ingest.adapters.row_facts import (
    set_answer,
    set_labels,
    set_outcome,
    set_usd,
    tags_of,
    without_split,
)
from costaudit.ingest.adapters.row_values import filled, integer, milliseconds, objects
from costaudit.ingest.fields import first, flag, mapping, model_name, text, timestamp_us
from costaudit.ingest.format import Adapter, Record, Skip
from costaudit.ingest.meaning import includes
from costaudit.ingest.unused import unused_numbers
from costaudit.ingest.usage import count
from costaudit.schema import Call, Status
from costaudit.stated import Stated

GATEWAY: Final = "cloudflare"

LISTED: Final = ("cached", "custom_cost", "model_type", "status_code")
"""Fields that tell a row of the log list from other records with `tokens_in`."""

_KNOWN: Final = frozenset({
    "tokens_in", "tokens_out", "cost", "cached", "metadata", "request", "response", "request_head",
    "response_head",
})  # fmt: skip

PUSHED: Final = ("Gateway", "Provider", "Model", "StatusCode")

NO_TOKENS: Final = (
    "Logpush events are encrypted and state no tokens: decrypt ResponseBody or use the log list API"
)


def is_cloudflare(record: Record) -> bool:
    """True for a row or a page of the log list, and for a Logpush event."""
    if all(name in record for name in PUSHED):
        return True
    page = objects(record.get("result"))
    return _is_row(page[0]) if page else _is_row(record)


def calls_from_cloudflare(record: Record) -> list[Call]:
    """The calls of one row, page or decrypted event. Raises Skip for an encrypted one."""
    if "Gateway" in record:
        return [_pushed(filled(record))]
    return [_listed(filled(row)) for row in objects(record.get("result")) or [record]]


def _is_row(row: Mapping[str, Any]) -> bool:
    return "tokens_in" in row and "tokens_out" in row and any(name in row for name in LISTED)


def _listed(row: Mapping[str, Any]) -> Call:
    call = Call(
        ts=timestamp_us(row.get("created_at")),
        call_id=text(row.get("id")),
        attempt=integer(row.get("step")),
        provider=text(row.get("provider")),
        model=model_name(row.get("model")),
        gateway=GATEWAY,
        latency_ms=milliseconds(row.get("duration")),
    )
    metadata = mapping(row.get("metadata"))
    set_labels(call, metadata)
    call.tags = tags_of(metadata)
    set_request(call, mapping(row.get("request")))
    call.stated = Stated(
        prompt=count(row.get("tokens_in"), "tokens_in"),
        completion=count(row.get("tokens_out"), "tokens_out"),
        includes=includes(None, "gateway"),
        unused=unused_numbers(row, _KNOWN),
    )
    without_split(call.stated, call.provider)
    _set_end(call, row, first(row, "status_code"), row.get("cached"))
    set_usd(call, row.get("cost"))
    return call


def _pushed(event: Mapping[str, Any]) -> Call:
    answer = mapping(event.get("ResponseBody"))
    call = Call(
        ts=timestamp_us(first(event, "CreatedAt", "Datetime", "Timestamp")),
        provider=text(event.get("Provider")),
        gateway=GATEWAY,
    )
    set_request(call, mapping(event.get("RequestBody")))
    if not set_answer(call, answer):
        raise Skip("no_usage_in_log", NO_TOKENS)
    call.model = call.model or model_name(event.get("Model"))
    metadata = mapping(event.get("Metadata"))
    set_labels(call, metadata)
    call.tags = tags_of(metadata)
    _set_end(call, event, event.get("StatusCode"), event.get("Cached"))
    return call


def _set_end(call: Call, row: Mapping[str, Any], status: Any, cached: Any) -> None:
    set_outcome(call, status)
    if flag(row.get("success")) is False and call.status == Status.OK:
        call.status = Status.ERROR.value
    if flag(cached):
        call.status = Status.CACHE_HIT.value


ADAPTER: Final = Adapter(
    name="cloudflare",
    title="Cloudflare AI Gateway: log list of the REST API",
    matches=is_cloudflare,
    calls=calls_from_cloudflare,
    needs=("tokens_in", "tokens_out", "model"),
)
