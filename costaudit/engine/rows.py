"""What every single call comes to: its price, its tag and its route, as arrays over a batch.

The kernel adds these up; `costaudit tag` writes them out. Both judge a call here, so the rows of a log add
up to its audit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from costaudit.engine.choice import KEPT, Chosen, choose_routes
from costaudit.engine.columns import Batch, Words
from costaudit.engine.exact import weighted_sum
from costaudit.engine.fits import Priced
from costaudit.engine.gateways import with_gateways
from costaudit.engine.ledger import WORD_KEYS, group_rows
from costaudit.engine.offers import NO_ROUTE, NONE, SCALE
from costaudit.engine.plan import MEASURE, NO_CLASS_PRICE, PRICED, Plan, RateMatrix, Subject, SubjectPrices
from costaudit.routing.policy import RULES_FROM, Policy
from costaudit.routing.projection import verification_multiples
from costaudit.schema import COUNTS, INPUT_SIDE, UNTAGGED, Quality, Status
from costaudit.tiers.evidence import Tags
from costaudit.tiers.tagger import Judged
from costaudit.tokens import OUTPUT_SIDE

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

UNIT_DIGITS: Final = 15
"""Costs of a call are integers of 10^-15 USD."""

ROUTE_DIGITS: Final = 19
"""Expected costs of a call are integers of 10^-19 USD: a share of today's cost may be in them."""

DISJOINT: Final = tuple(name for name in COUNTS if name != "reasoning")
"""Counts that add up: reasoning is a part of the output."""

LOW_CONFIDENCE: Final = "low_confidence"
"""Why a call with a cheaper candidate keeps its model: the policy does not act on so weak a tag."""


