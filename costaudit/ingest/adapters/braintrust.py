"""Braintrust: spans of project logs and experiments, as the API, BTQL and exports give them.

Spans of type `llm` are calls; tasks, evaluations, functions and scores hold such, and roots of summaries add
up (`metrics.llm_calls`). `prompt_tokens` holds what was read from the cache and written to it: the SDKs add
Anthropic's cached tokens to it (`finalizeAnthropicTokens` in js/src/wrappers/anthropic-tokens-util.ts). Their
first versions did not, and nothing tells which one wrote a span of Claude: such a reading is told as a guess.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from costaudit.ingest.adapters.dotted import with_objects
from costaudit.ingest.adapters.request_body import set_request
from costaudit.ingest.adapters.row_facts import set_labels, set_usd
from costaudit.ingest.adapters.row_values import items, milliseconds, number, plain, short_code
from costaudit.ingest.adapters.trace_store import around, calls_among, linked
from costaudit.ingest.fields import mapping, model_name, text, timestamp_us
from costaudit.ingest.format import Adapter, Record, Skip
from costaudit.ingest.meaning import includes
from costaudit.ingest.unused import unused_numbers
from costaudit.ingest.usage import count
from costaudit.schema import Call, Quality, SpanKind, Status
from costaudit.stated import Stated

LLM: Final = "llm"
HOLDERS: Final = ("tool",)

_KNOWN: Final = frozenset({
    "prompt_tokens", "completion_tokens", "tokens", "prompt_cached_tokens", "prompt_cache_creation_tokens",
    "prompt_cache_creation_5m_tokens", "prompt_cache_creation_1h_tokens", "completion_reasoning_tokens",
    "prompt_audio_tokens", "completion_audio_tokens", "prompt_image_tokens", "completion_image_tokens",
    "estimated_cost", "cached", "completion_accepted_prediction_tokens",
    "completion_rejected_prediction_tokens", "prompt_text_tokens", "completion_text_tokens",
})  # fmt: skip


def is_braintrust(record: Record) -> bool:
    """True for a span."""
    if "root_span_id" not in record or "span_id" not in record:
        return False
    return any(name.partition(".")[0] in ("metrics", "_xact_id", "span_attributes") for name in record)


def calls_from_braintrust(record: Record) -> list[Call]:
    """The call of a span of type `llm`. Raises Skip for sums and impossible usage."""
    return calls_among(traced_span(record))


def traced_span(record: Record) -> list[Call]:
    """The call of a span, or what it says of the calls inside it."""
    record = with_objects(record, "span_attributes", "metrics", "metadata")
    attributes, metrics = mapping(record.get("span_attributes")), mapping(record.get("metrics"))
    kind = attributes.get("type")
    if (number(metrics.get("llm_calls")) or 0) > 1:
        raise Skip("aggregate", "the sum of the calls of a trace")
    call = _named(record)
    apart = SpanKind.APART if kind in HOLDERS else SpanKind.AROUND
    parents = [text(parent) for parent in items(record.get("span_parents"))]
    call.span = linked(
        text(record.get("root_span_id")),
        text(record.get("span_id")),
        next((parent for parent in parents if parent), None),
        SpanKind.CALL if kind == LLM else apart,
    )
    if kind != LLM:
        return around(call.span, call)
    _set_call(call, record, metrics)
    purpose = text(attributes.get("purpose"))
    call.tags = ",".join([*_tags(record), *([f"purpose:{purpose}"] if purpose else [])]) or None
    return [call]


def _named(record: Record) -> Call:
    """Whose a span is."""
    call = Call()
    set_labels(call, mapping(record.get("metadata")))
    return call


def _tags(record: Record) -> list[str]:
    return [tag.replace(",", " ") for tag in items(record.get("tags")) if isinstance(tag, str) and tag]


def _set_call(call: Call, record: Record, metrics: Mapping[str, Any]) -> None:
    metadata = mapping(record.get("metadata"))
    start, end = number(metrics.get("start")), number(metrics.get("end"))
    call.ts = timestamp_us(start) if start else timestamp_us(record.get("created"))
    call.call_id = text(record.get("span_id")) or text(record.get("id"))
    call.session = call.session or text(record.get("root_span_id"))
    call.provider, call.model = text(metadata.get("provider")), model_name(metadata.get("model"))
    call.final = True
    if start and end and end >= start:
        call.latency_ms = milliseconds(end - start, per_unit=1000)
    asked = plain(record.get("input"))
    set_request(call, {**metadata, "messages": asked} if isinstance(asked, list) else metadata)
    if number(metrics.get("cached")):
        call.status = Status.CACHE_HIT.value
    if record.get("error"):
        call.status, call.error_code = Status.ERROR.value, short_code(plain(record["error"]))
    call.stated = _stated(call, metrics)
    if call.stated.says_nothing:
        call.quality = Quality.NONE.value
    set_usd(call, metrics.get("estimated_cost"))


def _stated(call: Call, metrics: Mapping[str, Any]) -> Stated:
    stated = Stated(
        prompt=count(metrics.get("prompt_tokens"), "prompt_tokens"),
        completion=count(metrics.get("completion_tokens"), "completion_tokens"),
        total=count(metrics.get("tokens"), "tokens"),
        cache_read=count(metrics.get("prompt_cached_tokens"), "prompt_cached_tokens"),
        write_5m=count(metrics.get("prompt_cache_creation_5m_tokens"), "prompt_cache_creation_5m_tokens"),
        write_1h=count(metrics.get("prompt_cache_creation_1h_tokens"), "prompt_cache_creation_1h_tokens"),
        written=count(metrics.get("prompt_cache_creation_tokens"), "prompt_cache_creation_tokens"),
        reasoning=count(metrics.get("completion_reasoning_tokens"), "completion_reasoning_tokens"),
        input_audio=count(metrics.get("prompt_audio_tokens"), "prompt_audio_tokens"),
        output_audio=count(metrics.get("completion_audio_tokens"), "completion_audio_tokens"),
        input_image=count(metrics.get("prompt_image_tokens"), "prompt_image_tokens"),
        output_image=count(metrics.get("completion_image_tokens"), "completion_image_tokens"),
        includes=includes(None, "trace"),
        zeros_are_nothing=True,
        unused=unused_numbers(metrics, _KNOWN, "metrics."),
    )
    cached = (stated.cache_read or 0) + max(
        stated.written or 0, (stated.write_5m or 0) + (stated.write_1h or 0)
    )
    by_claude = "claude" in (call.model or call.model_requested or "")
    stated.unsure = bool(by_claude and cached and (stated.prompt or 0) >= cached)
    if cached > (stated.prompt or 0):  # of the first versions, whose total leaves the cached tokens out, too
        stated.total = None
    return stated


ADAPTER: Final = Adapter(
    name="braintrust",
    title="Braintrust: spans of logs and experiments (API, BTQL, exports)",
    matches=is_braintrust,
    calls=calls_from_braintrust,
    traced=traced_span,
    needs=("span_id", "root_span_id", "metrics"),
)
