"""The model of a seat that is in service at a time, with its prices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal

import msgspec

from costaudit.errors import ConfigError
from costaudit.money import EXACT
from costaudit.prices.book import PriceBook
from costaudit.prices.cards import Card, PriceStretch, Timeline
from costaudit.prices.conditions import STANDARD
from costaudit.prices.resolver import Resolved, Resolver
from costaudit.prices.rows import UNIT_CLASSES
from costaudit.questions.exports.model import Absent, ServingModel
from costaudit.routing.candidates import candidate_timeline, candidates_of, knows
from costaudit.routing.policy import Policy, Seat

NO_PRICE = "no_price"
"""Why a model without an input or an output price cannot be ordered by cost."""


class Market(msgspec.Struct, frozen=True):
    """What is to be had at a time: the book, the instant, and what the order of prices is for."""

    book: PriceBook
    resolver: Resolver
    at: int
    """Microseconds UTC."""
    mix: tuple[int, int] = (3, 1)
    """Parts of input and of output."""

    def place(self, seat: Seat) -> ServingModel | Absent:
        """The newest model of a seat that is in service; raises ConfigError for what is not in the book."""
        (candidate,) = candidates_of([seat], self.book)
        timeline = candidate_timeline(candidate, self.book, self.resolver, STANDARD)
        card = timeline.at(self.at, 0)
        if isinstance(card, str):
            return Absent(models=list(seat), reason=card)
        if not {"input", "output"} <= card.rates.keys():
            return Absent(models=list(seat), reason=NO_PRICE)
        facts = self.book.facts.get((card.provider, card.model))
        return ServingModel(
            model=self._named(seat, card),
            provider=candidate.provider,
            book_model=card.model,
            usd_per_mtok=dict(_by_class([card])),
            most_usd_per_mtok=dict(_by_class(_cards(timeline, self.at))),
            context_window=facts.context_window if facts else None,
            max_output=facts.max_output if facts else None,
        )

    def _named(self, seat: Seat, card: Card) -> str:
        """The member of a seat that stands for a card at this time."""
        for name in reversed(seat):
            provider, _, model = name.partition("/")
            found = self.resolver.resolve(provider, model, self.at)
            if isinstance(found, Resolved) and (found.provider, found.model) == (card.provider, card.model):
                return name
        raise AssertionError(f"{card.id} is of none of {seat}")

    def current(self, name: str) -> ServingModel:
        """The model that serves today; raises ConfigError when it is not in service."""
        if "/" not in name:
            raise ConfigError(f"{name!r} is not PROVIDER/MODEL", hint="like openai/gpt-4o")
        found = self.place((name,))
        if isinstance(found, Absent):
            raise ConfigError(f"{name} cannot serve: {found.reason}", hint="see costaudit pricing show")
        return found

    def known(self, seats: Iterable[Seat], policy: Policy, *, named: bool) -> Iterator[Seat]:
        """The seats as they are or, of the shipped roster, what the book has: one's own book is smaller."""
        for seat in seats:
            kept = seat
            if policy.roster is None and not named:
                kept = tuple(name for name in seat if knows(name, self.book, self.resolver))
            if kept:
                yield kept

    def cost(self, place: ServingModel) -> Decimal:
        """What so many million tokens of the mix cost, to order models by."""
        read, written = (Decimal(part) for part in self.mix)
        return EXACT.add(
            EXACT.multiply(read, place.usd_per_mtok["input"]),
            EXACT.multiply(written, place.usd_per_mtok["output"]),
        )


def _cards(timeline: Timeline, at: int) -> Iterator[Card]:
    """Every card of the stretch of time that an instant is in."""
    segment: PriceStretch = next(s for s in reversed(timeline.segments) if s.start <= at)
    for ladder in segment.ladders.values():
        yield from (step.card for step in ladder)


def _by_class(cards: Iterable[Card]) -> Iterator[tuple[str, Decimal]]:
    """The dearest price of every token class."""
    prices: dict[str, Decimal] = {}
    for card in cards:
        for klass, rate in card.rates.items():
            if klass not in UNIT_CLASSES:
                prices[klass] = max(prices.get(klass, rate.usd), rate.usd)
    yield from sorted(prices.items())
