"""LangChain messages as its own functions dump them: `messages_to_dict`, `dumpd` and `model_dump`.

Each answer of a model (`AIMessage`) is a call; other messages are what was asked. `usage_metadata` counts
all of the input in `input_tokens` and all of the output in `output_tokens`, its details are parts of these
(langchain-core, `UsageMetadata`). What `response_metadata` repeats of the provider's own usage comes second.
A history repeats messages: their ids, of which one is the provider's, tell them apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from costaudit.ingest.adapters import flat
from costaudit.ingest.adapters.beside import fill
from costaudit.ingest.adapters.row_values import objects
from costaudit.ingest.fields import first, mapping, text
from costaudit.ingest.format import Adapter, Record
from costaudit.schema import Call

_ANSWERS: Final = frozenset({"ai", "AIMessageChunk", "AIMessage", "assistant"})
_OTHERS: Final = frozenset({
    "human", "system", "tool", "function", "chat", "HumanMessage", "SystemMessage", "ToolMessage",
})  # fmt: skip
_PROVIDERS: Final = {
    "openai": "openai", "anthropic": "anthropic", "google_genai": "google", "google_vertexai": "vertex",
    "bedrock": "bedrock", "bedrock_converse": "bedrock", "amazon_bedrock": "bedrock", "azure": "azure",
    "mistralai": "mistral", "mistral": "mistral", "groq": "groq", "cohere": "cohere", "xai": "xai",
    "deepseek": "deepseek", "openrouter": "openrouter", "together": "together", "fireworks": "fireworks",
}  # fmt: skip
"""`model_provider` in the words of the price tables."""


def is_message(record: Record) -> bool:
    """True for one message in one of LangChain's shapes, an answer with its metadata or any other."""
    kind, fields = _opened(record)
    if kind in _ANSWERS:
        return "response_metadata" in fields or ("usage_metadata" in fields and "content" in fields)
    return kind in _OTHERS and "content" in fields and "additional_kwargs" in fields


def _opened(record: Record) -> tuple[str | None, Mapping[str, Any]]:
    """What kind of message a record is, and its fields."""
    data, kwargs, path = record.get("data"), record.get("kwargs"), record.get("id")
    if isinstance(data, Mapping) and isinstance(record.get("type"), str):
        return text(record["type"]), data
    if record.get("type") == "constructor" and isinstance(kwargs, Mapping) and isinstance(path, list):
        return (str(path[-1]) if path else None), kwargs
    return text(record.get("type")), record


def calls_from_message(record: Record) -> list[Call]:
    """The call that an answer is; none for another message. Raises Skip for impossible usage."""
    kind, fields = _opened(record)
    if kind not in _ANSWERS:
        return []
    about = mapping(fields.get("response_metadata"))
    usage = first(fields, "usage_metadata") or first(
        about, "token_usage", "tokenUsage", "usage", "usage_metadata"
    )
    plain = {
        "model": first(about, "model_name", "model", "model_id"),
        "usage_metadata": usage if fields.get("usage_metadata") else None,
        "usage": None if fields.get("usage_metadata") else usage,
        "response_id": first(about, "id") or fields.get("id"),
        "service_tier": about.get("service_tier"),
        "finish_reason": first(about, "finish_reason", "stop_reason", "stopReason"),
    }
    (call,) = flat.calls({name: value for name, value in plain.items() if value is not None})
    provider = text(about.get("model_provider"))
    call.provider = None if provider is None else _PROVIDERS.get(provider, provider)
    call.call_id = text(fields.get("id"))
    call.has_tools = bool(objects(fields.get("tool_calls"))) or None
    return [fill(call, record)] if record is not fields else [call]


ADAPTER: Final = Adapter(
    name="langchain",
    title="LangChain messages: messages_to_dict, dumpd and model_dump",
    matches=is_message,
    calls=calls_from_message,
    needs=("type", "response_metadata"),
)
