"""The conditions under which a price row holds: what stands in the `when` column of a price table."""

from __future__ import annotations

import functools
import re
from collections.abc import Container
from typing import Final

import msgspec

from costaudit.errors import did_you_mean

STANDARD: Final = "standard"
"""The service tier of a request that asked for none."""

TIERS: Final = ("batch", "flex", "priority")
"""Service tiers that have prices of their own."""

FAST: Final = "fast"
"""The speed that is sold apart; other words of `When.speed` are modes."""

ANYWHERE: Final = "*"
"""In `region=*`: wherever a request says that it was served, unless everywhere."""

_EVERYWHERE: Final = frozenset({"", "global"})
"""What stands for a region where requests go to any of them, at the standard price."""

_CONTEXT = re.compile(r"context>(=?)(\d+)")


class When(msgspec.Struct, frozen=True, order=True):
    """One point of the orthogonal conditions; every field at its default is the standard price."""

    context_over: int = -1
    """Holds for requests whose input side has more tokens than this; -1 for any."""
    tier: str = STANDARD
    window: str = ""
    region: str = ""
    """Where it was served; ANYWHERE for every stated region without a row of its own, but the global one."""
    speed: str = ""
    """How it was served: `fast`, or a mode (`thinking`, the size of a search). A request has one at most."""

    def __str__(self) -> str:
        """The text form, as in the table."""
        parts = [f"context>{self.context_over}"] if self.context_over >= 0 else []
        parts += [f"tier={self.tier}"] if self.tier != STANDARD else []
        parts += [f"{name}={value}" for name in ("window", "region") if (value := getattr(self, name))]
        parts += [f"{'speed' if self.speed == FAST else 'mode'}={self.speed}"] if self.speed else []
        return " ".join(parts)


STANDARD_WHEN: Final = When()
"""No conditions at all."""


@functools.lru_cache(maxsize=1024)
def parse_when(text: str) -> When:
    """Read a `when` cell; raises ValueError that says what is wrong.

    >>> parse_when("context>=200000 tier=batch")
    When(context_over=199999, tier='batch', window='', region='', speed='')
    """
    found: dict[str, str | int] = {}
    for word in text.split():
        context = _CONTEXT.fullmatch(word)
        name, equals, value = word.partition("=")
        if context:
            name, parsed = "context_over", int(context[2]) - (1 if context[1] else 0)
            _once(found, name, parsed)
        elif equals and value and name in ("tier", "window", "region", "speed", "mode"):
            if name == "tier" and value not in TIERS:
                raise ValueError(f"unknown tier {value!r}" + _hint(value, TIERS))
            if (name == "mode") == (value == FAST) and name in ("mode", "speed"):
                raise ValueError(f"{word!r}: fast mode is speed={FAST}, every other mode is mode=NAME")
            _once(found, "speed" if name == "mode" else name, value)
        else:
            known = ("context", "tier", "window", "region", "speed", "mode")
            raise ValueError(f"unknown condition {word!r}" + _hint(name, known))
    return When(**found)  # type: ignore[arg-type]  # the keys are fields, the values checked above


def _once(found: dict[str, str | int], name: str, value: str | int) -> None:
    if name in found:
        raise ValueError(f"condition {name!r} stands twice")
    found[name] = value


def _hint(word: str, known: tuple[str, ...]) -> str:
    hint = did_you_mean(word, known)
    return f": {hint}" if hint else ""


TIER_NAMES: Final = {
    "": STANDARD, "auto": STANDARD, "default": STANDARD, "standard": STANDARD, "standard_only": STANDARD,
    "on_demand": STANDARD, "on-demand": STANDARD, "ondemand": STANDARD, "performance": STANDARD,
    "scale": STANDARD,
    "batch": "batch", "flex": "flex", "priority": "priority", "fast": "priority",
}  # fmt: skip
"""The tier that prices go by, for every word that logs use."""


def listed_region(region: str, listed: Container[str]) -> str:
    """The region of a price list by which a stated region is billed; empty for the standard price.

    >>> [listed_region(name, ("", "eu", "*")) for name in ("eu", "us-east5", "global")]
    ['eu', '*', '']
    """
    if region in listed:
        return region
    return ANYWHERE if ANYWHERE in listed and not is_everywhere(region) else ""


def is_everywhere(region: str) -> bool:
    """Whether a stated region is the one that stands for all: requests of it go to any."""
    return region.lower() in _EVERYWHERE


def service_tier(logged: str | None) -> str:
    """The tier that a logged service tier is billed as; an unknown word stands for itself.

    OpenAI renamed `priority` to `fast` on 2026-07-30; Anthropic reports `batch`, Groq `on_demand`.

    >>> service_tier("default"), service_tier("fast"), service_tier("gold")
    ('standard', 'priority', 'gold')
    """
    word = (logged or "").strip().lower()
    return TIER_NAMES.get(word, word)
