"""OpenAI Chat Completions bodies, and all that speak them: completions, embeddings, other hosts.

Groq, DeepSeek, Mistral, Together, Azure, Cerebras, OpenRouter, vLLM and many others answer in this
shape. `prompt_tokens` includes cached tokens everywhere (674 of 674 real OpenAI bodies and 235 of
other hosts state total = prompt + completion); the cached count hides under five names. Reasoning
is inside `completion_tokens`, except where semantics.csv says otherwise (xAI, Gemini's OpenAI-compatible
endpoint).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from costaudit.ingest.fields import MAX_PICOUSD, mapping, model_name, picousd, text, timestamp_us
from costaudit.ingest.format import Adapter, Record
from costaudit.ingest.meaning import includes
from costaudit.ingest.unused import unused_numbers
from costaudit.ingest.usage import count, is_counted
from costaudit.schema import Call, Status
from costaudit.stated import Includes, Stated

CHUNK: Final = "chat.completion.chunk"
OBJECTS: Final = ("chat.completion", CHUNK, "text_completion", "text.completion", "thread.run")
"""`object` of the bodies read here. A `thread.run` states the sum of its calls once it is done."""


OWN_MODELS: Final = "grok-"
"""How the models start that xAI serves under its own names, also at other hosts: they count as xAI does."""

KNOWN: Final = frozenset({
    "prompt_tokens", "completion_tokens", "input_tokens", "output_tokens", "total_tokens",
    "cached_tokens", "prompt_cache_hit_tokens", "num_cached_tokens", "cache_read_input_tokens",
    "cache_read_tokens", "cached_read_tokens", "cached_write_tokens",
    "cache_write_tokens", "cache_creation_tokens", "cache_creation_input_tokens",
    "ephemeral_1h_input_tokens", "ephemeral_5m_input_tokens", "ttl_30m_tokens", "ttl_12h_tokens",
    "reasoning_tokens", "audio_tokens", "image_tokens", "web_search_requests", "cost", "cost_details",
    "cost_in_usd_ticks",
    "prompt_cache_miss_tokens",
})  # fmt: skip
"""Keys of a usage object that are read, or follow from those: what DeepSeek's cache missed is the rest."""


_READ: Final = (
    "cached_tokens",  # OpenAI among the details; Together and Moonshot beside the sums
    "prompt_cache_hit_tokens",  # DeepSeek
    "num_cached_tokens",  # Mistral
    "cache_read_input_tokens",  # LiteLLM
    "cache_read_tokens",
    "cached_read_tokens",  # Bifrost
)
_WRITTEN: Final = (
    "cache_write_tokens",  # OpenAI, OpenRouter
    "cache_creation_tokens",  # LiteLLM
    "cached_write_tokens",  # Bifrost
    "cache_creation_input_tokens",  # LiteLLM beside the sums; Alibaba and any-llm among the details
)
"""What was read from the cache and written to it, in a usage object and among the details of its prompt."""

_ALWAYS_INSIDE: Final = frozenset({"cached_tokens", "text_tokens"})
"""One of these is in every object of details (695 of 695 real bodies), where images are split from text."""


def stated_usage(usage: Mapping[str, Any], meaning: Includes) -> Stated:
    """What a usage object states, under every name seen in logs. Raises Skip for impossible counts.

    Several fields may state the same number (DeepSeek and LiteLLM repeat it): the largest counts. Alibaba
    states what was written as `prompt_tokens_details.cache_creation_input_tokens`, by lifetime in
    `cache_creation` beside it (Model Studio, "Context cache").
    OpenAI's 30 minute and 12 hour cache writes go to the 5 minute class: they have one price. The realtime
    API names its details in the singular, with the same sound and images told again for what was cached.
    """
    inside = mapping(usage.get("prompt_tokens_details") or usage.get("prompt_token_details"))
    outside = mapping(usage.get("completion_tokens_details") or usage.get("completion_token_details"))
    cached = mapping(inside.get("cached_tokens_details"))
    split = mapping(
        inside.get("cache_creation_token_details")
        or inside.get("cache_creation")
        or usage.get("cache_creation_token_details")
        or usage.get("cache_creation")
    )
    by_ttl = mapping(inside.get("cache_write_tokens_details") or usage.get("cache_write_tokens_details"))
    written = _largest("cache_write_tokens", *map(inside.get, _WRITTEN), *map(usage.get, _WRITTEN))
    if written is None and by_ttl:
        written = sum(count(by_ttl.get(n), n) or 0 for n in ("ttl_30m_tokens", "ttl_12h_tokens"))
    return Stated(
        prompt=count(usage.get("prompt_tokens"), "prompt_tokens"),
        completion=count(usage.get("completion_tokens"), "completion_tokens"),
        total=count(usage.get("total_tokens"), "total_tokens"),
        cache_read=_largest("cached_tokens", *map(inside.get, _READ), *map(usage.get, _READ)),
        write_5m=count(split.get("ephemeral_5m_input_tokens"), "ephemeral_5m_input_tokens"),
        write_1h=count(split.get("ephemeral_1h_input_tokens"), "ephemeral_1h_input_tokens"),
        written=written,
        reasoning=_largest(
            "reasoning_tokens", outside.get("reasoning_tokens"), usage.get("reasoning_tokens")
        ),
        input_audio=count(inside.get("audio_tokens"), "audio_tokens"),
        output_audio=count(outside.get("audio_tokens"), "audio_tokens"),
        input_image=count(inside.get("image_tokens"), "image_tokens"),
        output_image=count(outside.get("image_tokens"), "image_tokens"),
        cache_read_audio=count(cached.get("audio_tokens"), "audio_tokens"),
        cache_read_image=count(cached.get("image_tokens"), "image_tokens"),
        includes=meaning,
        lacks=bool(inside) and inside.keys().isdisjoint(_ALWAYS_INSIDE),
        unused=unused_numbers(usage, KNOWN),
    )


