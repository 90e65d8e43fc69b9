"""The same ledger at other prices: every request on its model and its route, priced by another book or date.

What was decided per request (its tier, its context band, its route) stays as it was: only the cards that it
is multiplied with are others. That answers what an allocation that nobody revises comes to; which routes
would be chosen anew is for a new pass to say.
"""

from __future__ import annotations

import bisect
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from costaudit.engine.kernel import OUTDATED, outdated
from costaudit.engine.ledger import CACHE_UNITS, NO_PERIOD, Cells
from costaudit.engine.plan import Plan
from costaudit.prices.book import PriceBook
from costaudit.prices.cards import Card, Timeline, timeline_of
from costaudit.prices.numbered import FREE, MEASURE, NO_CLASS_PRICE, PRICED
from costaudit.routing.offers import NO_ROUTE, NONE, Offer
from costaudit.routing.projection import POINT
from costaudit.times import DAY_US, HOUR_US

Codes = npt.NDArray[np.int32]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

ROUTE_KEYS: Final = ("route_same", "route_any")
"""Keys of the ledger that are numbers of offers."""


class Repriced(msgspec.Struct, frozen=True):
    """Cells whose cards and offers are those of another book or date."""

    cells: Cells
    plan: Plan
    """With the new cards; its book is the new one."""
    lost: Mask
    """Cells whose model has no price then."""
    lost_routes: Mask
    """Cells whose route has none: they are without a route."""


def reprice(
    cells: Cells, plan: Plan, book: PriceBook, prices_at: int | None, *, keep: bool = False
) -> Repriced:
    """The cells of a plan at the prices of another book: of their own time, or all as at `prices_at`.

    A card is found again by its model, service tier, region, speed, time window and context band. Where a
    band begins elsewhere by then, the band that holds the old one's beginning counts. What has no
    price then is without one, or keeps its old one with `keep`.
    """
    fresh = plan.at_prices(book, prices_at)
    step = DAY_US if plan.resolution == "day" else HOUR_US
    period = cells.keys["period"].astype(np.int64)
    times = np.where(period == NO_PERIOD, NO_PERIOD, period * step)
    if prices_at is not None:
        times = np.full(len(period), prices_at, np.int64)
    mapping = _Mapping(plan, fresh, times, cells)
    card, lost = mapping.cards(cells.keys["card"], keep=keep, billed=True)
    verify, _ = mapping.cards(cells.keys["verify"], keep=True)
    routes: dict[str, Codes] = {}
    lost_routes = np.zeros(len(period), bool)
    for name in ROUTE_KEYS:
        routes[name], gone = mapping.offers(cells.keys[name], keep=keep)
        lost_routes |= gone
    reported = outdated(cells.keys["reported"], card, fresh).astype(np.int32)
    stated = np.where(reported == OUTDATED, 0, cells.measures["reported_picousd"])
    keys = {**cells.keys, **routes, "card": card, "verify": verify, "reported": reported}
    then = Cells(keys, cells.values, {**cells.measures, "reported_picousd": stated})
    return Repriced(with_lost_caches(then, fresh, cells, plan), fresh, lost, lost_routes)


class _Mapping(msgspec.Struct):
    """From cards and offers of one plan to those of a fresh one, at the time of every cell."""

    plan: Plan
    fresh: Plan
    times: Ints
    """Microseconds per cell; NO_PERIOD where unknown."""
    cells: Cells
    _timelines: dict[tuple[str, ...], Timeline] = msgspec.field(default_factory=dict)

    def cards(
        self, old: Codes, *, keep: bool, billed: bool = False, rows: npt.NDArray[np.intp] | None = None
    ) -> tuple[Codes, Mask]:
        """Card numbers of the fresh plan (a negative one stays), and where a card is lost.

        `rows` are the cells of `old`, all by default. Of a `billed` card, every class that the cell has
        tokens of must have a price.
        """
        rows = np.arange(len(old)) if rows is None else rows
        new, lost = old.copy(), np.zeros(len(old), bool)
        for number in np.unique(old[old >= 0]).tolist():
            here = np.flatnonzero(old == number)
            card = self.plan.prices.cards[number]
            found = self._found(card, self.times[rows[here]])
            if billed:
                found = self._with_all_classes(found, rows[here])
            new[here], lost[here] = found, found < 0
            if keep and lost[here].any():
                new[here[lost[here]]] = self.fresh.prices.card_number(card)
        return new, lost

    def _with_all_classes(self, card: Codes, rows: npt.NDArray[np.intp]) -> Codes:
        """The cards, but for those without a price for a class that their cell has tokens of."""
        out = card.copy()
        for number in np.unique(card[card >= 0]).tolist():
            here = np.flatnonzero(card == number)
            missing = [n for n in PRICED if n not in self.fresh.prices.cards[number].rates and n != "request"]
            lacks = np.zeros(len(here), bool)
            for name in missing:
                lacks |= self.cells.measures[MEASURE[name]][rows[here]] > 0
            if lacks.any():
                out[here[lacks]] = self.fresh.prices.reason_code(NO_CLASS_PRICE)
        return out

    def _found(self, card: Card, times: Ints) -> Codes:
        if not card.model:
            return np.full(len(times), self.fresh.prices.card_number(FREE), np.int32)
        timeline = self._timeline(card)
        starts = np.array([segment.start for segment in timeline.segments], np.int64)
        dated = times != NO_PERIOD
        own = self.fresh.prices_at is None and self.plan.prices_at is None
        # A card that starts within a period holds for what the cell has of it.
        since = np.maximum(times, card.start) if own else times
        places = np.maximum(np.searchsorted(starts, since, side="right") - 1, 0)
        out = np.empty(len(times), np.int32)
        for place in np.unique(places[dated]).tolist():
            out[dated & (places == place)] = self._code(_card_in(timeline, place, card))
        if not dated.all():
            out[~dated] = self._code(timeline.at(None, card.when.context_over + 1))
        return out

    def _timeline(self, card: Card) -> Timeline:
        when = card.when
        key = (card.provider, card.model, when.tier, when.region, when.speed)
        if key not in self._timelines:
            self._timelines[key] = timeline_of(self.fresh.prices.book, key[:2], *key[2:])
        return self._timelines[key]

    def _code(self, found: Card | str) -> int:
        return (
            self.fresh.prices.reason_code(found)
            if isinstance(found, str)
            else self.fresh.prices.card_number(found)
        )

    def offers(self, old: Codes, *, keep: bool) -> tuple[Codes, Mask]:
        """Offer numbers of the fresh plan, and where an offer is lost: NO_ROUTE there."""
        new, lost = np.full(len(old), NO_ROUTE, np.int32), np.zeros(len(old), bool)
        for number in np.unique(old[old != NO_ROUTE]).tolist():
            rows = np.flatnonzero(old == number)
            offer = self.plan.offering.offers[number]
            parts = [
                self.cards(np.full(len(rows), code, np.int32), keep=keep, billed=first, rows=rows)[0]
                for code, first in ((offer.card, True), (offer.checker, False), (offer.fallback, False))
            ]
            kinds, kind_of = np.unique(np.stack(parts), axis=1, return_inverse=True)
            for place in range(kinds.shape[1]):
                here = rows[kind_of.ravel() == place]
                card, checker, fallback = (int(code) for code in kinds[:, place])
                if _is_lost(offer, card, checker, fallback):
                    lost[here] = True
                else:
                    new[here] = self.fresh.offering.offer_number(
                        card, offer.terms, checker, fallback, offer.fallback_terms
                    )
        return new, lost


