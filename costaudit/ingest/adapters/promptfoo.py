"""promptfoo: results of evaluations, as `promptfoo eval --output` writes them (JSON, JSON lines).

Each result is one call of its provider, unless the answer came from promptfoo's own cache: `cached` answers
have `tokenUsage.cached` alone and cost nothing (`getTokenUsage` in src/providers/openai/util.ts). `prompt` is
what the provider calls its input, without a split by cache for most: Claude's cached tokens are missing. What
graders used stands beside the results as a sum.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from costaudit.ingest.adapters.request_body import set_request
from costaudit.ingest.adapters.row_facts import set_answer, set_usd, without_split
from costaudit.ingest.adapters.row_values import integer, milliseconds, objects, plain
from costaudit.ingest.fields import first, mapping, text, timestamp_us
from costaudit.ingest.format import Adapter, Record, Skip
from costaudit.ingest.meaning import includes
from costaudit.ingest.unused import number_above_0, unused_numbers
from costaudit.ingest.usage import count
from costaudit.schema import Call, Quality, Status
from costaudit.stated import Stated

ENDPOINTS: Final = frozenset({
    "chat", "completion", "completions", "messages", "message", "responses", "embedding", "embeddings",
    "image", "realtime", "converse", "moderation", "video", "speech", "transcription",
})  # fmt: skip
"""Parts of a provider's id that say which API is asked: `openai:chat:gpt-4o`."""

SCRIPTS: Final = frozenset({
    "file", "exec", "python", "javascript", "golang", "ruby", "http", "https", "websocket", "webhook", "echo",
    "package", "browser", "mcp", "sequence", "promptfoo",
})  # fmt: skip
"""Providers that name no model."""

PROVIDERS: Final = {"azureopenai": "azure", "palm": "google", "bedrock-agent": "bedrock"}

FAILED: Final = 2
"""`failureReason` of a result without an answer; a failed assertion is 1 (ResultFailureReason)."""

_KNOWN: Final = frozenset({
    "prompt", "completion", "cached", "total", "numRequests", "webSearchRequests", "reasoning", "assertions",
    "acceptedPrediction", "rejectedPrediction", "cacheReadInputTokens", "cacheCreationInputTokens",
})  # fmt: skip


def is_result(record: Record) -> bool:
    """True for one result."""
    own = "promptIdx" in record and "testIdx" in record
    return own or (
        "latencyMs" in record and "provider" in record and "vars" in record and "success" in record
    )


def is_promptfoo(record: Record) -> bool:
    """True for a result, and for the file of an evaluation."""
    inner = record.get("results")
    if not isinstance(inner, Mapping) or not isinstance(inner.get("results"), list) or "stats" not in inner:
        return is_result(record)
    first_row = next(iter(inner["results"]), None)
    return isinstance(first_row, Mapping) and is_result(first_row)


def calls_from_promptfoo(record: Record) -> list[Call]:
    """The calls of a result or of a whole evaluation.

    Raises Skip for a single result that cannot be counted, or that sums up several requests; among several
    the others count, and the one becomes a call without numbers.
    """
    if is_result(record):
        return [_call(record, None, text(record.get("evalId")))]
    inner = mapping(record.get("results"))
    evaluation, at = text(record.get("evalId")), timestamp_us(inner.get("timestamp"))
    calls = []
    for row in objects(inner.get("results")):
        try:
            calls.append(_call(row, at, evaluation))
        except Skip:
            calls.append(_named(row, at, evaluation))
    return calls


