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

from costaudit.engine.detail import detail_keys
from costaudit.engine.exact import LIMIT
from costaudit.engine.ledger import CACHE_UNITS, NO_PERIOD, WORD_KEYS, Cells, sums
from costaudit.engine.plan import (
    IMPLAUSIBLE_FROM_PICOUSD,
    IMPLAUSIBLE_TIMES,
    IMPLAUSIBLE_USD_PER_MTOK,
    Plan,
)
from costaudit.engine.ratios import AT_LIST, NOTHING_ON_LIST, NOTHING_REPORTED, ratio_buckets
from costaudit.engine.rows import DISJOINT, JudgedRows, judge_rows, total_of
from costaudit.engine.standouts import Standout, Standouts, largest, largest_rows
from costaudit.prices.cards import NO_TS
from costaudit.tape.columns import Batch, Words
from costaudit.tape.groups import group_rows
from costaudit.tiers.tagger import Judged

Ints = npt.NDArray[np.int64]

DAY_US: Final = 86_400_000_000
HOUR_US: Final = 3_600_000_000

NO_REPORT, REPORTED, IMPLAUSIBLE, BELOW_LIST, OUTDATED = 0, 1, 2, 3, 4
"""Codes of the ledger's `reported`: no cost stated; stated; stated and set aside; stated below list; stated,
and set aside because it belongs to another price than the supposed one."""


SET_ASIDE: Final = (IMPLAUSIBLE, OUTDATED)


@dataclass(slots=True)
class Partial:
    """What one batch adds to the whole."""

    cells: Cells
    """Keys: NUMBER_KEYS and WORD_KEYS of the ledger."""
    users: Cells
    """Keys: user, card, reported. Never saved."""
    ratios: Cells
    """Requests with a price and a believed cost. Keys: card, ratio, gateway, service_tier."""
    first_ts: int | None
    last_ts: int | None
    rows: int
    providers: frozenset[str]
    """Providers of the book that served these calls."""
    standouts: Standouts = field(default_factory=Standouts)


