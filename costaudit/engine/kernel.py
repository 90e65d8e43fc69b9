"""The kernel: a pure function from a batch of calls to a partial ledger.

Per call it decides what depends on the single request: the price card at its time and context size,
the tier, and the cheapest adequate candidate, among the providers already used and among all. The rest
(money, drivers, another markup) is arithmetic on the sums.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from costaudit.engine.columns import Batch, Words
from costaudit.engine.exact import weighted_sum
from costaudit.engine.gateways import with_gateways
from costaudit.engine.ledger import NO_PERIOD, WORD_KEYS, Cells, group_rows, sums
from costaudit.engine.plan import (
    IMPLAUSIBLE_FROM_PICOUSD,
    IMPLAUSIBLE_TIMES,
    IMPLAUSIBLE_USD_PER_MTOK,
    PRICED,
    Plan,
    RateMatrix,
    Route,
    Subject,
)
from costaudit.prices.cards import NO_TS
from costaudit.prices.conditions import service_tier
from costaudit.schema import COUNTS, INPUT_SIDE, UNTAGGED, Quality, Status

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

DAY_US: Final = 86_400_000_000
HOUR_US: Final = 3_600_000_000

KEPT: Final = (
    "routed", "untagged", "unpriced", "not_billed", "tier_keeps", "not_chat", "no_adequate_candidate", "not_cheaper",
)  # fmt: skip
"""Codes of the ledger's `kept`: why a request keeps its model."""

NO_REPORT, REPORTED, IMPLAUSIBLE, BELOW_LIST = 0, 1, 2, 3
"""Codes of the ledger's `reported`: no cost stated; stated; stated and set aside; stated, and less than list."""

NO_ROUTE: Final = -1


@dataclass(frozen=True, slots=True)
class OddCost:
    """A reported cost that cannot be true, and where it stands. Sorts by size."""

    reported_picousd: int
    tokens: int
    model: str | None
    row: int
    """Row of the batch."""


@dataclass(slots=True)
class Partial:
    """What one batch adds to the whole."""

    cells: Cells
    """Keys: NUMBER_KEYS and WORD_KEYS of the ledger."""
    users: Cells
    """Keys: user, card, reported. Never saved."""
    first_ts: int | None
    last_ts: int | None
    rows: int
    providers: frozenset[str]
    """Providers of the book that served these calls."""
    odd_costs: list[OddCost] = field(default_factory=list)


