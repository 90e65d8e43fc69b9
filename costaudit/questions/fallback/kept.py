"""Kept attempts, priced as logged and as if they had been answered; what a failed attempt is billed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from enum import StrEnum
from fractions import Fraction
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from costaudit.engine.judge import DISJOINT, total_of
from costaudit.engine.ledger import NO_PERIOD, Cells
from costaudit.engine.plan import Plan
from costaudit.engine.rows import PricedRows, price_rows
from costaudit.questions.fallback.attempts import (
    ANSWERED,
    TIER,
    AttemptLog,
    Serving,
    hours_of,
    reason_codes,
    serving,
    without_keys,
)
from costaudit.questions.fallback.failures import REASONS, TRANSIENT
from costaudit.questions.fallback.retries import Family
from costaudit.schema import COUNTS, Quality, Status
from costaudit.tape.segment import Segment

Who = tuple[str | None, str | None]
"""Provider and model."""

TRANSIENT_CODES: Final = frozenset(REASONS.index(reason) for reason in TRANSIENT)
"""Codes of reasons for which who served is answerable."""


class TokensFrom(StrEnum):
    """Where the tokens that a failed attempt would have taken are known from."""

    OWN = "own"
    """From itself: an answer that came and was not used, or what was billed before it failed."""
    ANSWER = "answer"
    """From the attempt of the same request that was answered."""
    FEATURE = "feature"
    """The mean of the answered requests of the same model and feature."""
    MODEL = "model"
    """The mean of the answered requests of the same model."""
    NONE = "none"
    """Not known: the attempt counts for availability, and not for money."""


class KeptAttempts(msgspec.Struct, frozen=True):
    """The kept attempts of a log, with what they come to; arrays have one entry per attempt."""

    rows: PricedRows
    """As logged."""
    served: Serving
    hour: npt.NDArray[np.int64]
    reason: npt.NDArray[np.int64]
    """ANSWERED, or an index into REASONS."""
    mix: tuple[TokensFrom | None, ...]
    """Of failed attempts."""
    whole: PricedRows
    """Failed attempts as if they had been answered."""
    tier: npt.NDArray[np.int64]

    def who(self, row: int) -> Who:
        """Who served an attempt."""
        place = int(self.served.provider.codes[row])
        return self.served.provider.values[place], self.served.model.values[place]

    def hour_of(self, row: int) -> int | None:
        """The hour of an attempt, None where unknown."""
        hour = int(self.hour[row])
        return None if hour == NO_PERIOD else hour

    def failed(self, row: int) -> bool:
        """Whether an attempt failed for reasons of who served it."""
        return int(self.reason[row]) in TRANSIENT_CODES

    def answered(self, row: int) -> bool:
        """Whether an attempt was answered."""
        return int(self.reason[row]) == ANSWERED

    def units(self, row: int) -> int:
        """What was billed for an attempt, in 1e-15 USD; 0 where it has no price."""
        return max(int(self.rows.list_units[row]), 0)

    def own_units(self, row: int) -> int | None:
        """What an answer of its own model costs; None where that is not known."""
        units = int(self.whole.list_units[row])
        return units if units >= 0 else None


def judge_kept(log: AttemptLog, plan: Plan) -> KeptAttempts:
    """The kept attempts priced as logged, and as if they had been answered."""
    rows = price_rows(Segment.of(log.kept), plan)
    served, reason = serving(rows, plan), reason_codes(rows)
    mix, counts = _mixes(log, rows, served, reason)
    return KeptAttempts(
        rows=rows,
        served=served,
        hour=hours_of(rows.ts),
        reason=reason,
        mix=mix,
        whole=price_rows(Segment.of(_as_answered(log.kept, mix, counts)), plan),
        tier=np.asarray(log.kept.column(TIER), np.int64),
    )


def _mixes(
    log: AttemptLog, rows: PricedRows, served: Serving, reason: npt.NDArray[np.int64]
) -> tuple[tuple[TokensFrom | None, ...], dict[str, npt.NDArray[np.int64]]]:
    counts = {
        name: np.zeros(rows.calls.rows, np.int64) if column is None else column.copy()
        for name, column in rows.counts.items()
    }
    used = (total_of(rows.counts, DISJOINT, rows.calls.rows) > 0) & ~rows.words["quality"].among(Quality.NONE)
    donor = _donors(log.families, reason, used)
    means = _means(log.answered)
    feature = rows.words["feature"]
    replaced = rows.words["status"].among(Status.SUPERSEDED)
    found: list[TokensFrom | None] = []
    for row in range(rows.calls.rows):
        if reason[row] == ANSWERED:
            found.append(None)
            continue
        place = int(served.provider.codes[row])
        who = served.provider.values[place], served.model.values[place]
        keyed = (*who, feature.values[int(feature.codes[row])])
        if used[row] and (replaced[row] or row not in donor):
            found.append(TokensFrom.OWN)
        elif row in donor:
            found.append(TokensFrom.ANSWER)
            for name in COUNTS:
                counts[name][row] = counts[name][donor[row]]
        elif keyed in means or who in means:
            found.append(TokensFrom.FEATURE if keyed in means else TokensFrom.MODEL)
            for name, mean in zip(COUNTS, means.get(keyed) or means[who], strict=True):
                counts[name][row] = mean
        else:
            found.append(TokensFrom.NONE)
    return tuple(found), counts


def _donors(
    families: Sequence[Family], reason: npt.NDArray[np.int64], used: npt.NDArray[np.bool_]
) -> dict[int, int]:
    """For the failed attempts of a request, the attempt that was answered."""
    found: dict[int, int] = {}
    for family in families:
        answers = [row for row in family.rows if reason[row] == ANSWERED and used[row]]
        if answers:
            found |= dict.fromkeys((row for row in family.rows if reason[row] != ANSWERED), answers[-1])
    return found


def _means(answered: Cells) -> dict[tuple[str | None, ...], list[int]]:
    """Mean counts of answered requests, rounded half up, by provider and model, with and without feature."""
    sums: dict[tuple[str | None, ...], list[int]] = defaultdict(lambda: [0] * (1 + len(COUNTS)))
    answered = without_keys(answered, *(answered.keys.keys() - {"provider", "model", "feature"}))
    if not answered.keys:
        return {}
    named = zip(*(answered.words(n) for n in ("provider", "model", "feature")), strict=True)
    columns = [answered.measures[name].tolist() for name in ("requests", *COUNTS)]
    for key, row in zip(named, zip(*columns, strict=True), strict=True):
        for wanted in (key, key[:2]):
            sums[wanted] = [a + b for a, b in zip(sums[wanted], row, strict=True)]
    return {
        key: [(2 * total + number) // (2 * number) for total in totals]
        for key, (number, *totals) in sums.items()
        if number and any(totals)
    }


def _as_answered(
    kept: pa.RecordBatch, mix: Sequence[TokensFrom | None], counts: Mapping[str, npt.NDArray[np.int64]]
) -> pa.RecordBatch:
    known = [how is not TokensFrom.NONE for how in mix]
    quality = [Quality.EXACT.value if k else Quality.NONE.value for k in known]
    columns = {
        **{name: pa.array(column, pa.int64()) for name, column in counts.items()},
        "status": pa.array([Status.OK.value] * kept.num_rows, pa.string()),
        "quality": pa.array(quality, pa.string()),
    }
    for name, column in columns.items():
        kept = kept.set_column(kept.schema.get_field_index(name), name, column)
    return kept


class Billing(msgspec.Struct, frozen=True):
    """Which part of an answer's cost a failed attempt was billed, from the log."""

    by_provider: Mapping[str | None, Fraction]
    overall: Fraction

    def part(self, provider: str | None) -> Fraction:
        """The part at a provider; that of all failures for one without any."""
        return self.by_provider.get(provider, self.overall)


def billing_of(kept: KeptAttempts) -> Billing:
    """Σ billed / Σ cost of an answer, over the failed attempts of each provider whose tokens are known."""
    billed: dict[str | None, list[int]] = defaultdict(lambda: [0, 0])
    for row in range(len(kept.mix)):
        own = kept.own_units(row)
        if not kept.failed(row) or own is None or kept.rows.list_units[row] < 0:
            continue
        sums = billed[kept.who(row)[0]]
        sums[0] += kept.units(row)
        sums[1] += own
    whole = [sum(sums[i] for sums in billed.values()) for i in (0, 1)]
    return Billing(
        {provider: Fraction(*sums) for provider, sums in billed.items() if sums[1]},
        Fraction(*whole) if whole[1] else Fraction(0),
    )
