"""Counts under names that no format knows: what the words of a name say, where nothing else states the count.

New libraries spell what they count in ways of their own (`cache_read_tokens`, `cachedInputTokens`,
`cache_write_input_tokens`), and a count that is not read is billed as something else: cached tokens as fresh
ones, at ten times their price.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from typing import Final

from costaudit.schema import MAX_COUNT
from costaudit.stated import Stated

_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+[hmHM](?![a-z])|\d+")
_CACHED: Final = frozenset({"cached", "cache", "caching"})
_WRITTEN: Final = frozenset({"write", "writes", "written", "creation", "create", "created", "creating"})
_READ: Final = frozenset({"read", "reads", "hit", "hits", "cached"})
_THOUGHT: Final = frozenset({"reasoning", "thinking", "thought", "thoughts"})
_NO_COUNT: Final = frozenset({
    "cost", "costs", "price", "prices", "usd", "ratio", "rate", "percent", "percentage", "saved", "savings",
    "miss", "misses", "budget", "limit", "max", "audio", "image", "images", "ttl", "control",
})  # fmt: skip
"""Words of a name that is about something else than how many tokens."""


@lru_cache(maxsize=1 << 12)
def target_of(name: str) -> str | None:
    """The count of `Stated` that the words of a name speak of; None where they speak of none.

    >>> [target_of(n) for n in ("cache_read_tokens", "cacheWriteInputTokens", "details.cached_tokens")]
    ['cache_read', 'written', 'cache_read']
    >>> [target_of(n) for n in ("cache_creation_1h_tokens", "thinkingTokens", "cache_cost", "video_tokens")]
    ['write_1h', 'reasoning', None, None]
    """
    words = {word.lower() for word in _WORD.findall(name)}
    if not words.isdisjoint(_NO_COUNT):
        return None
    if not words.isdisjoint(_CACHED):
        if not words.isdisjoint(_WRITTEN):
            return "write_1h" if "1h" in words else "write_5m" if "5m" in words else "written"
        return None if words.isdisjoint(_READ) else "cache_read"
    return None if words.isdisjoint(_THOUGHT) or "tokens" not in words else "reasoning"


def take_by_words(stated: Stated) -> None:
    """Move numbers that nobody reads into the counts that their names speak of and that nothing else states.

    Of several for one count the largest: libraries state the same number under an old and a new name.
    """
    if stated.unused is None:
        return
    found: dict[str, int] = {}
    taken = set()
    for name, number in stated.unused.items():
        target = target_of(name)
        if target is not None and _is_free(stated, target) and _is_count(number):
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
