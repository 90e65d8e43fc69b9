"""How large a test must be, put together from its design and, where there is one, a log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Final, Literal

import msgspec

from costaudit import __version__
from costaudit.errors import UsageError, did_you_mean
from costaudit.questions.audit.result import Span
from costaudit.questions.shadow.result import (
    BoundaryRow,
    FeatureTests,
    Sequential,
    ShadowDesign,
    ShadowPlan,
    SizeRow,
    TrafficRow,
)
from costaudit.questions.shadow.traffic import ArmTraffic
from costaudit.render.part import LogRead
from costaudit.stats.sequential import LONGEST, RUNS, SEED, simulate_looks
from costaudit.stats.sizing import (
    WEEK,
    Design,
    days_for,
    size_cost,
    size_non_inferiority,
    size_paired,
    size_proportions,
)
from costaudit.times import DAY_US, instant

PSIS: Final = (0.05, 0.10, 0.20)
"""Shares of requests that just one model passes, shown where none is given. Pairs of models measured on
public evaluations reach .14 to .36; a candidate that is close to the current model has less."""


LONG: Final = 30
"""Days from which on a plan says what a larger arm would do."""


class PlanQuestion(msgspec.Struct, frozen=True):
    """What is asked of the plan."""

    design: Design
    share: float
    cost_delta: float
    psis: tuple[float, ...] = PSIS
    unpaired: bool = True
    paired: bool = True
    non_inferiority: bool = False
    sequential: bool = False
    tau: float | None = None
    requests_per_day: Fraction | None = None
    """None for that of the log."""
    cost_cv: float | None = None
    """None for that of the log."""
    feature: str | None = None


def build_plan(
    question: PlanQuestion,
    by_feature: Mapping[str | None, ArmTraffic] | None = None,
    log: LogRead | None = None,
) -> ShadowPlan:
    """The plan. `by_feature` is what the log holds; without it the question states the rate itself.

    Raises UsageError for a feature that the log does not have, or a log without times.
    """
    whole = ArmTraffic()
    for traffic in (by_feature or {}).values():
        whole.add(traffic)
    chosen = _chosen(question, by_feature, whole)
    scope = (
        _scope(question, question.feature, chosen, whole) if by_feature or question.requests_per_day else None
    )
    if by_feature and (scope is None or not scope.requests_per_day):
        raise UsageError(
            "the log states no times, so requests per day are unknown", hint="say --requests-per-day N"
        )
    several = by_feature is not None and question.feature is None and len(by_feature) > 1
    rows = []
    for name, traffic in (by_feature or {}).items() if several else ():
        own = _scope(_measured(question), name, traffic, whole)
        if own is not None and traffic.dated:
            rows.append(FeatureTests(traffic=own, sizes=_sizes(_measured(question), own, traffic)))
    return ShadowPlan(
        version=__version__,
        design=ShadowDesign(
            base_pass=question.design.base_pass,
            drop=question.design.drop,
            alpha=question.design.alpha,
            power=question.design.power,
            arm_share=question.share,
            cost_delta=question.cost_delta,
        ),
        log=log,
        period=_period(whole) if by_feature else None,
        traffic=scope,
        sizes=_sizes(question, scope, chosen),
        by_feature=rows,
        sequential=_sequential(question, scope) if question.sequential else None,
        notes=_notes(question, scope, whole if by_feature else None),
    )


def _chosen(
    question: PlanQuestion, by_feature: Mapping[str | None, ArmTraffic] | None, whole: ArmTraffic
) -> ArmTraffic | None:
    if by_feature is None:
        if question.feature is not None:
            raise UsageError("--feature needs a log", hint="name the log, or leave out --feature")
        return None
    if question.feature is None:
        return whole
    if question.feature not in by_feature:
        names = sorted(name for name in by_feature if name is not None)
        known = did_you_mean(question.feature, names) or f"it has {', '.join(names[:5]) or 'none'}"
        raise UsageError(f"the log has no feature {question.feature!r}", hint=known)
    return by_feature[question.feature]


def _measured(question: PlanQuestion) -> PlanQuestion:
    """The question for one of several features: a rate that was given is of all of them."""
    return PlanQuestion(
        question.design,
        question.share,
        question.cost_delta,
        question.psis,
        question.unpaired,
        question.paired,
        question.non_inferiority,
    )


def _scope(
    question: PlanQuestion, feature: str | None, traffic: ArmTraffic | None, whole: ArmTraffic
) -> TrafficRow | None:
    rate, cv = question.requests_per_day, question.cost_cv
    if traffic is None:
        if rate is None:
            return None
        return TrafficRow(
            feature=None,
            requests=None,
            calendar_days=None,
            requests_per_day=rounded(float(rate)),
            cost_cv=cv,
            priced=None,
            mean_usd=None,
        )
    if rate is None and whole.days is not None:
        rate = traffic.per_day(whole.days)
    own_cv = traffic.cost_cv if cv is None else cv
    return TrafficRow(
        feature=feature,
        requests=traffic.requests,
        calendar_days=whole.days,
        requests_per_day=rounded(float(rate or 0)),
        cost_cv=None if own_cv is None else rounded(own_cv),
        priced=traffic.priced,
        mean_usd=traffic.usd_for(1),
    )


def _rate(question: PlanQuestion, scope: TrafficRow | None, traffic: ArmTraffic | None) -> Fraction | None:
    if question.requests_per_day is not None:
        return question.requests_per_day
    if traffic is None or scope is None or scope.calendar_days is None:
        return None
    return traffic.per_day(scope.calendar_days)


def _sizes(question: PlanQuestion, scope: TrafficRow | None, traffic: ArmTraffic | None) -> list[SizeRow]:
    design, share = question.design, question.share
    rate = _rate(question, scope, traffic)
    rows = []
    if question.unpaired:
        sizes = size_proportions(design, share)
        rows.append(_row("two_proportions", sizes.arm, sizes.control, rate, share))
    if question.non_inferiority:
        sizes = size_non_inferiority(design, share)
        rows.append(_row("non_inferiority", sizes.arm, sizes.control, rate, share))
    if question.paired:
        for psi in _psis(question):
            pairs = size_paired(design, psi)
            extra = None if traffic is None else traffic.usd_for(pairs)
            rows.append(_row("paired", pairs, None, rate, share, psi=psi, usd=extra))
    cv = question.cost_cv if scope is None else scope.cost_cv
    if cv and question.unpaired:
        sizes = size_cost(design, cv, question.cost_delta, share)
        rows.append(_row("cost", sizes.arm, sizes.control, rate, share))
    return rows


def _psis(question: PlanQuestion) -> Sequence[float]:
    """The given psis or, of the usual ones, those that the drop allows: it makes for some by itself."""
    if question.psis is not PSIS:
        return question.psis
    return [psi for psi in PSIS if psi >= question.design.drop] or [min(2 * question.design.drop, 1.0)]


def _row(  # noqa: PLR0913 - one per column
    test: Literal["two_proportions", "non_inferiority", "paired", "cost"],
    arm: int,
    control: int | None,
    rate: Fraction | None,
    share: float,
    *,
    psi: float | None = None,
    usd: Decimal | None = None,
) -> SizeRow:
    needed, days = (None, None) if not rate else days_for(arm, rate, share)
    return SizeRow(
        test=test,
        psi=psi,
        arm_requests=arm,
        control_requests=control,
        days_needed=needed,
        days=days,
        usd_at_current_prices=usd,
    )


def _sequential(question: PlanQuestion, scope: TrafficRow | None) -> Sequential:
    if scope is None:
        raise UsageError("--sequential simulates days", hint="say --requests-per-day N, or name a log")
    arm = int(scope.requests_per_day * question.share)
    control = int(scope.requests_per_day * (1 - question.share))
    if arm < 1 or control < 1:
        raise UsageError("an arm has less than one request per day", hint="a larger --arm")
    fixed = days_for(size_proportions(question.design, question.share).arm, Fraction(arm))[1]
    looks = simulate_looks(question.design, arm, control, min(3 * fixed, LONGEST), tau=question.tau)
    return Sequential(
        tau=looks.tau,
        runs=RUNS,
        seed=SEED,
        days=looks.days,
        arm_per_day=arm,
        control_per_day=control,
        type_i=rounded(looks.type_i),
        peeked_type_i=rounded(looks.peeked_type_i),
        found=rounded(looks.found),
        mean_days=None if looks.mean_days is None else rounded(looks.mean_days),
        power_days=looks.power_days,
        boundary=[BoundaryRow(day=day, points=rounded(100 * size)) for day, size in looks.boundaries],
    )


def _period(whole: ArmTraffic) -> Span:
    if whole.first_day is None or whole.last_day is None or whole.days is None:
        return Span(start=None, end=None, days=None)
    first, last = (day * DAY_US for day in (whole.first_day, whole.last_day + 1))
    return Span(start=instant(first), end=instant(last), days=float(whole.days))


def _notes(question: PlanQuestion, scope: TrafficRow | None, whole: ArmTraffic | None) -> list[str]:
    notes = [
        f"Days = requests / (share of the arm × requests per day), and never under {WEEK}: weekdays differ.",
        "Requests count as independent. Where days differ much, plan more.",
        "One look, at the end: a test that is read every day needs --sequential.",
    ]
    if (half := _half(question, scope)) is not None:
        notes.append(half)
    if question.paired:
        notes.append(
            "Paired: both models answer the same request (the candidate's answer is kept, not sent), and psi "
            "is the share of requests that just one of them passes."
        )
    if whole is not None and whole.days is not None and whole.days < WEEK:
        notes.append(f"The log covers {_days(whole.days)}: its rate need not be that of a whole week.")
    if whole is not None and whole.requests > whole.dated:
        notes.append(f"{whole.requests - whole.dated:,} requests without a time are not in the rate.")
    if scope is not None and scope.requests is not None and scope.priced is not None:
        unpriced = scope.requests - scope.priced
        if unpriced and question.cost_cv is None:
            notes.append(f"{unpriced:,} requests without a price are not in the variation of the cost.")
    if question.unpaired and (question.cost_cv if scope is None else scope.cost_cv) is None:
        notes.append("How much the cost per request varies is unknown: say --cost-cv, or name a log.")
    return notes


def _half(question: PlanQuestion, scope: TrafficRow | None) -> str | None:
    """What an arm of half the traffic would take, where the one asked for takes over a month."""
    if scope is None or not scope.requests_per_day or not question.unpaired or question.share >= 0.5:
        return None
    rate = Fraction(str(scope.requests_per_day))
    now = days_for(size_proportions(question.design, question.share).arm, rate, question.share)[1]
    if now <= LONG:
        return None
    half = days_for(size_proportions(question.design, 0.5).arm, rate, 0.5)[1]
    return f"With half of the requests in the arm (--arm 50%) the unpaired test would take {_days(half)}."


def _days(number: int) -> str:
    return f"{number} day" if number == 1 else f"{number} days"


def rounded(value: float) -> float:
    """Six decimals: what a machine with another order of additions gives too."""
    return round(value, 6) + 0.0
