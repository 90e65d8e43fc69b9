"""Pricing one call: every token class on its own line, with the row of the book that priced it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

import msgspec

from costaudit.money import EXACT, usd_for
from costaudit.prices.book import PriceBook
from costaudit.prices.cards import Card, name_timeline
from costaudit.prices.conditions import ANYWHERE, STANDARD, is_everywhere
from costaudit.prices.resolver import Resolved, Resolver, Unresolved
from costaudit.prices.rows import UNIT_CLASSES
from costaudit.tokens import INPUT_SIDE

REQUEST: Final = "request"
"""The class of a fee per request."""


class Line(msgspec.Struct, frozen=True):
    """The cost of one class."""

    klass: str
    tokens: int
    """Tokens, or units for counted tools."""
    usd_per_mtok: Decimal
    """USD per 1M tokens, or per unit for counted tools."""
    usd: Decimal
    rate_id: str


class Quote(msgspec.Struct, frozen=True):
    """A priced call."""

    name: str
    resolved: Resolved
    at: int
    """Microseconds UTC."""
    card: Card
    lines: tuple[Line, ...]

    def conditions(self, name: str) -> frozenset[str]:
        """The regions, or the speed or mode, that rows of the card are for."""
        words = "speed|mode" if name == "speed" else name
        found = re.findall(
            rf"(?:{words})=([^\]\s]+)", " ".join(rate.rate_id for rate in self.card.rates.values())
        )
        return frozenset(found)

    def is_priced_by(self, name: str, value: str) -> bool:
        """Whether a stated region or speed is one that the card is for, or the standard one."""
        listed = self.conditions(name)
        return value in listed or (name == "region" and (ANYWHERE in listed or is_everywhere(value)))

    @property
    def list_usd(self) -> Decimal:
        """The whole call."""
        return sum((line.usd for line in self.lines), Decimal(0))


class NoQuote(msgspec.Struct, frozen=True):
    """A call that has no price, and why."""

    name: str
    reason: str
    detail: str


def quote(  # noqa: PLR0913 - the conditions of a price
    book: PriceBook,
    resolver: Resolver,
    name: str,
    counts: Mapping[str, int],
    at: int,
    *,
    provider: str | None = None,
    tier: str = STANDARD,
    region: str = "",
    speed: str = "",
) -> Quote | NoQuote:
    """Price the counts (by price class) of one call of a model, named as in logs, at an instant.

    Without a provider, one that the name starts with is taken (`openai/gpt-4o`).

    A model with a fee per request is billed it once; a class without a price makes the call unpriced.
    """
    named = (provider, name) if provider else split_name(book, name)
    resolved = resolver.resolve(*named, at)
    if isinstance(resolved, Unresolved):
        return NoQuote(name, resolved.reason.value, resolved.detail)
    timeline = name_timeline(book, ((0, resolved),), tier, region, speed)
    card = timeline.at(at, sum(counts.get(c, 0) for c in INPUT_SIDE))
    if isinstance(card, str):
        facts = book.facts.get((resolved.provider, resolved.model))
        after = f"; its successor is {facts.successor}" if facts and facts.successor else ""
        return NoQuote(name, card, f"{resolved.provider}/{resolved.model}{after}")
    if REQUEST in card.rates and REQUEST not in counts:
        counts = {**counts, REQUEST: 1}
    lines = []
    for klass, number in counts.items():
        if not number:
            continue
        rate = card.rates.get(klass)
        if rate is None:
            return NoQuote(name, "no_price_for_token_class", f"{card.id} has no price for {klass}")
        usd = (
            EXACT.multiply(rate.usd, Decimal(number)) if klass in UNIT_CLASSES else usd_for(number, rate.usd)
        )
        lines.append(Line(klass, number, rate.usd, usd, rate.rate_id))
    return Quote(name, resolved, at, card, tuple(lines))


def split_name(book: PriceBook, name: str) -> tuple[str | None, str]:
    """A provider and the name, where the name starts with a provider that the book knows."""
    provider, slash, _ = name.partition("/")
    return (provider if slash and provider.lower() in book.provider_by_log_name else None), name
