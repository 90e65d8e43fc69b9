"""What leaves a block tells cards, reasons and offers by ids: numbers are those of one plan in one process.

So the results of several processes add up, whatever each of them met first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Final

import msgspec
import numpy as np

from costaudit.engine.ledger import Cells
from costaudit.engine.plan import Plan
from costaudit.prices.cards import Card
from costaudit.routing.offers import NONE
from costaudit.routing.terms import Terms

_CARDS: Final = ("card", "verify")
_OFFERS: Final = ("route_same", "route_any")
_REASON: Final = "reason:"


class ToldOffer(msgspec.Struct, frozen=True):
    """An offer, with its cards by their ids."""

    card: str
    checker: str | None
    fallback: str | None
    terms: Terms
    fallback_terms: Terms

    @property
    def id(self) -> str:
        """The id of its card, and what tells it from other offers of that."""
        rest = hashlib.blake2b(msgspec.json.encode(self), digest_size=8).hexdigest()
        return f"{self.card} {rest}"


class Told(msgspec.Struct):
    """Cards and offers by their ids."""

    cards: dict[str, Card] = msgspec.field(default_factory=dict)
    offers: dict[str, ToldOffer] = msgspec.field(default_factory=dict)

    def take(self, other: Told) -> None:
        """Take in what another block tells."""
        self.cards.update(other.cards)
        self.offers.update(other.offers)

    # Numbers to ids

    def by_id(self, cells: Cells, plan: Plan) -> Cells:
        """Cells with ids in the place of the numbers of a plan."""
        return _translated(cells, lambda n: self._card_id(n, plan), lambda n: self._offer_id(n, plan))

    def _card_id(self, number: int, plan: Plan) -> str:
        if number < 0:
            return _REASON + plan.prices.reasons[-1 - number]
        card = plan.prices.cards[number]
        self.cards[card.id] = card
        return card.id

    def _offer_id(self, number: int, plan: Plan) -> str:
        offer = plan.offering.offers[number]
        checker, fallback = (
            None if card == NONE else self._card_id(card, plan) for card in (offer.checker, offer.fallback)
        )
        card = self._card_id(offer.card, plan)
        told = ToldOffer(card, checker, fallback, offer.terms, offer.fallback_terms)
        self.offers[told.id] = told
        return told.id

    # Ids to numbers

    def by_number(self, cells: Cells, plan: Plan) -> Cells:
        """Cells with the numbers of a plan in the place of ids; it learns what it did not know."""
        keys, values = dict(cells.keys), dict(cells.values)
        for names, number_of in ((_CARDS, self._card_number), (_OFFERS, self._offer_number)):
            for name in names:
                if name in values:
                    words = values.pop(name)
                    numbers = [NONE if word is None else number_of(word, plan) for word in words]
                    keys[name] = np.array(numbers, np.int32)[cells.keys[name]]
        return Cells(keys, values, cells.measures)

    def _card_number(self, ident: str, plan: Plan) -> int:
        if ident.startswith(_REASON):
            return plan.prices.reason_code(ident.removeprefix(_REASON))
        return plan.prices.card_number(self.cards[ident])

    def _offer_number(self, ident: str, plan: Plan) -> int:
        told = self.offers[ident]
        checker, fallback = (
            NONE if card is None else self._card_number(card, plan) for card in (told.checker, told.fallback)
        )
        card = self._card_number(told.card, plan)
        return plan.offering.offer_number(card, told.terms, checker, fallback, told.fallback_terms)


def _translated(cells: Cells, card_id: Callable[[int], str], offer_id: Callable[[int], str]) -> Cells:
    keys, values = dict(cells.keys), dict(cells.values)
    for name, ident_of in (*((n, card_id) for n in _CARDS), *((n, offer_id) for n in _OFFERS)):
        if name not in keys:
            continue
        numbers, codes = np.unique(cells.keys[name], return_inverse=True)
        absent = NONE if name != "card" else None
        values[name] = tuple(None if n == absent else ident_of(n) for n in numbers.tolist())
        keys[name] = codes.astype(np.int32)
    return Cells(keys, values, cells.measures)
