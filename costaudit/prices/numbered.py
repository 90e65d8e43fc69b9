"""What things cost: the cards and rates of a price book, by numbers that stay what they are.

Cards and reasons are numbered as they are met, and a number is never given to another one: numpy arrays of
card numbers are prices of requests. What a price is never depends on what was met before. The numbers are of
one process; `costaudit.engine.told` translates them between two.
"""

from __future__ import annotations

import threading
from decimal import Decimal
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from costaudit.prices.book import PriceBook
from costaudit.prices.cards import Card, Rate, Timeline, name_timeline
from costaudit.prices.conditions import service_tier
from costaudit.prices.resolver import How, Periods, Resolved, Resolver, Unresolved
from costaudit.prices.rows import UNIT_CLASSES, ModelFacts
from costaudit.schema import TOKEN_CLASSES

Ints = npt.NDArray[np.int64]

PRICED: Final = (*TOKEN_CLASSES, "web_search", "request")
"""Price classes that a request is multiplied with, in the order of the rate matrix."""

MEASURE: Final = {**{c: c for c in TOKEN_CLASSES}, "web_search": "web_searches", "request": "requests"}
"""What the ledger counts a price class by. A fee per request falls due once for each request."""

NO_CLASS_PRICE: Final = "no_price_for_token_class"
"""Why a call is unpriced that has tokens of a class without a rate."""

FREE: Final = Card("not-billed", "", "", {c: Rate(Decimal(0), "not-billed") for c in PRICED})
"""What a call costs that no provider was paid for."""

Subject = tuple[str | None, str | None, str | None, str | None, str | None, str | None]
"""Provider, model, service tier, region, speed, gateway, as logged."""

Named = tuple[Periods, str, str, str]
"""What the price of a subject depends on: models of the book over time, service tier, region, speed."""


class NumberedPrices(msgspec.Struct, eq=False):
    """The prices of a book, shared by all questions that are asked with it. Safe to share between threads."""

    book: PriceBook
    resolver: Resolver
    cards: list[Card] = msgspec.field(default_factory=list)
    reasons: list[str] = msgspec.field(default_factory=list)
    """Why something is unpriced; -1 is the code of the first."""
    _lock: threading.RLock = msgspec.field(default_factory=threading.RLock)
    _card_code: dict[str, int] = msgspec.field(default_factory=dict)
    _reason_code: dict[str, int] = msgspec.field(default_factory=dict)
    _subjects: dict[Subject, SubjectPrices] = msgspec.field(default_factory=dict)
    _named: dict[Named, SubjectPrices] = msgspec.field(default_factory=dict)
    _matrix: RateMatrix | None = None

    def of_book(self, book: PriceBook) -> NumberedPrices:
        """Those of another book, without a card yet; codes of reasons stay what they are."""
        fresh = NumberedPrices(book, self.resolver)
        for reason in self.reasons:
            fresh.reason_code(reason)
        return fresh

    def subject(self, subject: Subject) -> SubjectPrices:
        """Prices over time of what a log names so."""
        found = self._subjects.get(subject)
        if found is None:
            with self._lock:
                found = self._subjects.setdefault(subject, self._price_subject(subject))
        return found

    def _price_subject(self, subject: Subject) -> SubjectPrices:
        provider, model, tier, region, speed, gateway = subject
        periods = self.resolver.periods_through(provider, gateway, model, region)
        named: Named = (periods, service_tier(tier), region or "", speed or "")
        if named not in self._named:
            self._named[named] = self._price_named(*named)
        return self._named[named]

    def _price_named(self, periods: Periods, tier: str, region: str, speed: str) -> SubjectPrices:
        found = [r for _, r in periods if isinstance(r, Resolved)]
        timeline = name_timeline(self.book, periods, tier, region, speed)
        missing = next((r for _, r in periods if isinstance(r, Unresolved)), None)
        facts = [self.book.facts.get((r.provider, r.model)) for r in found]
        return SubjectPrices(
            timeline=timeline,
            codes=self.card_codes(timeline),
            reasons=np.array([self.reason_code(r) for r in timeline.reasons], np.int32),
            how=found[-1].how if found else None,
            providers=frozenset(r.provider for r in found),
            detail=missing.detail if missing and not found else "",
            chat=bool(found) and not any(f and f.klass in ("embedding", "other") for f in facts),
        )

    def card_codes(self, timeline: Timeline) -> npt.NDArray[np.int32]:
        """The numbers of the cards of a timeline."""
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

    def timelines(self) -> list[Timeline]:
        """Those of all that was asked for before."""
        with self._lock:
            return [price.timeline for price in self._named.values()]

    def name_of(self, card: int) -> str:
        """provider/model of a card."""
        return f"{self.cards[card].provider}/{self.cards[card].model}"

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

    def assumed_reads(self) -> npt.NDArray[np.bool_]:
        """Of every card met so far, whether what is read from a cache costs as input by assumption only."""
        with self._lock:
            return np.array([self._assumes(card) for card in self.cards], bool)

    def _assumes(self, card: Card) -> bool:
        provider = self.book.providers.get(card.provider)
        lent = card.rates.get("cache_read")
        return bool(
            provider and provider.cache_read_assumed and lent and lent == card.rates.get("input")
        )  # both are of the same row

    @property
    def free_card(self) -> int:
        """The card of calls that no provider bills: gateway cache hits, failures without usage."""
        return self.card_number(FREE)

    def facts(self, card: int) -> ModelFacts | None:
        """What is known of the model of a card."""
        return self.book.facts.get((self.cards[card].provider, self.cards[card].model))


class SubjectPrices(msgspec.Struct, frozen=True):
    """What a book knows of one subject."""

    timeline: Timeline
    codes: npt.NDArray[np.int32]
    """Number in `NumberedPrices.cards` of every card of the timeline."""
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
