"""What is offered: the models that a policy allows, at the prices of a book and on its terms.

Offers are numbered as they are made, and a number is never given to another one.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from costaudit.errors import ConfigError
from costaudit.prices.cards import NO_TS, Card, Timeline
from costaudit.prices.conditions import STANDARD
from costaudit.prices.numbered import PRICED, NumberedPrices, rate_units
from costaudit.routing.candidates import Candidate, candidate_timeline, candidates_of, knows
from costaudit.routing.contexts import Context
from costaudit.routing.evals import Evals
from costaudit.routing.offers import NONE, Offer, OfferMatrix, offer_matrix
from costaudit.routing.policy import RULES_FROM, Pair, Policy, Seat, matches
from costaudit.routing.terms import NO_TERMS, WHOLE, Terms, expect, terms_of
from costaudit.schema import UNTAGGED

Ints = npt.NDArray[np.int64]


class CandidateRoute(msgspec.Struct, frozen=True):
    """A candidate as the kernel uses it."""

    candidate: Candidate
    timeline: Timeline
    codes: npt.NDArray[np.int32]
    """Number in `NumberedPrices.cards` of every card of the timeline."""

    def lookup(self, ts: Ints, context: Ints) -> npt.NDArray[np.int32]:
        """The card for every request; NONE where there is none."""
        if not len(self.codes):
            return np.full(len(ts), NONE, np.int32)
        place = self.timeline.lookup(ts, context)
        return np.where(place >= 0, self.codes[np.maximum(place, 0)], NONE).astype(np.int32)


class Checker(msgspec.Struct, frozen=True):
    """The model that verifies answers."""

    route: CandidateRoute

    def cards(self, ts: Ints, tokens: Ints) -> npt.NDArray[np.int32]:
        """Its card for every request; before its first price that one, and without a time the last."""
        card = self.route.lookup(ts, tokens)
        first, last = self.route.codes[0], self.route.codes[-1]
        return np.where(card != NONE, card, np.where(ts == NO_TS, last, first)).astype(np.int32)


class Offering(msgspec.Struct, eq=False):
    """What a policy offers. Safe to share between threads."""

    prices: NumberedPrices
    policy: Policy
    evals: Evals | None = None
    """How often models did well on tasks like those of the log."""
    offers: list[Offer] = msgspec.field(default_factory=list)
    _lock: threading.RLock = msgspec.field(default_factory=threading.RLock)
    _routes: dict[tuple[int, str], tuple[tuple[CandidateRoute, ...], ...]] = msgspec.field(
        default_factory=dict
    )
    _fallbacks: dict[tuple[int, str], tuple[CandidateRoute, ...]] = msgspec.field(default_factory=dict)
    _checkers: dict[int, Checker | None] = msgspec.field(default_factory=dict)
    _offers_of: dict[tuple[Context, Seat, int, int], npt.NDArray[np.int32]] = msgspec.field(
        default_factory=dict
    )
    _offer_code: dict[tuple[object, ...], int] = msgspec.field(default_factory=dict)
    _matrix: OfferMatrix | None = None

    def routes(self, number: int, service: str) -> tuple[tuple[CandidateRoute, ...], ...]:
        """Candidates of a number of the policy under a service tier, in groups tried one after the other."""
        key = (number, service)
        found = self._routes.get(key)
        if found is None:
            with self._lock:
                found = self._routes.setdefault(key, self._make_routes(number, service))
        return found

    def _make_routes(self, number: int, service: str) -> tuple[tuple[CandidateRoute, ...], ...]:
        return tuple(
            self._routes_of(self._known(seats, number), service)
            for seats in self.policy.groups.get(number, ())
        )

    def _routes_of(self, seats: Sequence[Seat], service: str) -> tuple[CandidateRoute, ...]:
        routes = []
        for candidate in candidates_of(seats, self.prices.book, self.policy.providers):
            timeline = candidate_timeline(candidate, self.prices.book, self.prices.resolver, service)
            routes.append(CandidateRoute(candidate, timeline, self.prices.card_codes(timeline)))
        return tuple(routes)

    def _known(self, seats: Sequence[Seat], number: int) -> Sequence[Seat]:
        """The seats as they are or, of the shipped roster, what the book has: one's own book is smaller."""
        treatment = self.policy.treatment(number)
        if self.policy.roster is not None or treatment is None or treatment.candidates:
            return seats
        kept = [
            tuple(name for name in seat if knows(name, self.prices.book, self.prices.resolver))
            for seat in seats
        ]
        return [seat for seat in kept if seat]

    def seat_route(self, seat: Seat, service: str) -> CandidateRoute:
        """One seat under a service tier; raises ConfigError for a provider or a name that the book lacks."""
        candidate = candidates_of([seat], self.prices.book)[0]
        timeline = candidate_timeline(candidate, self.prices.book, self.prices.resolver, service)
        return CandidateRoute(candidate, timeline, self.prices.card_codes(timeline))

    def fallbacks(self, number: int, service: str) -> tuple[CandidateRoute, ...]:
        """The models that serve what fails, in the order in which they are tried."""
        key = (number, service)
        found = self._fallbacks.get(key)
        if found is None:
            treatment = self.policy.treatment(number)
            seats = [(name,) for name in treatment.fallbacks] if treatment is not None else []
            with self._lock:
                found = self._fallbacks.setdefault(key, self._routes_of(seats, service))
        return found

    def checker(self, number: int) -> Checker | None:
        """The model that verifies answers, if the policy names one."""
        if number not in self._checkers:
            treatment = self.policy.treatment(number)
            name = treatment.verification.model if treatment is not None else None
            with self._lock:
                routes = () if name is None else self._routes_of([(name,)], STANDARD)
                if name is not None and (not routes or not len(routes[0].codes)):
                    raise ConfigError(
                        f"the verification model {name} may not serve, or has no price",
                        hint="see costaudit pricing show, and providers of the policy",
                    )
                self._checkers.setdefault(number, Checker(routes[0]) if routes else None)
        return self._checkers[number]

    def verification_tokens(self, number: int) -> int:
        """Tokens that a verification model writes for a request of a number of the policy."""
        treatment = self.policy.treatment(number)
        return treatment.verification.output_tokens if treatment is not None else 0

    def may_pay_shares(self, number: int) -> bool:
        """Whether an offer of a number may pay a share of today's cost."""
        treatment = self.policy.treatment(number)
        return treatment is not None and bool(
            self.evals is not None or treatment.success_rate != 1 or treatment.retry_rate
        )

    def offers_of(
        self, context: Context, route: CandidateRoute, checker: int, fallback: int
    ) -> npt.NDArray[np.int32]:
        """The offer for every card of a candidate's timeline; NONE where its evals do not reach the floor.

        `checker` and `fallback` are cards, or NONE.
        """
        key = (context, route.candidate.names, checker, fallback)
        found = self._offers_of.get(key)
        if found is None:
            with self._lock:
                codes = [self._offer_of(context, card, checker, fallback) for card in route.codes.tolist()]
                found = self._offers_of.setdefault(key, np.array(codes, np.int32))
        return found

    def _offer_of(self, context: Context, card: int, checker: int, fallback: int) -> int:
        treatment = self.policy.treatment(context.number)
        if treatment is None:
            return NONE
        name, success = self.prices.name_of(card), None
        floor = self.policy.floor(context.number)
        if self.evals is not None:
            tier = context.number if context.number < RULES_FROM else context.tier
            rate = self.evals.rate(name, None if tier == UNTAGGED else tier, context.feature)
            if floor is not None and (rate is None or not rate.meets(floor)):
                return NONE
            success = None if rate is None else rate.point
        terms = self._paired(terms_of(treatment, success), context, card)
        after = NO_TERMS if fallback == NONE else self._paired(NO_TERMS, context, fallback)
        return self.offer_number(card, terms, checker, fallback, after)

    def offer_number(
        self, card: int, terms: Terms, checker: int = NONE, fallback: int = NONE, after: Terms = NO_TERMS
    ) -> int:
        """The number of an offer in `offers`, from now on; `after` are the terms of the fallback."""
        key = (card, checker, fallback, terms, after)
        with self._lock:
            code = self._offer_code.get(key)
            if code is None:
                code = self._offer_code[key] = len(self.offers)
                self.offers.append(self.offer(card, terms, checker, fallback, after))
            return code

    def offer(self, card: int, terms: Terms, checker: int, fallback: int, after: Terms) -> Offer:
        """A candidate on some terms, at the prices of the cards."""
        expected = expect(
            PRICED,
            self._units(card),
            terms,
            None if checker == NONE else self._units(checker),
            None if fallback == NONE else (self._units(fallback), after),
        )
        return Offer(card, expected, fallback, checker, terms, after)

    def _paired(self, terms: Terms, context: Context, card: int) -> Terms:
        """Terms with the ratios of a card's model to that of today."""
        pair = self._pair_of(context.origin, self.prices.name_of(card))
        if pair is None:
            return terms
        return replace(terms, input_ratio=pair.input_ratio, output_ratio=pair.output_ratio)

    def _pair_of(self, origin: str, target: str) -> Pair | None:
        if not origin or origin == target:
            return None
        pairs = self.policy.pairs
        return next((p for p in pairs if matches((p.from_,), origin) and matches((p.to,), target)), None)

    def ratios_of(self, context: Context, route: CandidateRoute) -> tuple[Ints, Ints]:
        """Tokens per token today for every card of a timeline, of input and output, in ten-thousandths."""
        pairs = [self._paired(Terms(), context, card) for card in route.codes.tolist()]
        read, written = ([int(r * WHOLE) for r in ratios] for ratios in (
            [t.input_ratio for t in pairs], [t.output_ratio for t in pairs],
        ))  # fmt: skip
        return np.array(read, np.int64), np.array(written, np.int64)

    def _units(self, card: int) -> dict[str, int]:
        """Rates of a card in 1e-15 USD, by price class."""
        return rate_units(self.prices.cards[card])

    def matrix(self) -> OfferMatrix:
        """Every offer made so far, as arrays."""
        with self._lock:
            if self._matrix is None or self._matrix.size != len(self.offers):
                self._matrix = offer_matrix(self.offers, len(PRICED))
            return self._matrix

    def offered(self, offer: int) -> Card | None:
        """The card of an offer; None for NO_ROUTE."""
        return None if offer < 0 else self.prices.cards[self.offers[offer].card]
