"""The comparison of two arms, put together: figures, what stands against them, what can be concluded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import msgspec
import numpy as np

from costaudit import __version__
from costaudit.errors import InputError
from costaudit.ingest.outcomes import AnswerOutcome
from costaudit.money import EXACT
from costaudit.prices.cards import NO_TS
from costaudit.questions.audit.result import Span
from costaudit.questions.shadow import contrast as c
from costaudit.questions.shadow import result as m
from costaudit.questions.shadow.arms import DIGITS, UNKNOWN, ArmCalls, CostSource, days_of
from costaudit.questions.shadow.cautions import (
    is_mixed,
    warn_of_coverage,
    warn_of_mix,
    warn_of_prices,
    warn_of_time,
)
from costaudit.questions.shadow.pairs import find_pairs
from costaudit.questions.shadow.plan import rounded
from costaudit.questions.shadow.verdict import conclude
from costaudit.render.part import Interval, LogRead
from costaudit.stats.intervals import Estimate, wilson
from costaudit.tape.record import hashes_of
from costaudit.times import DAY_US, instant

MICRO: Final = Decimal("1e-12")


class ArmRead(msgspec.Struct, frozen=True):
    """An arm as it was read."""

    name: str
    calls: ArmCalls
    log: LogRead


class _Judged(msgspec.Struct, frozen=True):
    """What is known of the answers of an arm."""

    known: c.Mask
    passed: c.Mask


def build_comparison(
    a: ArmRead,
    b: ArmRead,
    *,
    cost: CostSource = "list",
    margin: float = 0.02,
    outcomes: Sequence[AnswerOutcome] | None = None,
) -> m.ShadowComparison:
    """Everything that `shadow compare` answers.

    Raises InputError when the outcomes name no request of either arm, or do not say which arm they mean.
    """
    judged = _judge(a, b, outcomes)
    units = c.resampling_units(a.calls, b.calls)
    arms = _arm(a, judged[0]), _arm(b, judged[1])
    mix = c.compare_mix(a.calls, b.calls, units)
    figures = _contrast(a.calls, b.calls, units, arms, judged)
    paired = _paired(a.calls, b.calls, judged, by_outcome=outcomes is not None)
    warnings = [
        *warn_of_time(a.calls, b.calls, units),
        *warn_of_mix(mix),
        *warn_of_prices(a.calls, b.calls, cost),
        *warn_of_coverage(arms, cost),
    ]
    strata = _strata(mix, (a.calls.size, b.calls.size))
    shown, left = conclude(arms, figures, strata, paired, margin=margin, mixed=is_mixed(mix))
    return m.ShadowComparison(
        version=__version__,
        cost=cost,
        margin=margin,
        a=arms[0],
        b=arms[1],
        contrast=figures,
        strata=strata,
        paired=paired,
        warnings=warnings,
        shown=shown,
        open=left,
    )


# Outcomes


def _judge(a: ArmRead, b: ArmRead, outcomes: Sequence[AnswerOutcome] | None) -> tuple[_Judged, _Judged]:
    tables: tuple[dict[int, bool], dict[int, bool]] = {}, {}
    hashes = hashes_of(outcome.request_id for outcome in outcomes or ())
    for outcome, hashed in zip(outcomes or (), hashes, strict=True):
        for table, letter in zip(tables, "ab", strict=True):
            if outcome.arm in (None, letter):
                table[hashed] = outcome.passed
    found = [
        _Judged(*c.judge(arm.calls, table))
        if arm.calls.keys is not None
        else _Judged(np.zeros(arm.calls.size, bool), np.zeros(arm.calls.size, bool))
        for arm, table in zip((a, b), tables, strict=True)
    ]
    if outcomes:
        if not any(j.known.any() for j in found):
            raise InputError("no outcome is of a request of either arm", hint="ids are those of the logs")
        of_both = {h for h, o in zip(hashes, outcomes, strict=True) if o.arm is None}
        both = of_both & _ids(a.calls) & _ids(b.calls)
        if both:
            raise InputError(
                f"{len(both):,} outcomes are of request ids that both arms have",
                hint="add a column arm with a or b",
            )
    return found[0], found[1]


def _ids(calls: ArmCalls) -> set[int]:
    if calls.keys is None:
        return set()
    return {i for i in (*calls.keys.call, *calls.keys.response) if i is not None}


# Figures


def _arm(arm: ArmRead, judged: _Judged) -> m.Arm:
    calls = arm.calls
    dated = calls.ts[calls.ts != NO_TS]
    priced = int(calls.priced.sum())
    total = sum(calls.cost.tolist())
    successes = int((calls.priced & calls.ended_well).sum())
    known = judged.known & calls.priced
    known_cost = sum(calls.cost[known].tolist())
    latency = calls.ended_well & (calls.latency_ms != UNKNOWN)
    measured = int(calls.measured.sum())
    passes = int(judged.passed.sum())
    by_model: Counter[str] = Counter()
    for card, requests in calls.cards.items():
        name, at, _ = card.partition("@")
        if at:
            by_model[name] += requests
    return m.Arm(
        name=arm.name,
        log=arm.log,
        period=Span(
            start=instant(int(dated.min())) if len(dated) else None,
            end=instant(int(dated.max())) if len(dated) else None,
            days=round(int(dated.max() - dated.min()) / DAY_US, 1) if len(dated) else None,
        ),
        days_with_requests=len(np.unique(days_of(dated))),
        requests=calls.size,
        priced=priced,
        cost_usd=Decimal(total).scaleb(-DIGITS, EXACT) if priced else None,
        usd_per_request=_per(total, priced) if priced else None,
        usd_per_success=_per(total, successes) if priced else None,
        usd_per_pass=_per(known_cost, int((known & judged.passed).sum())),
        failures=int((~calls.ended_well).sum()),
        failure_rate=_interval(c.failure_rate(calls)),
        judged=int(judged.known.sum()),
        passes=passes,
        pass_rate=_interval(wilson(passes, int(judged.known.sum()))),
        latency_measured=int(latency.sum()),
        latency_ms_median=_interval(c.latency(calls, 0.5)),
        latency_ms_p95=_interval(c.latency(calls, 0.95)),
        tokens_in_per_request=_mean(calls.tokens_in[calls.measured], measured),
        tokens_out_per_request=_mean(calls.tokens_out[calls.measured], measured),
        models=[
            m.ArmModel(model=name, requests=requests)
            for name, requests in sorted(by_model.items(), key=lambda item: (-item[1], item[0]))
        ],
    )


def _per(units: int, number: int) -> Decimal | None:
    if not number:
        return None
    return EXACT.divide(Decimal(units).scaleb(-DIGITS, EXACT), Decimal(number)).quantize(MICRO, context=EXACT)


def _mean(values: c.Ints, number: int) -> float | None:
    return rounded(sum(values.tolist()) / number) if number else None


def _interval(estimate: Estimate | None) -> Interval | None:
    if estimate is None:
        return None
    low, high = (None if end is None else rounded(end) for end in (estimate.low, estimate.high))
    return Interval(point=rounded(estimate.point), low=low, high=high)


def _contrast(
    a: ArmCalls,
    b: ArmCalls,
    units: c.Units,
    arms: tuple[m.Arm, m.Arm],
    judged: tuple[_Judged, _Judged],
) -> m.Contrast:
    rates = [wilson(int(j.passed.sum()), int(j.known.sum())) for j in judged]
    return m.Contrast(
        cost_ratio=_interval(c.cost_ratio(a, b, units)),
        cost_per_success_ratio=_interval(c.cost_per_success_ratio(a, b, units)),
        tokens_in_ratio=_interval(c.token_ratio(a, b, units, "tokens_in")),
        tokens_out_ratio=_interval(c.token_ratio(a, b, units, "tokens_out")),
        failure_difference=_interval(c.minus(c.failure_rate(b), c.failure_rate(a))),
        pass_difference=_interval(c.minus(rates[1], rates[0])),
        latency_ms_median_difference=_interval(c.minus(c.latency(b, 0.5), c.latency(a, 0.5))),
        latency_ms_p95_difference=_interval(c.minus(c.latency(b, 0.95), c.latency(a, 0.95))),
        resampled=units.kind,
        units_a=arms[0].days_with_requests if units.kind == "days" else a.size,
        units_b=arms[1].days_with_requests if units.kind == "days" else b.size,
        together=units.together,
    )


def _strata(mix: c.FeatureMix, totals: tuple[int, int]) -> m.Strata:
    return m.Strata(
        mix_distance=rounded(mix.distance),
        mix_chance=rounded(mix.chance),
        tokens_in_standardised_difference=None if mix.tokens_in is None else rounded(mix.tokens_in),
        share_covered=rounded(mix.covered),
        cost_ratio=_interval(mix.ratio),
        features=[
            m.StratumRow(
                feature=s.feature,
                requests_a=s.requests_a,
                requests_b=s.requests_b,
                share_a=rounded(s.requests_a / totals[0]),
                share_b=rounded(s.requests_b / totals[1]),
                standardised_difference=rounded(s.standardised),
                usd_per_request_a=_per(s.cost_a, s.priced_a),
                usd_per_request_b=_per(s.cost_b, s.priced_b),
                cost_ratio=_interval(s.ratio),
            )
            for s in mix.strata
        ],
    )


def _paired(
    a: ArmCalls, b: ArmCalls, judged: tuple[_Judged, _Judged], *, by_outcome: bool
) -> m.Paired | None:
    if a.keys is None or b.keys is None:
        return None
    pairs = find_pairs(a.keys, b.keys)
    if pairs is None:
        return None
    known = tuple(j.known if by_outcome else np.ones(len(j.known), bool) for j in judged)
    passed = (judged[0].passed, judged[1].passed) if by_outcome else (a.ended_well, b.ended_well)
    found = c.compare_pairs(a, b, pairs, (known[0], known[1]), passed)
    return m.Paired(
        by=pairs.by,
        pairs=len(pairs.a),
        share_a=rounded(len(pairs.a) / a.size),
        share_b=rounded(len(pairs.b) / b.size),
        priced_pairs=found.priced,
        cost_ratio=_interval(found.ratio),
        judged_by="outcome" if by_outcome else "ended_well",
        judged_pairs=found.judged,
        both=found.both,
        only_a=found.only_a,
        only_b=found.only_b,
        neither=found.neither,
        difference=_interval(found.difference),
        mcnemar_mid_p=None if found.p is None else rounded(found.p),
    )
