"""What a pass over the logs is to decide per request: book, tags, candidates, resolution.

A plan is made once per run and shared by all blocks. It only grows caches (subjects seen, cards met);
what it says of a request never depends on the blocks that came before.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final, Literal

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from costaudit.engine.bands import Bands
from costaudit.engine.contexts import Context, Reads
from costaudit.engine.offers import NONE, Offer, OfferMatrix, offer_matrix
from costaudit.engine.sessions import SessionBook
from costaudit.errors import ConfigError
from costaudit.ingest.estimate import with_estimates
from costaudit.prices.book import PriceBook
from costaudit.prices.cards import NO_TS, Card, Rate, Timeline
from costaudit.prices.conditions import STANDARD, service_tier
from costaudit.prices.resolver import How, Periods, Resolved, Resolver, Unresolved
from costaudit.prices.rows import UNIT_CLASSES, ModelFacts
from costaudit.routing.candidates import Candidate, candidate_timeline, candidates_of, knows, name_timeline
from costaudit.routing.evals import Evals
from costaudit.routing.policy import RULES_FROM, Pair, Policy, Seat, matches
from costaudit.routing.terms import NO_TERMS, WHOLE, Terms, expect, terms_of
from costaudit.schema import TOKEN_CLASSES, UNTAGGED
from costaudit.tape.segment import FLAGS, Segment
from costaudit.tiers.tagger import Tagger
from costaudit.tiers.votes import Votes

Ints = npt.NDArray[np.int64]

PRICED: Final = (*TOKEN_CLASSES, "web_search", "request")
"""Price classes that a request is multiplied with, in the order of the rate matrix."""

MEASURE: Final = {**{c: c for c in TOKEN_CLASSES}, "web_search": "web_searches", "request": "requests"}
"""What the ledger counts a price class by. A fee per request falls due once for each request."""

NO_CLASS_PRICE: Final = "no_price_for_token_class"
"""Why a call is unpriced that has tokens of a class without a rate."""

IMPLAUSIBLE_TIMES: Final = 20
"""A reported cost this many times the list cost is set aside. Double counting makes 2, a fully cached
prompt billed as new 10-40 at a tenth of the price only on its input part; nothing honest reaches 20."""

IMPLAUSIBLE_USD_PER_MTOK: Final = 10_000
"""Without a list price, so many dollars per 1M tokens are set aside: over ten times the dearest model."""

IMPLAUSIBLE_FROM_PICOUSD: Final = 10**12
"""Only reported costs of a dollar and more are judged: below, a minimum charge can be the reason."""

FREE: Final = Card("not-billed", "", "", {c: Rate(Decimal(0), "not-billed") for c in PRICED})
"""What a call costs that no provider was paid for."""

Subject = tuple[str | None, str | None, str | None, str | None, str | None, str | None]
"""Provider, model, service tier, region, speed, gateway, as logged."""

Named = tuple[Periods, str, str, str]
"""What the price of a subject depends on: models of the book over time, service tier, region, speed."""


class Route(msgspec.Struct, frozen=True):
    """A candidate as the kernel uses it."""

    candidate: Candidate
    timeline: Timeline
    codes: npt.NDArray[np.int32]
    """Number in `Plan.cards` of every card of the timeline."""

    def lookup(self, ts: Ints, context: Ints) -> npt.NDArray[np.int32]:
        """The card for every request; NONE where there is none."""
        if not len(self.codes):
            return np.full(len(ts), NONE, np.int32)
        place = self.timeline.lookup(ts, context)
        return np.where(place >= 0, self.codes[np.maximum(place, 0)], NONE).astype(np.int32)


class Checker(msgspec.Struct, frozen=True):
    """The model that verifies answers."""

    route: Route

    def cards(self, ts: Ints, tokens: Ints) -> npt.NDArray[np.int32]:
        """Its card for every request; before its first price that one, and without a time the last."""
        card = self.route.lookup(ts, tokens)
        first, last = self.route.codes[0], self.route.codes[-1]
        return np.where(card != NONE, card, np.where(ts == NO_TS, last, first)).astype(np.int32)


class Plan(msgspec.Struct, eq=False, dict=True):
    """Everything that decides what a request comes to."""

    book: PriceBook
    resolver: Resolver
    tagger: Tagger
    policy: Policy
    providers_used: frozenset[str] = frozenset()
    """Providers that the log already uses: routing among them is overspecification, the rest lock-in."""
    prices_at: int | None = None
    """Price every request as if made at this instant (microseconds UTC); None for its own time."""
    resolution: Literal["hour", "day"] = "day"
    detail: bool = False
    """Keep the further keys by which a saved ledger is priced again (see `costaudit.engine.detail`)."""
    estimate: bool = False
    """Estimate the tokens of calls without usage from their text."""
    evals: Evals | None = None
    """How often models did well on tasks like those of the log."""
    sessions: SessionBook | None = None
    """Whose sessions go where, if they are routed as a whole."""
    sessions_kept: npt.NDArray[np.uint64] | None = None
    """Hashes of sessions that keep their models whatever they would save."""
    cards: list[Card] = msgspec.field(default_factory=list)
    reasons: list[str] = msgspec.field(default_factory=list)
    _lock: threading.RLock = msgspec.field(default_factory=threading.RLock)
    _card_code: dict[str, int] = msgspec.field(default_factory=dict)
    _reason_code: dict[str, int] = msgspec.field(default_factory=dict)
    _subjects: dict[Subject, SubjectPrices] = msgspec.field(default_factory=dict)
    _named: dict[Named, SubjectPrices] = msgspec.field(default_factory=dict)
    _routes: dict[tuple[int, str], tuple[tuple[Route, ...], ...]] = msgspec.field(default_factory=dict)
    _matrix: RateMatrix | None = None
    offers: list[Offer] = msgspec.field(default_factory=list)
    _fallbacks: dict[tuple[int, str], tuple[Route, ...]] = msgspec.field(default_factory=dict)
    _checkers: dict[int, Checker | None] = msgspec.field(default_factory=dict)
    _offers_of: dict[tuple[Context, Seat, int, int], npt.NDArray[np.int32]] = msgspec.field(
        default_factory=dict
    )
    _offer_code: dict[tuple[object, ...], int] = msgspec.field(default_factory=dict)
    _offer_matrix: OfferMatrix | None = None

    def __reduce__(self) -> tuple[object, ...]:
        """What is asked, without what was met: numbers of cards, reasons and offers are of one process."""
        return Plan, (
            self.book, self.resolver, self.tagger, self.policy, self.providers_used, self.prices_at,
            self.resolution, self.detail, self.estimate, self.evals, self.sessions, self.sessions_kept,
        )  # fmt: skip

    def with_providers(self, used: frozenset[str]) -> Plan:
        """The same plan for another set of providers, sharing the caches."""
        return replace(self, providers_used=used, _matrix=None)

    def with_votes(self, votes: Votes) -> Plan:
        """The same plan with a tagger that knows how fingerprints voted, sharing the caches."""
        return replace(self, tagger=self.tagger.with_votes(votes), _matrix=None)

    def priced_at(self, prices_at: int | None) -> Plan:
        """The same plan with every request priced as at an instant, or None for its own time."""
        return replace(self, prices_at=prices_at, _matrix=None)

    def under(self, policy: Policy) -> Plan:
        """A plan for another policy that shares what does not depend on one: prices and names."""
        return replace(
            self, policy=policy, sessions=None, sessions_kept=None, _matrix=None,
            offers=[], _routes={}, _fallbacks={}, _checkers={}, _offers_of={}, _offer_code={},
            _offer_matrix=None,
        )  # fmt: skip

    def with_sessions(self, sessions: SessionBook) -> Plan:
        """The same plan with sessions that are routed as a whole, sharing the caches."""
        return replace(self, sessions=sessions, _matrix=None)

    def keeping(self, sessions: npt.NDArray[np.uint64]) -> Plan:
        """The same plan, under which these sessions keep their models too, sharing the caches."""
        kept = sessions if self.sessions_kept is None else np.union1d(self.sessions_kept, sessions)
        return replace(self, sessions_kept=kept, _matrix=None)

    def seen(self, segment: Segment) -> Segment:
        """Requests as this plan takes them: with estimated counts, if it has any."""
        return Segment.of(with_estimates(segment.batch())) if self.estimate else segment

    @functools.cached_property
    def shares(self) -> tuple[Decimal, ...]:
        """The shares of the traffic that the policy moves, but for nothing and all, from the smallest on."""
        return tuple(sorted({t.share for _, t in self.policy.treatments() if 0 < t.share < 1}))

    @functools.cached_property
    def bands(self) -> Mapping[str, Bands]:
        """Where sizes of requests are cut: at the edges of prices, rules, windows and answers.

        Prices are those of the names that were asked for before. A cut that is missing costs time only:
        requests on both sides of an edge are looked at one by one.
        """
        facts, numbers = self.tagger.number_edges, [number for number, _ in self.policy.treatments()]
        routes = [
            route
            for number in numbers
            for group in (*self.routes(number, STANDARD), self.fallbacks(number, STANDARD))
            for route in group
        ]
        codes = np.unique(np.concatenate([np.zeros(0, np.int32), *(route.codes for route in routes)]))
        matrix = self.rates()
        with self._lock:
            timelines = [price.timeline for price in self._named.values()]
        timelines += [route.timeline for route in routes]
        overs = {over for timeline in timelines for over in timeline.context_edges}
        return {
            "context": Bands((*overs, *facts.get("input_side", ()))),
            "length": Bands(matrix.context_window[codes].tolist()),
            "output": Bands((*matrix.max_output[codes].tolist(), *facts.get("output", ()))),
        }

    @functools.cached_property
    def fact_bands(self) -> Mapping[str, Bands]:
        """Where the other numbers are cut that rules of tiers look at."""
        apart = {"input_side", "output", *FLAGS}
        return {n: Bands(edges) for n, edges in self.tagger.number_edges.items() if n not in apart}

    def subject(self, subject: Subject) -> SubjectPrices:
        """Prices over time of what a log names so."""
        found = self._subjects.get(subject)
        if found is None:
            with self._lock:
                found = self._subjects.setdefault(subject, self._price_subject(subject))
        return found

    def _price_subject(self, subject: Subject) -> SubjectPrices:
        provider, model, tier, region, speed, gateway = subject
        named: Named = (
            self.resolver.periods(provider or gateway, model), service_tier(tier), region or "", speed or "",
        )  # fmt: skip
        if named not in self._named:
            self._named[named] = self._price_named(*named)
        return self._named[named]

    def _price_named(self, periods: Periods, tier: str, region: str, speed: str) -> SubjectPrices:
        found = [r for _, r in periods if isinstance(r, Resolved)]
        region = region or next((r.region for r in found if r.region), "")
        timeline = name_timeline(self.book, periods, tier, region, speed)
        missing = next((r for _, r in periods if isinstance(r, Unresolved)), None)
        facts = [self.book.facts.get((r.provider, r.model)) for r in found]
        return SubjectPrices(
            timeline=timeline,
            codes=self._card_codes(timeline),
            reasons=np.array([self.reason_code(r) for r in timeline.reasons], np.int32),
            how=found[-1].how if found else None,
            providers=frozenset(r.provider for r in found),
            detail=missing.detail if missing and not found else "",
            chat=bool(found) and not any(f and f.klass in ("embedding", "other") for f in facts),
        )

    def _card_codes(self, timeline: Timeline) -> npt.NDArray[np.int32]:
        return np.array([self.card_number(card) for card in timeline.cards], np.int32)

    def card_number(self, card: Card) -> int:
        """The number of a card in `cards`, from now on."""
        with self._lock:
            code = self._card_code.get(card.id)
            if code is None:
                code = self._card_code[card.id] = len(self.cards)
                self.cards.append(card.with_stand_ins())
            return code

    def reason_code(self, reason: str) -> int:
        """A reason for being unpriced as a code below 0."""
        with self._lock:
            code = self._reason_code.get(reason)
            if code is None:
                self.reasons.append(reason)
                code = self._reason_code[reason] = -len(self.reasons)
            return code

    def routes(self, number: int, service: str) -> tuple[tuple[Route, ...], ...]:
        """Candidates of a number of the policy under a service tier, in groups tried one after the other."""
        key = (number, service)
        found = self._routes.get(key)
        if found is None:
            with self._lock:
                found = self._routes.setdefault(key, self._make_routes(number, service))
        return found

    def _make_routes(self, number: int, service: str) -> tuple[tuple[Route, ...], ...]:
        return tuple(
            self._routes_of(self._known(seats, number), service)
            for seats in self.policy.groups.get(number, ())
        )

    def _routes_of(self, seats: Sequence[Seat], service: str) -> tuple[Route, ...]:
        routes = []
        for candidate in candidates_of(seats, self.book, self.policy.providers):
            timeline = candidate_timeline(candidate, self.book, self.resolver, service)
            routes.append(Route(candidate, timeline, self._card_codes(timeline)))
        return tuple(routes)

    def _known(self, seats: Sequence[Seat], number: int) -> Sequence[Seat]:
        """The seats as they are or, of the shipped roster, what the book has: one's own book is smaller."""
        treatment = self.policy.treatment(number)
        if self.policy.roster is not None or treatment is None or treatment.candidates:
            return seats
        kept = [tuple(name for name in seat if knows(name, self.book, self.resolver)) for seat in seats]
        return [seat for seat in kept if seat]

    def seat_route(self, seat: Seat, service: str) -> Route:
        """One seat under a service tier; raises ConfigError for a provider or a name that the book lacks."""
        candidate = candidates_of([seat], self.book)[0]
        timeline = candidate_timeline(candidate, self.book, self.resolver, service)
        return Route(candidate, timeline, self._card_codes(timeline))

    def fallbacks(self, number: int, service: str) -> tuple[Route, ...]:
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

    @functools.cached_property
    def reads(self) -> Reads:
        """What of a request the policy looks at."""
        return Reads.of(self.policy, task_evals=self.evals is not None and self.evals.speaks_of_tasks)

    def may_pay_shares(self, number: int) -> bool:
        """Whether an offer of a number may pay a share of today's cost."""
        treatment = self.policy.treatment(number)
        return treatment is not None and bool(
            self.evals is not None or treatment.success_rate != 1 or treatment.retry_rate
        )

    def offers_of(self, context: Context, route: Route, checker: int, fallback: int) -> npt.NDArray[np.int32]:
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
        name, success = self.name_of(card), None
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

    def at_prices(self, book: PriceBook, prices_at: int | None) -> Plan:
        """The same plan for another book or date, without a card yet; codes of reasons stay what they are."""
        plan = Plan(
            book, self.resolver, self.tagger, self.policy, self.providers_used, prices_at, self.resolution,
            estimate=self.estimate, evals=self.evals,
        )  # fmt: skip
        for reason in self.reasons:
            plan.reason_code(reason)
        return plan

    def name_of(self, card: int) -> str:
        """provider/model of a card."""
        return f"{self.cards[card].provider}/{self.cards[card].model}"

    def _paired(self, terms: Terms, context: Context, card: int) -> Terms:
        """Terms with the ratios of a card's model to that of today."""
        pair = self._pair_of(context.origin, self.name_of(card))
        if pair is None:
            return terms
        return replace(terms, input_ratio=pair.input_ratio, output_ratio=pair.output_ratio)

    def _pair_of(self, origin: str, target: str) -> Pair | None:
        if not origin or origin == target:
            return None
        pairs = self.policy.pairs
        return next((p for p in pairs if matches((p.from_,), origin) and matches((p.to,), target)), None)

    def ratios_of(self, context: Context, route: Route) -> tuple[Ints, Ints]:
        """Tokens per token today for every card of a timeline, of input and output, in ten-thousandths."""
        pairs = [self._paired(Terms(), context, card) for card in route.codes.tolist()]
        read, written = ([int(r * WHOLE) for r in ratios] for ratios in (
            [t.input_ratio for t in pairs], [t.output_ratio for t in pairs],
        ))  # fmt: skip
        return np.array(read, np.int64), np.array(written, np.int64)

    def _units(self, card: int) -> dict[str, int]:
        """Rates of a card in 1e-15 USD, by price class."""
        return rate_units(self.cards[card])

    def offer_matrix(self) -> OfferMatrix:
        """Every offer made so far, as arrays."""
        with self._lock:
            if self._offer_matrix is None or self._offer_matrix.size != len(self.offers):
                self._offer_matrix = offer_matrix(self.offers, len(PRICED))
            return self._offer_matrix

    def offered(self, offer: int) -> Card | None:
        """The card of an offer; None for NO_ROUTE."""
        return None if offer < 0 else self.cards[self.offers[offer].card]

    def rates(self) -> RateMatrix:
        """Rates of every card met so far, as integers."""
        with self._lock:
            if self._matrix is None or len(self._matrix.facts) != len(self.cards):
                self._matrix = _matrix(self.cards, self.book)
            return self._matrix

    def supposed(self) -> npt.NDArray[np.bool_]:
        """Of every card met so far, whether any of its prices is only supposed."""
        with self._lock:
            return np.array([any(r.what_if for r in c.rates.values()) for c in self.cards], bool)

    @property
    def free_card(self) -> int:
        """The card of calls that no provider bills: gateway cache hits, failures without usage."""
        return self.card_number(FREE)

    def facts(self, card: int) -> ModelFacts | None:
        """What is known of the model of a card."""
        return self.book.facts.get((self.cards[card].provider, self.cards[card].model))


