"""The generation object that OpenRouter defined and the Vercel AI Gateway answers with as well.

`native_tokens_*` are the provider's own counts, by which it bills; `tokens_*` are counted with one
tokenizer for all models. With a key of one's own (`is_byok`) `total_cost` is the gateway's fee, and
what the provider charged stands in `upstream_inference_cost`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from costaudit.ingest.adapters.row_values import milliseconds, objects, short_code
from costaudit.ingest.fields import first, flag, model_name, picousd, text, timestamp_us
from costaudit.ingest.format import Record
from costaudit.ingest.meaning import includes
from costaudit.ingest.unused import unused_numbers
from costaudit.ingest.usage import count, lacks_some
from costaudit.schema import Call, Quality, Status
from costaudit.stated import Stated

_KNOWN: Final = frozenset({
    "tokens_prompt", "tokens_completion", "native_tokens_prompt", "native_tokens_completion",
    "native_tokens_cached", "native_tokens_cache_creation", "native_tokens_reasoning", "total_cost", "usage",
    "upstream_inference_cost", "billable_web_search_calls", "cache_discount", "usage_cache", "market_cost",
})  # fmt: skip
"""Columns that are read, or that say what the cost is made of."""

FAILED: Final = "error"
"""The normalised finish reason of a generation that broke off."""


def generations(record: Record) -> list[Mapping[str, Any]]:
    """The objects of an API answer (`data`), or the record itself."""
    data = record.get("data")
    if isinstance(data, Mapping):
        return [data]
    return objects(data) or [record]


def is_generation(record: Record, prefix: str, *names: str) -> bool:
    """True when every object is a generation: an id with the gateway's prefix and one of the names."""
    found = generations(record)
    return all(
        isinstance(g.get("id"), str) and g["id"].startswith(prefix) and any(n in g for n in names)
        for g in found
    )


def call_from_generation(row: Mapping[str, Any]) -> Call:
    """The call of one generation, without gateway. Raises Skip for impossible usage."""
    call = Call(
        ts=timestamp_us(row.get("created_at")),
        response_id=text(row.get("id")),
        provider=text(row.get("provider_name")),
        model=model_name(row.get("model")),
        service_tier=text(row.get("service_tier")),
        user=text(row.get("external_user")),
        stream=flag(row.get("streamed")),
        latency_ms=milliseconds(first(row, "generation_time", "latency")),
        final=True if row.get("finish_reason") else None,
    )
    _set_counts(call, row)
    set_finish(call, row.get("cancelled"), row.get("finish_reason"))
    call.reported_picousd = paid(
        first(row, "total_cost", "usage"),
        row.get("upstream_inference_cost") if flag(row.get("is_byok")) else 0,
    )
    return call


def paid(fee: Any, upstream: Any) -> int | None:
    """What one call cost in all, in pico-dollars: the gateway's charge and the provider's own bill."""
    charged = picousd(fee)
    return None if charged is None else charged + (picousd(upstream) or 0)


def set_finish(call: Call, cancelled: Any, reason: Any) -> None:
    """What became of the call."""
    if flag(cancelled):
        call.status, call.final = Status.CANCELLED.value, True
    elif reason == FAILED:
        call.status, call.error_code = Status.ERROR.value, short_code(reason)


def _set_counts(call: Call, row: Mapping[str, Any]) -> None:
    native = first(row, "native_tokens_prompt", "native_tokens_completion") is not None
    start = "native_tokens" if native else "tokens"
    call.stated = Stated(
        prompt=count(row.get(f"{start}_prompt"), f"{start}_prompt"),
        completion=count(row.get(f"{start}_completion"), f"{start}_completion"),
        cache_read=count(row.get("native_tokens_cached"), "native_tokens_cached"),
        write_5m=count(row.get("native_tokens_cache_creation"), "native_tokens_cache_creation"),
        reasoning=count(row.get("native_tokens_reasoning"), "native_tokens_reasoning"),
        includes=includes("openrouter", "chat"),
        lacks=native and lacks_some(row.get("native_tokens_cached"), row.get("native_tokens_reasoning")),
        zeros_are_nothing=True,
        doubt_from=None if native else 0,
        doubt=(Quality.PARTIAL if native else Quality.ESTIMATED).value,
        unused=unused_numbers(row, _KNOWN),
    )
    call.web_searches = count(row.get("billable_web_search_calls"), "billable_web_search_calls") or 0
