"""What every member of some fallback chains would serve of a batch, with which model, and for how much."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from costaudit.engine.alike import NEEDS
from costaudit.engine.plan import Plan
from costaudit.engine.rows import PricedRows, cost_of
from costaudit.errors import ConfigError
from costaudit.prices.conditions import service_tier
from costaudit.prices.numbered import RateMatrix
from costaudit.questions.fallback.chain import CHEAPER, KEYWORDS, OTHER, SAME
from costaudit.routing.candidates import knows
from costaudit.routing.offering import CandidateRoute
from costaudit.routing.offers import NO_ROUTE
from costaudit.routing.policy import CLASSES, Patterns, Seat, matches
from costaudit.tape.columns import Words

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Cards = npt.NDArray[np.int32]


class MemberOffer(msgspec.Struct, frozen=True):
    """What one member of a chain offers to every call of a batch."""

    card: Cards
    """Number in `Plan.cards`; NO_ROUTE where the member cannot serve the call."""
    units: npt.NDArray[Any]
    """What it would cost, in 1e-15 USD; 0 where it cannot serve."""


class ChainMembers(msgspec.Struct, eq=False, dict=True):
    """The members of all chains of a run."""

    plan: Plan
    names: tuple[str, ...]
    """Keywords and models, each once; not `same`, which everyone offers."""
    roster: Mapping[str, tuple[Seat, ...]]
    """Seats by class, for `cheaper` and `other`."""
    _routes: dict[tuple[Seat, str], CandidateRoute] = msgspec.field(default_factory=dict)

    @classmethod
    def of(cls, plan: Plan, names: Iterable[str], roster: Mapping[str, tuple[Seat, ...]]) -> ChainMembers:
        """The members, each once; raises ConfigError for a model that is not in the price book."""
        known = tuple(dict.fromkeys(name for name in names if name != SAME))
        allowed = set(plan.policy.providers)
        kept = {
            klass: tuple(
                seat
                for full in seats
                if (seat := tuple(n for n in full if knows(n, plan.prices.book, plan.prices.resolver)))
                and (not allowed or seat[0].partition("/")[0] in allowed)
            )
            for klass, seats in roster.items()
        }
        members = cls(plan, known, kept)
        for name in known:
            if name not in KEYWORDS:
                members._route((name,), service_tier(None))
                if allowed and name.partition("/")[0] not in allowed:
                    raise ConfigError(
                        f"{name} may not serve: the policy allows {', '.join(sorted(allowed))}",
                        hint="leave it out of the chain, or take another policy",
                    )
        return members

    def offers(self, rows: PricedRows) -> dict[str, MemberOffer]:
        """What each member offers to every call of a batch, by its name."""
        needs = _Needs.of(rows, self._bounds(rows))
        kinds = self._kinds(rows)
        return {name: self._offer(name, rows, needs, kinds) for name in self.names}

    def _bounds(self, rows: PricedRows) -> Iterator[tuple[Mask, tuple[str, ...]]]:
        """Calls that the policy lets only some providers serve, or none but their own model."""
        policy, words = self.plan.policy, rows.words
        for rule in policy.residency:
            named = _named(rule.regions, words["region"]) | _named(rule.features, words["feature"])
            yield named, rule.providers
        never = _named(policy.never.features, words["feature"]) | _named(policy.never.models, words["model"])
        if policy.never.users:
            never |= _named(policy.never.users, rows.calls.words("user"))
        if policy.never.models:
            never |= _named(policy.never.models, Words(*card_names(self.plan, rows.card)))
        if never.any():
            yield never, ()
        if policy.same_provider:
            _, own = self._own(rows.card)
            yield from ((own == provider, (provider,)) for provider in sorted(set(own.tolist())))

    def _kinds(self, rows: PricedRows) -> list[tuple[str, npt.NDArray[np.intp]]]:
        """Rows by the service tier that a candidate must have a price for."""
        words = rows.words["service_tier"]
        kind_of = np.array([service_tier(value) for value in words.values], object)[words.codes]
        return [(kind, np.flatnonzero(kind_of == kind)) for kind in sorted(set(kind_of.tolist()))]

    def _offer(
        self,
        name: str,
        rows: PricedRows,
        needs: _Needs,
        kinds: Sequence[tuple[str, npt.NDArray[np.intp]]],
    ) -> MemberOffer:
        none = MemberOffer(np.full(rows.calls.rows, NO_ROUTE, np.int32), np.zeros(rows.calls.rows, object))
        best = _Cheapest(none)
        for kind, index in kinds:
            if name not in KEYWORDS:
                best.offer(*self._serve((name,), kind, index, rows, needs), cheaper_than=None)
            else:
                self._from_roster(name, kind, index, rows, needs, best)
        return best.offered

    def _from_roster(
        self,
        name: str,
        kind: str,
        index: npt.NDArray[np.intp],
        rows: PricedRows,
        needs: _Needs,
        best: _Cheapest,
    ) -> None:
        own_class, own_provider = self._own(rows.card)
        for number, klass in enumerate(CLASSES):
            of_class = index[own_class[index] == number]
            for seat in self.roster.get(klass, ()) if len(of_class) else ():
                here = own_provider[of_class] == seat[0].partition("/")[0]
                if name == OTHER:
                    best.offer(*self._serve(seat, kind, of_class[~here], rows, needs), cheaper_than=None)
                else:
                    served = self._serve(seat, kind, of_class[here], rows, needs)
                    best.offer(*served, cheaper_than=rows.list_units)
        if name != CHEAPER:
            return
        for number, klass in enumerate(CLASSES[:-1]):  # the class below, where the own one has none
            open_ = best.offered.card[index] == NO_ROUTE
            below = index[open_ & (own_class[index] == number + 1)]
            for seat in self.roster.get(klass, ()) if len(below) else ():
                here = own_provider[below] == seat[0].partition("/")[0]
                served = self._serve(seat, kind, below[here], rows, needs)
                best.offer(*served, cheaper_than=rows.list_units)

    def _own(self, card: Cards) -> tuple[npt.NDArray[np.int8], npt.NDArray[Any]]:
        """Class and provider of the model that every row is priced as; -1 without a class."""
        numbers = np.unique(card[card >= 0])
        klass = np.full(len(self.plan.prices.cards) + 1, -1, np.int8)
        provider = np.full(len(self.plan.prices.cards) + 1, "", object)
        for number in numbers.tolist():
            facts = self.plan.prices.facts(number)
            if facts is not None and facts.klass in CLASSES:
                klass[number] = CLASSES.index(facts.klass)
            provider[number] = self.plan.prices.cards[number].provider
        place = np.where(card >= 0, card, -1)
        return klass[place], provider[place]

    def _serve(
        self, seat: Seat, kind: str, index: npt.NDArray[np.intp], rows: PricedRows, needs: _Needs
    ) -> tuple[npt.NDArray[np.intp], Cards, npt.NDArray[Any]]:
        """The rows of `index` that a seat can serve, with its card and what that costs."""
        nothing = np.zeros(0, np.int32), np.zeros(0, np.int64)
        if not len(index):
            return index, *nothing
        index = needs.allowed(index, seat[0].partition("/")[0])
        route = self._route(seat, kind)
        if not len(index) or not len(route.codes):
            return index[:0], *nothing
        card = route.lookup(rows.price_ts[index], rows.context[index])
        matrix = self.plan.prices.rates()
        fits = needs.fitted_by(matrix, card, index)
        index, card = index[fits], card[fits]
        counts = {n: None if column is None else column[index] for n, column in rows.counts.items()}
        units = cost_of(matrix, card, counts)
        priced = units >= 0
        return index[priced], card[priced], units[priced]

    def _route(self, seat: Seat, kind: str) -> CandidateRoute:
        found = self._routes.get((seat, kind))
        if found is None:
            found = self._routes[seat, kind] = self.plan.offering.seat_route(seat, kind)
        return found


class _Needs(msgspec.Struct, frozen=True):
    """What a model must be able to do for each row: the rules of `costaudit.engine.choice`."""

    length: Ints
    """Tokens in and out."""
    output: Ints
    chat: Mask
    abilities: tuple[tuple[str, Mask], ...]
    bounds: tuple[tuple[Mask, tuple[str, ...]], ...]
    """Calls that only some providers may serve, and those."""

    @classmethod
    def of(cls, rows: PricedRows, bounds: Iterable[tuple[Mask, tuple[str, ...]]]) -> _Needs:
        output = rows.counts["output"]
        output = output if output is not None else np.zeros(rows.calls.rows, np.int64)
        needed = ((column, rows.needs & bit != 0) for bit, column, _ in NEEDS)
        abilities = tuple((column, mask) for column, mask in needed if mask.any())
        return cls(rows.context + output, output, rows.chat, abilities, tuple(bounds))

    def allowed(self, index: npt.NDArray[np.intp], provider: str) -> npt.NDArray[np.intp]:
        """The rows of `index` that a provider may serve."""
        for mask, providers in self.bounds:
            if provider not in providers:
                index = index[~mask[index]]
        return index

    def fitted_by(self, matrix: RateMatrix, card: Cards, index: npt.NDArray[np.intp]) -> Mask:
        """Which rows of `index` the models of `card` can serve. Only chat models replace each other."""
        safe = np.maximum(card, 0)
        fits: Mask = (card >= 0) & self.chat[index]
        fits &= matrix.context_window[safe] >= self.length[index]
        fits &= matrix.max_output[safe] >= self.output[index]
        for name, needed in self.abilities:
            fits &= getattr(matrix, name)[safe] | ~needed[index]
        return fits


def _named(patterns: Patterns, words: Words) -> Mask:
    """The calls whose word fits one of the patterns."""
    hit: Mask = np.array([matches(patterns, value) for value in words.values], bool)[words.codes]
    return hit


class _Cheapest(msgspec.Struct):
    """The cheapest offer so far; of equal ones the earlier."""

    offered: MemberOffer

    def offer(
        self,
        index: npt.NDArray[np.intp],
        card: Cards,
        units: npt.NDArray[Any],
        cheaper_than: npt.NDArray[Any] | None,
    ) -> None:
        """Take what is cheaper than what was offered before, and than `cheaper_than` where given."""
        held = self.offered
        better = (held.card[index] == NO_ROUTE) | (units < held.units[index])
        if cheaper_than is not None:
            better &= units < cheaper_than[index]
        held.card[index[better]] = card[better]
        held.units[index[better]] = units[better]


def card_names(plan: Plan, card: Cards) -> tuple[npt.NDArray[np.int64], tuple[str | None, ...]]:
    """Cards as codes of their models' names (provider/model); None for NO_ROUTE."""
    numbers = np.unique(card[card >= 0]).tolist()
    names = sorted({f"{plan.prices.cards[n].provider}/{plan.prices.cards[n].model}" for n in numbers})
    code = {name: number for number, name in enumerate(names)}
    table = np.full(len(plan.prices.cards) + 1, len(names), np.int64)
    for number in numbers:
        table[number] = code[f"{plan.prices.cards[number].provider}/{plan.prices.cards[number].model}"]
    return table[np.where(card >= 0, card, -1)], (*names, None)