def audit_batch(batch: pa.RecordBatch, plan: Plan) -> Partial:
    """The partial ledger of one canonical batch under a plan."""
    calls = Batch(batch)
    ts = calls.times()
    counts = {name: calls.counts(name) for name in COUNTS}
    context = _total(counts, INPUT_SIDE, calls.rows)
    subjects, subject_codes, words = _subjects(calls, plan)
    price_ts = ts if plan.prices_at is None else np.full(calls.rows, plan.prices_at, np.int64)
    prices = [plan.subject(subject) for subject in subjects]
    card = _cards(prices, subject_codes, price_ts, context)
    status = words["status"]
    billed = np.isin(status.codes, [i for i, v in enumerate(status.values) if v != Status.CACHE_HIT])
    card = _without_usage(calls, plan, card, billed, counts, words)
    list_units = _cost(plan.rates(), card, counts)
    card = np.where(list_units == _NO_RATE, plan.reason_code("no_price_for_token_class"), card)
    tags = plan.tagger.tag(batch)
    route = _routes(plan, calls, words, counts, context, price_ts, card, list_units, tags.tier, subject_codes, prices)
    reported, picousd = _reported(calls, card, list_units, counts)
    bands = np.array([plan.policy.min_confidence, plan.policy.strong_confidence])
    band = np.where(tags.tier == UNTAGGED, 0, 1 + np.searchsorted(bands, tags.confidence, side="right"))
    step = DAY_US if plan.resolution == "day" else HOUR_US
    numbers = {
        "period": np.where(ts == NO_TS, NO_PERIOD, ts // step),
        "card": card, "tier": tags.tier, "band": band, "evidence": tags.evidence,
        "route_same": route.same, "route_any": route.any, "kept": route.kept, "reported": reported,
    }
    keys: dict[str, tuple[npt.NDArray[np.integer], int, int]] = {
        name: (codes, int(codes.min(initial=0)), int(codes.max(initial=0))) for name, codes in numbers.items()
    }
    keys |= {name: (words[name].codes, 0, len(words[name].values) - 1) for name in WORD_KEYS}
    measures = {**counts, "reported_picousd": np.where(reported != IMPLAUSIBLE, picousd, 0)}
    cells_keys, group, size = group_rows(keys)
    cells = Cells(cells_keys, {name: words[name].values for name in WORD_KEYS}, sums(group, size, measures))
    user_words = calls.words("user")
    user_keys, user_group, user_size = group_rows({
        "user": (user_words.codes, 0, len(user_words.values) - 1), "card": keys["card"], "reported": keys["reported"],
    })
    users = Cells(user_keys, {"user": user_words.values}, sums(user_group, user_size, measures))
    dated = ts[ts != NO_TS]
    seen = np.unique(subject_codes)
    return Partial(
        cells=cells,
        users=users,
        first_ts=int(dated.min()) if len(dated) else None,
        last_ts=int(dated.max()) if len(dated) else None,
        rows=calls.rows,
        providers=frozenset().union(*(prices[i].providers for i in seen)),
        odd_costs=_odd_costs(reported, picousd, counts, calls),
    )


def _total(counts: dict[str, Ints | None], names: tuple[str, ...], rows: int) -> Ints:
    total = np.zeros(rows, np.int64)
    for name in names:
        column = counts[name]
        if column is not None:
            total = total + column
    return total


_SUBJECT_WORDS = ("provider", "model", "service_tier", "region", "speed", "gateway")
_DEFAULTS = {"status": Status.OK.value, "quality": Quality.EXACT.value, "reading": "inclusive"}


def _subjects(calls: Batch, plan: Plan) -> tuple[list[Subject], Ints, dict[str, Words]]:
    """Distinct combinations of what decides the price, the combination of every row, and all words."""
    words = {name: calls.words(name, _DEFAULTS.get(name)) for name in WORD_KEYS}
    words["gateway"] = with_gateways(words["gateway"], words["provider"], words["model"], plan.book)
    keys = {name: (words[name].codes, 0, len(words[name].values) - 1) for name in _SUBJECT_WORDS}
    distinct, group, size = group_rows(keys)
    subjects = [
        tuple(words[name].values[distinct[name][i]] for name in _SUBJECT_WORDS) for i in range(size)
    ]
    return subjects, group, words  # type: ignore[return-value]  # as many words as _SUBJECT_WORDS has


def _cards(prices: list[Any], codes: Ints, ts: Ints, context: Ints) -> npt.NDArray[np.int32]:
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
    calls: Batch, plan: Plan, card: npt.NDArray[np.int32], billed: Mask, counts: dict[str, Ints | None], words: Any
) -> npt.NDArray[np.int32]:
    """Gateway cache hits and failures without usage cost nothing; other calls without usage are unpriced."""
    free = plan.free_card
    card = np.where(billed, card, free)
    quality, status = words["quality"], words["status"]
    missing = np.isin(quality.codes, [i for i, v in enumerate(quality.values) if v == Quality.NONE])
    card = np.where(missing & billed, plan.reason_code("no_usage"), card)
    failed = np.isin(status.codes, [i for i, v in enumerate(status.values) if v in (Status.ERROR, Status.CANCELLED)])
    if failed.any():
        card = np.where(failed & (_total(counts, COUNTS, calls.rows) == 0), free, card)
    return np.asarray(card, np.int32)


_NO_RATE: Final = -1
_UNPRICED: Final = -2


def _cost(matrix: RateMatrix, card: npt.NDArray[np.int32], counts: dict[str, Ints | None]) -> npt.NDArray[Any]:
    """List cost of every row in 1e-15 USD; _UNPRICED without a card, _NO_RATE when a class has no price."""
    safe = np.maximum(card, 0)
    columns, rates = [], []
    missing = np.zeros(len(card), bool)
    for place, name in enumerate(PRICED):
        column = counts["web_searches" if name == "web_search" else name]
        if column is None:
            continue
        rate = matrix.rates[safe, place]
        missing |= (rate < 0) & (column > 0)
        columns.append(column)
        rates.append(np.maximum(rate, 0))
    cost = weighted_sum(columns, rates) if columns else np.zeros(len(card), np.int64)
    return np.where(card < 0, _UNPRICED, np.where(missing, _NO_RATE, cost))


