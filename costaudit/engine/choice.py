"""The choice of a route: per request the cheapest adequate candidate, among providers used and among all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from costaudit.engine.columns import Batch, Words
from costaudit.engine.exact import weighted_sum
from costaudit.engine.plan import PRICED, Plan, RateMatrix, Route
from costaudit.prices.conditions import service_tier
from costaudit.schema import UNTAGGED, Status

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

KEPT: Final = (
    "routed",
    "untagged",
    "unpriced",
    "not_billed",
    "tier_keeps",
    "not_chat",
    "no_adequate_candidate",
    "not_cheaper",
)
"""Codes of the ledger's `kept`: why a request keeps its model."""

NO_ROUTE: Final = -1


@dataclass(frozen=True, slots=True)
class Priced:
    """A batch of calls with what they cost today; all arrays have one entry per call."""

    calls: Batch
    words: Mapping[str, Words]
    counts: dict[str, Ints | None]
    """By name of schema.COUNTS; None for 0 everywhere."""
    context: Ints
    """Tokens of the input side."""
    ts: Ints
    """The instant that prices are looked up at: microseconds, NO_TS for unknown."""
    card: npt.NDArray[np.int32]
    """Number in `Plan.cards`; negative where there is no price."""
    list_units: npt.NDArray[Any]
    """List cost in 1e-15 USD; negative where there is no price."""


@dataclass(slots=True)
class Chosen:
    """The routes of a batch."""

    same: npt.NDArray[np.int32]
    """Card of the choice among providers used; NO_ROUTE where the model is kept."""
    any: npt.NDArray[np.int32]
    """Card of the choice among all."""
    kept: npt.NDArray[np.int8]
    """Index into KEPT."""


def choose_routes(plan: Plan, priced: Priced, tier: npt.NDArray[np.int8], chat: Mask) -> Chosen:
    """For every call the cheapest adequate candidate that is cheaper than today.

    `chat` marks calls of chat models: others (embeddings, images) are never routed.
    """
    rows, card = priced.calls.rows, priced.card
    none = np.full(rows, NO_ROUTE, np.int32)
    chosen = Chosen(none, none.copy(), np.zeros(rows, np.int8))
    status, service = priced.words["status"], priced.words["service_tier"]
    ok = np.isin(status.codes, [i for i, v in enumerate(status.values) if v == Status.OK])
    chosen.kept[:] = np.select(
        [card < 0, ~ok, tier == UNTAGGED, ~chat],
        [KEPT.index(why) for why in ("unpriced", "not_billed", "untagged", "not_chat")],
    )
    movable = ok & (card >= 0) & chat & (tier != UNTAGGED)
    kinds = sorted({service_tier(v) for v in service.values})
    kind_codes = np.array([kinds.index(service_tier(v)) for v in service.values])[service.codes]
    needs = _Needs(priced)
    for number in range(4):
        for code, kind in enumerate(kinds):
            index = np.flatnonzero(movable & (tier == number) & (kind_codes == code))
            groups = plan.routes(number, kind) if len(index) else ()
            if groups:
                _choose(plan, groups, index, needs, chosen)
            else:
                chosen.kept[index] = KEPT.index("tier_keeps")
    return chosen


class _Needs:
    """What a candidate must be able to do for each row."""

    def __init__(self, priced: Priced) -> None:
        calls, counts = priced.calls, priced.counts
        self.priced, self.counts, self.context = priced, counts, priced.context
        output = counts["output"]
        self.output = output if output is not None else np.zeros(calls.rows, np.int64)
        self.images = calls.flag("has_images")
        self.tools = calls.flag("has_tools")
        audio = [c for n in ("input_audio", "output_audio") if (c := counts[n]) is not None]
        self.audio = np.any([c > 0 for c in audio], axis=0) if audio else None
        shape = calls.words("response_format")
        wants = [i for i, v in enumerate(shape.values) if v and v.startswith("json")]
        self.json_mode = np.isin(shape.codes, wants) if wants else None

    def met_by(self, matrix: RateMatrix, card: npt.NDArray[Any], index: Ints) -> Mask:
        met = matrix.context_window[card] >= self.context[index] + self.output[index]
        met &= matrix.max_output[card] >= self.output[index]
        for needed, able in (
            (self.images, matrix.images), (self.audio, matrix.audio),
            (self.tools, matrix.tools), (self.json_mode, matrix.json_mode),
        ):  # fmt: skip
            if needed is not None:
                met &= able[card] | ~needed[index]
        return np.asarray(met, bool)


