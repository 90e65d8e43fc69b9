"""The choice of a route: per request the cheapest adequate candidate, among providers used and among all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from costaudit.engine.columns import Batch, Words
from costaudit.engine.exact import largest, weighted_sum
from costaudit.engine.plan import MEASURE, PRICED, Plan, RateMatrix, Route
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
    ok, has_price = status.among(Status.OK), card >= 0
    tagged = tier != UNTAGGED
    for why, where in (
        ("not_chat", ~chat),
        ("untagged", ~tagged),
        ("not_billed", ~ok),
        ("unpriced", ~has_price),
    ):
        chosen.kept[where] = KEPT.index(why)  # the last that holds
    movable = np.where(ok & has_price & chat & tagged, tier, UNTAGGED)
    kinds = sorted({service_tier(v) for v in service.values})
    kind_of = np.array([kinds.index(service_tier(v)) for v in service.values])
    needs = _Needs(priced)
    for number in range(4):
        of_tier = np.flatnonzero(movable == number)
        kind_codes = kind_of[service.codes[of_tier]]
        for code, kind in enumerate(kinds):
            index = of_tier[kind_codes == code] if len(kinds) > 1 else of_tier
            groups = plan.routes(number, kind) if len(index) else ()
            if groups:
                fees = bool(plan.rates().rates[:, PRICED.index("request")].any())
                _choose(plan, groups, _Rows.cut(needs, index, fees=fees), chosen)
            else:
                chosen.kept[index] = KEPT.index("tier_keeps")
    return chosen


class _Needs:
    """What a candidate must be able to do for each row of a batch."""

    def __init__(self, priced: Priced) -> None:
        calls, counts = priced.calls, priced.counts
        self.priced = priced
        output = counts["output"]
        self.output = output if output is not None else np.zeros(calls.rows, np.int64)
        self.images = calls.flag("has_images")
        self.tools = calls.flag("has_tools")
        audio = [c for n in ("input_audio", "output_audio") if (c := counts[n]) is not None]
        self.audio = np.any([c > 0 for c in audio], axis=0) if audio else None
        shape = calls.words("response_format")
        wants_json = [v for v in shape.values if v and v.startswith("json")]
        self.json_mode = shape.among(*wants_json) if wants_json else None


@dataclass(frozen=True, slots=True)
class _Rows:
    """The calls of one tier and service tier, cut out of their batch once for all candidates."""

    index: Ints
    ts: Ints
    context: Ints
    output: Ints
    list_units: npt.NDArray[Any]
    counts: tuple[tuple[int, Ints, int], ...]
    """Place in PRICED, counts, and the largest of them."""
    abilities: tuple[tuple[str, Mask], ...]
    """Column of the rate matrix that a model needs, and the calls that need it."""
    longest: int
    """The largest context with its output."""
    shortest: int
    """The smallest."""

    @classmethod
    def cut(cls, needs: _Needs, index: Ints, *, fees: bool) -> _Rows:
        """The calls of `index`; `fees` when some model is paid by the request."""
        priced, output = needs.priced, needs.output[index]
        context = priced.context[index]
        length = context + output
        columns = [(p, priced.counts[MEASURE[n]]) for p, n in enumerate(PRICED) if n != "request"]
        counts = [(place, column[index]) for place, column in columns if column is not None]
        if fees:
            counts.append((PRICED.index("request"), np.ones(len(index), np.int64)))
        masks = {name: getattr(needs, name) for name in ("images", "audio", "tools", "json_mode")}
        return cls(
            index=index,
            ts=priced.ts[index],
            context=context,
            output=output,
            list_units=priced.list_units[index],
            counts=tuple((place, column, largest(column)) for place, column in counts),
            abilities=tuple((n, m[index]) for n, m in masks.items() if m is not None),
            longest=int(length.max()),
            shortest=int(length.min()),
        )

    def fitted_by(self, matrix: RateMatrix, card: npt.NDArray[np.int32]) -> Mask:
        """Where a candidate can serve; one answer where it is the same for all."""
        fits: Mask = np.array(True)
        if card.min() < 0:
            fits = card >= 0
        cards = np.maximum(card, 0)
        if matrix.context_window[cards].min() < self.longest:
            fits = fits & (matrix.context_window[cards] >= self.context + self.output)
        if matrix.max_output[cards].min() < largest(self.output):
            fits = fits & (matrix.max_output[cards] >= self.output)
        for name, needed in self.abilities:
            fits = fits & (getattr(matrix, name)[cards] | ~needed)
        for place, column, _ in self.counts:
            if matrix.rates[cards, place].min() < 0:
                fits = fits & ((matrix.rates[cards, place] >= 0) | (column == 0))
        return fits

    def cost(self, matrix: RateMatrix, card: npt.NDArray[np.int32]) -> npt.NDArray[Any]:
        """What the calls would cost with a candidate, in 1e-15 USD."""
        if not self.counts:
            return np.zeros(len(self.index), np.int64)
        rates = [np.maximum(matrix.rates[np.maximum(card, 0), place], 0) for place, _, _ in self.counts]
        return weighted_sum(
            [column for _, column, _ in self.counts],
            [int(rate[0]) if len(rate) == 1 else rate for rate in rates],
            [most for _, _, most in self.counts],
        )


class _Best:
    """The cheapest candidate so far, for every row."""

    def __init__(self, rows: _Rows) -> None:
        self.units = rows.list_units.copy()
        self.card = np.full(len(rows.index), NO_ROUTE, np.int32)
        self.open: Mask = np.array(True)
        """Rows that no earlier group could serve."""
        self._found: Mask = np.array(False)

    def offer(self, fits: Mask, units: npt.NDArray[Any], card: npt.NDArray[np.int32]) -> None:
        """Take the candidate where it fits and is cheaper."""
        self._found = self._found | fits
        better = fits & self.open & (units < self.units)
        if units.dtype != self.units.dtype:
            self.units = self.units.astype(object)
        np.copyto(self.units, units, where=better)
        np.copyto(self.card, card, where=better)

    def close_group(self) -> None:
        """The rows that the group could serve are closed to the next."""
        self.open = self.open & ~self._found


def _choose(plan: Plan, groups: tuple[tuple[Route, ...], ...], rows: _Rows, chosen: Chosen) -> None:
    """Choose for some rows, all of one tier and service tier."""
    same, any_ = _Best(rows), _Best(rows)
    fitted: Mask = np.array(False)
    for group in groups:
        for route, card in _live(plan, group, rows):
            matrix = plan.rates()
            fits, units = rows.fitted_by(matrix, card), rows.cost(matrix, card)
            fitted = fitted | fits
            if route.candidate.provider in plan.providers_used:
                same.offer(fits, units, card)
            any_.offer(fits, units, card)
        same.close_group()
        any_.close_group()
        if not same.open.any() and not any_.open.any():
            break
    # A later class opened for one provider must not leave "any" dearer than "same".
    any_card = np.where(same.units < any_.units, same.card, any_.card)
    chosen.same[rows.index] = same.card
    chosen.any[rows.index] = any_card
    routed = (same.card != NO_ROUTE) | (any_.card != NO_ROUTE)
    why_not = np.where(fitted, KEPT.index("not_cheaper"), KEPT.index("no_adequate_candidate"))
    chosen.kept[rows.index] = np.where(routed, KEPT.index("routed"), why_not)


def _live(plan: Plan, group: tuple[Route, ...], rows: _Rows) -> list[tuple[Route, npt.NDArray[np.int32]]]:
    """The candidates with a price for some of the rows, each with its card per row (-1 for none).

    A candidate that an earlier one of the same provider undercuts in every class, while able to do
    all that it can, is left out: it cannot win any row.
    """
    live: list[tuple[Route, npt.NDArray[np.int32]]] = []
    fixed: list[tuple[str, int]] = []
    low, high, furthest = int(rows.ts.min()), int(rows.ts.max()), largest(rows.context)
    for route in group:
        one = route.timeline.constant(low, high, furthest)
        if one is not None:
            if one < 0:
                continue
            card = int(route.codes[one])
            matrix = plan.rates()
            if matrix.context_window[card] < rows.shortest:
                continue
            if any(p == route.candidate.provider and _dominates(matrix, c, card) for p, c in fixed):
                continue
            fixed.append((route.candidate.provider, card))
            live.append((route, np.full(1, card, np.int32)))
        elif len(route.codes):
            local = route.timeline.lookup(rows.ts, rows.context)
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