def set_chat_usage(call: Call, usage: Mapping[str, Any], provider: str | None = None) -> Call:
    """Note the counts, web searches and reported cost of a `usage` object of a provider's chat endpoint."""
    call.stated = stated_usage(usage, includes(provider, "chat"))
    call.web_searches = web_searches(usage)
    call.speed = call.speed or served_mode(usage, call.model)
    call.reported_picousd = usage_cost(usage)
    return call


def served_mode(usage: Mapping[str, Any], model: str | None) -> str | None:
    """The mode of a call that its price may go by: the size of its search, or that it thought.

    Perplexity bills a fee per request by `search_context_size` and states it in the usage, as its pricing
    page has it; an answer without it had the low one, the default. Alibaba bills what a Qwen model writes by
    a list of its own where it thought (Model Studio's pricing page: "thinking mode").
    """
    size = text(usage.get("search_context_size"))
    if size in ("medium", "high"):
        return f"search-{size}"
    thought = mapping(usage.get("completion_tokens_details")).get("reasoning_tokens")
    if thought and model and model.rpartition("/")[2].lower().startswith("qwen"):
        return "thinking"
    return None


def web_searches(usage: Mapping[str, Any]) -> int:
    """Searches that the provider ran for the call and bills per unit."""
    for name in ("server_tool_use", "server_tool_use_details", "prompt_tokens_details"):
        value = mapping(usage.get(name)).get("web_search_requests")
        if value is not None:
            return count(value, "web_search_requests") or 0
    return 0


def usage_cost(usage: Mapping[str, Any]) -> int | None:
    """The cost inside a usage object, in pico-dollars (OpenRouter; Perplexity as an object).

    With a key of one's own at OpenRouter (`is_byok`) `cost` is only its fee: what the upstream
    charged is added, because both are paid.
    """
    cost = usage.get("cost")
    if cost is None:
        return _picousd_of_ticks(usage.get("cost_in_usd_ticks"))
    reported = picousd(cost.get("total_cost") if isinstance(cost, Mapping) else cost)
    if usage.get("is_byok") is True and reported is not None:
        upstream = picousd(mapping(usage.get("cost_details")).get("upstream_inference_cost"))
        reported += upstream or 0
    return reported


def _picousd_of_ticks(ticks: Any) -> int | None:
    """A cost of xAI, in pico-dollars: 10,000,000,000 ticks are a dollar (xAI API reference, `usage`)."""
    if isinstance(ticks, str) and ticks.isascii() and ticks.isdecimal() and len(ticks) <= _MOST_DIGITS:
        ticks = int(ticks)
    if type(ticks) is not int or not 0 <= ticks <= MAX_PICOUSD // _PICOUSD_A_TICK:
        return None
    return ticks * _PICOUSD_A_TICK


_PICOUSD_A_TICK: Final = 100
_MOST_DIGITS: Final = 20


