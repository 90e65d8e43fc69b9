"""Mastra: spans of its storage (`mastra_ai_spans`), also as exporters write them.

`model_generation` (`llm_generation` in the first versions) is a call, also where it has several steps: its
usage is their sum. Steps and chunks repeat it. `inputTokens` is the whole input, `inputDetails` has its parts
(`extractUsageMetrics` in `@mastra/observability`; exporters to platforms that want the rest alone subtract
them, mastra-ai/mastra PR 12465). The first versions had the names of AI SDK 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from costaudit.ingest.adapters.row_facts import set_labels
from costaudit.ingest.adapters.row_values import elapsed_ms, plain, short_code
from costaudit.ingest.adapters.trace_store import around, calls_among, linked
from costaudit.ingest.fields import first, flag, mapping, model_name, text, timestamp_us
from costaudit.ingest.format import Adapter, Record
from costaudit.ingest.meaning import includes
from costaudit.ingest.unused import unused_numbers
from costaudit.ingest.usage import count
from costaudit.schema import Call, Quality, SpanKind, Status
from costaudit.stated import Stated

CALLS: Final = ("model_generation", "llm_generation")
STEPS: Final = ("model_step", "model_chunk", "llm_step", "llm_chunk")
_KINDS: Final = frozenset({
    *CALLS, *STEPS, "agent_run", "workflow_run", "workflow_step", "tool_call", "mcp_tool_call", "generic",
    "processor_run",
})  # fmt: skip

_KNOWN: Final = frozenset({
    "inputTokens", "outputTokens", "promptTokens", "completionTokens", "totalTokens", "cacheRead",
    "cacheWrite", "cachedInputTokens", "reasoning", "reasoningTokens", "audio", "image", "text",
    "promptCacheHitTokens", "promptCacheMissTokens",
})  # fmt: skip


def is_mastra(record: Record) -> bool:
    """True for a span of any kind."""
    kind = first(record, "spanType", "span_type")
    if not isinstance(kind, str) or kind not in _KINDS:
        return False
    return ("traceId" in record and "spanId" in record) or ("trace_id" in record and "span_id" in record)


def calls_from_mastra(record: Record) -> list[Call]:
    """The call of a span. Raises Skip for impossible usage."""
    return calls_among(traced_span(record))


def traced_span(record: Record) -> list[Call]:
    """The call of a span, or what it says of the calls inside it."""
    kind = first(record, "spanType", "span_type")
    attributes = mapping(record.get("attributes"))
    call = Call()
    set_labels(call, mapping(record.get("metadata")))
    call.session = call.session or text(first(record, "threadId", "thread_id", "sessionId", "session_id"))
    call.user = call.user or text(first(record, "resourceId", "userId", "user_id"))
    call.feature = call.feature or text(first(record, "entityName", "entity_name"))
    call.span = linked(
        first(record, "traceId", "trace_id"),
        first(record, "spanId", "span_id"),
        first(record, "parentSpanId", "parent_span_id"),
        SpanKind.CALL if kind in CALLS else SpanKind.AROUND,
    )
    if kind not in CALLS:
        return around(call.span, call)
    _set_call(call, record, attributes)
    return [call]


def _set_call(call: Call, record: Record, attributes: Mapping[str, Any]) -> None:
    start, end = first(record, "startedAt", "started_at"), first(record, "endedAt", "ended_at")
    call.call_id = text(first(record, "spanId", "span_id"))
    call.ts, call.latency_ms = timestamp_us(start), elapsed_ms(start, end)
    # `openai.chat` and `openai.responses` are names that the AI SDK gives its providers.
    call.provider = (text(attributes.get("provider")) or "").partition(".")[0] or None
    call.model = model_name(attributes.get("responseModel")) or model_name(attributes.get("model"))
    call.model_requested = model_name(attributes.get("model"))
    call.response_id = text(attributes.get("responseId"))
    call.stream = flag(attributes.get("streaming"))
    call.final = True
    call.stated = _stated(mapping(attributes.get("usage")))
    if call.stated.says_nothing:
        call.quality = Quality.NONE.value
    error = plain(first(record, "error", "errorInfo"))
    if error:
        call.status, call.error_code = Status.ERROR.value, short_code(error)


def _stated(usage: Mapping[str, Any]) -> Stated:
    asked, answered = mapping(usage.get("inputDetails")), mapping(usage.get("outputDetails"))
    return Stated(
        prompt=count(first(usage, "inputTokens", "promptTokens"), "inputTokens"),
        completion=count(first(usage, "outputTokens", "completionTokens"), "outputTokens"),
        total=count(usage.get("totalTokens"), "totalTokens"),
        cache_read=count(first(asked, "cacheRead") or usage.get("cachedInputTokens"), "cacheRead"),
        written=count(asked.get("cacheWrite"), "cacheWrite"),
        reasoning=count(first(answered, "reasoning") or usage.get("reasoningTokens"), "reasoning"),
        input_audio=count(asked.get("audio"), "audio"),
        output_audio=count(answered.get("audio"), "audio"),
        input_image=count(asked.get("image"), "image"),
        output_image=count(answered.get("image"), "image"),
        includes=includes(None, "trace"),
        unused=unused_numbers(usage, _KNOWN),
    )


ADAPTER: Final = Adapter(
    name="mastra",
    title="Mastra: spans of its storage",
    matches=is_mastra,
    calls=calls_from_mastra,
    traced=traced_span,
    needs=("spanType", "traceId", "spanId"),
)
