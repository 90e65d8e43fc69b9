"""What hangs on which price: a ledger taken apart by the prices that it is multiplied with.

All of it is by list. A price is that of one model for one price class, in all its conditions; a cache read
that is billed as input hangs on the price of input.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import cached_property
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from costaudit.engine.costing import Costed, cost_cells
from costaudit.engine.exact import sum_by
from costaudit.engine.ledger import Cells
from costaudit.engine.plan import Plan
from costaudit.prices.cards import Card, Rate
from costaudit.prices.gateways import Gateways
from costaudit.prices.numbered import MEASURE, PRICED
from costaudit.questions.audit.moves.allocation import (
    Allocation,
    allocate,
    allocated_units,
    cells_at,
    condensed,
)
from costaudit.questions.audit.moves.reprice import with_cards, with_lost_caches
from costaudit.routing.offers import NO_ROUTE
from costaudit.routing.projection import exact_sum

Price = tuple[str, str]
"""provider/model of the book, and price class."""

_TO_UNITS = 10**6
"""From 1e-15 USD to the unit of amounts."""


def price_class(card: Card, name: str) -> str:
    """The class whose price a class of tokens is billed at: its own, or that of the input for some caches."""
    rate_id = card.rates[name].rate_id
    return next(n for n in PRICED if n in card.rates and card.rates[n].rate_id == rate_id)


def model_of(card: Card) -> str:
    """provider/model; empty for what no provider bills."""
    return f"{card.provider}/{card.model}" if card.model else ""


_PER_CELL: Final = (
    "priced", "billable", "list_units", "billed_units", "known_markup_units", "same_units", "any_units",
    "verified_units", "router_units", "cache_units", "reported", "known", "exact",
)  # fmt: skip


class Listed(msgspec.Struct, frozen=True, dict=True):
    """A log by list, added up by what decides it, with the routes of its projection."""

    plan: Plan
    cells: Cells
    costed: Costed
    routes: Allocation

    @classmethod
    def of(cls, cells: Cells, plan: Plan) -> Listed:
        """The ledger of a plan, taken by list whatever it reports."""
        few = condensed(cells)
        costed = cost_cells(few, plan, Gateways({}))
        return cls(plan, few, costed, allocate(costed))

    @classmethod
    def at(cls, listed: Listed, cells: Cells, plan: Plan) -> Listed:
        """The same log with the same routes, its cells at the prices of another plan."""
        routes = replace(listed.routes, cells=cells)
        return cls(plan, cells, cost_cells(cells, plan, Gateways({})), routes)

    @cached_property
    def before_units(self) -> int:
        """List cost of the log."""
        return exact_sum(self.costed.list_units)

    @cached_property
    def after_units(self) -> int:
        """The projection by list."""
        return exact_sum(allocated_units(self.costed, self.routes))

    @cached_property
    def used(self) -> npt.NDArray[np.bool_]:
        """Of every card of the plan, whether a request is served, routed or verified by it."""
        found = np.zeros(len(self.plan.prices.cards), bool)
        keys = self.routes.cells.keys
        for name in ("card", "verify"):
            found[np.unique(keys[name][keys[name] >= 0])] = True
        for number in np.unique(keys["route_any"][self.routes.moved]).tolist():
            found[list(self.plan.offering.offers[number].cards)] = True
        return found

    def touched(self, cards: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
        """The cells that some cards serve, are routed to, or verify."""
        keys = self.routes.cells.keys
        offers = np.array([any(cards[c] for c in offer.cards) for offer in self.plan.offering.offers], bool)
        hit = np.zeros(self.cells.rows, bool)
        for name in ("card", "verify"):
            hit |= (keys[name] >= 0) & cards[np.maximum(keys[name], 0)]
        if len(offers):
            taken = keys["route_any"]
            hit |= self.routes.moved & (taken != NO_ROUTE) & offers[np.maximum(taken, 0)]
        return np.flatnonzero(hit)

    def difference(self, changed: Mapping[int, Card], rows: npt.NDArray[np.intp]) -> tuple[int, int]:
        """What other cards on some numbers add to the list cost and to the projection, over some cells.

        The routes stay as they are.
        """
        routes = self.routes.at(rows)
        plan = with_cards(self.plan, changed)
        cells = with_lost_caches(routes.cells, plan, routes.cells, self.plan, signed=True)
        twin = cost_cells(cells, plan, Gateways({}))
        old_after = allocated_units(self._at(rows), routes)
        return (
            exact_sum(twin.list_units) - exact_sum(self.costed.list_units[rows]),
            exact_sum(allocated_units(twin, routes)) - exact_sum(old_after),
        )

    def _at(self, rows: npt.NDArray[np.intp]) -> Costed:
        one_each = {name: getattr(self.costed, name)[rows] for name in _PER_CELL}
        parts = {name: part[rows] for name, part in self.costed.parts.items()}
        return replace(self.costed, cells=cells_at(self.cells, rows), parts=parts, **one_each)


def list_by_price(listed: Listed) -> dict[Price, int]:
    """List cost of a log by the price that it is multiplied with; the parts add up to all of it."""
    card = listed.cells.keys["card"]
    rows = np.flatnonzero(card >= 0)
    rates = listed.plan.prices.rates().rates
    found: dict[Price, int] = {}
    size = len(listed.plan.prices.cards)
    for place, name in enumerate(PRICED):
        tokens = sum_by(card[rows].astype(np.intp), size, listed.cells.measures[MEASURE[name]][rows])
        for number in np.flatnonzero(tokens).tolist():
            used, units = (
                listed.plan.prices.cards[number],
                int(tokens[number]) * max(int(rates[number, place]), 0),
            )
            if units and used.model:
                price = (model_of(used), price_class(used, name))
                found[price] = found.get(price, 0) + units * _TO_UNITS
    return found


def after_by_price(listed: Listed) -> dict[Price, int]:
    """What of the projection is multiplied with which price: what it would be less if that were 0."""
    found: dict[Price, int] = {}
    for model, numbers in _cards_by_model(listed).items():
        chosen = np.zeros(len(listed.plan.prices.cards), bool)
        chosen[numbers] = True
        rows = listed.touched(chosen)
        for name in _classes(listed.plan, numbers):
            _, less = listed.difference(
                {n: _without(listed.plan.prices.cards[n], name) for n in numbers}, rows
            )
            if less:
                found[model, name] = -less
    return found


def _cards_by_model(listed: Listed) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for number in np.flatnonzero(listed.used).tolist():
        name = model_of(listed.plan.prices.cards[number])
        if name:
            found.setdefault(name, []).append(number)
    return found


def _classes(plan: Plan, numbers: list[int]) -> Iterator[str]:
    """The price classes of some cards."""
    cards = [plan.prices.cards[n] for n in numbers]
    found = {price_class(card, name) for card in cards for name in card.rates if name in PRICED}
    return (name for name in PRICED if name in found)


def _without(card: Card, name: str) -> Card:
    """The card with a price of 0 for all that is billed at it."""
    nothing = {
        n: Rate(Decimal(0), rate.rate_id)
        for n, rate in card.rates.items()
        if n in PRICED and price_class(card, n) == name
    }
    return card.with_rates(nothing)
