"""Two arms of a test against each other: ratios of cost, differences of shares and of latencies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from costaudit.prices.cards import NO_TS
from costaudit.questions.shadow.arms import UNKNOWN, ArmCalls, days_of
from costaudit.questions.shadow.pairs import ArmPairs
from costaudit.stats.bootstrap import ArmSums, group_requests, ratio_of_means, sums_by
from costaudit.stats.intervals import (
    Estimate,
    chance_of,
    difference,
    mcnemar,
    paired_difference,
    quantile,
    standardised,
    wilson,
)
from costaudit.stats.sizing import WEEK

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

STRATUM: Final = 30
"""Priced requests that a feature needs in each arm to be compared within."""


class Units(msgspec.Struct, frozen=True):
    """What is resampled: the unit of every call of both arms."""

    kind: Literal["days", "requests"]
    a: Ints
    b: Ints
    size_a: int
    size_b: int
    together: bool
    days_a: int
    days_b: int


def resampling_units(a: ArmCalls, b: ArmCalls) -> Units:
    """Days where every request has a time and both arms have a week of them, else requests.

    The same days are drawn for both arms if at least half of all days have requests of both.
    """
    days = [np.unique(days_of(arm.ts)[arm.ts != NO_TS]) for arm in (a, b)]
    counts = len(days[0]), len(days[1])
    dated = all(bool((arm.ts != NO_TS).all()) for arm in (a, b))
    if dated and min(counts) >= WEEK:
        every = np.union1d(days[0], days[1])
        together = 2 * len(np.intersect1d(days[0], days[1])) >= len(every)
        frames = (every, every) if together else days
        codes = [np.searchsorted(f, days_of(arm.ts)) for f, arm in zip(frames, (a, b), strict=True)]
        return Units("days", codes[0], codes[1], len(frames[0]), len(frames[1]), together, *counts)
    group_a, size_a = group_requests(a.size)
    group_b, size_b = group_requests(b.size)
    return Units("requests", group_a, group_b, size_a, size_b, False, *counts)


def ratio(
    units: Units,
    amounts: tuple[npt.NDArray[Any], npt.NDArray[Any]],
    counts: tuple[Mask, Mask],
    where: tuple[Mask, Mask],
) -> Estimate | None:
    """Sum of amounts over number of `counts`, b over a, of the calls in `where`."""
    sides = []
    for unit, size, amount, count, chosen in zip(
        (units.a, units.b), (units.size_a, units.size_b), amounts, counts, where, strict=True
    ):
        sums = sums_by(unit[chosen], size, amount[chosen])
        good = np.bincount(unit[chosen & count], minlength=size).astype(np.float64)
        sides.append(ArmSums(sums.amount, good.reshape(size, 1)))
    return ratio_of_means(sides[0], sides[1], together=units.together)


def cost_ratio(a: ArmCalls, b: ArmCalls, units: Units) -> Estimate | None:
    """Cost per priced request."""
    return ratio(units, (a.cost, b.cost), (a.priced, b.priced), (a.priced, b.priced))


def cost_per_success_ratio(a: ArmCalls, b: ArmCalls, units: Units) -> Estimate | None:
    """All cost of priced requests over those of them that ended well."""
    return ratio(units, (a.cost, b.cost), (a.ended_well, b.ended_well), (a.priced, b.priced))


def token_ratio(a: ArmCalls, b: ArmCalls, units: Units, name: str) -> Estimate | None:
    """Tokens per request with token counts; `name` is tokens_in or tokens_out."""
    measured = a.measured, b.measured
    return ratio(units, (getattr(a, name), getattr(b, name)), measured, measured)


def failure_rate(calls: ArmCalls) -> Estimate | None:
    """Share of requests that did not end well."""
    return wilson(int((~calls.ended_well).sum()), calls.size)


def latency(calls: ArmCalls, share: float) -> Estimate | None:
    """A quantile of the latency of requests that ended well."""
    return quantile(calls.latency_ms[calls.ended_well & (calls.latency_ms != UNKNOWN)], share)


def minus(b: Estimate | None, a: Estimate | None) -> Estimate | None:
    """The difference b - a; None where either is unknown."""
    return None if a is None or b is None else difference(b, a)


# Within features


class Stratum(msgspec.Struct, frozen=True):
    """A feature that both arms have enough priced requests of."""

    feature: str | None
    requests_a: int
    requests_b: int
    standardised: float
    """Of its share of the requests, b - a."""
    cost_a: int
    cost_b: int
    priced_a: int
    priced_b: int
    ratio: Estimate | None


class FeatureMix(msgspec.Struct, frozen=True):
    """The features of both arms."""

    distance: float
    """Half the sum of the differences of their shares: 0 the same mix, 1 no feature in common."""
    chance: float
    tokens_in: float | None
    """Standardised difference of the input tokens per request."""
    covered: float
    ratio: Estimate | None
    """Cost per request at the mix of a."""
    strata: list[Stratum]


def compare_mix(a: ArmCalls, b: ArmCalls, units: Units) -> FeatureMix:
    """The arms' features, and the cost within those that both have enough of."""
    names = sorted({*a.feature.values, *b.feature.values}, key=lambda n: (n is None, n or ""))
    code = {name: i for i, name in enumerate(names)}
    own = [np.array([code[v] for v in arm.feature.values], np.int64)[arm.feature.codes] for arm in (a, b)]
    counts = [np.bincount(codes, minlength=len(names)) for codes in own]
    shares = [count / max(count.sum(), 1) for count in counts]
    priced = [
        np.bincount(codes[arm.priced], minlength=len(names)) for codes, arm in zip(own, (a, b), strict=True)
    ]
    kept = np.flatnonzero((priced[0] >= STRATUM) & (priced[1] >= STRATUM))
    order = kept[np.lexsort((kept, -(counts[0] + counts[1])[kept]))]
    strata = []
    for number in order.tolist():
        where = own[0] == number, own[1] == number
        chosen = tuple(w & arm.priced for w, arm in zip(where, (a, b), strict=True))
        share_a, share_b = float(shares[0][number]), float(shares[1][number])
        strata.append(Stratum(
            feature=names[number],
            requests_a=int(counts[0][number]),
            requests_b=int(counts[1][number]),
            standardised=standardised(share_a, share_b, share_a * (1 - share_a), share_b * (1 - share_b)),
            cost_a=sum(a.cost[chosen[0]].tolist()),
            cost_b=sum(b.cost[chosen[1]].tolist()),
            priced_a=int(priced[0][number]),
            priced_b=int(priced[1][number]),
            ratio=ratio(units, (a.cost, b.cost), (a.priced, b.priced), (chosen[0], chosen[1])),
        ))  # fmt: skip
    total = max(int(counts[0].sum() + counts[1].sum()), 1)
    return FeatureMix(
        distance=float(np.abs(shares[0] - shares[1]).sum() / 2),
        chance=chance_of(counts[0].tolist(), counts[1].tolist()),
        tokens_in=_tokens_apart(a, b),
        covered=float((counts[0] + counts[1])[kept].sum() / total),
        ratio=_at_the_mix_of_a(a, b, units, own, order, priced[0]),
        strata=strata,
    )


