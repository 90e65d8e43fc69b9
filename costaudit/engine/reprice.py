"""A saved ledger under a book: the price of every cell, as the single requests would have been priced.

A cell holds requests of one name, one stretch of time, one band of context and one set of token classes.
Where the prices of another book change inside of it, nobody can tell its requests apart: they are counted
as unsure, and whoever asks is told how to read the logs again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from costaudit.engine.detail import (
    CLASSES,
    STATES_COST,
    STATES_IMPOSSIBLE,
    STATES_LARGE,
    STATES_NONE,
    STATES_ZERO,
)
from costaudit.engine.gateways import with_gateways
from costaudit.engine.kernel import BELOW_LIST, DAY_US, HOUR_US, IMPLAUSIBLE, NO_REPORT, REPORTED
from costaudit.engine.ledger import NO_PERIOD
from costaudit.engine.plan import PRICED, RATE_DECIMALS, Plan, SubjectPrices
from costaudit.engine.rows import SUBJECT_WORDS, bands, distinct_subjects
from costaudit.engine.saved import SavedLedger
from costaudit.engine.slots import SECOND_US, price_changes
from costaudit.prices.cards import NO_TS
from costaudit.prices.rows import UNIT_CLASSES
from costaudit.schema import UNTAGGED, Quality
from costaudit.tape.columns import Words

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_NO_EDGE: Final = 2**62


@dataclass(frozen=True, slots=True)
class Repriced:
    """What the cells of a saved ledger come to under a plan; all arrays have one entry per cell."""

    card: npt.NDArray[np.int32]
    """Number in `Plan.cards`; negative codes of a reason where there is no price."""
    unsure: Mask
    """Cells inside which the price changes."""
    reported: npt.NDArray[np.int8]
    """As in the kernel: whether a cost is stated and believed."""
    reported_unsure: Mask
    """Cells of which it depends on the single request whether its cost is believed, or below list."""
    band: npt.NDArray[np.int8]
    band_unsure: Mask
    """Cells whose confidence may be on either side of what the policy asks for."""
    gateway: Words
    """As logged, else as provider or model say."""
    providers: frozenset[str]
    """Providers of the book that served these requests."""


def reprice(ledger: SavedLedger, plan: Plan) -> Repriced:
    """Price the cells of a ledger under a plan."""
    keys, values = ledger.cells.keys, ledger.cells.values
    words = {name: Words(keys[name].astype(np.int64), values[name]) for name in (*SUBJECT_WORDS, "quality")}
    words["gateway"] = with_gateways(words["gateway"], words["provider"], words["model"], plan.book)
    subjects, codes = distinct_subjects(words)
    low, high = times_of(ledger, plan)
    edges = np.array((-1, *ledger.facts.edges.context, _NO_EDGE), np.int64)
    over, most = edges[keys["context"]], edges[keys["context"] + 1]
    card = np.zeros(ledger.cells.rows, np.int32)
    unsure = np.zeros(ledger.cells.rows, bool)
    for number, subject in enumerate(subjects):
        rows = np.flatnonzero(codes == number)
        span = Span(low[rows], high[rows], over[rows], most[rows], keys["classes"][rows])
        card[rows], unsure[rows] = price_span(plan, plan.subject(subject), span)
    unbilled = keys["unbilled"] == 1
    no_usage = words["quality"].among(Quality.NONE) & ~unbilled
    card = np.where(unbilled, plan.free_card, np.where(no_usage, plan.reason_code("no_usage"), card))
    card = np.where(
        _lacks_rate(plan, card, keys["classes"]), plan.reason_code("no_price_for_token_class"), card
    )
    fixed = unbilled | no_usage
    reported, doubtful = _reported(ledger, plan, card.astype(np.int32), fixed)
    band, straddles = _bands(ledger, plan)
    return Repriced(
        card=card.astype(np.int32),
        unsure=unsure & ~fixed,
        reported=reported,
        reported_unsure=doubtful,
        band=band,
        band_unsure=straddles,
        gateway=words["gateway"],
        providers=frozenset().union(*(plan.subject(s).providers for s in subjects)),
    )


def times_of(ledger: SavedLedger, plan: Plan) -> tuple[Ints, Ints]:
    """From and until when the requests of every cell are priced; NO_TS where that is not known."""
    keys = ledger.cells.keys
    if plan.prices_at is not None:
        at = np.full(ledger.cells.rows, plan.prices_at, np.int64)
        return at, at
    step = DAY_US if ledger.facts.resolution == "day" else HOUR_US
    start = keys["period"].astype(np.int64) * step
    known = keys["period"] != NO_PERIOD
    low, high = (start + keys[name].astype(np.int64) * SECOND_US for name in ("from_s", "until_s"))
    return np.where(known, low, NO_TS), np.where(known, high, NO_TS)


@dataclass(frozen=True, slots=True)
class Span:
    """Cells of one name: what is known of time, context and classes of their requests."""

    low: Ints
    high: Ints
    over: Ints
    """Their context is above this,"""
    most: Ints
    """and at most this."""
    classes: npt.NDArray[np.int32]


def price_span(plan: Plan, price: SubjectPrices, span: Span) -> tuple[npt.NDArray[np.int32], Mask]:
    """The card of every cell, and where requests of a cell may have another one."""
    card = price.price(span.low, span.over + 1)
    dated = span.low != NO_TS
    first, last = int(span.low[dated].min(initial=0)), int(span.high[dated].max(initial=0))
    changes = price_changes(price.timeline, first, last) if last > first else np.zeros(0, np.int64)
    ladders = [ladder for segment in price.timeline.segments for ladder in segment.ladders.values()]
    overs = np.unique([step.over for ladder in ladders for step in ladder if step.over >= 0]).astype(np.int64)
    inside = np.searchsorted(changes, span.high, "left") > np.searchsorted(changes, span.low, "right")
    split = np.searchsorted(overs, span.most, "left") > np.searchsorted(overs, span.over, "right")
    unsure = np.zeros(len(card), bool)
    known: dict[tuple[int, ...], bool] = {}
    for row in np.flatnonzero((inside & dated) | split).tolist():
        which = tuple(
            int(column[row]) for column in (span.low, span.high, span.over, span.most, span.classes)
        )
        if which not in known:
            known[which] = not _is_one(plan, price, which, changes, overs)
        unsure[row] = known[which]
    return card, unsure


def _is_one(plan: Plan, price: SubjectPrices, which: tuple[int, ...], changes: Ints, overs: Ints) -> bool:
    """Whether all requests that a cell may hold are priced alike."""
    low, high, over, most, classes = which
    times = np.array([low, *changes[(changes > low) & (changes < high)]], np.int64)
    contexts = np.array([over + 1, *(overs[(overs > over) & (overs < most)] + 1)], np.int64)
    ts, context = (grid.ravel() for grid in np.meshgrid(times, contexts))
    found = {int(code) for code in price.price(ts, context)}
    if len(found) == 1:
        return True
    if min(found) < 0:
        return False
    cards = [plan.cards[code] for code in found]
    rates = plan.rates().rates[sorted(found)][:, used_classes(np.array([classes]))[0]]
    return len({(c.provider, c.model) for c in cards}) == 1 and bool((rates == rates[0]).all())


def used_classes(classes: npt.NDArray[np.integer]) -> Mask:
    """For every cell the places in PRICED that its requests are billed by."""
    bits = [(classes >> bit) & 1 == 1 for bit in range(len(CLASSES))]
    return np.stack([*bits, np.ones(len(classes), bool)], axis=1)


def _lacks_rate(plan: Plan, card: npt.NDArray[np.int32], classes: npt.NDArray[np.int32]) -> Mask:
    """Cells with tokens of a class that their card has no price of."""
    rates = plan.rates().rates
    if not len(rates):
        return np.zeros(len(card), bool)
    missing: Mask = ((rates[np.maximum(card, 0)] < 0) & used_classes(classes)).any(axis=1) & (card >= 0)
    return missing


def _rates_then(ledger: SavedLedger) -> Ints:
    """The rates by which the ledger was made, as in a RateMatrix: one row per word of `card`."""
    words = ledger.cells.values["card"]
    rates = np.full((len(words), len(PRICED)), -1, np.int64)
    rates[:, PRICED.index("request")] = 0
    for row, ident in enumerate(words):
        told = ledger.facts.rates.get(ident or "", {})
        for column, name in enumerate(PRICED):
            if name in told:
                digits = 15 if name in UNIT_CLASSES else RATE_DECIMALS
                rates[row, column] = int(told[name].scaleb(digits))
    return rates


def _reported(
    ledger: SavedLedger, plan: Plan, card: npt.NDArray[np.int32], fixed: Mask
) -> tuple[npt.NDArray[np.int8], Mask]:
    """Whether stated costs are believed beside the new prices, and where that is not decided.

    The rules are those of the kernel, for bounds instead of single requests: a cost below list stays so
    when no rate of its classes falls.
    """
    keys = ledger.cells.keys
    before, stated = keys["reported"], keys["stated"]
    priced_then = np.array([word is not None for word in ledger.cells.values["card"]], bool)[keys["card"]]
    priced = card >= 0
    used = used_classes(keys["classes"])
    then, now = _rates_then(ledger)[keys["card"]], plan.rates().rates[np.maximum(card, 0)]
    rises, falls = (((now >= then) | ~used).all(axis=1), ((now <= then) | ~used).all(axis=1))
    both = priced & priced_then
    free, free_then = (((rates <= 0) | ~used).all(axis=1) for rates in (now, then))
    unlisted = ~priced | free
    large = (stated == STATES_LARGE) | (stated == STATES_IMPOSSIBLE)
    stays = (
        fixed | (stated == STATES_NONE) | (~priced & ~priced_then) | (both & rises & falls)
        | ((before == BELOW_LIST) & both & rises)
        | ((before == REPORTED) & both & falls & (stated == STATES_COST))
        | ((before == IMPLAUSIBLE) & both & falls & ~free & ~free_then & large)
    )  # fmt: skip
    zero = np.where(~priced, NO_REPORT, np.where(free, REPORTED, BELOW_LIST))
    other = np.where(stated == STATES_IMPOSSIBLE, IMPLAUSIBLE, REPORTED)
    told = np.where(stays, before, np.where(stated == STATES_ZERO, zero, np.where(unlisted, other, before)))
    return told.astype(np.int8), ~(stays | (stated == STATES_ZERO) | unlisted)


def _bands(ledger: SavedLedger, plan: Plan) -> tuple[npt.NDArray[np.int8], Mask]:
    """Confidence bands of the policy, and where a cell lies on both sides of one of its edges."""
    tier, confidence = ledger.cells.keys["tier"], ledger.cells.keys["confidence"]
    edges = np.array((*ledger.facts.edges.confidence, 101))
    following = edges[np.minimum(np.searchsorted(edges, confidence, side="right"), len(edges) - 1)]
    asked = (plan.policy.min_confidence, plan.policy.strong_confidence)
    straddles = np.any([(confidence < edge) & (edge < following) for edge in asked], axis=0)
    tagged = tier != UNTAGGED
    band = np.where(tagged, bands(plan.policy)[confidence], 0)
    return band.astype(np.int8), straddles & tagged
