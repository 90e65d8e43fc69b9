"""The kernel: a pure function from a segment of requests to a partial ledger.

What they are priced, tagged and routed as is decided by cell (see `judge`). Whether a cost that they state is
believed is asked of each. The rest (money, drivers, another markup) is arithmetic on the sums.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from costaudit.engine.alike import Index
from costaudit.engine.detail import detail_keys
from costaudit.engine.exact import LIMIT, sum_by
from costaudit.engine.judge import DISJOINT, SegmentRows, decide, total_of
from costaudit.engine.ledger import CACHE_UNITS, NO_PERIOD, Cells, sums
from costaudit.engine.plan import IMPLAUSIBLE_FROM_PICOUSD, IMPLAUSIBLE_TIMES, IMPLAUSIBLE_USD_PER_MTOK, Plan
from costaudit.engine.ratios import AT_LIST, NOTHING_ON_LIST, NOTHING_REPORTED, ratio_buckets
from costaudit.engine.rows import JudgedRows, confidence_bands, cost_of, judge_rows
from costaudit.engine.standouts import Standout, Standouts, largest, largest_rows
from costaudit.engine.told import Told
from costaudit.prices.cards import NO_TS
from costaudit.schema import Quality
from costaudit.tape.columns import Words
from costaudit.tape.groups import group_rows
from costaudit.tape.segment import Segment
from costaudit.tiers.tagger import Judged
from costaudit.times import DAY_US, HOUR_US

Ints = npt.NDArray[np.int64]

NO_REPORT, REPORTED, IMPLAUSIBLE, BELOW_LIST, OUTDATED = 0, 1, 2, 3, 4
"""Codes of the ledger's `reported`: no cost stated; stated; stated and set aside; stated below list; stated,
and set aside because it belongs to another price than the supposed one."""


BELIEVED: Final = (REPORTED, BELOW_LIST)
SET_ASIDE: Final = (IMPLAUSIBLE, OUTDATED)


class Partial(msgspec.Struct):
    """What one segment adds to the whole. It depends on no number of the plan, and may come from anywhere."""

    cells: Cells
    """Keys: NUMBER_KEYS and WORD_KEYS of the ledger; cards and routes as words."""
    users: Cells
    """Keys: user, card, reported. Never saved."""
    ratios: Cells
    """Requests with a price and a believed cost. Keys: card, ratio, gateway, service_tier."""
    first_ts: int | None
    last_ts: int | None
    rows: int
    providers: frozenset[str]
    """Providers of the book that served these calls."""
    told: Told = msgspec.field(default_factory=Told)
    """The cards and offers that the cells name by ids."""
    standouts: Standouts = msgspec.field(default_factory=Standouts)


def audit_segment(
    segment: Segment, plan: Plan, judged: Judged | None = None, cache_units: Ints | None = None
) -> Partial:
    """The partial ledger of some requests under a plan.

    `judged` is what was said of their tiers before, if it was. `cache_units` is what each request loses of
    its cache discount under the policy, in 1e-15 USD, if that was replayed.
    """
    if plan.detail:
        part = _detailed(judge_rows(segment, plan, judged), plan)
    else:
        part = _audited(segment, plan, judged, cache_units)
    for name in ("cells", "users", "ratios"):
        setattr(part, name, part.told.by_id(getattr(part, name), plan))
    return part


def _audited(segment: Segment, plan: Plan, judged: Judged | None, cache_units: Ints | None) -> Partial:
    found = decide(segment, plan, judged)
    rows, unit = found.rows, found.of_row
    reported, stated = np.zeros(found.size, np.int8), None
    picousd = rows.calls.counts("reported_picousd")
    if picousd is not None:  # whether a cost is believed is said by the single request
        card = found.card[unit]
        stated = stated_costs(rows, plan, card, picousd)
        distinct, unit, _ = group_rows(
            {"unit": (unit, 0, found.size - 1), "reported": (stated.reported, 0, OUTDATED)}
        )
        found, reported = found.take(distinct["unit"].astype(np.intp)), distinct["reported"].astype(np.int8)
    measures: dict[str, Ints | None] = {**rows.counts, "reported_picousd": None}
    if stated is not None:
        measures["reported_picousd"] = np.where(np.isin(stated.reported, SET_ASIDE), 0, stated.picousd)
    if cache_units is not None:
        measures[CACHE_UNITS] = cache_units
    numbers: dict[str, npt.NDArray[np.integer]] = {
        "period": found.period,
        "card": found.card,
        "tier": found.tags.tier,
        "band": confidence_bands(plan.policy, found.tags, found.route.number),
        "evidence": found.tags.evidence,
        "number": found.route.number,
        "route_same": found.route.same,
        "route_any": found.route.any,
        "verify": found.route.verify,
        "kept": found.route.kept,
        "lacks": found.route.lacks,
        "reported": reported,
    }
    words = {name: Words(w.codes[found.kind], w.values) for name, w in rows.kind_words.items()}
    totals = sums(unit, found.size, measures)
    return Partial(
        cells=_summed(numbers, words, totals),
        users=_users(rows, unit, found.card, reported, measures),
        ratios=_nothing() if stated is None else _ratio_cells(stated, stated.ratios(), rows.words),
        first_ts=_extreme(rows.ts, np.min),
        last_ts=_extreme(rows.ts, np.max),
        rows=rows.size,
        providers=found.providers,
        standouts=Standouts() if stated is None else _standouts(stated, rows.counts, rows.words["model"]),
    )


_Keys = dict[str, tuple[npt.NDArray[np.integer], int, int]]


def _extreme(ts: Ints, of: Callable[[Ints], Any]) -> int | None:
    dated = ts[ts != NO_TS]
    return int(of(dated)) if len(dated) else None


def _coded(numbers: Mapping[str, npt.NDArray[np.integer]], words: Mapping[str, Words]) -> _Keys:
    keys: _Keys = {
        name: (codes, int(codes.min(initial=0)), int(codes.max(initial=0))) for name, codes in numbers.items()
    }
    return keys | {name: (word.codes, 0, len(word.values) - 1) for name, word in words.items()}


def _summed(
    numbers: Mapping[str, npt.NDArray[np.integer]], words: Mapping[str, Words], totals: dict[str, Ints]
) -> Cells:
    """Cells of some keys, out of sums by finer ones."""
    keys, group, size = group_rows(_coded(numbers, words))
    added = {name: sum_by(group, size, column) for name, column in totals.items()}
    return Cells(keys, {name: word.values for name, word in words.items()}, added)


def _users(
    rows: SegmentRows,
    unit: Index,
    card: npt.NDArray[np.int32],
    reported: npt.NDArray[np.int8],
    measures: dict[str, Ints | None],
) -> Cells:
    keys, group, size = group_rows(_coded({"card": card, "reported": reported}, {}))
    user = rows.calls.words("user")
    of_row: _Keys = {"user": (user.codes, 0, len(user.values) - 1), "priced": (group[unit], 0, size - 1)}
    distinct, of_user, number = group_rows(of_row)
    priced = distinct["priced"]
    whole = {"user": distinct["user"], "card": keys["card"][priced], "reported": keys["reported"][priced]}
    return Cells(whole, {"user": user.values}, sums(of_user, number, measures))


def _detailed(rows: JudgedRows, plan: Plan) -> Partial:
    """Cells as a saved ledger needs them: with further keys, the gateway as logged, and every stated cost."""
    step = DAY_US if plan.resolution == "day" else HOUR_US
    picousd = rows.calls.counts("reported_picousd")
    reported = np.zeros(len(rows.card), np.int8)
    if picousd is not None:
        reported = stated_costs(rows.source, plan, rows.card, picousd).reported
    numbers = {
        "period": np.where(rows.ts == NO_TS, NO_PERIOD, rows.ts // step),
        "card": rows.card,
        "tier": rows.tags.tier,
        "band": rows.bands(plan.policy),
        "evidence": rows.tags.evidence,
        "number": rows.route.number,
        "route_same": rows.route.same,
        "route_any": rows.route.any,
        "verify": rows.route.verify,
        "kept": rows.route.kept,
        "lacks": rows.route.lacks,
        "reported": reported,
    }
    words = rows.words | {"gateway": rows.calls.words("gateway")}
    keys, group, size = group_rows(_coded(numbers | detail_keys(rows, plan, step), words))
    measures = {**rows.counts, "reported_picousd": picousd}
    cells = Cells(keys, {name: word.values for name, word in words.items()}, sums(group, size, measures))
    nothing = _nothing()
    return Partial(
        cells, nothing, nothing, _extreme(rows.ts, np.min), _extreme(rows.ts, np.max), len(rows.card),
        rows.providers,
    )  # fmt: skip


def _nothing() -> Cells:
    return Cells({}, {}, {"requests": np.zeros(0, np.int64)})


def stated_costs(rows: SegmentRows, plan: Plan, card: npt.NDArray[np.int32], picousd: Ints) -> StatedCosts:
    """What the requests state that they cost, and whether that is believed."""
    list_units = cost_of(plan.prices.rates(), card, rows.counts)
    tokens = total_of(rows.counts, DISJOINT, rows.size)
    # A tool that knows no price writes 0; only where we know the price is that a price.
    stated = rows.calls.valid("reported_picousd") & ~((picousd == 0) & (card < 0) & (tokens > 0))
    reported = np.where(stated, REPORTED, NO_REPORT).astype(np.int8)
    large = np.flatnonzero(stated & (picousd >= IMPLAUSIBLE_FROM_PICOUSD))
    if len(large):
        # A float picks the few rows that are worth an exact look.
        cost = np.where(card[large] >= 0, list_units[large], 0).astype(np.float64)
        limit = np.where(
            cost > 0, IMPLAUSIBLE_TIMES * cost / 1000, IMPLAUSIBLE_USD_PER_MTOK * 1e6 * tokens[large]
        )
        for row in large[picousd[large] > 0.99 * limit].tolist():
            if int(picousd[row]) > _highest(card[row], list_units[row], tokens[row]):
                reported[row] = IMPLAUSIBLE
    below = (reported == REPORTED) & (card >= 0) & (picousd < -(-list_units // 1000))
    reported = np.where(below, BELOW_LIST, reported).astype(np.int8)
    if plan.prices.book.changes:
        reported = outdated(reported, card, plan)
    exact = rows.words["quality"].among(Quality.EXACT)
    return StatedCosts(card, list_units, reported, picousd, exact)


def outdated(
    reported: npt.NDArray[np.integer], card: npt.NDArray[np.int32], plan: Plan
) -> npt.NDArray[np.int8]:
    """Codes of `reported` where what is stated at a supposed price is set aside."""
    supposed = plan.prices.supposed()
    here = (card >= 0) & (supposed[np.maximum(card, 0)] if len(supposed) else False)
    return np.where(here & (reported != NO_REPORT), OUTDATED, reported).astype(np.int8)


def _highest(card: int, list_units: int, tokens: int) -> int:
    """The highest reported cost, in pico-dollars, that is believed of a call."""
    if card >= 0 and list_units > 0:
        return IMPLAUSIBLE_TIMES * int(list_units) // 1000
    return IMPLAUSIBLE_USD_PER_MTOK * 10**6 * max(int(tokens), 1)


class StatedCosts(msgspec.Struct, frozen=True):
    """What the calls of a batch cost by list, and what they say that they cost; one entry per call."""

    card: npt.NDArray[np.int32]
    list_units: npt.NDArray[Any]
    """In 1e-15 USD; negative where there is no price."""
    reported: npt.NDArray[np.int8]
    picousd: Ints
    exact: npt.NDArray[np.bool_]
    """Calls whose token counts are exact: only these can be compared with what they state."""

    def ratios(self) -> Ratios:
        """The rows that can be compared, but for those where both costs are 0, with their buckets."""
        compared = np.isin(self.reported, BELIEVED) & (self.card >= 0) & self.exact
        costs, listed = self.picousd > 0, self.list_units > 0
        both = np.flatnonzero(compared & costs & listed)
        one = np.flatnonzero(compared & (costs != listed))
        rows = np.concatenate([both, one])
        buckets = np.concatenate(
            [
                ratio_buckets(self.picousd[both], self.list_units[both]),
                np.where(costs[one], NOTHING_ON_LIST, NOTHING_REPORTED),
            ]
        )
        return Ratios(rows, buckets)


class Ratios(msgspec.Struct, frozen=True):
    """Rows of a batch, and the bucket of each: see `costaudit.engine.ratios`."""

    rows: npt.NDArray[np.intp]
    buckets: Ints


def _ratio_cells(stated: StatedCosts, ratio: Ratios, words: dict[str, Words]) -> Cells:
    rows = ratio.rows
    names = ("gateway", "service_tier")
    if not len(rows):
        return Cells({}, {}, {"requests": np.zeros(0, np.int64)})
    numbers: dict[str, npt.NDArray[np.integer]] = {"card": stated.card[rows], "ratio": ratio.buckets}
    keys: dict[str, tuple[npt.NDArray[np.integer], int, int]] = {
        name: (codes, int(codes.min()), int(codes.max())) for name, codes in numbers.items()
    }
    keys |= {name: (words[name].codes[rows], 0, len(words[name].values) - 1) for name in names}
    cell_keys, group, size = group_rows(keys)
    measures = {"list_units": stated.list_units[rows], "reported_picousd": stated.picousd[rows]}
    return Cells(cell_keys, {name: words[name].values for name in names}, sums(group, size, measures))


def _standouts(stated: StatedCosts, counts: dict[str, Ints | None], models: Words) -> Standouts:
    """The largest impossible costs, and the largest distances of believed ones from list."""
    ratio = stated.ratios()
    impossible = np.flatnonzero(stated.reported == IMPLAUSIBLE)
    deviating = ratio.rows[(ratio.buckets >= 0) & (ratio.buckets != AT_LIST)]
    if not len(impossible) and not len(deviating):
        return Standouts()
    tokens = total_of(counts, DISJOINT, len(stated.card))
    picousd, list_units = stated.picousd, np.where(stated.card >= 0, stated.list_units, -1)
    by_name = sorted(range(len(models.values)), key=lambda code: models.values[code] or "")
    name_rank = np.argsort(by_name)[models.codes]

    def largest_of(rows: npt.NDArray[np.intp], size: npt.NDArray[Any]) -> list[Standout]:
        ties = (-picousd[rows], list_units[rows], -tokens[rows], name_rank[rows])
        kept = largest_rows(size, ties)
        return largest(
            Standout(
                size=int(size[i]),
                reported_picousd=int(picousd[rows[i]]),
                list_units=int(list_units[rows[i]]),
                tokens=int(tokens[rows[i]]),
                model=models.values[models.codes[rows[i]]] or "",
                row=int(rows[i]),
            )
            for i in kept.tolist()
        )

    return Standouts(
        largest_of(impossible, picousd[impossible]),
        largest_of(deviating, _distance(picousd[deviating], list_units[deviating])),
    )


def _distance(picousd: Ints, list_units: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """How far reported costs are from list, in 1e-15 USD."""
    wide = picousd.max(initial=0) >= LIMIT // 1000
    femtousd = (picousd.astype(object) if wide else picousd) * 1000
    return np.asarray(np.abs(femtousd - list_units))
