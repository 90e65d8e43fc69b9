"""Google's own response bodies: `generateContent` of the Gemini API and Vertex AI, and the Interactions API.

The prompt includes cached tokens; thoughts stand beside the candidates and the results of tools that the
API ran beside the prompt (total = prompt + candidates + thoughts + tool use in 511 of 512 real bodies, and
counting thoughts as output is required in 408 of 408). Counts of 0 are left out. Every chunk of a stream
states the usage so far: the last one counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from costaudit.ingest.adapters.request_body import set_request
from costaudit.ingest.adapters.row_values import objects
from costaudit.ingest.fields import first, mapping, model_name, text, timestamp_us
from costaudit.ingest.format import Adapter, Record
from costaudit.ingest.meaning import includes
from costaudit.ingest.unused import unused_numbers
from costaudit.ingest.usage import count
from costaudit.schema import Call, Quality
from costaudit.stated import Stated

COUNT_NAMES: Final = ("promptTokenCount", "candidatesTokenCount", "totalTokenCount", "trafficType")
_KNOWN: Final = frozenset({
    "promptTokenCount", "candidatesTokenCount", "totalTokenCount", "cachedContentTokenCount",
    "thoughtsTokenCount", "toolUsePromptTokenCount", "total_input_tokens", "total_output_tokens",
    "total_cached_tokens", "total_thought_tokens", "total_tool_use_tokens", "total_tokens",
})  # fmt: skip
"""Keys of a usage object that are read; lists by modality are read beside them."""

TRAFFIC: Final = {
    "ON_DEMAND_FLEX": "flex",
    "FLEX": "flex",
    "ON_DEMAND_PRIORITY": "priority",
    "PRIORITY": "priority",
    "PROVISIONED_THROUGHPUT": "provisioned",
}
"""`trafficType` values that are not billed at the standard price."""


def is_generate(record: Record) -> bool:
    """True for a `generateContent` body or chunk, an embedding with usage, a created cache."""
    usage = record.get("usageMetadata")
    if not isinstance(usage, Mapping):
        return isinstance(record.get("candidates"), list) and "modelVersion" in record
    return any(name in usage for name in COUNT_NAMES)


def is_interaction(record: Record) -> bool:
    """True for an interaction of the Interactions API."""
    usage = record.get("usage")
    return record.get("object") == "interaction" or (
        isinstance(usage, Mapping) and "total_input_tokens" in usage and "total_output_tokens" in usage
    )


def calls_from_generate(body: Record) -> list[Call]:
    """The call of one body; none for a cache that was created. Raises Skip for impossible usage."""
    if isinstance(body.get("name"), str) and "expireTime" in body:
        return []
    usage = mapping(body.get("usageMetadata"))
    vertex = "createTime" in body or "trafficType" in usage
    call = Call(
        ts=timestamp_us(body.get("createTime")),
        response_id=text(body.get("responseId")),
        provider="vertex" if vertex else "google",
        model=model_name(body.get("modelVersion")),
        service_tier=TRAFFIC.get(text(usage.get("trafficType")) or "") or text(usage.get("serviceTier")),
    )
    candidates = objects(body.get("candidates"))
    call.final = any(c.get("finishReason") for c in candidates) if candidates else None
    _set_generate_usage(call, usage)
    call.web_searches = sum(_searches(c, call.model) for c in candidates)
    return [call]


def _set_generate_usage(call: Call, usage: Mapping[str, Any]) -> None:
    prompt = count(usage.get("promptTokenCount"), "promptTokenCount")
    tools = count(usage.get("toolUsePromptTokenCount"), "toolUsePromptTokenCount") or 0
    completion = count(usage.get("candidatesTokenCount"), "candidatesTokenCount")
    if prompt is None and completion is None:
        call.quality = Quality.NONE.value
        return
    asked, cached, answered = (
        _by_modality(usage, f"{name}TokensDetails") for name in ("prompt", "cache", "candidates")
    )
    call.stated = Stated(
        prompt=None if prompt is None else prompt + tools,
        completion=completion or 0,
        cache_read=_cached(usage),
        reasoning=count(usage.get("thoughtsTokenCount"), "thoughtsTokenCount"),
        total=count(usage.get("totalTokenCount"), "totalTokenCount"),
        input_audio=asked["AUDIO"],
        output_audio=answered["AUDIO"],
        input_image=asked["IMAGE"],
        output_image=answered["IMAGE"],
        cache_read_audio=cached["AUDIO"],
        cache_read_image=cached["IMAGE"],
        includes=includes(call.provider, "gemini"),
        lacks=_lacks_a_part(usage),
        unused=unused_numbers(usage, _KNOWN),
    )


def _cached(usage: Mapping[str, Any]) -> int | None:
    """What was read from the cache; where only its parts are stated, their sum (python-genai issue 795)."""
    stated = count(usage.get("cachedContentTokenCount"), "cachedContentTokenCount")
    parts = objects(usage.get("cacheTokensDetails"))
    if stated is not None or not parts:
        return stated
    return sum(count(part.get("tokenCount"), "cacheTokensDetails") or 0 for part in parts)


def _lacks_a_part(usage: Mapping[str, Any]) -> bool:
    """Whether some sound or image among the details has no count: a part of 0 is not listed at all."""
    lists = (usage.get(f"{name}TokensDetails") for name in ("prompt", "cache", "candidates"))
    parts = (part for details in lists for part in objects(details) if part.get("tokenCount") is None)
    return any(str(part.get("modality")).upper() in _HEARD_OR_SEEN for part in parts)


_HEARD_OR_SEEN: Final = frozenset({"AUDIO", "IMAGE"})


def _by_modality(
    usage: Mapping[str, Any], name: str, number: str = "tokenCount"
) -> dict[str, int] | dict[str, None]:
    """Tokens of sound and of images among the details; video and documents are billed as text is.

    None for each where there are no details.
    """
    parts = objects(usage.get(name))
    if not parts:
        return dict.fromkeys(("AUDIO", "IMAGE"))
    found = dict.fromkeys(("AUDIO", "IMAGE"), 0)
    for part in parts:
        kind = str(part.get("modality")).upper()
        if kind in found:
            found[kind] += count(part.get(number), name) or 0
    return found


def _searches(candidate: Mapping[str, Any], model: str | None) -> int:
    """Billed searches of a grounded answer: each query from Gemini 3 on, before that one per answer.

    Source: Gemini API pricing, "Grounding with Google Search".
    """
    queries = mapping(candidate.get("groundingMetadata")).get("webSearchQueries")
    if not isinstance(queries, list) or not queries:
        return 0
    older = model is not None and model.startswith(("gemini-1", "gemini-2"))
    return 1 if older else len(queries)


def calls_from_interaction(body: Record) -> list[Call]:
    """The call of one interaction. Raises Skip for impossible usage."""
    usage = mapping(body.get("usage"))
    prompt = count(usage.get("total_input_tokens"), "total_input_tokens")
    tools = count(usage.get("total_tool_use_tokens"), "total_tool_use_tokens") or 0
    status = text(body.get("status"))
    call = Call(
        ts=timestamp_us(body.get("created")),
        response_id=text(body.get("id")),
        provider="google",
        model=model_name(body.get("model")) or model_name(body.get("agent")),
        service_tier=text(body.get("service_tier")),
        final=None if status is None else status != "in_progress",
    )
    asked, cached, answered = (
        _by_modality(usage, f"{name}_tokens_by_modality", "tokens") for name in ("input", "cached", "output")
    )
    call.stated = Stated(
        prompt=None if prompt is None else prompt + tools,
        completion=count(usage.get("total_output_tokens"), "total_output_tokens"),
        cache_read=count(usage.get("total_cached_tokens"), "total_cached_tokens"),
        reasoning=count(usage.get("total_thought_tokens"), "total_thought_tokens"),
        total=count(usage.get("total_tokens"), "total_tokens"),
        input_audio=asked["AUDIO"],
        output_audio=answered["AUDIO"],
        input_image=asked["IMAGE"],
        output_image=answered["IMAGE"],
        cache_read_audio=cached["AUDIO"],
        cache_read_image=cached["IMAGE"],
        includes=includes("google", "gemini"),
        unused=unused_numbers(usage, _KNOWN),
    )
    return [call]


def fold_chunks(chunks: Iterable[Any]) -> dict[str, Any] | None:
    """The body that a stream's chunks amount to: what the last chunk states; None when none is Google's."""
    body: dict[str, Any] | None = None
    for chunk in chunks:
        if isinstance(chunk, Mapping) and is_generate(chunk):
            stated = {name: value for name, value in chunk.items() if value is not None}
            body = {**(body or {}), **stated}
    return body


def set_generate_request(call: Call, body: Mapping[str, Any]) -> Call:
    """Fill the request side of a call from the body of a `generateContent` request."""
    contents = body.get("contents")
    contents = [{"parts": [{"text": contents}]}] if isinstance(contents, str) else contents
    turns = objects([contents] if isinstance(contents, Mapping) else contents)
    system = first(body, "systemInstruction", "system_instruction")
    config = mapping(first(body, "generationConfig", "generation_config"))
    kind = first(config, "responseMimeType", "response_mime_type")
    set_request(call, {
        "messages": [_message(turn) for turn in turns],
        "system": system if isinstance(system, str) else mapping(system).get("parts"),
        "tools": body.get("tools"),
        "response_format": {"application/json": "json_object"}.get(kind) if isinstance(kind, str) else None,
        "max_tokens": first(config, "maxOutputTokens", "max_output_tokens"),
    })  # fmt: skip
    if turns:
        call.has_tools = bool(call.has_tools)
        call.has_images = any(_shows(part) for turn in turns for part in objects(turn.get("parts")))
    return call


def _message(turn: Mapping[str, Any]) -> dict[str, Any]:
    role = "assistant" if turn.get("role") == "model" else "user"
    return {"role": role, "content": objects(turn.get("parts"))}


def _shows(part: Mapping[str, Any]) -> bool:
    media = mapping(first(part, "inlineData", "inline_data", "fileData", "file_data"))
    return str(first(media, "mimeType", "mime_type")).startswith("image/")


GENERATE: Final = Adapter(
    name="gemini",
    title="Gemini API and Vertex AI: generateContent response bodies",
    matches=is_generate,
    calls=calls_from_generate,
    needs=("usageMetadata", "modelVersion"),
)
INTERACTION: Final = Adapter(
    name="gemini-interactions",
    title="Gemini Interactions API: response bodies",
    matches=is_interaction,
    calls=calls_from_interaction,
    needs=("object", "usage", "model"),
)
ADAPTERS: Final = (GENERATE, INTERACTION)
