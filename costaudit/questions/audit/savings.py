"""What a projected saving is made of and how sure it is: by cause, by evidence, by day, by evals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final

import numpy as np
import numpy.typing as npt

from costaudit.engine.choose import LACKS
from costaudit.engine.costing import usd
from costaudit.engine.exact import sum_by
from costaudit.engine.ledger import NO_PERIOD
from costaudit.engine.whatif import CacheReplay
from costaudit.questions.audit import result as m
from costaudit.questions.audit.work import Audited
from costaudit.routing.offers import CAUSES, NO_ROUTE
from costaudit.routing.policy import RULES_FROM
from costaudit.routing.projection import POINT, exact_sum
from costaudit.routing.terms import WHOLE
from costaudit.stats.bootstrap import SEED, ArmSums, ratio_of_means
from costaudit.tiers.evidence import Evidence
from costaudit.times import DAY_US, HOUR_US

Mask = npt.NDArray[np.bool_]

FEW_DAYS: Final = 14
"""Under so many days the interval says little of a month: the weeks have not been seen to differ."""

RULE: Final = "rule"
"""In place of an evidence class: a rule of the policy that asks for no tag."""


def moved_of(work: Audited) -> Mask:
    """Cells whose requests move at the point: they cost less for it, or move whatever it costs."""
    p, keys = work.projected, work.passed.cells.keys
    saved = np.array([s > 0 for s in (p.overspecification + p.lock_in).tolist()], bool)
    acted = work.groups.firm & work.groups.billable & (keys["band"] >= POINT)
    return np.asarray((saved | work.costed.always) & acted & (keys["route_any"] != NO_ROUTE))


def causes_of(work: Audited) -> list[m.Cause]:
    """The saving by what causes it; what costs more is negative, and all of them add up to the saving."""
    p, costed, moved = work.projected, work.costed, moved_of(work)
    base = np.minimum(work.groups.billed, work.groups.list_)
    found: list[tuple[str, int]] = [
        ("markup", exact_sum(p.markup)),
        ("reliability", exact_sum(p.reliability)),
        ("price", exact_sum((costed.list_units - costed.parts["price"])[moved])),
        *((name, -exact_sum(costed.parts[name][moved])) for name in CAUSES if name != "price"),
        ("discount", exact_sum((base - work.groups.list_)[moved])),
        ("cache", -exact_sum(p.cache)),
        ("verification", -exact_sum(p.verification)),
        ("router", -exact_sum(p.router)),
    ]
    always = ("markup", "reliability", "price", "verification")
    return [m.Cause(name=name, usd=usd(amount)) for name, amount in found if amount or name in always]


def evidence_of(work: Audited) -> list[m.SavingByEvidence]:
    """What moving requests saves by the kind of evidence that their tag rests on, the strongest first."""
    keys, p = work.passed.cells.keys, work.projected
    moved = moved_of(work)
    amount = p.overspecification + p.lock_in
    sure = [number for number, rule in enumerate(work.passed.plan.policy.rules, RULES_FROM) if not rule.tiers]
    code = np.where(np.isin(keys["number"], sure), len(Evidence), keys["evidence"]).astype(np.intp)
    saved = sum_by(code[moved], len(Evidence) + 1, amount[moved])
    requests = sum_by(code[moved], len(Evidence) + 1, work.passed.cells.measures["requests"][moved])
    names = [*(kind.name.lower() for kind in Evidence), RULE]
    return [
        m.SavingByEvidence(evidence=names[i], requests=int(requests[i]), usd=usd(int(saved[i])))
        for i in reversed(range(len(names)))
        if requests[i]
    ]


def inadequate_of(work: Audited) -> dict[str, int]:
    """Requests without an adequate candidate, by what the one that came nearest lacks."""
    cells = work.passed.cells
    lacks = sum_by(cells.keys["lacks"].astype(np.intp), len(LACKS), cells.measures["requests"])
    return {name: int(n) for name, n in zip(LACKS, lacks, strict=True) if n and name}


def interval_of(work: Audited) -> m.SavingInterval | None:
    """How far the share saved may be from that of another month: whole days are drawn again.

    None where the log has no times, or nothing was billed.
    """
    before, after = _by_day(work)
    if not before:
        return None
    ones = np.ones((len(before), 1))
    ratio = ratio_of_means(
        ArmSums(np.array(before, float)[:, None], ones),
        ArmSums(np.array(after, float)[:, None], ones),
        together=True,
    )
    if ratio is None:
        return None
    low, high = ratio.high, ratio.low
    return m.SavingInterval(
        days=len(before),
        low_percent=None if low is None else _percent(1 - low),
        high_percent=None if high is None else _percent(1 - high),
        seed=SEED,
        weak=len(before) < FEW_DAYS,
    )


def _percent(share: float) -> str:
    """One decimal, by way of six: sums of doubles in another order differ far behind them."""
    return f"{round(round(share, 6) * 100, 1) + 0.0:.1f}"


def _by_day(work: Audited) -> tuple[list[int], list[int]]:
    """Billed before and after, by day, of the days on which anything was billed."""
    period = work.passed.cells.keys["period"]
    day = period // (DAY_US // (DAY_US if work.passed.plan.resolution == "day" else HOUR_US))
    dated = np.flatnonzero(period != NO_PERIOD)
    if not len(dated):
        return [], []
    days, group = np.unique(day[dated], return_inverse=True)
    sums = [
        sum_by(group.astype(np.intp), len(days), amounts[dated].astype(object)).tolist()
        for amounts in (work.groups.billed, work.projected.after)
    ]
    kept = [i for i, billed in enumerate(sums[0]) if billed > 0]
    return [sums[0][i] for i in kept], [sums[1][i] for i in kept]


def quality_of(work: Audited) -> m.AnswerQuality:
    """What evals say of the models that requests move to; without evals that nothing was verified."""
    plan, cells, moved = work.passed.plan, work.passed.cells, moved_of(work)
    requests = int(cells.measures["requests"][moved].sum())
    floors = {plan.policy.floor(number) for number, t in plan.policy.treatments() if not t.keep}
    floor = next(iter(floors)) if len(floors) == 1 else None
    tested = passes = 0
    for name, number, feature, tier, n in _moves(work, moved):
        rate = None
        if plan.evals is not None:
            scope = number if number < RULES_FROM else tier
            rate = plan.evals.rate(name, None if scope < 0 else scope, feature)
        if rate is not None:
            tested, passes = tested + n, passes + n * rate.point
    return m.AnswerQuality(
        verified=plan.evals is not None and tested == requests,
        evals=None if plan.evals is None else plan.evals.path,
        floor=None if floor is None else f"{floor:f}",
        moved_requests=requests,
        tested_requests=tested,
        pass_rate=None if not tested else f"{round(passes / tested) / WHOLE:.4f}",
    )


def _moves(work: Audited, moved: Mask) -> Iterator[tuple[str, int, str | None, int, int]]:
    """Target, number, feature, tier and requests of every cell that moves."""
    plan, cells = work.passed.plan, work.passed.cells
    features = cells.words("feature")
    for i in np.flatnonzero(moved).tolist():
        offer = plan.offering.offers[int(cells.keys["route_any"][i])]
        yield (
            plan.prices.name_of(offer.card), int(cells.keys["number"][i]), features[i],
            int(cells.keys["tier"][i]), int(cells.measures["requests"][i]),
        )  # fmt: skip


def cache_of(replay: CacheReplay | None, work: Audited) -> m.CacheReplayed | None:
    """What the replay of sessions found."""
    if replay is None or not replay.requests:
        return None
    return m.CacheReplayed(
        requests=replay.requests,
        read_tokens=replay.read,
        kept_tokens=replay.kept,
        shared_tokens=replay.shared,
        sessions_kept=replay.sessions_kept,
        usd=usd(exact_sum(work.projected.cache)),
    )


def frontier_of(works: Sequence[tuple[Decimal, m.AnswerQuality]]) -> list[bool]:
    """Of several policies, which none beats: no other costs no more at no more risk, and is better in one.

    Risk is one minus the pass rate where every policy was tested in full, else the number of requests that
    move to a model that nobody tested.
    """
    tested = all(quality.verified or not quality.moved_requests for _, quality in works)
    points = [
        (after, -float(q.pass_rate or 1) if tested else q.moved_requests - q.tested_requests)
        for after, q in works
    ]
    return [
        not any(a <= after and r <= risk and (a < after or r < risk) for a, r in points)
        for after, risk in points
    ]
