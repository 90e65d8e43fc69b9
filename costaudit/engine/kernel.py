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

from costaudit.engine.columns import Batch
from costaudit.engine.ledger import NO_PERIOD, WORD_KEYS, Cells, group_rows, sums
from costaudit.engine.plan import (
    IMPLAUSIBLE_FROM_PICOUSD,
    IMPLAUSIBLE_TIMES,
    IMPLAUSIBLE_USD_PER_MTOK,
    Plan,
)
from costaudit.engine.rows import DISJOINT, judge_rows, total_of
from costaudit.prices.cards import NO_TS

Ints = npt.NDArray[np.int64]

DAY_US: Final = 86_400_000_000
HOUR_US: Final = 3_600_000_000

NO_REPORT, REPORTED, IMPLAUSIBLE, BELOW_LIST = 0, 1, 2, 3
"""Codes of the ledger's `reported`: no cost stated; stated; stated and set aside; stated below list."""


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
    rows = judge_rows(batch, plan)
    calls, ts, counts, words = rows.calls, rows.ts, rows.counts, rows.words
    card, list_units, tags, route = rows.card, rows.list_units, rows.tags, rows.route
    reported, picousd = _reported(calls, card, list_units, counts)
    step = DAY_US if plan.resolution == "day" else HOUR_US
    numbers = {
        "period": np.where(ts == NO_TS, NO_PERIOD, ts // step),
        "card": card,
        "tier": tags.tier,
        "band": rows.bands(plan.policy),
        "evidence": tags.evidence,
        "route_same": route.same,
        "route_any": route.any,
        "kept": route.kept,
        "reported": reported,
    }
    keys: dict[str, tuple[npt.NDArray[np.integer], int, int]] = {
        name: (codes, int(codes.min(initial=0)), int(codes.max(initial=0))) for name, codes in numbers.items()
    }
    keys |= {name: (words[name].codes, 0, len(words[name].values) - 1) for name in WORD_KEYS}
    measures = {**counts, "reported_picousd": np.where(reported != IMPLAUSIBLE, picousd, 0)}
    cells_keys, group, size = group_rows(keys)
    cells = Cells(cells_keys, {name: words[name].values for name in WORD_KEYS}, sums(group, size, measures))
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
    return Partial(
        cells=cells,
        users=users,
        first_ts=int(dated.min()) if len(dated) else None,
        last_ts=int(dated.max()) if len(dated) else None,
        rows=calls.rows,
        providers=rows.providers,
        odd_costs=_odd_costs(reported, picousd, counts, calls),
    )


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
    tokens = total_of(counts, DISJOINT, calls.rows)
    models = calls.words("model")
    return [OddCost(int(picousd[r]), int(tokens[r]), models.values[models.codes[r]], int(r)) for r in rows]