class SubjectPrices(msgspec.Struct, frozen=True):
    """What a plan knows of one subject."""

    timeline: Timeline
    codes: npt.NDArray[np.int32]
    """Number in `Plan.cards` of every card of the timeline."""
    reasons: npt.NDArray[np.int32]
    """Code of every reason of the timeline."""
    how: How | None
    providers: frozenset[str]
    detail: str
    chat: bool
    """A chat model: others (embeddings, images, audio) are never routed."""

    def price(self, ts: Ints, context: Ints) -> npt.NDArray[np.int32]:
        """Card numbers; negative reason codes where there is none."""
        local = self.timeline.lookup(ts, context)
        if len(self.codes) == 0:
            return self.reasons[-1 - local]
        priced = self.codes[np.maximum(local, 0)]
        return np.where(local >= 0, priced, self.reasons[np.maximum(-1 - local, 0)])


RATE_DECIMALS: Final = 9
"""Decimals of a rate in USD per 1M tokens; the price tables allow no more."""


class RateMatrix(msgspec.Struct, frozen=True):
    """Rates as integers of 1e-15 USD per token (1e-9 USD per 1M), one row per card; -1 for no price."""

    rates: Ints
    facts: tuple[ModelFacts | None, ...]
    context_window: Ints
    max_output: Ints
    images: npt.NDArray[np.bool_]
    audio: npt.NDArray[np.bool_]
    tools: npt.NDArray[np.bool_]
    json_mode: npt.NDArray[np.bool_]
    chat: npt.NDArray[np.bool_]
    model: Ints
    """A number for every model, the same for all of its cards."""


