"""Opik: spans of the API and of exports; traces, whose usage is the sum of their spans, are no calls.

`usage` has counts under OpenAI's names and the provider's own under `original_usage.…`. The former are not
what they say: for Claude `completion_tokens` holds what was written to the cache and `prompt_tokens` what was
read from it (`from_anthropic_dict` in sdks/python/src/opik/llm_usage/opik_usage.py). So the provider's own
count, where they are there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from costaudit.ingest.adapters.bedrock import calls_from_body as calls_from_converse
from costaudit.ingest.adapters.dotted import with_objects
from costaudit.ingest.adapters.request_body import set_request
from costaudit.ingest.adapters.row_facts import response_id_of, set_answer, set_labels, set_usd
from costaudit.ingest.adapters.row_values import elapsed_ms, items, objects, plain, short_code
from costaudit.ingest.adapters.trace_store import around, calls_among, linked
from costaudit.ingest.fields import first, mapping, model_name, text, timestamp_us
from costaudit.ingest.format import Adapter, Record
from costaudit.ingest.meaning import includes
from costaudit.ingest.unused import unused_numbers
from costaudit.ingest.usage import count
from costaudit.schema import Call, Quality, SpanKind, Status
from costaudit.stated import Stated

LLM: Final = "llm"
HOLDERS: Final = ("tool", "guardrail")
ORIGINAL: Final = "original_usage."

PROVIDERS: Final = {
    "google_ai": "google", "google_vertexai": "vertex", "anthropic_vertexai": "vertex",
    "bedrock_converse": "bedrock",
}  # fmt: skip
"""Providers by Opik's names (LLMProvider), where others are in use elsewhere."""

GEMINI: Final = {
    "prompt": ("prompt_token_count", "promptTokenCount"),
    "completion": ("candidates_token_count", "candidatesTokenCount"),
    "total": ("total_token_count", "totalTokenCount"),
    "cache_read": ("cached_content_token_count", "cachedContentTokenCount"),
    "reasoning": ("thoughts_token_count", "thoughtsTokenCount"),
    "input_other": ("tool_use_prompt_token_count", "toolUsePromptTokenCount"),
}  # fmt: skip

_DETAILS: Final = {"cache_read": "cached_tokens", "cache_creation": "cache_creation_tokens"}
"""Names of LangChain (`usage_metadata`) and OpenAI's for the same."""


def is_span(record: Record) -> bool:
    """True for a span, a trace, and for a trace with its spans as `opik export` writes them."""
    if isinstance(record.get("trace"), Mapping) and isinstance(record.get("spans"), list):
        return "start_time" in record["trace"]
    own = "start_time" in record and ("project_id" in record or "project_name" in record)
    is_trace = "span_count" in record or "total_estimated_cost" in record or "thread_id" in record
    return own and ("parent_span_id" in record or ("trace_id" in record and "type" in record) or is_trace)


def calls_from_opik(record: Record) -> list[Call]:
    """The calls of a record. Raises Skip for impossible usage."""
    return calls_among(traced_record(record))


def traced_record(record: Record) -> list[Call]:
    """The calls of a record, and what its other spans say of the calls inside them."""
    spans = objects(record.get("spans")) if isinstance(record.get("trace"), Mapping) else [record]
    outside = mapping(record.get("trace"))
    return [call for span in spans if "trace_id" in span for call in _traced(span, outside)]


def _traced(span: Mapping[str, Any], trace: Mapping[str, Any]) -> list[Call]:
    kind = span.get("type")
    call = Call()
    for metadata in (mapping(span.get("metadata")), mapping(trace.get("metadata"))):
        set_labels(call, metadata)
    call.session = text(trace.get("thread_id")) or call.session
    apart = SpanKind.APART if kind in HOLDERS else SpanKind.AROUND
    call.span = linked(
        text(span.get("trace_id")),
        text(span.get("id")),
        text(span.get("parent_span_id")),
        SpanKind.CALL if kind == LLM else apart,
    )
    if kind != LLM:
        return around(call.span, call)
    _set_call(call, span)
    return [call]