def _at_the_mix_of_a(
    a: ArmCalls, b: ArmCalls, units: Units, own: list[Ints], kept: Ints, priced_a: Ints
) -> Estimate | None:
    if not len(kept):
        return None
    place = np.full(len(priced_a), -1, np.int64)
    place[kept] = np.arange(len(kept))
    sides = [
        sums_by(unit[arm.priced], size, arm.cost[arm.priced], place[codes[arm.priced]])
        for unit, size, arm, codes in zip(
            (units.a, units.b), (units.size_a, units.size_b), (a, b), own, strict=True
        )
    ]
    weights = priced_a[kept] / priced_a[kept].sum()
    return ratio_of_means(sides[0], sides[1], together=units.together, weights=weights.tolist())


def _tokens_apart(a: ArmCalls, b: ArmCalls) -> float | None:
    sides = [arm.tokens_in[arm.measured].astype(np.float64) for arm in (a, b)]
    if min(map(len, sides)) < STRATUM:
        return None
    return standardised(*(float(s.mean()) for s in sides), *(float(s.var()) for s in sides))


# The same requests


class PairedFigures(msgspec.Struct, frozen=True):
    """The same requests in both arms."""

    priced: int
    ratio: Estimate | None
    judged: int
    both: int
    only_a: int
    only_b: int
    neither: int
    difference: Estimate | None
    p: float | None


def compare_pairs(
    a: ArmCalls, b: ArmCalls, pairs: ArmPairs, judged: tuple[Mask, Mask], passed: tuple[Mask, Mask]
) -> PairedFigures:
    """Cost and passes over the pairs; `judged` and `passed` are of the calls of each arm."""
    chosen = a.priced[pairs.a] & b.priced[pairs.b]
    rows_a, rows_b = pairs.a[chosen], pairs.b[chosen]
    days = days_of(a.ts[rows_a])
    every = np.unique(days)
    if len(every) >= WEEK and NO_TS not in every:
        unit, size = np.searchsorted(every, days).astype(np.int64), len(every)
    else:
        unit, size = group_requests(len(rows_a))
    estimate = None
    if len(rows_a):
        sides = [sums_by(unit, size, arm.cost[rows]) for arm, rows in ((a, rows_a), (b, rows_b))]
        estimate = ratio_of_means(sides[0], sides[1], together=True)
    known = judged[0][pairs.a] & judged[1][pairs.b]
    good_a, good_b = passed[0][pairs.a][known], passed[1][pairs.b][known]
    both, only_a = int((good_a & good_b).sum()), int((good_a & ~good_b).sum())
    only_b, neither = int((~good_a & good_b).sum()), int((~good_a & ~good_b).sum())
    total = both + only_a + only_b + neither
    return PairedFigures(
        priced=len(rows_a),
        ratio=estimate,
        judged=total,
        both=both,
        only_a=only_a,
        only_b=only_b,
        neither=neither,
        difference=paired_difference(both, only_b, only_a, neither),
        p=mcnemar(only_b, only_a) if total else None,
    )


def judge(calls: ArmCalls, outcomes: Mapping[int, bool]) -> tuple[Mask, Mask]:
    """Which calls have an outcome, and which passed.

    A call is known by its call id or response id, and `outcomes` by the hashes of such.
    """
    if calls.keys is None:
        raise AssertionError("outcomes are found by ids")
    found = [
        outcomes.get(call or 0, outcomes.get(response or 0))
        for call, response in zip(calls.keys.call, calls.keys.response, strict=True)
    ]
    return np.array([f is not None for f in found], bool), np.array([f is True for f in found], bool)
