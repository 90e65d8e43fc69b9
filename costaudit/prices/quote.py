"""Pricing one call: every token class on its own line, with the row of the book that priced it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from costaudit.money import EXACT, usd_for
from costaudit.prices.book import PriceBook
from costaudit.prices.cards import Card, timeline_of
from costaudit.prices.conditions import STANDARD
from costaudit.prices.resolver import Resolved, Resolver, Unresolved
from costaudit.prices.rows import UNIT_CLASSES
from costaudit.schema import INPUT_SIDE


@dataclass(frozen=True, slots=True)
class Line:
    """The cost of one class."""

    klass: str
    tokens: int
    """Tokens, or units for counted tools."""
    usd_per_mtok: Decimal
    """USD per 1M tokens, or per unit for counted tools."""
    usd: Decimal
    rate_id: str


@dataclass(frozen=True, slots=True)
class Quote:
    """A priced call."""

    name: str
    resolved: Resolved
    at: int
    """Microseconds UTC."""
    card: Card
    lines: tuple[Line, ...]

    @property
    def list_usd(self) -> Decimal:
        """The whole call."""
        return sum((line.usd for line in self.lines), Decimal(0))


@dataclass(frozen=True, slots=True)
class NoQuote:
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
    tier: str = STANDARD,
    region: str = "",
    speed: str = "",
) -> Quote | NoQuote:
    """Price the counts (by price class) of one call of a model, named as in logs, at an instant."""
    provider, _, _ = name.partition("/")
    known = provider.lower() in book.provider_by_log_name and "/" in name
    resolved = resolver.resolve(provider if known else None, name, at)
    if isinstance(resolved, Unresolved):
        return NoQuote(name, resolved.reason.value, resolved.detail)
    timeline = timeline_of(book, (resolved.provider, resolved.model), tier, region or resolved.region, speed)
    card = timeline.at(at, sum(counts.get(c, 0) for c in INPUT_SIDE))
    if isinstance(card, str):
        return NoQuote(name, card, f"{resolved.provider}/{resolved.model}")
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