_NO_LIMIT = np.iinfo(np.int64).max


def rate_units(card: Card) -> dict[str, int]:
    """The rates of a card as integers of 1e-15 USD per token or unit, by price class."""
    found = {}
    for name in PRICED:
        rate = card.rates.get(name)
        if rate is not None:  # a unit's price is per unit, a token's per million: both end in 1e-15 USD
            found[name] = int(rate.usd.scaleb(15 if name in UNIT_CLASSES else RATE_DECIMALS))
    return found


def _matrix(cards: list[Card], book: PriceBook) -> RateMatrix:
    facts = tuple(book.facts.get((c.provider, c.model)) for c in cards)
    models: dict[tuple[str, str], int] = {}
    rates = np.full((len(cards), len(PRICED)), -1, np.int64)
    rates[:, PRICED.index("request")] = 0  # most models have no fee per request: that is no missing price
    for row, card in enumerate(cards):
        for name, units in rate_units(card).items():
            rates[row, PRICED.index(name)] = units
    return RateMatrix(
        rates=rates,
        facts=facts,
        context_window=np.array([(f and f.context_window) or _NO_LIMIT for f in facts], np.int64),
        max_output=np.array([(f and f.max_output) or _NO_LIMIT for f in facts], np.int64),
        images=np.array([bool(f and "image" in f.input_modalities) for f in facts], bool),
        audio=np.array([bool(f and "audio" in f.input_modalities) for f in facts], bool),
        tools=np.array([bool(f and f.tools) for f in facts], bool),
        json_mode=np.array([bool(f and f.json_mode) for f in facts], bool),
        chat=np.array([bool(f and f.klass in ("flagship", "mid", "economy")) for f in facts], bool),
        model=np.array([models.setdefault((c.provider, c.model), i) for i, c in enumerate(cards)], np.int64),
    )
