"""New Relic: AI monitoring's events, as NRQL and exports give them.

`LlmChatCompletionSummary` and `LlmEmbedding` are calls: `response.usage.*` is what the answer stated, without
a split of the input (newrelic/node-newrelic PR 3430: agents take prompt, completion and total from it).
Messages, tools and feedback are events of such a call and none themselves; agents of 2024 left the counts out
of the summary.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from costaudit.ingest.adapters.row_facts import without_split
from costaudit.ingest.adapters.row_values import filled, milliseconds, short_code
from costaudit.ingest.fields import first, flag, model_name, text, timestamp_us
from costaudit.ingest.format import Adapter, Record
from costaudit.ingest.meaning import includes
from costaudit.ingest.unused import unused_numbers
from costaudit.ingest.usage import count
from costaudit.schema import Call, Quality, Status
from costaudit.stated import Stated

_CALLS: Final = ("LlmChatCompletionSummary", "LlmEmbedding")
_TYPES: Final = ("eventType", "type")
_USAGE: Final = "response.usage."
_VENDORS: Final = {"openai": "openai", "bedrock": "bedrock", "gemini": "google", "anthropic": "anthropic"}
_OWN: Final = ("ingest_source", "vendor", "span_id", "trace_id")

_KNOWN: Final = frozenset({
    "response.usage.prompt_tokens", "response.usage.completion_tokens", "response.usage.total_tokens",
    "request.max_tokens", "token_count",
})  # fmt: skip


def is_newrelic(record: Record) -> bool:
    """True for an event of AI monitoring, with its type or without, as NRQL leaves it out."""
    if any(isinstance(kind := record.get(name), str) and kind.startswith("Llm") for name in _TYPES):
        return "vendor" in record or "trace_id" in record or "completion_id" in record
    return "response.model" in record and sum(name in record for name in _OWN) > 1


def calls_from_newrelic(record: Record) -> list[Call]:
    """The call of a summary or an embedding. Raises Skip for impossible usage."""
    record = filled(record)
    kind = first(record, *_TYPES)
    if (kind is not None and kind not in _CALLS) or "completion_id" in record:
        return []
    if kind is None and "sequence" in record:
        return []
    vendor = (text(record.get("vendor")) or "").lower()
    call = Call(
        ts=timestamp_us(record.get("timestamp")),
        call_id=text(record.get("id")),
        provider=_VENDORS.get(vendor, vendor or None),
        model=model_name(record.get("response.model")) or model_name(record.get("request.model")),
        model_requested=model_name(record.get("request.model")),
        session=text(record.get("llm.conversation_id")) or text(record.get("trace_id")),
        user=text(record.get("llm.user_id")) or text(record.get("enduser.id")),
        feature=text(record.get("appName")),
        latency_ms=milliseconds(record.get("duration")),
        final=True,
    )
    call.stated = _stated(call, record)
    if call.stated.says_nothing:
        call.quality = Quality.NONE.value
    if flag(record.get("error")):
        call.status, call.error_code = Status.ERROR.value, short_code(record.get("error.code"))
    return [call]


def _stated(call: Call, record: Mapping[str, Any]) -> Stated:
    stated = Stated(
        prompt=count(record.get(f"{_USAGE}prompt_tokens"), "prompt_tokens"),
        completion=count(record.get(f"{_USAGE}completion_tokens"), "completion_tokens"),
        total=count(record.get(f"{_USAGE}total_tokens"), "total_tokens"),
        includes=includes(None, "gateway"),
        unused=unused_numbers(record, _KNOWN),
    )
    if stated.prompt is None and stated.completion is None:
        stated.prompt = stated.total  # of an embedding
    without_split(stated, call.provider)
    return stated


ADAPTER: Final = Adapter(
    name="newrelic",
    title="New Relic: events of AI monitoring (LlmChatCompletionSummary, LlmEmbedding)",
    matches=is_newrelic,
    calls=calls_from_newrelic,
    needs=("response.model", "vendor"),
)