def _choose(
    plan: Plan, groups: tuple[tuple[Route, ...], ...], index: Ints, needs: _Needs, chosen: Chosen
) -> None:
    """Choose for the rows of `index`, all of one tier and service tier."""
    current = needs.priced.list_units[index]
    open_same, open_any = np.ones(len(index), bool), np.ones(len(index), bool)
    same, any_ = np.full(len(index), NO_ROUTE, np.int32), np.full(len(index), NO_ROUTE, np.int32)
    best_same, best_any = current.copy(), current.copy()
    fitted = np.zeros(len(index), bool)
    span = _Span(index, needs)
    for group in groups:
        found_same, found_any = np.zeros(len(index), bool), np.zeros(len(index), bool)
        for route, card in _live(plan, group, span):
            fits, cost = _price_route(plan, card, index, needs)
            fitted |= fits
            if route.candidate.provider in plan.providers_used:
                found_same |= fits
                better = fits & open_same & (cost < best_same)
                best_same, same = np.where(better, cost, best_same), np.where(better, card, same)
            found_any |= fits
            better = fits & open_any & (cost < best_any)
            best_any, any_ = np.where(better, cost, best_any), np.where(better, card, any_)
        open_same &= ~found_same
        open_any &= ~found_any
        if not open_same.any() and not open_any.any():
            break
    # A later class opened for one provider must not leave "any" dearer than "same".
    worse = best_same < best_any
    chosen.same[index] = same
    chosen.any[index] = np.where(worse, same, any_)
    routed = (same != NO_ROUTE) | (any_ != NO_ROUTE)
    chosen.kept[index] = np.where(
        routed,
        KEPT.index("routed"),
        np.where(fitted, KEPT.index("not_cheaper"), KEPT.index("no_adequate_candidate")),
    )


class _Span:
    """The time and context range of some rows, for candidates whose price is the same for all of them."""

    def __init__(self, index: Ints, needs: _Needs) -> None:
        self.ts, self.context = needs.priced.ts[index], needs.context[index]
        self.low, self.high = int(self.ts.min()), int(self.ts.max())
        self.largest = int(self.context.max())
        self.smallest_need = int((self.context + needs.output[index]).min())


def _live(plan: Plan, group: tuple[Route, ...], span: _Span) -> list[tuple[Route, npt.NDArray[np.int32]]]:
    """The candidates with a price for some of the rows, each with its card per row (-1 for none).

    A candidate that an earlier one of the same provider undercuts in every class, while able to do
    all that it can, is left out: it cannot win any row.
    """
    live: list[tuple[Route, npt.NDArray[np.int32]]] = []
    fixed: list[tuple[str, int]] = []
    for route in group:
        one = route.timeline.constant(span.low, span.high, span.largest)
        if one is not None:
            if one < 0:
                continue
            card = int(route.codes[one])
            matrix = plan.rates()
            if matrix.context_window[card] < span.smallest_need:
                continue
            if any(p == route.candidate.provider and _dominates(matrix, c, card) for p, c in fixed):
                continue
            fixed.append((route.candidate.provider, card))
            live.append((route, np.full(1, card, np.int32)))
        elif len(route.codes):
            local = route.timeline.lookup(span.ts, span.context)
            live.append((route, np.where(local >= 0, route.codes[np.maximum(local, 0)], -1).astype(np.int32)))
    return live


def _dominates(matrix: RateMatrix, first: int, second: int) -> bool:
    """Whether the first card, which stands earlier, serves every request of the second for no more."""
    a, b = matrix.rates[first], matrix.rates[second]
    able = all(
        bool(column[first]) >= bool(column[second])
        for column in (matrix.images, matrix.audio, matrix.tools, matrix.json_mode)
    )
    wide = matrix.context_window[first] >= matrix.context_window[second]
    long = matrix.max_output[first] >= matrix.max_output[second]
    return bool(able and wide and long and np.all((b < 0) | ((a >= 0) & (a <= b))))


def _price_route(
    plan: Plan, card: npt.NDArray[np.int32], index: Ints, needs: _Needs
) -> tuple[Mask, npt.NDArray[Any]]:
    """Where a candidate fits, and what it would cost there in 1e-15 USD."""
    matrix = plan.rates()
    cards = np.maximum(card, 0)
    fits = (card >= 0) & needs.met_by(matrix, cards, index)
    columns: list[Ints] = []
    rates: list[Ints | int] = []
    for place, name in enumerate(PRICED):
        column = needs.counts["web_searches" if name == "web_search" else name]
        if column is None:
            continue
        here = column[index]
        rate = matrix.rates[cards, place]
        fits = fits & ((rate >= 0) | (here == 0))
        columns.append(here)
        rates.append(int(max(rate[0], 0)) if len(rate) == 1 else np.maximum(rate, 0))
    cost = weighted_sum(columns, rates) if columns else np.zeros(len(index), np.int64)
    return np.asarray(fits, bool), cost