def _set_call(call: Call, span: Mapping[str, Any]) -> None:
    output = mapping(span.get("output"))
    provider, model = text(span.get("provider")), model_name(span.get("model"))
    call.ts, call.call_id = timestamp_us(span.get("start_time")), text(span.get("id"))
    call.provider = PROVIDERS.get(provider or "", provider)
    call.session = call.session or text(span.get("trace_id"))
    call.latency_ms = elapsed_ms(span.get("start_time"), span.get("end_time"))
    call.final = True if span.get("end_time") else None
    asked = plain(span.get("input"))
    if isinstance(asked, Mapping):
        set_request(call, asked)
    call.model = model or model_name(output.get("model"))
    tags = [tag for tag in items(span.get("tags")) if isinstance(tag, str) and tag]
    call.tags = ",".join(tag.replace(",", " ") for tag in tags) or None
    _set_usage(call, span)
    call.model = model or call.model
    if response_id_of(output):  # the call of a client, whatever else saw it
        call.response_id, call.call_id = response_id_of(output), None
    if span.get("error_info"):
        call.status, call.final = Status.ERROR.value, True
        call.error_code = short_code(first(mapping(span["error_info"]), "exception_type", "exceptionType"))
    set_usd(call, span.get("total_estimated_cost"))


def _set_usage(call: Call, span: Mapping[str, Any]) -> None:
    usage = mapping(with_objects(span, "usage").get("usage"))
    flat = {n.removeprefix(ORIGINAL): v for n, v in usage.items() if n.startswith(ORIGINAL)}
    own = mapping(with_objects({f"own.{n}": v for n, v in flat.items()}, "own").get("own"))
    told = _renamed(own or mapping(usage.get("original_usage"))) or usage
    if any(name in told for name in GEMINI["prompt"]):
        _set_gemini(call, told)
    elif "inputTokens" in told:
        _set_camel(call, told)
    elif not set_answer(call, {"usage": told}):
        call.quality = Quality.NONE.value


def _renamed(told: Mapping[str, Any]) -> dict[str, Any]:
    """Counts with the names of their details as OpenAI has them."""
    return {
        name: {_DETAILS.get(n, n): v for n, v in value.items()} if isinstance(value, Mapping) else value
        for name, value in told.items()
    }


def _set_gemini(call: Call, told: Mapping[str, Any]) -> None:
    known = frozenset(name for names in GEMINI.values() for name in names)
    counts = {name: count(first(told, *names), names[0]) for name, names in GEMINI.items()}
    tools = counts.pop("input_other") or 0
    prompt = None if counts["prompt"] is None else counts["prompt"] + tools
    completion = 0 if counts["completion"] is None and prompt is not None else counts["completion"]
    call.stated = Stated(
        prompt=prompt,
        completion=completion,
        total=counts["total"],
        cache_read=counts["cache_read"],
        reasoning=counts["reasoning"],
        includes=includes("google", "gemini"),
        unused=unused_numbers(told, known),
    )


def _set_camel(call: Call, told: Mapping[str, Any]) -> None:
    """Bedrock's counts; those of the AI SDK have another name for what was cached, and hold it."""
    if "cachedInputTokens" not in told and "reasoningTokens" not in told:
        (found,) = calls_from_converse({"usage": told, "metrics": {}})
        call.stated = found.stated
        return
    call.stated = Stated(
        prompt=count(told.get("inputTokens"), "inputTokens"),
        completion=count(told.get("outputTokens"), "outputTokens"),
        total=count(told.get("totalTokens"), "totalTokens"),
        cache_read=count(told.get("cachedInputTokens"), "cachedInputTokens"),
        reasoning=count(told.get("reasoningTokens"), "reasoningTokens"),
        includes=includes(None, "trace"),
    )


ADAPTER: Final = Adapter(
    name="opik",
    title="Opik: spans and traces of the API and of exports",
    matches=is_span,
    calls=calls_from_opik,
    traced=traced_record,
    needs=("trace_id", "start_time", "type", "usage"),
)