def _reported(
    calls: Batch, card: npt.NDArray[np.int32], list_units: npt.NDArray[Any], counts: dict[str, Ints | None]
) -> tuple[npt.NDArray[np.int8], Ints]:
    """Whether a cost is stated and believed, and the cost in pico-dollars."""
    picousd = calls.counts("reported_picousd")
    if picousd is None:
        zero = np.zeros(calls.rows, np.int64)
        return zero.astype(np.int8), zero
    tokens = _total(counts, tuple(n for n in COUNTS if n != "reasoning"), calls.rows)
    # A tool that knows no price writes 0; only where we know the price is that a price.
    stated = calls.valid("reported_picousd") & ~((picousd == 0) & (card < 0) & (tokens > 0))
    reported = np.where(stated, REPORTED, NO_REPORT).astype(np.int8)
    large = np.flatnonzero(stated & (picousd >= IMPLAUSIBLE_FROM_PICOUSD))
    if len(large):
        # A float picks the few rows that are worth an exact look.
        cost = np.where(card[large] >= 0, list_units[large], 0).astype(np.float64)
        limit = np.where(cost > 0, IMPLAUSIBLE_TIMES * cost / 1000, IMPLAUSIBLE_USD_PER_MTOK * 1e6 * tokens[large])
        for row in large[picousd[large] > 0.99 * limit].tolist():
            if int(picousd[row]) > _highest(card[row], list_units[row], tokens[row]):
                reported[row] = IMPLAUSIBLE
    below = (reported == REPORTED) & (card >= 0) & (picousd < -(-list_units // 1000))
    return np.where(below, BELOW_LIST, reported).astype(np.int8), picousd


def _highest(card: int, list_units: int, tokens: int) -> int:
    """The highest reported cost, in pico-dollars, that is believed of a call."""
    if card >= 0 and list_units > 0:
        return IMPLAUSIBLE_TIMES * int(list_units) // 1000
    return IMPLAUSIBLE_USD_PER_MTOK * 10**6 * max(int(tokens), 1)


def _odd_costs(
    reported: npt.NDArray[np.int8], picousd: Ints, counts: dict[str, Ints | None], calls: Batch
) -> list[OddCost]:
    rows = np.flatnonzero(reported == IMPLAUSIBLE)
    if not len(rows):
        return []
    tokens = _total(counts, tuple(n for n in COUNTS if n != "reasoning"), calls.rows)
    models = calls.words("model")
    return [OddCost(int(picousd[r]), int(tokens[r]), models.values[models.codes[r]], int(r)) for r in rows]


@dataclass(slots=True)
class _Chosen:
    same: npt.NDArray[np.int32]
    any: npt.NDArray[np.int32]
    kept: npt.NDArray[np.int8]


def _routes(  # noqa: PLR0913 - the pieces of one request that a choice depends on
    plan: Plan,
    calls: Batch,
    words: Any,
    counts: dict[str, Ints | None],
    context: Ints,
    ts: Ints,
    card: npt.NDArray[np.int32],
    list_units: npt.NDArray[Any],
    tier: npt.NDArray[np.int8],
    subject_codes: Ints,
    prices: list[Any],
) -> _Chosen:
    """For every row the cheapest adequate candidate, among providers used and among all."""
    rows = calls.rows
    chosen = _Chosen(np.full(rows, NO_ROUTE, np.int32), np.full(rows, NO_ROUTE, np.int32), np.zeros(rows, np.int8))
    status, service = words["status"], words["service_tier"]
    ok = np.isin(status.codes, [i for i, v in enumerate(status.values) if v == Status.OK])
    chat = np.array([p.chat for p in prices], bool)[subject_codes]
    movable = ok & (card >= 0) & chat & (tier != UNTAGGED)
    chosen.kept[:] = np.select(
        [card < 0, ~ok, tier == UNTAGGED, ~chat],
        [KEPT.index("unpriced"), KEPT.index("not_billed"), KEPT.index("untagged"), KEPT.index("not_chat")],
    )
    services = np.array([service_tier(v) for v in service.values])[service.codes]
    needs = _Needs(calls, counts, context)
    for number in range(4):
        of_tier = movable & (tier == number)
        if not of_tier.any():
            continue
        for kind in np.unique(services[of_tier]):
            index = np.flatnonzero(of_tier & (services == kind))
            groups = plan.routes(number, str(kind))
            if not groups:
                chosen.kept[index] = KEPT.index("tier_keeps")
                continue
            _choose(plan, groups, index, needs, ts, list_units, chosen)
    return chosen


class _Needs:
    """What a candidate must be able to do for each row."""

    def __init__(self, calls: Batch, counts: dict[str, Ints | None], context: Ints) -> None:
        self.counts = counts
        self.context = context
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
    plan: Plan,
    groups: tuple[tuple[Route, ...], ...],
    index: Ints,
    needs: _Needs,
    ts: Ints,
    list_units: npt.NDArray[Any],
    chosen: _Chosen,
) -> None:
    """Choose for the rows of `index`, all of one tier and service tier."""
    current = list_units[index]
    open_same, open_any = np.ones(len(index), bool), np.ones(len(index), bool)
    same, any_ = np.full(len(index), NO_ROUTE, np.int32), np.full(len(index), NO_ROUTE, np.int32)
    best_same, best_any = current.copy(), current.copy()
    fitted = np.zeros(len(index), bool)
    span = _Span(index, ts, needs)
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
        routed, KEPT.index("routed"), np.where(fitted, KEPT.index("not_cheaper"), KEPT.index("no_adequate_candidate"))
    )


class _Span:
    """The time and context range of some rows, for candidates whose price is the same for all of them."""

    def __init__(self, index: Ints, ts: Ints, needs: _Needs) -> None:
        self.ts, self.context = ts[index], needs.context[index]
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
