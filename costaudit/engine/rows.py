"""What every single request comes to: its price, its tag and its route, as arrays over a segment.

The kernel adds up what is decided by cell; `costaudit tag` writes it out request by request. Both ask
`judge.decide`, so the rows of a log add up to its audit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from costaudit.engine.cell_prices import price_cells
from costaudit.engine.choose import KEPT, Chosen, choose
from costaudit.engine.exact import weighted_sum
from costaudit.engine.judge import SegmentRows, decide, free_cells, total_of
from costaudit.engine.plan import Plan
from costaudit.prices.numbered import MEASURE, PRICED, RateMatrix
from costaudit.routing.offers import NO_ROUTE, NONE, SCALE
from costaudit.routing.policy import RULES_FROM, Policy
from costaudit.routing.projection import verification_multiples
from costaudit.schema import UNTAGGED
from costaudit.tape.columns import Batch, Words
from costaudit.tape.segment import Segment
from costaudit.tiers.evidence import Tags
from costaudit.tiers.tagger import Judged
from costaudit.tokens import OUTPUT_SIDE

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

UNIT_DIGITS: Final = 15
"""Costs of a call are integers of 10^-15 USD."""

ROUTE_DIGITS: Final = 19
"""Expected costs of a call are integers of 10^-19 USD: a share of today's cost may be in them."""

LOW_CONFIDENCE: Final = "low_confidence"
"""Why a call with a cheaper candidate keeps its model: the policy does not act on so weak a tag."""


class PricedRows(msgspec.Struct, frozen=True):
    """Some requests with what each of them costs; all arrays have one entry per request."""

    calls: Batch
    counts: dict[str, Ints | None]
    """By name of schema.COUNTS; None for 0 everywhere."""
    words: dict[str, Words]
    """By name of ledger.WORD_KEYS."""
    ts: Ints
    """Request times in microseconds, NO_TS where unknown."""
    price_ts: Ints
    """Times at which the calls are priced."""
    context: Ints
    """Tokens on the input side."""
    card: npt.NDArray[np.int32]
    """Number in `Plan.cards`; negative codes of a reason where there is no price."""
    list_units: npt.NDArray[Any]
    """List cost in 1e-15 USD; negative where there is no price."""
    providers: frozenset[str]
    """Providers of the book that served these calls."""
    chat: Mask
    """Calls of chat models: others are never routed."""
    needs: npt.NDArray[np.int32]
    """What a model must be able to do: bits of `alike.NEEDS`."""


class JudgedRows(PricedRows, frozen=True):
    """Some requests with their price, tag and route."""

    tags: Tags
    route: Chosen
    source: SegmentRows

    def routed_as(self, plan: Plan, tier: npt.NDArray[np.int8]) -> Chosen:
        """The routes under the policy if the tiers were these."""
        alike = self.source.single(np.arange(len(tier)), tier, plan)
        return choose(plan, alike, price_cells(alike, plan, free_cells(alike))).chosen

    def verification_units(self, plan: Plan, route: Chosen, routed: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """What verifying each call adds, moved or not, in 1e-19 USD; `routed` is its cost on the route."""
        found = np.zeros(len(routed), dtype=object)
        for number, multiple in verification_multiples(plan.policy).items():
            rows = route.number == number
            found[rows] = routed[rows] * int(multiple.scaleb(6)) // 10**6
        rows = route.verify != NONE
        if rows.any():
            read = self.context + total_of(self.counts, OUTPUT_SIDE, len(routed))
            rates = plan.prices.rates().rates[np.maximum(route.verify, 0)]
            each = {
                name: np.maximum(rates[:, PRICED.index(name)], 0) for name in ("input", "output", "request")
            }
            written = np.array(
                [plan.offering.verification_tokens(n) for n in route.number.tolist()], np.int64
            )
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
        offers = plan.offering.matrix()
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
        """See `confidence_bands`."""
        return confidence_bands(policy, self.tags, self.route.number)

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


def price_rows(segment: Segment, plan: Plan) -> PricedRows:
    """Price some requests, as the plan sees them."""
    rows = SegmentRows(plan.seen(segment), plan)
    alike = rows.single(np.arange(rows.size), np.full(rows.size, UNTAGGED, np.int8), plan)
    prices = price_cells(alike, plan, free_cells(alike))
    return PricedRows(
        calls=Batch(rows.segment.batch()),
        counts=rows.counts,
        words=rows.words,
        ts=rows.ts,
        price_ts=rows.price_ts,
        context=rows.context,
        card=prices.card,
        list_units=cost_of(plan.prices.rates(), prices.card, rows.counts),
        providers=prices.providers,
        chat=prices.chat,
        needs=rows.needs,
    )


def judge_rows(segment: Segment, plan: Plan, judged: Judged | None = None) -> JudgedRows:
    """Price, tag and route some requests. `judged` is what was said of their tiers before, if it was."""
    found = decide(segment, plan, judged)
    unit, rows = found.of_row, found.rows
    card = found.card[unit]
    return JudgedRows(
        calls=Batch(rows.segment.batch()),
        counts=rows.counts,
        words=rows.words,
        ts=rows.ts,
        price_ts=rows.price_ts,
        context=rows.context,
        card=card,
        list_units=cost_of(plan.prices.rates(), card, rows.counts),
        providers=found.providers,
        chat=found.chat[unit],
        needs=rows.needs,
        tags=found.tags.take(unit),
        route=found.route.take(unit),
        source=rows,
    )


def bands(policy: Policy) -> npt.NDArray[np.int8]:
    """The confidence band of every percentage of a tagged call."""
    edges = np.array([policy.min_confidence, policy.strong_confidence])
    return (1 + np.searchsorted(edges, np.arange(101), side="right")).astype(np.int8)


def confidence_bands(policy: Policy, tags: Tags, number: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """Confidence bands: 0 untagged, 1 weak, 2 from min_confidence on, 3 from strong_confidence on.

    A rule that asks for no tier acts whatever the tag: its requests are in the strongest band.
    """
    found = np.where(tags.tier == UNTAGGED, 0, bands(policy)[tags.confidence]).astype(np.int8)
    sure = [place for place, rule in enumerate(policy.rules, RULES_FROM) if not rule.tiers]
    return np.where(np.isin(number, sure), 3, found).astype(np.int8) if sure else found


def cost_of(
    matrix: RateMatrix, card: npt.NDArray[np.int32], counts: Mapping[str, Ints | None]
) -> npt.NDArray[Any]:
    """List cost of every request in 1e-15 USD; -2 without a card, -1 where it lacks the price of a class."""
    safe = np.maximum(card, 0)
    columns, rates = [], []
    missing = np.zeros(len(card), bool)
    for place, name in enumerate(PRICED):
        if name == "request" and not matrix.rates[:, place].any():
            continue
        column = np.ones(len(card), np.int64) if name == "request" else counts[MEASURE[name]]
        if column is not None:
            rate = matrix.rates[:, place].take(safe)
            if rate.min(initial=0) < 0:
                missing |= (rate < 0) & (column > 0)
                rate = np.maximum(rate, 0)
            columns.append(column)
            rates.append(rate)
    cost = weighted_sum(columns, rates) if columns else np.zeros(len(card), np.int64)
    return np.where(card < 0, -2, np.where(missing, -1, cost))
