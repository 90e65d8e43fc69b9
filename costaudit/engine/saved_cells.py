"""The cells of a saved ledger: what is known of their requests, and what another book makes of it.

A cell holds requests of one name, one stretch of time, one band of context and one set of token classes.
Where the prices of another book change inside of it, nobody can tell its requests apart: they are counted
as unsure, and whoever asks is told how to read the logs again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from costaudit.engine.alike import Alike, SizeBand
from costaudit.engine.bands import Bands
from costaudit.engine.detail import (
    CLASSES,
    STATES_COST,
    STATES_IMPOSSIBLE,
    STATES_LARGE,
    STATES_NONE,
    STATES_ZERO,
)
from costaudit.engine.gateways import with_gateways
from costaudit.engine.kernel import BELOW_LIST, IMPLAUSIBLE, NO_REPORT, REPORTED
from costaudit.engine.ledger import NO_PERIOD, WORD_KEYS
from costaudit.engine.plan import Plan
from costaudit.engine.rows import bands
from costaudit.engine.saved import SavedLedger
from costaudit.engine.slots import SECOND_US
from costaudit.prices.cards import NO_TS
from costaudit.prices.numbered import MEASURE, PRICED, RATE_DECIMALS
from costaudit.prices.rows import UNIT_CLASSES
from costaudit.schema import UNTAGGED, Quality
from costaudit.tape.columns import Words
from costaudit.times import DAY_US, HOUR_US

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


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


def alike_of(ledger: SavedLedger, plan: Plan) -> Alike:
    """The cells of a ledger, as a plan looks at them."""
    keys, values, edges = ledger.cells.keys, ledger.cells.values, ledger.facts.edges
    words = {name: Words(keys[name].astype(np.int64), values[name]) for name in WORD_KEYS}
    words["gateway"] = with_gateways(words["gateway"], words["provider"], words["model"], plan.prices.book)
    low, high = times_of(ledger, plan)
    classes = [(keys["classes"] >> bit) & 1 == 1 for bit in range(len(CLASSES))]

    def band(key: str, limits: Sequence[int]) -> SizeBand:
        return Bands(limits).band(keys[key])

    return Alike(
        words=words,
        tier=keys["tier"].astype(np.int8),
        low=low,
        high=high,
        context=band("context", edges.context),
        length=band("length", edges.length),
        output=band("output_band", edges.output),
        needs=keys["needs"],
        classes=np.stack([*classes, np.ones(ledger.cells.rows, bool)], axis=1),
        requests=ledger.cells.measures["requests"],
        sums=tuple(_some(ledger.cells.measures[MEASURE[name]]) for name in PRICED),
        single=False,
    )


def _some(total: npt.NDArray[Any]) -> npt.NDArray[Any] | None:
    return total if total.any() else None


def unbilled(ledger: SavedLedger) -> Mask:
    """Cells that nobody bills."""
    return np.asarray(ledger.cells.keys["unbilled"] == 1)


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


def reported_of(
    ledger: SavedLedger, plan: Plan, alike: Alike, card: npt.NDArray[np.int32]
) -> tuple[npt.NDArray[np.int8], Mask]:
    """Whether stated costs are believed beside the new prices, and where that is not decided.

    The rules are those of the kernel, for bounds instead of single requests: a cost below list stays so
    when no rate of its classes falls.
    """
    keys = ledger.cells.keys
    fixed = unbilled(ledger) | alike.words["quality"].among(Quality.NONE)
    before, stated = keys["reported"], keys["stated"]
    priced_then = np.array([word is not None for word in ledger.cells.values["card"]], bool)[keys["card"]]
    priced = card >= 0
    used = alike.classes
    then, now = _rates_then(ledger)[keys["card"]], plan.prices.rates().rates[np.maximum(card, 0)]
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


def bands_of(ledger: SavedLedger, plan: Plan) -> tuple[npt.NDArray[np.int8], Mask]:
    """Confidence bands of the policy, and where a cell lies on both sides of one of its edges."""
    tier, confidence = ledger.cells.keys["tier"], ledger.cells.keys["confidence"]
    edges = np.array((*ledger.facts.edges.confidence, 101))
    following = edges[np.minimum(np.searchsorted(edges, confidence, side="right"), len(edges) - 1)]
    asked = (plan.policy.min_confidence, plan.policy.strong_confidence)
    straddles = np.any([(confidence < edge) & (edge < following) for edge in asked], axis=0)
    tagged = tier != UNTAGGED
    band = np.where(tagged, bands(plan.policy)[confidence], 0)
    return band.astype(np.int8), straddles & tagged