def audit_batch(
    batch: pa.RecordBatch,
    plan: Plan,
    judged: Judged | None = None,
    cache_units: Ints | None = None,
) -> Partial:
    """The partial ledger of one canonical batch under a plan.

    `judged` is what the plan's tagger said of the batch before, if it was asked. `cache_units` is what each
    call loses of its cache discount under the policy, in 1e-15 USD, if that was replayed.
    """
    rows = judge_rows(batch, plan, judged)
    calls, ts, counts, words = rows.calls, rows.ts, rows.counts, rows.words
    card, list_units, tags, route = rows.card, rows.list_units, rows.tags, rows.route
    reported, picousd = _reported(calls, card, list_units, counts)
    if plan.book.changes:
        reported = outdated(reported, card, plan)
    step = DAY_US if plan.resolution == "day" else HOUR_US
    numbers = {
        "period": np.where(ts == NO_TS, NO_PERIOD, ts // step),
        "card": card,
        "tier": tags.tier,
        "band": rows.bands(plan.policy),
        "evidence": tags.evidence,
        "number": route.number,
        "route_same": route.same,
        "route_any": route.any,
        "verify": route.verify,
        "kept": route.kept,
        "lacks": route.lacks,
        "reported": reported,
    }
    keys: _Keys = {
        name: (codes, int(codes.min(initial=0)), int(codes.max(initial=0))) for name, codes in numbers.items()
    }
    keys |= {name: (words[name].codes, 0, len(words[name].values) - 1) for name in WORD_KEYS}
    measures = {**counts, "reported_picousd": np.where(np.isin(reported, SET_ASIDE), 0, picousd)}
    if plan.detail:
        cells = _detailed(rows, plan, keys, {**counts, "reported_picousd": picousd}, step)
    else:
        lost: dict[str, Ints | None] = {} if cache_units is None else {CACHE_UNITS: cache_units}
        cells = _cells(keys, words, measures | lost)
    user_words = calls.words("user")
    user_keys, user_group, user_size = group_rows(
        {
            "user": (user_words.codes, 0, len(user_words.values) - 1),
            "card": keys["card"],
            "reported": keys["reported"],
        }
    )
    users = Cells(user_keys, {"user": user_words.values}, sums(user_group, user_size, measures))
    dated = ts[ts != NO_TS]
    stated = Stated(card, list_units, reported, picousd)
    ratio = stated.ratios()
    return Partial(
        cells=cells,
        users=users,
        ratios=_ratio_cells(stated, ratio, words),
        first_ts=int(dated.min()) if len(dated) else None,
        last_ts=int(dated.max()) if len(dated) else None,
        rows=calls.rows,
        providers=rows.providers,
        standouts=_standouts(stated, ratio, counts, calls),
    )


_Keys = dict[str, tuple[npt.NDArray[np.integer], int, int]]


def _cells(keys: _Keys, words: dict[str, Words], measures: dict[str, Ints | None]) -> Cells:
    cells_keys, group, size = group_rows(keys)
    return Cells(cells_keys, {name: words[name].values for name in WORD_KEYS}, sums(group, size, measures))


def _detailed(
    rows: JudgedRows, plan: Plan, keys: _Keys, measures: dict[str, Ints | None], step: int
) -> Cells:
    """Cells as a saved ledger needs them: with further keys, the gateway as logged, and every stated cost."""
    gateway = rows.calls.words("gateway")
    further = detail_keys(rows, plan, step)
    keys = keys | {"gateway": (gateway.codes, 0, len(gateway.values) - 1)}
    keys |= {n: (codes, int(codes.min(initial=0)), int(codes.max(initial=0))) for n, codes in further.items()}
    return _cells(keys, rows.words | {"gateway": gateway}, measures)


def _reported(
    calls: Batch, card: npt.NDArray[np.int32], list_units: npt.NDArray[Any], counts: dict[str, Ints | None]
) -> tuple[npt.NDArray[np.int8], Ints]:
    """Whether a cost is stated and believed, and the cost in pico-dollars."""
    picousd = calls.counts("reported_picousd")
    if picousd is None:
        zero = np.zeros(calls.rows, np.int64)
        return zero.astype(np.int8), zero
    tokens = total_of(counts, DISJOINT, calls.rows)
    # A tool that knows no price writes 0; only where we know the price is that a price.
    stated = calls.valid("reported_picousd") & ~((picousd == 0) & (card < 0) & (tokens > 0))
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
    return np.where(below, BELOW_LIST, reported).astype(np.int8), picousd


def outdated(
    reported: npt.NDArray[np.integer], card: npt.NDArray[np.int32], plan: Plan
) -> npt.NDArray[np.int8]:
    """Codes of `reported` where what is stated at a supposed price is set aside."""
    supposed = plan.supposed()
    here = (card >= 0) & (supposed[np.maximum(card, 0)] if len(supposed) else False)
    return np.where(here & (reported != NO_REPORT), OUTDATED, reported).astype(np.int8)


def _highest(card: int, list_units: int, tokens: int) -> int:
    """The highest reported cost, in pico-dollars, that is believed of a call."""
    if card >= 0 and list_units > 0:
        return IMPLAUSIBLE_TIMES * int(list_units) // 1000
    return IMPLAUSIBLE_USD_PER_MTOK * 10**6 * max(int(tokens), 1)


@dataclass(frozen=True, slots=True)
class Stated:
    """What the calls of a batch cost by list, and what they say that they cost; one entry per call."""

    card: npt.NDArray[np.int32]
    list_units: npt.NDArray[Any]
    """In 1e-15 USD; negative where there is no price."""
    reported: npt.NDArray[np.int8]
    picousd: Ints

    def ratios(self) -> Ratios:
        """The rows with a price and a believed cost, but for those where both are 0, with their buckets."""
        compared = np.isin(self.reported, (REPORTED, BELOW_LIST)) & (self.card >= 0)
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


@dataclass(frozen=True, slots=True)
class Ratios:
    """Rows of a batch, and the bucket of each: see `costaudit.engine.ratios`."""

    rows: npt.NDArray[np.intp]
    buckets: Ints


def _ratio_cells(stated: Stated, ratio: Ratios, words: dict[str, Words]) -> Cells:
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


def _standouts(stated: Stated, ratio: Ratios, counts: dict[str, Ints | None], calls: Batch) -> Standouts:
    """The largest impossible costs, and the largest distances of believed ones from list."""
    impossible = np.flatnonzero(stated.reported == IMPLAUSIBLE)
    deviating = ratio.rows[(ratio.buckets >= 0) & (ratio.buckets != AT_LIST)]
    if not len(impossible) and not len(deviating):
        return Standouts()
    tokens = total_of(counts, DISJOINT, calls.rows)
    models = calls.words("model")
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