def _is_lost(offer: Offer, card: int, checker: int, fallback: int) -> bool:
    needed = ((offer.card, card), (offer.checker, checker), (offer.fallback, fallback))
    return any(old != NONE and new < 0 for old, new in needed)


def later_card(card: Card, book: PriceBook, at: int) -> Card | str:
    """The prices of a card's model under its conditions at an instant, or why there are none."""
    when = card.when
    timeline = timeline_of(book, (card.provider, card.model), when.tier, when.region, when.speed)
    place = bisect.bisect_right([s.start for s in timeline.segments], at) - 1
    return _card_in(timeline, max(place, 0), card)


def _card_in(timeline: Timeline, place: int, card: Card) -> Card | str:
    segment = timeline.segments[place]
    if segment.reason is not None:
        return segment.reason
    ladder = segment.ladders.get(card.when.window) or segment.ladders[""]
    return next(step.card for step in reversed(ladder) if step.over <= card.when.context_over)


def with_lost_caches(then: Cells, prices: Plan, cells: Cells, plan: Plan, *, signed: bool = False) -> Cells:
    """The cells `then` with what cache discounts they lose at the prices of another plan.

    `cells` are the same cells under the plan that says what is lost. A token that is no longer in a cache
    costs as much more as writing it, or reading it as new, is dearer than reading it from the cache: nothing
    where that is less, unless `signed`.
    """
    lost = cells.measures.get(CACHE_UNITS)
    if lost is None or not lost.any():
        return then
    old, new = _miss(cells, plan), _miss(then, prices)
    tokens = np.where(old > 0, lost.astype(object) // np.maximum(old, 1), 0)
    units = tokens * (new if signed else np.maximum(new, 0))
    return Cells(then.keys, then.values, {**then.measures, CACHE_UNITS: units})


def _miss(cells: Cells, plan: Plan) -> npt.NDArray[Any]:
    """By cell what a cached token costs more where it is not in the cache, in 1e-15 USD."""
    keys = cells.keys
    routed = (keys["route_any"] != NO_ROUTE) & (keys["band"] >= POINT)
    card = keys["card"]
    if routed.any():
        card = np.where(routed, plan.offering.matrix().card[np.maximum(keys["route_any"], 0)], card)
    rates = plan.prices.rates().rates[np.maximum(card, 0)]
    fresh, read, write = (rates[:, PRICED.index(n)] for n in ("input", "cache_read", "cache_write_5m"))
    each = np.where(write >= 0, write, fresh) - np.maximum(read, 0)
    return np.where(card >= 0, each, 0).astype(object)


def with_cards(plan: Plan, changed: Mapping[int, Card]) -> Plan:
    """The same plan with other cards on some numbers, and the offers that follow: to cost its cells with."""
    twin = plan.at_prices(plan.prices.book, plan.prices_at)
    for number, card in enumerate(plan.prices.cards):
        twin.prices.card_number(changed.get(number, card))
    twin.offering.offers.extend(
        twin.offering.offer(o.card, o.terms, o.checker, o.fallback, o.fallback_terms)
        if changed.keys() & o.cards
        else o
        for o in plan.offering.offers
    )
    return twin