def _named(row: Mapping[str, Any], at: int | None, evaluation: str | None) -> Call:
    """Who answered what, and what it cost; its usage is not known yet."""
    provider, model = _provider(row.get("provider"))
    response = mapping(row.get("response"))
    ident = text(row.get("id")) or "/".join(
        str(row.get(name)) for name in ("promptIdx", "testIdx", "repeatIndex")
    )
    call = Call(
        ts=at if at is not None else timestamp_us(first(row, "createdAt", "timestamp")),
        call_id=f"{evaluation}:{ident}" if evaluation else text(row.get("id")),
        provider=provider,
        model=model,
        gateway=provider if provider in ("openrouter", "litellm", "portkey", "helicone") else None,
        session=evaluation,
        feature="promptfoo",
        latency_ms=milliseconds(row.get("latencyMs")),
        final=True,
        quality=Quality.NONE.value,
    )
    asked = plain(mapping(row.get("prompt")).get("raw"))
    set_request(call, {"messages" if isinstance(asked, list) else "prompt": asked})
    if integer(row.get("failureReason")) == FAILED or response.get("error") or not response:
        call.status = Status.ERROR.value
    set_usd(call, first(response, "cost") if "cost" in response else row.get("cost"))
    return call


def _call(row: Mapping[str, Any], at: int | None, evaluation: str | None) -> Call:
    call, response = _named(row, at, evaluation), mapping(row.get("response"))
    usage = mapping(response.get("tokenUsage")) or mapping(row.get("tokenUsage"))
    if response.get("cached") is True or (usage.get("cached") and not usage.get("prompt")):
        call.status, call.quality, call.reported_picousd = Status.CACHE_HIT.value, Quality.EXACT.value, 0
        call.stated = Stated(prompt=0, completion=0)
        return call
    if (integer(usage.get("numRequests")) or 1) > 1:
        raise Skip("aggregate", "the sum of several requests")
    call.quality = Quality.EXACT.value
    cost = call.reported_picousd
    if not set_answer(call, mapping(response.get("raw"))):
        call.stated = _stated(call, usage)
    call.reported_picousd = cost
    graded = number_above_0(mapping(mapping(row.get("gradingResult")).get("tokensUsed")).get("total"))
    if graded is not None and call.stated is not None:
        told: dict[str, Decimal] = {"gradingResult.tokensUsed.total": graded}
        call.stated.unused = {**(call.stated.unused or {}), **told}
    call.web_searches = call.web_searches or count(usage.get("webSearchRequests"), "webSearchRequests") or 0
    if call.stated is None or call.stated.says_nothing:
        call.quality = Quality.NONE.value
    return call


def _stated(call: Call, usage: Mapping[str, Any]) -> Stated:
    details = mapping(usage.get("completionDetails"))
    claude = "claude" in (call.model or "") or call.provider == "anthropic"
    stated = Stated(
        prompt=count(usage.get("prompt"), "prompt"),
        completion=count(usage.get("completion"), "completion"),
        total=None if claude else count(usage.get("total"), "total"),  # of Claude without what is cached
        cache_read=count(details.get("cacheReadInputTokens"), "cacheReadInputTokens"),
        written=count(details.get("cacheCreationInputTokens"), "cacheCreationInputTokens"),
        reasoning=count(details.get("reasoning"), "reasoning"),
        includes=includes(None, "messages" if claude else "gateway"),
        unused=unused_numbers(usage, _KNOWN, "tokenUsage."),
    )
    if stated.cache_read is None and stated.written is None:
        without_split(stated, call.provider)
    stated.zeros_are_nothing = True
    return stated


def _provider(value: Any) -> tuple[str | None, str | None]:
    """Provider and model of an id such as `openai:chat:gpt-4o`; neither of a script or an HTTP request."""
    ident = text(value) or text(mapping(value).get("id")) or ""
    name, *rest = ident.split(":")
    if not rest or name in SCRIPTS or "/" in name:
        return None, None
    if rest[0] in ENDPOINTS and len(rest) > 1:
        rest = rest[1:]
    return PROVIDERS.get(name, name), ":".join(rest) or None


ADAPTER: Final = Adapter(
    name="promptfoo",
    title="promptfoo: results of evaluations (JSON, JSON lines)",
    matches=is_promptfoo,
    calls=calls_from_promptfoo,
    needs=("promptIdx", "testIdx", "provider", "response"),
)
