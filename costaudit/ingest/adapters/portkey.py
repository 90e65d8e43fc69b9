"""Portkey: the log export, JSON lines whose columns the user picks.

`cost` is in cents. `req_units` and `res_units` are the token counts; how much of them was cached
only the stored response tells, and administrators may leave requests and responses out.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from costaudit.ingest.adapters.request_body import set_request
from costaudit.ingest.adapters.row_facts import (
    set_answer,
    set_cost,
    set_labels,
    set_outcome,
    tags_of,
    without_split,
)
from costaudit.ingest.adapters.row_values import filled, milliseconds, picousd_of
from costaudit.ingest.fields import mapping, model_name, text, timestamp_us
from costaudit.ingest.format import Adapter, Record
from costaudit.ingest.meaning import includes
from costaudit.ingest.unused import unused_numbers
from costaudit.ingest.usage import count
from costaudit.schema import Call, Status
from costaudit.stated import Stated

CENTS: Final = 100

_KNOWN: Final = frozenset({
    "req_units", "res_units", "total_units", "cost", "metadata", "request", "response", "cache_status",
})  # fmt: skip

MARKS: Final = ("ai_org", "ai_model", "req_units", "res_units", "total_units")

HITS: Final = ("hit", "semantic hit", "cache hit", "cache semantic hit")
"""Words of `cache_status` for a reply from Portkey's own cache."""

JS_DATE: Final = "%a %b %d %Y %H:%M:%S GMT%z"
"""How JavaScript writes a date, before the name of the zone in brackets."""


def is_portkey(record: Record) -> bool:
    """True with two of the export's own columns, or one beside the response's status code."""
    own = sum(name in record for name in MARKS)
    return own > 1 or (own == 1 and "response_status_code" in record)


def calls_from_portkey(record: Record) -> list[Call]:
    """The call of one row. Raises Skip for impossible usage."""
    row = filled(record)
    call = Call(
        ts=_time(row.get("created_at")),
        call_id=text(row.get("id")),
        provider=text(row.get("ai_org")),
        gateway="portkey",
        latency_ms=milliseconds(row.get("response_time")),
    )
    metadata = mapping(row.get("metadata"))
    set_labels(call, metadata)
    call.feature = call.feature or text(row.get("prompt_slug"))
    call.session = call.session or text(row.get("trace_id"))
    call.tags = tags_of(metadata)
    set_request(call, mapping(row.get("request")))
    answer = mapping(row.get("response"))
    if not set_answer(call, answer):
        _set_units(call, row)
    elif call.stated is not None and _hides_writes(call, call.stated, mapping(answer.get("usage"))):
        call.stated.doubt_from = 0
    call.model = model_name(row.get("ai_model")) or call.model or call.model_requested
    set_outcome(call, row.get("response_status_code"), answer.get("error"))
    if str(row.get("cache_status")).replace("_", " ").lower() in HITS:
        call.status = Status.CACHE_HIT.value
    in_usd = str(row.get("cost_currency", "USD")).upper() == "USD"
    set_cost(call, picousd_of(row.get("cost"), CENTS) if in_usd else None)
    return [call]


def _set_units(call: Call, row: Mapping[str, Any]) -> None:
    call.stated = Stated(
        prompt=count(row.get("req_units"), "req_units"),
        completion=count(row.get("res_units"), "res_units"),
        total=count(row.get("total_units"), "total_units"),
        includes=includes(None, "gateway"),
        unused=unused_numbers(row, _KNOWN),
    )
    without_split(call.stated, call.provider)


def _hides_writes(call: Call, counts: Stated, usage: Mapping[str, Any]) -> bool:
    """Whether Claude's cache was read and the usage does not say how much was written to it."""
    claude = (call.provider or "").lower().startswith(("anthropic", "bedrock"))
    told = counts.has_writes or "cache_creation_input_tokens" in usage
    return claude and bool(counts.cache_read) and not told


def _time(value: Any) -> int | None:
    """A time as ISO text or as JavaScript writes it."""
    found = timestamp_us(value)
    if found is None and isinstance(value, str):
        try:
            return timestamp_us(datetime.strptime(value.partition(" (")[0], JS_DATE))  # noqa: DTZ007 - it has %z
        except (ValueError, OverflowError):
            return None
    return found


ADAPTER: Final = Adapter(
    name="portkey",
    title="Portkey: log export",
    matches=is_portkey,
    calls=calls_from_portkey,
    needs=("ai_org", "ai_model", "req_units"),
)
