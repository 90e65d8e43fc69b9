"""PostHog: events of LLM analytics, as the API, HogQL and exports give them (properties as JSON in CSV).

`$ai_generation` and `$ai_embedding` are calls; `$ai_trace` and `$ai_span` hold such, other events are none.
Whether `$ai_input_tokens` includes the cache is what `$ai_cache_reporting_exclusive` says, which PostHog
writes when it takes an event in. Without it the rule is PostHog's own (`resolveCacheReportingExclusive` in
its plugin server): beside the input for Anthropic and for models of Claude, but inside for those through
Vercel's gateway unless the counts contradict it; inside for all others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from costaudit.ingest.adapters.dotted import with_objects
from costaudit.ingest.adapters.flat import placed
from costaudit.ingest.adapters.row_facts import set_outcome, set_usd, without_counts
from costaudit.ingest.adapters.row_values import integer, milliseconds, short_code
from costaudit.ingest.fields import flag, mapping, model_name, text, timestamp_us
from costaudit.ingest.format import Adapter, Record
from costaudit.ingest.meaning import includes
from costaudit.ingest.unused import unused_numbers
from costaudit.ingest.usage import count
from costaudit.schema import Call, Status
from costaudit.stated import Stated

CALLS: Final = ("$ai_generation", "$ai_embedding")
_MARK: Final = "$ai_"
_EVENT_NAME: Final = "$"

_KNOWN: Final = frozenset({
    "$ai_input_tokens", "$ai_output_tokens", "$ai_total_tokens", "$ai_cache_read_input_tokens",
    "$ai_cache_creation_input_tokens", "$ai_cache_creation_5m_input_tokens",
    "$ai_cache_creation_1h_input_tokens", "$ai_reasoning_tokens", "$ai_web_search_count",
    "$ai_total_cost_usd", "$ai_input_cost_usd", "$ai_output_cost_usd", "$ai_request_cost_usd",
    "$ai_web_search_cost_usd", "$ai_audio_cost_usd", "$ai_cache_read_cost_usd", "$ai_cache_write_cost_usd",
    "$ai_max_tokens", "$ai_audio_input_tokens", "$ai_audio_output_tokens", "$ai_cache_read_audio_tokens",
})  # fmt: skip
"""Properties that are read, or say what the cost is made of."""


def is_posthog(record: Record) -> bool:
    """True for an event of LLM analytics."""
    event = record.get("event")
    if not isinstance(event, str) or not event.startswith(_EVENT_NAME):
        return False
    return event.startswith(_MARK) and ("properties" in record or any(_MARK in name for name in record))


def calls_from_posthog(record: Record) -> list[Call]:
    """The call of an event. Raises Skip for impossible usage."""
    if record.get("event") not in CALLS:
        return []
    record = with_objects(record, "properties")
    of = mapping(record.get("properties"))
    of = of or {name: value for name, value in record.items() if name.startswith(_MARK)}
    call = Call(
        ts=timestamp_us(record.get("timestamp")) or timestamp_us(of.get("timestamp")),
        call_id=text(of.get("$ai_span_id")) or text(of.get("$ai_generation_id")) or _own_id(record),
        provider=text(of.get("$ai_provider")),
        model=model_name(of.get("$ai_model")),
        session=text(of.get("$ai_session_id")) or text(of.get("$ai_trace_id")),
        user=text(record.get("distinct_id")) or text(of.get("distinct_id")),
        feature=text(of.get("$ai_span_name")),
        latency_ms=milliseconds(of.get("$ai_latency"), per_unit=1000),
        stream=flag(of.get("$ai_stream")),
        web_searches=integer(of.get("$ai_web_search_count")) or 0,
        final=True,
    )
    call.provider, call.region = placed(call.provider, None, text(of.get("$ai_base_url")))
    call.stated = _stated(call, of)
    set_outcome(call, of.get("$ai_http_status"), of.get("$ai_error"))
    if flag(of.get("$ai_is_error")) and call.status == Status.OK:
        call.status, call.error_code = Status.ERROR.value, short_code(of.get("$ai_error"))
    set_usd(call, of.get("$ai_total_cost_usd"))
    return [call]


def _own_id(record: Record) -> str | None:
    return text(record.get("uuid")) or text(record.get("id"))


def _stated(call: Call, of: Mapping[str, Any]) -> Stated:
    def tokens(name: str) -> int | None:
        return count(of.get(name), name)

    stated = Stated(
        prompt=tokens("$ai_input_tokens"),
        completion=tokens("$ai_output_tokens"),
        total=tokens("$ai_total_tokens"),
        cache_read=tokens("$ai_cache_read_input_tokens"),
        written=tokens("$ai_cache_creation_input_tokens"),
        write_5m=tokens("$ai_cache_creation_5m_input_tokens"),
        write_1h=tokens("$ai_cache_creation_1h_input_tokens"),
        reasoning=tokens("$ai_reasoning_tokens"),
        input_audio=tokens("$ai_audio_input_tokens"),
        output_audio=tokens("$ai_audio_output_tokens"),
        cache_read_audio=tokens("$ai_cache_read_audio_tokens"),
        unused=unused_numbers(of, _KNOWN),
    )
    beside = _stands_beside(call, stated, of)
    stated.includes = includes("anthropic", "messages") if beside else includes(None, "trace")
    if beside:
        stated.total = None  # a sum of the two that nobody says the cache is in
    without_counts(stated)
    return stated


def _stands_beside(call: Call, stated: Stated, of: Mapping[str, Any]) -> bool:
    """Whether cached tokens stand beside the input."""
    said = flag(of.get("$ai_cache_reporting_exclusive"))
    if said is not None:
        return said
    provider, model = (call.provider or "").lower(), (call.model or "").lower()
    if provider == "gateway" and text(of.get("$ai_framework")) == "vercel":
        return (stated.prompt or 0) < (stated.cache_read or 0) + (stated.written or 0)
    return provider == "anthropic" or model.rpartition("/")[2].startswith("claude")


ADAPTER: Final = Adapter(
    name="posthog",
    title="PostHog: events of LLM analytics (API, HogQL, CSV)",
    matches=is_posthog,
    calls=calls_from_posthog,
    needs=("event", "properties"),
)