def call_from_chat(body: Record, provider: str | None = None) -> Call:
    """One call from a chat completion, text completion, run or the last chunk of a stream.

    Raises Skip for impossible usage. `provider` is who is known to have answered.
    """
    model, response_id = model_name(body.get("model")), text(body.get("id"))
    call = Call(
        ts=timestamp_us(body.get("created") or body.get("created_at")),
        response_id=response_id,
        model=model,
        service_tier=text(body.get("service_tier")),
        final=_finished(body),
    )
    usage = body.get("usage")
    if not isinstance(usage, Mapping):
        usage = mapping(mapping(body.get("x_groq")).get("usage")) or _usage_in_choices(body)
        usage = usage or mapping(body.get("token_usage"))  # a row of Bifrost's log
    set_chat_usage(call, usage, "xai" if model and model.startswith(OWN_MODELS) else provider)
    if call.stated is not None and call.stated.cache_read is None:
        call.stated.cache_read = _cached_at_fireworks(body)
    if response_id is not None and response_id.startswith("gen-") and "provider" in body:
        call.provider, call.gateway = text(body.get("provider")), "openrouter"
    metadata = body.get("metadata")
    if isinstance(metadata, Mapping):
        call.feature = text(metadata.get("feature"))
    error = body.get("error")
    if isinstance(error, Mapping) and not is_counted(call):
        call.status, call.error_code = Status.ERROR.value, error_code(error)
    return call


def _cached_at_fireworks(body: Record) -> int | None:
    """What Fireworks read from its cache, which its usage leaves out (`perf_metrics_in_response`)."""
    performance = mapping(body.get("perf_metrics"))
    return count(performance.get("cached-prompt-tokens"), "cached-prompt-tokens")


def _usage_in_choices(body: Record) -> Mapping[str, Any]:
    """The usage in the last choice that has one, as Moonshot streams it; empty where there is none."""
    choices = body.get("choices")
    if not isinstance(choices, list):
        return {}
    found = (mapping(choice.get("usage")) for choice in reversed(choices) if isinstance(choice, Mapping))
    return next((usage for usage in found if usage), {})


def call_from_embeddings(body: Record) -> Call:
    """One call from an embeddings list: input only. Voyage states only a total."""
    usage = mapping(body.get("usage"))
    if usage.get("prompt_tokens") is None:
        usage = {**usage, "prompt_tokens": usage.get("total_tokens")}
    call = Call(response_id=text(body.get("id")), model=model_name(body.get("model")), final=True)
    call.ts = timestamp_us(body.get("created"))
    return set_chat_usage(call, usage)


def error_code(error: Mapping[str, Any]) -> str | None:
    """The short code of an error object: its code, else its type."""
    return text(error.get("code")) or text(error.get("type")) or text(error.get("status"))


def is_chat(record: Record) -> bool:
    """True for the bodies that `calls_from_chat` reads."""
    kind = record.get("object")
    if isinstance(kind, str):
        if kind == "list":
            return _is_embeddings(record) or bool(_stored(record))
        return kind in OBJECTS
    return isinstance(record.get("choices"), list) and isinstance(record.get("usage"), Mapping)


def calls_from_chat(body: Record, provider: str | None = None) -> list[Call]:
    """The calls of one body: one, or as many as a list of stored completions holds.

    A stream logged chunk by chunk gives a call for its first chunk, its last and the one with
    usage; they share the response id and merge. The chunks between them, and a run that has not
    ended, are no call.
    """
    kind = body.get("object")
    if kind == "list":
        if _is_embeddings(body):
            return [call_from_embeddings(body)]
        return [call_from_chat(b, provider) for b in _stored(body)]
    call = call_from_chat(body, provider)
    if kind == CHUNK and not is_counted(call) and not (call.response_id and _marks_an_end(body)):
        return []
    if kind == "thread.run" and not is_counted(call):
        return []
    return [call]


def _largest(name: str, *values: Any) -> int | None:
    numbers = [number for value in values if (number := count(value, name)) is not None]
    return max(numbers, default=None)


def _finished(body: Record) -> bool | None:
    """True when a choice has its finish reason, False when choices say that there is none yet."""
    choices = body.get("choices")
    if not isinstance(choices, list) or not choices:
        return None
    return any(isinstance(c, Mapping) and c.get("finish_reason") is not None for c in choices)


def _marks_an_end(chunk: Record) -> bool:
    choices = chunk.get("choices")
    if not isinstance(choices, list):
        return False
    ends = (c for c in choices if isinstance(c, Mapping))
    return any(c.get("finish_reason") is not None or mapping(c.get("delta")).get("role") for c in ends)


def _is_embeddings(record: Record) -> bool:
    return isinstance(record.get("usage"), Mapping) and "model" in record


def _stored(record: Record) -> list[Record]:
    data = record.get("data")
    if not isinstance(data, list):
        return []
    return [b for b in data if isinstance(b, Mapping) and b.get("object") == "chat.completion"]


ADAPTER: Final = Adapter(
    name="openai-chat",
    title="OpenAI chat completions, completions and embeddings: response bodies, of any compatible host",
    matches=is_chat,
    calls=calls_from_chat,
    needs=("object", "model", "usage"),
)
