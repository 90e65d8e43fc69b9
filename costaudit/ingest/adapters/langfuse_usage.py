"""Langfuse's `usageDetails`: free keys, whose own total tells how they are meant.

Keys are disjoint when Langfuse took them from OpenTelemetry or from an OpenAI usage object (`input`
without the cached tokens, `output` without reasoning), and inclusive when a team sent them so. With
all keys but `total` adding up to it they are disjoint; with `input + output = total` the other keys
are parts of those two; above every sum, the rest is thinking that no key states (a real row: input 5,
output 845, total 2023). Without a total the keys are read as disjoint, Langfuse's own rule for prices.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from costaudit.ingest.adapters.row_facts import without_counts
from costaudit.ingest.usage import count, set_usage
from costaudit.schema import Call, Quality, Reading

KINDS: Final = {
    "prompt": ("input", "input_tokens", "prompt", "prompt_tokens", "promptTokens", "inputTokens"),
    "completion": (
        "output",
        "output_tokens",
        "completion",
        "completion_tokens",
        "completionTokens",
        "outputTokens",
    ),
    "total": ("total", "total_tokens", "totalTokens"),
    "cache_read": (
        "input_cached_tokens",
        "input_cache_read",
        "input_cached",
        "input_cache_read_tokens",
        "cache_read_input_tokens",
        "cached_tokens",
        "prompt_details.cache_read",
        "prompt_details.cache_input",
        "cached_content_token_count",
    ),
    "write_5m": (
        "input_cache_creation",
        "input_cache_creation_5m",
        "input_cache_write",
        "input_cache_write_tokens",
        "cache_creation_input_tokens",
        "prompt_details.cache_write",
    ),
    "write_1h": ("input_cache_creation_1h",),
    "reasoning": (
        "output_reasoning_tokens",
        "output_reasoning",
        "reasoning_tokens",
        "completion_details.reasoning",
        "thoughts_token_count",
    ),
    "input_audio": ("input_audio", "input_audio_tokens", "prompt_details.audio"),
    "output_audio": ("output_audio", "output_audio_tokens", "completion_details.audio"),
    "web_searches": ("web_search_requests",),
}
"""What each key counts. Other `input…` and `output…` keys are parts of the two sides at their own price."""

_KIND: Final = {name: kind for kind, names in KINDS.items() for name in names}

INPUT_PARTS: Final = ("cache_read", "write_5m", "write_1h", "input_audio", "more_input")
OUTPUT_PARTS: Final = ("reasoning", "output_audio", "more_output")


def set_usage_details(call: Call, details: Mapping[str, Any]) -> Call:
    """Fill the call's classes from a `usageDetails` object. Raises Skip for impossible counts."""
    n = _by_kind(details)
    n.pop("web_searches", 0)
    call.web_searches = count(details.get("web_search_requests"), "web_search_requests") or 0
    if "prompt" not in n and "completion" not in n and "total" not in n:
        call.quality = Quality.NONE.value
        return call
    if "prompt" not in n and "completion" not in n:  # a total alone says how much, not of what
        n["prompt"], call.quality = n["total"], Quality.PARTIAL.value
    total = n.pop("total", None)
    p, c = n.get("prompt", 0), n.get("completion", 0)
    parts = sum(n.get(k, 0) for k in (*INPUT_PARTS, *OUTPUT_PARTS))
    if parts and (total is None or total == p + c + parts):
        _set_disjoint(call, n)
    else:
        _set_by_total(call, n, total)
    if parts and total is None and sum(n.get(k, 0) for k in INPUT_PARTS) <= p:
        call.reading = Reading.AMBIGUOUS.value
    without_counts(call)
    return call


def _by_kind(details: Mapping[str, Any]) -> dict[str, int]:
    found: dict[str, int] = {}
    for name, value in details.items():
        number = count(value, name)
        kind = _KIND.get(name)
        if kind is None and name.startswith(("input", "output")):
            kind = "more_input" if name.startswith("input") else "more_output"
        if number is not None and kind is not None:
            found[kind] = found.get(kind, 0) + number
    return found


def _set_disjoint(call: Call, n: Mapping[str, int]) -> None:
    """Every key counts tokens of its own: made inclusive on both sides first."""
    outside_in = sum(n.get(k, 0) for k in INPUT_PARTS)
    outside_out = sum(n.get(k, 0) for k in OUTPUT_PARTS)
    _set(call, n, n.get("prompt", 0) + outside_in, n.get("completion", 0) + outside_out, None)
    call.reading = Reading.EXCLUSIVE.value


def _set_by_total(call: Call, n: Mapping[str, int], total: int | None) -> None:
    _set(call, n, n.get("prompt"), n.get("completion"), total)


def _set(
    call: Call, n: Mapping[str, int], prompt: int | None, completion: int | None, total: int | None
) -> None:
    quality = call.quality
    set_usage(
        call,
        prompt=prompt,
        completion=completion,
        total=total,
        cache_read=n.get("cache_read"),
        write_5m=n.get("write_5m"),
        write_1h=n.get("write_1h"),
        reasoning=n.get("reasoning"),
        input_audio=n.get("input_audio"),
        output_audio=n.get("output_audio"),
    )
    if quality == Quality.PARTIAL:
        call.quality = quality
