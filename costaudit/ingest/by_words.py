"""Counts under names that no format knows: what the words of a name say, where nothing else states the count.

New libraries spell what they count in ways of their own (`cache_read_tokens`, `cachedInputTokens`,
`cache_write_input_tokens`), and a count that is not read is billed as something else: cached tokens as fresh
ones, at ten times their price.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from decimal import Decimal
from functools import lru_cache
from typing import Final

from costaudit.ingest.naming import words_of
from costaudit.schema import MAX_COUNT
from costaudit.stated import Stated

TOKENS: Final = frozenset({"token", "tokens", "toks", "tok"})
_CACHED: Final = frozenset({"cached", "cache", "caching", "caches"})
_WRITTEN: Final = frozenset({"write", "writes", "written", "creation", "create", "created", "creating"})
_READ: Final = frozenset({"read", "reads"})
_HIT: Final = frozenset({"hit", "hits", "cached"})
"""Words that also speak of how often, or whether: tokens must be named beside them."""
_THOUGHT: Final = frozenset({"reasoning", "thinking", "thought", "thoughts"})
_MEDIA: Final = {"audio": "audio", "image": "image", "images": "image"}
_ASKED: Final = frozenset({"input", "inputs", "prompt", "prompts", "in", "sent", "request"})
_ANSWERED: Final = frozenset({
    "output", "outputs", "completion", "completions", "out", "generated", "generation", "response",
    "received", "candidates",
})  # fmt: skip
_ALL: Final = frozenset({"total", "all", "overall"})
_SEARCHES: Final = (frozenset({"web", "search"}), frozenset({"web", "searches"}))
_ANEW: Final = frozenset({"no", "non", "not", "uncached", "fresh"})
_TOOLS: Final = frozenset({"tool", "tools"})
_NO_COUNT: Final = _TOOLS | frozenset({
    "cost", "costs", "price", "prices", "usd", "ratio", "rate", "percent", "percentage", "saved", "savings",
    "miss", "misses", "budget", "limit", "limits", "max", "maximum", "min", "ttl", "control", "avg", "mean",
    "average", "per", "remaining", "estimated", "estimate", "session", "cumulative", "previous", "last",
    "quota", "second", "seconds", "ms", "throughput", "characters", "chars", "with", "without", "w", "incl",
    "including", "excl", "excluding",
})  # fmt: skip
"""Words of a name that is about something else than how many tokens one request has."""
NEUTRAL: Final = frozenset({
    "num", "number", "of", "the", "count", "counts", "n", "nb", "nr", "usage", "used", "llm", "model", "ai",
    "gen", "api", "billed", "details", "detail", "metadata", "info", "stats", "from", "1", "consumed",
})  # fmt: skip
"""Words that say nothing more of a count of one side."""

PARTS: Final = frozenset({
    "cache_read", "written", "write_5m", "write_1h", "reasoning", "input_audio", "output_audio",
    "input_image", "output_image", "cache_read_audio", "cache_read_image",
})  # fmt: skip
"""Counts that are a part of a side, or stand beside it."""

FRESH: Final = "fresh"
"""What is said of the prompt where cached tokens are left out of it."""


@lru_cache(maxsize=1 << 12)
def target_of(name: str) -> str | None:
    """The count that the words of a name speak of: a name of `Stated`, FRESH or web_searches; None for none.

    >>> [target_of(n) for n in ("cache_read_tokens", "cacheWriteInputTokens", "details.cached_tokens")]
    ['cache_read', 'written', 'cache_read']
    >>> [target_of(n) for n in ("cache_creation_1h_tokens", "thinkingTokens", "cache_cost", "video_tokens")]
    ['write_1h', 'reasoning', None, None]
    >>> [target_of(n) for n in ("promptTokens", "nb tokens out", "uncached_input_tokens", "prompt_limit")]
    ['prompt', 'completion', 'fresh', None]
    """
    return target_of_words(words_of(name))


def target_of_words(words: AbstractSet[str]) -> str | None:
    """The count that some words speak of, as `target_of` tells it."""
    if any(pair <= words for pair in _SEARCHES):
        return "web_searches" if words.isdisjoint(TOKENS | _NO_COUNT - _TOOLS) else None
    if not words.isdisjoint(_NO_COUNT):
        return None
    if not words.isdisjoint(_ANEW):
        return None if words.isdisjoint(TOKENS) or words.isdisjoint(_ASKED) else FRESH
    if not words.isdisjoint(_MEDIA):
        return _media(words)
    return _text(words) if words.isdisjoint(_CACHED) else _cached(words)


def _text(words: AbstractSet[str]) -> str | None:
    if words.isdisjoint(TOKENS):
        return None
    return _side(words) if words.isdisjoint(_THOUGHT) else "reasoning"


def _cached(words: AbstractSet[str]) -> str | None:
    if not words.isdisjoint(_WRITTEN):
        return "write_1h" if "1h" in words else "write_5m" if "5m" in words else "written"
    if words.isdisjoint(_READ) and (words.isdisjoint(_HIT) or words.isdisjoint(TOKENS)):
        return None
    return "cache_read"


def _media(words: AbstractSet[str]) -> str | None:
    """Sound and images, on one side or from the cache, counted as tokens."""
    kinds = {_MEDIA[word] for word in words & _MEDIA.keys()}
    if len(kinds) != 1 or words.isdisjoint(TOKENS) or not words.isdisjoint(_WRITTEN):
        return None
    (kind,) = kinds
    if not words.isdisjoint(_CACHED):
        return f"cache_read_{kind}"
    asked, answered = not words.isdisjoint(_ASKED), not words.isdisjoint(_ANSWERED)
    return None if asked == answered else f"{'input' if asked else 'output'}_{kind}"


def _side(words: AbstractSet[str]) -> str | None:
    """The whole of a side, or of both: where no further word says what of them."""
    asked, answered = words & _ASKED, words & _ANSWERED
    if words - NEUTRAL - TOKENS - _ALL - asked - answered or (asked and answered):
        return None
    return "prompt" if asked else "completion" if answered else "total"


def take_by_words(stated: Stated) -> None:
    """Move numbers that nobody reads into the parts that their names speak of and that nothing else states.

    Of several for one count the largest: libraries state the same number under an old and a new name.
    """
    if stated.unused is None:
        return
    found: dict[str, int] = {}
    taken = set()
    for name, number in stated.unused.items():
        target = target_of(name)
        if target in PARTS and _is_free(stated, target) and _is_count(number):
            found[target] = max(found.get(target, 0), int(number))
            taken.add(name)
    for target, value in found.items():
        setattr(stated, target, value)
    stated.unused = {n: v for n, v in stated.unused.items() if n not in taken} or None


def _is_free(stated: Stated, target: str) -> bool:
    """Whether nothing states a count, nor what it is a part of."""
    if target.startswith("writ"):
        return stated.written is None and stated.write_5m is None and stated.write_1h is None
    return getattr(stated, target) is None


def _is_count(number: Decimal) -> bool:
    return number == number.to_integral_value() and number <= MAX_COUNT
