"""Kong AI Gateway: records of any Kong log plugin with an `ai` object.

Each AI plugin that ran is one call of its own (a proxy behind a request transformer makes two), and
all share the record's request id. Usage has one input count; the split is known only where the
response payload is logged. A cost of 0 means that no price is set in the plugin.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from costaudit.ingest.adapters.request_body import set_request
from costaudit.ingest.adapters.row_facts import set_answer, set_outcome, set_usd, without_split
from costaudit.ingest.adapters.row_values import milliseconds, plain
from costaudit.ingest.fields import first, mapping, model_name, text, timestamp_us
from costaudit.ingest.format import Adapter, Record
from costaudit.ingest.meaning import includes
from costaudit.ingest.unused import unused_numbers
from costaudit.ingest.usage import count
from costaudit.schema import Call, Status
from costaudit.stated import Stated

_KNOWN: Final = frozenset({
    "prompt_tokens", "prompt_token", "completion_tokens", "completion_token", "total_tokens", "cost",
})  # fmt: skip
"""Keys of a usage object that are read."""


def is_kong(record: Record) -> bool:
    """True for a record in which at least one AI plugin reports."""
    return bool(_plugins(mapping(record.get("ai"))))


def calls_from_kong(record: Record) -> list[Call]:
    """One call per AI plugin. Raises Skip for impossible usage."""
    ai = mapping(record.get("ai"))
    plugins = _plugins(ai)
    request = mapping(mapping(ai.get("payload")).get("request"))
    calls = [_call(record, plugin, request) for _, plugin in plugins]
    ident = text(mapping(record.get("request")).get("id"))
    for (name, _), call in zip(plugins, calls, strict=True):
        call.call_id = ident if len(calls) == 1 or ident is None else f"{ident}#{name}"
    return calls


def _plugins(ai: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Name and report of every AI plugin in the order of their names; Kong 3.6 has one, without a name."""
    found = [(name, part) for name, part in ai.items() if isinstance(part, Mapping) and _reports(part)]
    return sorted(found, key=lambda pair: pair[0]) or ([("", ai)] if _reports(ai) else [])


def _reports(part: Mapping[str, Any]) -> bool:
    meta = part.get("meta")
    named = isinstance(meta, Mapping) and ("provider_name" in meta or "request_model" in meta)
    return named and isinstance(part.get("usage"), Mapping)


def _call(record: Record, plugin: Mapping[str, Any], request: Mapping[str, Any]) -> Call:
    meta, latencies = mapping(plugin.get("meta")), mapping(record.get("latencies"))
    call = Call(
        ts=timestamp_us(record.get("started_at")),
        provider=text(meta.get("provider_name")),
        model_requested=model_name(meta.get("request_model")),
        gateway="kong",
        feature=_name(record, "route") or _name(record, "service"),
        user=_user(record),
        latency_ms=milliseconds(first(meta, "llm_latency") or latencies.get("request")),
    )
    payload = mapping(plugin.get("payload"))
    set_request(call, mapping(payload.get("request")) or request)
    _set_counts(call, mapping(plugin.get("usage")), mapping(plain(payload.get("response"))))
    call.model = model_name(meta.get("response_model")) or call.model or call.model_requested
    set_outcome(call, mapping(record.get("response")).get("status"))
    if str(mapping(plugin.get("cache")).get("cache_status")).lower() == "hit":
        call.status = Status.CACHE_HIT.value
    set_usd(call, mapping(plugin.get("usage")).get("cost"))
    return call


def _set_counts(call: Call, usage: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
    if set_answer(call, answer):
        return
    call.stated = Stated(
        prompt=count(first(usage, "prompt_tokens", "prompt_token"), "prompt_tokens"),
        completion=count(first(usage, "completion_tokens", "completion_token"), "completion_tokens"),
        total=count(usage.get("total_tokens"), "total_tokens"),
        includes=includes(None, "gateway"),
        unused=unused_numbers(usage, _KNOWN),
    )
    without_split(call.stated, call.provider)


def _user(record: Record) -> str | None:
    consumer = mapping(record.get("consumer"))
    return text(first(consumer, "username", "custom_id", "id"))


def _name(record: Record, part: str) -> str | None:
    return text(mapping(record.get(part)).get("name"))


ADAPTER: Final = Adapter(
    name="kong",
    title="Kong AI Gateway: records of the log plugins",
    matches=is_kong,
    calls=calls_from_kong,
    needs=("ai",),
)