@dataclass(frozen=True, slots=True)
class JudgedRows:
    """A batch of calls with what each of them comes to; all arrays have one entry per call."""

    calls: Batch
    counts: dict[str, Ints | None]
    """By name of schema.COUNTS; None for 0 everywhere."""
    words: dict[str, Words]
    """By name of ledger.WORD_KEYS."""
    ts: Ints
    """Request times in microseconds, NO_TS where unknown."""
    card: npt.NDArray[np.int32]
    """Number in `Plan.cards`; negative codes of a reason where there is no price."""
    list_units: npt.NDArray[Any]
    """List cost in 1e-15 USD; negative where there is no price."""
    tags: Tags
    route: Chosen
    providers: frozenset[str]
    """Providers of the book that served these calls."""
    priced: Priced
    chat: Mask
    """Calls of chat models: others are never routed."""

    def routed_as(self, plan: Plan, tier: npt.NDArray[np.int8]) -> Chosen:
        """The routes under the policy if the tiers were these."""
        return choose_routes(plan, self.priced, tier, self.chat)

    def verification_units(self, plan: Plan, route: Chosen, routed: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """What verifying each call adds, moved or not, in 1e-19 USD; `routed` is its cost on the route."""
        found = np.zeros(len(routed), dtype=object)
        for number, multiple in verification_multiples(plan.policy).items():
            rows = route.number == number
            found[rows] = routed[rows] * int(multiple.scaleb(6)) // 10**6
        rows = route.verify != NONE
        if rows.any():
            read = self.priced.context + total_of(self.counts, OUTPUT_SIDE, len(routed))
            rates = plan.rates().rates[np.maximum(route.verify, 0)]
            each = {
                name: np.maximum(rates[:, PRICED.index(name)], 0) for name in ("input", "output", "request")
            }
            written = np.array([plan.verification_tokens(n) for n in route.number.tolist()], np.int64)
            cost = weighted_sum(
                [read, written, np.ones(len(read), np.int64)],
                [each["input"], each["output"], each["request"]],
            )
            found = np.where(rows, cost.astype(object) * SCALE, found)
        return found

    def route_units(self, plan: Plan, offer: npt.NDArray[np.int32]) -> npt.NDArray[Any]:
        """Expected cost of every call with an offer, in 1e-19 USD; the list cost for NO_ROUTE.

        Negative where there is no price.
        """
        offers = plan.offer_matrix()
        today = self.list_units.astype(object) * SCALE
        if not offers.size or (offer == NO_ROUTE).all():
            return today
        safe = np.maximum(offer, 0)
        ones = np.ones(len(offer), np.int64)
        columns, rates = [ones], [offers.fixed[safe]]
        for place, name in enumerate(PRICED):
            column = ones if name == "request" else self.counts[MEASURE[name]]
            if column is not None:
                columns.append(column)
                rates.append(np.maximum(offers.rates[safe, place], 0))
        units = weighted_sum(columns, rates)
        routed = units.astype(object) * SCALE + self.list_units.astype(object) * offers.own_share[safe]
        return np.where(offer == NO_ROUTE, today, routed)

    def bands(self, policy: Policy) -> npt.NDArray[np.int8]:
        """Confidence bands: 0 untagged, 1 weak, 2 from min_confidence on, 3 from strong_confidence on.

        A rule that asks for no tier acts whatever the tag: its requests are in the strongest band.
        """
        found = np.where(self.tags.tier == UNTAGGED, 0, bands(policy)[self.tags.confidence]).astype(np.int8)
        sure = [number for number, rule in enumerate(policy.rules, RULES_FROM) if not rule.tiers]
        return np.where(np.isin(self.route.number, sure), 3, found).astype(np.int8) if sure else found

    def moves(self, policy: Policy) -> Mask:
        """Calls that the policy routes elsewhere: a cheaper candidate, and a tag that it acts on."""
        moves: Mask = (self.route.any != NO_ROUTE) & (self.bands(policy) >= 2)
        return moves

    def stays(self, policy: Policy) -> list[str | None]:
        """Why each call keeps its model; None for one that is routed."""
        held = (self.route.any != NO_ROUTE) & ~self.moves(policy)
        reasons = [None, *KEPT[1:]]
        return [
            LOW_CONFIDENCE if weak else reasons[code]
            for weak, code in zip(held.tolist(), self.route.kept.tolist(), strict=True)
        ]


@dataclass(frozen=True, slots=True)
class PricedRows:
    """A batch of calls with what each of them costs; all arrays have one entry per call."""

    calls: Batch
    counts: dict[str, Ints | None]
    words: dict[str, Words]
    ts: Ints
    price_ts: Ints
    """Times at which the calls are priced."""
    context: Ints
    """Tokens on the input side."""
    card: npt.NDArray[np.int32]
    list_units: npt.NDArray[Any]
    providers: frozenset[str]
    chat: Mask


def price_rows(batch: pa.RecordBatch, plan: Plan) -> PricedRows:
    """Price every call of a canonical batch, as the plan sees it."""
    calls = Batch(batch)
    ts = calls.times()
    counts = {name: calls.counts(name) for name in COUNTS}
    context = total_of(counts, INPUT_SIDE, calls.rows)
    subjects, subject_codes, words = subjects_of(calls, plan)
    price_ts = ts if plan.prices_at is None else np.full(calls.rows, plan.prices_at, np.int64)
    prices = [plan.subject(subject) for subject in subjects]
    card = _cards(prices, subject_codes, price_ts, context)
    billed = ~words["status"].among(Status.CACHE_HIT)
    card = _without_usage(plan, card, billed, counts, words)
    list_units = cost_of(plan.rates(), card, counts)
    return PricedRows(
        calls=calls,
        counts=counts,
        words=words,
        ts=ts,
        price_ts=price_ts,
        context=context,
        card=np.where(list_units == _NO_RATE, plan.reason_code(NO_CLASS_PRICE), card),
        list_units=list_units,
        providers=frozenset().union(*(price.providers for price in prices)),
        chat=np.array([p.chat for p in prices], bool)[subject_codes],
    )


def judge_rows(batch: pa.RecordBatch, plan: Plan, judged: Judged | None = None) -> JudgedRows:
    """Price, tag and route every call of a canonical batch under a plan.

    `judged` is what the plan's tagger said of the batch before, if it was asked.
    """
    batch = plan.seen(batch)
    p = price_rows(batch, plan)
    tags = plan.tagger.settle(judged or plan.tagger.judge(batch))
    priced = Priced(p.calls, p.words, p.counts, p.context, p.price_ts, p.card, p.list_units)
    return JudgedRows(
        calls=p.calls,
        counts=p.counts,
        words=p.words,
        ts=p.ts,
        card=p.card,
        list_units=p.list_units,
        tags=tags,
        route=choose_routes(plan, priced, tags.tier, p.chat),
        providers=p.providers,
        priced=priced,
        chat=p.chat,
    )


def bands(policy: Policy) -> npt.NDArray[np.int8]:
    """The confidence band of every percentage of a tagged call."""
    edges = np.array([policy.min_confidence, policy.strong_confidence])
    return (1 + np.searchsorted(edges, np.arange(101), side="right")).astype(np.int8)


def total_of(counts: dict[str, Ints | None], names: tuple[str, ...], rows: int) -> Ints:
    """The sum of some counts, per call."""
    total = np.zeros(rows, np.int64)
    for name in names:
        column = counts[name]
        if column is not None:
            total = total + column
    return total


SUBJECT_WORDS = ("provider", "model", "service_tier", "region", "speed", "gateway")
_DEFAULTS = {"status": Status.OK.value, "quality": Quality.EXACT.value, "reading": "inclusive"}


def subjects_of(calls: Batch, plan: Plan) -> tuple[list[Subject], Ints, dict[str, Words]]:
    """Distinct combinations of what decides the price, the combination of every row, and all words."""
    words = {name: calls.words(name, _DEFAULTS.get(name)) for name in WORD_KEYS}
    words["gateway"] = with_gateways(words["gateway"], words["provider"], words["model"], plan.book)
    return *distinct_subjects(words), words


def distinct_subjects(words: Mapping[str, Words]) -> tuple[list[Subject], Ints]:
    """Distinct combinations of the words that decide a price, and the one of every row."""
    keys = {name: (words[name].codes, 0, len(words[name].values) - 1) for name in SUBJECT_WORDS}
    distinct, group, size = group_rows(keys)
    subjects = [tuple(words[name].values[distinct[name][i]] for name in SUBJECT_WORDS) for i in range(size)]
    return subjects, group.astype(np.int64)


def _cards(prices: list[SubjectPrices], codes: Ints, ts: Ints, context: Ints) -> npt.NDArray[np.int32]:
    """The card of every row. A subject whose price cannot change within the batch is looked up once."""
    low, high = (int(ts.min()), int(ts.max())) if len(ts) else (0, 0)
    largest = int(context.max(initial=0))
    constant = np.zeros(len(prices), np.int32)
    open_ = []
    for number, price in enumerate(prices):
        one = price.timeline.constant(low, high, largest)
        if one is None:
            open_.append(number)
        else:
            constant[number] = price.codes[one] if one >= 0 else price.reasons[-1 - one]
    card = constant[codes]
    for number in open_:
        rows = np.flatnonzero(codes == number)
        card[rows] = prices[number].price(ts[rows], context[rows])
    return card


def _without_usage(
    plan: Plan,
    card: npt.NDArray[np.int32],
    billed: Mask,
    counts: dict[str, Ints | None],
    words: Any,
) -> npt.NDArray[np.int32]:
    """Gateway cache hits and failures without usage cost nothing; other calls without usage are unpriced."""
    free = plan.free_card
    card = np.where(billed, card, free)
    quality, status = words["quality"], words["status"]
    card = np.where(quality.among(Quality.NONE) & billed, plan.reason_code("no_usage"), card)
    failed = np.flatnonzero(status.among(Status.ERROR, Status.CANCELLED))
    if len(failed):
        used = {name: None if column is None else column[failed] for name, column in counts.items()}
        card[failed[total_of(used, COUNTS, len(failed)) == 0]] = free
    return np.asarray(card, np.int32)


_NO_RATE: Final = -1
_UNPRICED: Final = -2


def cost_of(
    matrix: RateMatrix, card: npt.NDArray[np.int32], counts: dict[str, Ints | None]
) -> npt.NDArray[Any]:
    """List cost of every row in 1e-15 USD; _UNPRICED without a card, _NO_RATE when a class has no price."""
    safe = np.maximum(card, 0)
    columns, rates = [], []
    missing = np.zeros(len(card), bool)
    for place, name in enumerate(PRICED):
        if name == "request" and not matrix.rates[:, place].any():
            continue
        column = np.ones(len(card), np.int64) if name == "request" else counts[MEASURE[name]]
        if column is None:
            continue
        rate = matrix.rates[:, place].take(safe)
        if rate.min(initial=0) < 0:
            missing |= (rate < 0) & (column > 0)
            rate = np.maximum(rate, 0)
        columns.append(column)
        rates.append(rate)
    cost = weighted_sum(columns, rates) if columns else np.zeros(len(card), np.int64)
    return np.where(card < 0, _UNPRICED, np.where(missing, _NO_RATE, cost))
