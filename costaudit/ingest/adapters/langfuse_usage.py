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

from costaudit.ingest.by_words import PARTS, target_of_words
from costaudit.ingest.meaning import includes
from costaudit.ingest.naming import words_of
from costaudit.ingest.unused import unused_numbers
from costaudit.ingest.usage import count
from costaudit.schema import Call, Quality
from costaudit.stated import Stated

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
    "input_image": ("input_image", "input_image_tokens", "prompt_details.image"),
    "output_image": ("output_image", "output_image_tokens", "completion_details.image"),
    "web_searches": ("web_search_requests",),
}
"""What each key counts. Other `input…` and `output…` keys are parts of the two sides at their own price."""

_SIDES: Final = ("input", "output")

_KIND: Final = {name: kind for kind, names in KINDS.items() for name in names}


def set_usage_details(call: Call, details: Mapping[str, Any]) -> Call:
    """Note the counts of a `usageDetails` object. Raises Skip for impossible counts."""
    n = _by_kind(details)
    call.web_searches = n.pop("web_searches", 0)
    if "prompt" not in n and "completion" not in n and "total" not in n:
        call.quality = Quality.NONE.value
        return call
    total_alone = "prompt" not in n and "completion" not in n
    if total_alone:  # it says how much, not of what
        n["prompt"] = n["total"]
    call.stated = Stated(
        **n,
        includes=includes(None, "langfuse"),
        as_one=True,
        zeros_are_nothing=True,
        doubt_from=0 if total_alone else None,
        unused=unused_numbers(details, _KIND.keys() | {n for n in details if _kind_by_words(n) is not None}),
    )
    return call


def _kind_by_words(name: str) -> str | None:
    """What a name that is not among these counts: a part that its words speak of, or one of a side."""
    target = target_of_words(words_of(name) | {"tokens"})
    if target in PARTS:
        return "write_5m" if target == "written" else target
    return next((f"{side}_other" for side in _SIDES if name.startswith(side)), None)


def _by_kind(details: Mapping[str, Any]) -> dict[str, Any]:
    """Counts by kind: the names of `Stated`, and web_searches."""
    found: dict[str, int] = {}
    for name, value in details.items():
        number = count(value, name)
        kind = _KIND.get(name) or _kind_by_words(name)
        if number is not None and kind is not None:
            found[kind] = found.get(kind, 0) + number
    return found
