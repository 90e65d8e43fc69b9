"""From one pass over the logs to the report: breakdowns, drivers, projection."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from costaudit import __version__
from costaudit.engine.audit import Pass
from costaudit.engine.choose import KEPT
from costaudit.engine.costing import (
    CostSource,
    bill_known,
    billed_as_reported,
    card_cost,
    states_cost,
    usd,
)
from costaudit.engine.exact import sum_by
from costaudit.engine.ledger import NO_PERIOD, Cells
from costaudit.engine.month import days_of
from costaudit.engine.plan import Plan
from costaudit.engine.subjects import ledger_subjects
from costaudit.ingest.bills.line import ReadBill
from costaudit.ingest.estimate import BAND, ESTIMATOR
from costaudit.money import percent_of, usd_from_pico
from costaudit.prices.gateways import Gateways
from costaudit.prices.numbered import Subject
from costaudit.prices.resolver import How
from costaudit.questions.audit import result as m
from costaudit.questions.audit.agents.result import AgentSpend
from costaudit.questions.audit.bill.compare import compare_bills, find_gaps
from costaudit.questions.audit.findings import find_all, ranked
from costaudit.questions.audit.measured import Labels
from costaudit.questions.audit.month import period_coverage
from costaudit.questions.audit.reconcile import build_reconciliation
from costaudit.questions.audit.savings import (
    cache_of,
    causes_of,
    evidence_of,
    inadequate_of,
    interval_of,
    quality_of,
)
from costaudit.questions.audit.work import Audited, audited, logged_name, marked_up, model_names
from costaudit.routing.projection import (
    exact_sum,
)
from costaudit.schema import COUNTS, UNITS, UNTAGGED, Quality, Tier
from costaudit.times import DAY_US, instant

USERS_SHOWN: Final = 10_000
"""Users listed one by one; the rest is summed in one row."""


def build_audit(  # noqa: PLR0913 - what a report says beside the spend
    passed: Pass,
    gateways: Gateways,
    *,
    bills: Sequence[ReadBill] = (),
    labels: Labels | None = None,
    agents: AgentSpend | None = None,
    source: CostSource = CostSource.AUTO,
    levers: Sequence[m.LeverRow] = (),
) -> m.Audit:
    """The report of a pass.

    `labels` is what labelled requests say of the tags, `agents` what coding agents cost, `levers` what else
    would save. With `bills`, the log is compared with them. Raises UsageError for bills that cannot be
    compared.
    """
    work = audited(passed, gateways, source)
    parts = audit_parts(work)
    if bills:
        bill = parts["bill"] = compare_bills(work, bills, gateways)
        parts["findings"] = ranked([*parts["findings"], *find_gaps(bill)])
    return m.Audit(version=__version__, labels=labels, agents=agents, levers=list(levers), **parts)


def audit_parts(work: Audited) -> dict[str, Any]:
    """Every part that audit and simulation share, by field name."""
    return {
        "inputs": _inputs(work.passed),
        "period": _period(work),
        "prices": prices_of(work.passed.plan),
        "coverage": _coverage(work),
        "spend": _spend(work),
        "markup": _markup(work),
        "reconciliation": build_reconciliation(work.passed, work.signatures),
        "by_tier": _by_tier(work),
        "by_model": _by_model(work),
        "by_feature": _by_feature(work),
        "by_user": _by_user(work),
        "by_day": _by_day(work),
        "drivers": _drivers(work),
        "projection": _projection(work),
        "findings": find_all(work),
    }


def _inputs(passed: Pass) -> m.Inputs:
    counts = passed.found.quarantine.counts
    return m.Inputs(
        files=passed.found.files,
        bytes=passed.found.bytes,
        records=passed.found.records,
        requests=passed.requests,
        duplicates=passed.duplicates,
        ignored=passed.found.ignored,
        copies=[m.Copy(file=copy, same_as=file) for copy, file in passed.found.copies],
        skipped=[
            m.Skipped(
                reason=reason,
                count=counts[reason],
                examples=[
                    m.Example(file=p.file, line=p.line, byte=p.byte, detail=p.detail)
                    for p in passed.found.quarantine.places[reason]
                ],
            )
            for reason in sorted(counts, key=lambda r: (-counts[r], r))
        ],
        formats=dict(sorted(passed.found.formats.items())),
        ledgers=[
            m.LedgerRead(
                resolution=one.resolution,
                book_version=one.origin.book_version,
                policy=one.origin.policy,
                sessions=one.sessions,
            )
            for one in passed.ledgers
        ],
    )


def _period(work: Audited) -> m.Period:
    first, last = work.passed.first_ts, work.passed.last_ts
    return m.Period(
        start=None if first is None else instant(first),
        end=None if last is None else instant(last),
        days=work.days,
        coverage=period_coverage(work.scale.month, _undated(work.passed.cells)),
    )


def _undated(cells: Cells) -> int:
    return int(cells.measures["requests"][cells.keys["period"] == NO_PERIOD].sum())


def prices_of(plan: Plan) -> m.Prices:
    """The book of a plan, and the time at which it was read."""
    as_of = "request-time" if plan.prices_at is None else instant(plan.prices_at)
    return m.Prices(
        version=plan.prices.book.version,
        sha256=plan.prices.book.sha256,
        as_of=as_of,
        overlays=list(plan.prices.book.overlays),
        known_on=plan.prices.book.known_on,
        changes=[change.text for change in plan.prices.book.changes],
    )


def _share(part: int, whole: int) -> float | None:
    """Cut, not rounded: one unpriced request in ten million does not make 1.0."""
    return part * 10**6 // whole / 10**6 if whole else None


def tokens_of(measures: dict[str, Any]) -> int:
    """All tokens of a row of measures; reasoning is inside output."""
    return sum(int(measures[n]) for n in COUNTS if n != "reasoning" and n not in UNITS)


def _coverage(work: Audited) -> m.Coverage:
    cells, plan = work.passed.cells, work.passed.plan
    requests = cells.measures["requests"]
    tokens = np.sum([cells.measures[n] for n in COUNTS if n != "reasoning" and n not in UNITS], axis=0)
    priced = work.costed.priced
    unpriced: dict[tuple[str | None, str], list[Any]] = {}
    models, providers = cells.words("model"), cells.words("provider")
    for i in np.flatnonzero(~priced).tolist():
        name = logged_name(providers[i], models[i])
        reason = plan.prices.reasons[-1 - int(cells.keys["card"][i])]
        entry = unpriced.setdefault((name, reason), [0, 0, ""])
        entry[0] += int(requests[i])
        entry[1] += int(tokens[i])
        if not entry[2]:
            entry[2] = plan.prices.subject(_subject(cells, i)).detail
    rows = [
        m.Unpriced(model=name, reason=reason, requests=n, tokens=t, detail=detail)
        for (name, reason), (n, t, detail) in unpriced.items()
    ]
    total = int(requests.sum())
    return m.Coverage(
        requests=_share(int(requests[priced].sum()), total),
        tokens=_share(int(tokens[priced].sum()), int(tokens.sum())),
        unpriced=sorted(rows, key=lambda r: (-r.tokens, -r.requests, r.model or "", r.reason)),
        usage=_count_words(cells, "quality"),
        inexact=list(_inexact(work)),
        reading=_count_words(cells, "reading"),
        resolved=_resolved(work),
        tagged=_share(int(requests[cells.keys["tier"] != UNTAGGED].sum()), total),
    )


def _inexact(work: Audited) -> Iterator[m.Inexact]:
    cells, costed = work.passed.cells, work.costed
    words = np.array([str(word) for word in cells.words("quality")])
    for quality in (Quality.PARTIAL, Quality.AMBIGUOUS, Quality.GUESSED, Quality.ESTIMATED):
        here = words == quality.value
        if here.any():
            listed, billed = here & costed.priced, here & costed.known
            yield m.Inexact(
                quality=quality.value,
                requests=int(cells.measures["requests"][here].sum()),
                tokens=tokens_of({n: cells.measures[n][here].sum() for n in COUNTS}),
                list_usd=usd(exact_sum(costed.list_units[listed])) if listed.any() else None,
                billed_usd=usd(exact_sum(costed.billed_units[billed])) if billed.any() else None,
            )


def _subject(cells: Cells, i: int) -> Subject:
    def word(key: str) -> str | None:
        return cells.values[key][int(cells.keys[key][i])]

    return (
        word("provider"),
        word("model"),
        word("service_tier"),
        word("region"),
        word("speed"),
        word("gateway"),
    )


def _count_words(cells: Cells, key: str) -> dict[str, int]:
    values = cells.values[key]
    sums = sum_by(cells.keys[key].astype(np.intp), len(values), cells.measures["requests"])
    return {str(v): int(n) for v, n in zip(values, sums, strict=True) if n}


def _resolved(work: Audited) -> dict[str, int]:
    cells, plan = work.passed.cells, work.passed.plan
    subjects, group = ledger_subjects(cells)
    priced = np.where(work.costed.priced, cells.measures["requests"], 0)
    requests = sum_by(group.astype(np.intp), len(subjects), priced)
    found: dict[str, int] = {how.value: 0 for how in How}
    for i in np.flatnonzero(requests).tolist():
        how = plan.prices.subject(subjects[i]).how
        if how is not None:
            found[how.value] += int(requests[i])
    return {how: n for how, n in found.items() if n}


_TOKENS: Final = tuple(n for n in COUNTS if n not in UNITS)


def _tokens(measures: dict[str, int]) -> m.Tokens:
    return m.Tokens(**{n: measures[n] for n in _TOKENS})


def _spend(work: Audited) -> m.Spend:
    cells, costed = work.passed.cells, work.costed
    stated = int(cells.measures["requests"][states_cost(cells)].sum())
    known = costed.reported if work.source is CostSource.REPORTED else costed.known
    unbilled, listed = ~costed.known, costed.priced & ~costed.known
    return m.Spend(
        list_usd=usd(exact_sum(costed.list_units)) if costed.priced.any() else None,
        reported_usd=usd_from_pico(exact_sum(cells.measures["reported_picousd"])) if stated else None,
        billed_usd=usd(exact_sum(costed.billed_units)) if known.any() else None,
        monthly_usd=work.monthly_of(costed.billed_units) if known.any() else None,
        requests=int(cells.measures["requests"].sum()),
        tokens=_tokens({n: int(cells.measures[n].sum()) for n in COUNTS}),
        reported_requests=stated,
        cost_source=work.source.value,
        unbilled_requests=int(cells.measures["requests"][unbilled].sum()),
        unbilled_tokens=tokens_of({n: cells.measures[n][unbilled].sum() for n in COUNTS}),
        unbilled_list_usd=usd(exact_sum(costed.list_units[listed])) if listed.any() else None,
        estimated=_estimated(work),
    )


def _estimated(work: Audited) -> m.Estimated | None:
    """What rests on estimated counts."""
    cells, costed = work.passed.cells, work.costed
    here = _is_estimated(cells)
    if not here.any():
        return None
    priced = bool((here & costed.priced).any())
    listed = usd(exact_sum(costed.list_units[here]))
    by_list = here & ~costed.reported
    return m.Estimated(
        estimator=ESTIMATOR,
        requests=int(cells.measures["requests"][here].sum()),
        tokens=tokens_of({n: cells.measures[n][here].sum() for n in COUNTS}),
        list_usd=listed if priced else None,
        low_usd=listed * BAND[0] / 10 if priced else None,
        high_usd=listed * BAND[1] / 10 if priced else None,
        billed_usd=usd(exact_sum(costed.billed_units[by_list])) if priced else None,
    )


def _is_estimated(cells: Cells) -> npt.NDArray[np.bool_]:
    """Cells whose token counts are estimates."""
    is_estimate = [word == Quality.ESTIMATED for word in cells.values["quality"]]
    return np.array(is_estimate, bool)[cells.keys["quality"]]


def _markup(work: Audited) -> list[m.Markup]:
    """Per gateway, what was billed above list: measured where the log states costs, else by the fee table.

    The amounts add up to the markup driver. Requests billed below list add nothing.
    """
    rows = []
    for part in marked_up(work):
        percent = percent_of(usd(part.extra), usd(part.base), places=4)
        rows.append(m.Markup(
            gateway=part.gateway,
            percent=None if percent is None else _trimmed(percent),
            usd=usd(part.extra),
            evidence=part.evidence,
            requests=int(work.passed.cells.measures["requests"][part.where].sum()),
        ))  # fmt: skip
    return rows


def _trimmed(number: str) -> str:
    return number.rstrip("0").rstrip(".") if "." in number else number


_Names = Sequence[Any]


def _rows(work: Audited, names: _Names, make: Callable[..., Any], order: Callable[[Any], Any]) -> list[Any]:
    """One row per distinct name, with requests, tokens and money before and after."""
    distinct = sorted(set(names), key=lambda n: (n is None, str(n)))
    number = {name: i for i, name in enumerate(distinct)}
    group = np.array([number[n] for n in names], np.intp)
    size = len(distinct)
    cells, costed = work.passed.cells, work.costed
    counts = {n: sum_by(group, size, cells.measures[n]) for n in ("requests", *COUNTS)}
    priced = sum_by(group, size, costed.priced.astype(np.int64))
    known = sum_by(group, size, costed.known.astype(np.int64))
    money = [sum_by(group, size, a) for a in (costed.list_units, costed.billed_units, work.projected.after)]
    rests = _is_estimated(cells) & costed.priced & ~costed.reported
    estimated = sum_by(group, size, np.where(rests, costed.billed_units, 0))
    rests_on = sum_by(group, size, rests.astype(np.int64))
    rows = [
        make(
            name,
            estimated_usd=usd(estimated[i]) if rests_on[i] else None,
            requests=int(counts["requests"][i]),
            tokens=_tokens({n: int(counts[n][i]) for n in COUNTS}),
            list_usd=usd(money[0][i]) if priced[i] else None,
            billed_usd=usd(money[1][i]) if known[i] else None,
            after_usd=usd(money[2][i]) if known[i] else None,
        )
        for i, name in enumerate(distinct)
    ]
    return sorted(rows, key=order)


def _dearest_first(row: Any) -> tuple[Any, ...]:
    names = (getattr(row, n, None) for n in ("model", "feature", "user"))
    return (-(row.billed_usd or 0), -row.requests, *[str(n) for n in names])


def _by_tier(work: Audited) -> list[m.TierRow]:
    def make(tier: int, **fields: Any) -> m.TierRow:
        if tier == UNTAGGED:
            return m.TierRow(tier=None, name="untagged", **fields)
        return m.TierRow(tier=tier, name=Tier(tier).label, **fields)

    tiers = work.passed.cells.keys["tier"].tolist()
    return _rows(work, tiers, make, lambda row: 9 if row.tier is None else row.tier)


def _by_model(work: Audited) -> list[m.ModelRow]:
    return _rows(work, model_names(work), lambda n, **f: m.ModelRow(model=n, **f), _dearest_first)


def _by_feature(work: Audited) -> list[m.FeatureRow]:
    names = work.passed.cells.words("feature")
    return _rows(work, names, lambda n, **f: m.FeatureRow(feature=n, **f), _dearest_first)


def _by_day(work: Audited) -> list[m.DayRow]:
    days = days_of(work.passed.cells, work.passed.plan)

    def make(day: int | None, **fields: Any) -> m.DayRow:
        return m.DayRow(date=None if day is None else instant(day * DAY_US)[:10], **fields)

    return _rows(work, days, make, lambda row: (row.date is None, row.date or ""))


def _by_user(work: Audited) -> list[m.UserRow]:
    users = work.passed.users
    if not users.rows:
        return []
    names = users.values["user"]
    group, size = users.keys["user"].astype(np.intp), len(names)
    card = users.keys["card"]
    list_units = card_cost(users, work.passed.plan, card)
    # Known fees of gateways are not split by user: the table of users has no gateway.
    plan, source = work.passed.plan, work.source
    reported, is_known = billed_as_reported(users, plan, source), bill_known(users, plan, source)
    stated = users.measures["reported_picousd"].astype(object) * 10**9
    billed = np.where(reported, stated, np.where(is_known, list_units, 0))
    columns = {n: users.measures[n] for n in ("requests", *COUNTS)}
    columns |= {"priced": (card >= 0).astype(np.int64), "known": is_known.astype(np.int64)}
    columns |= {"list": list_units, "billed": billed}
    sums = {n: sum_by(group, size, column).tolist() for n, column in columns.items()}
    requests, costs = sums["requests"], sums["billed"]
    of_user = [dict(zip(sums, values, strict=True)) for values in zip(*sums.values(), strict=True)]
    order = sorted((i for i in range(size) if requests[i]), key=lambda i: (-costs[i], names[i] or ""))
    rows = [_user_row(names[i], of_user[i]) for i in order[:USERS_SHOWN]]
    others = order[USERS_SHOWN:]
    if others:
        rest = {n: sum(c[i] for i in others) for n, c in sums.items()}
        rows.append(_user_row(None, rest, len(others) if len(others) > 1 else 0))
    return rows


def _user_row(name: str | None, sums: dict[str, int], others: int = 0) -> m.UserRow:
    return m.UserRow(
        user=name,
        others=others,
        requests=sums["requests"],
        tokens=_tokens(sums),
        list_usd=usd(sums["list"]) if sums["priced"] else None,
        billed_usd=usd(sums["billed"]) if sums["known"] else None,
    )


def _drivers(work: Audited) -> m.Drivers:
    p = work.projected
    return m.Drivers(
        overspecification_usd=usd(exact_sum(p.overspecification)),
        lock_in_usd=usd(exact_sum(p.lock_in)),
        markup_usd=usd(exact_sum(p.markup)),
        reliability_usd=usd(exact_sum(p.reliability)),
    )


def _projection(work: Audited) -> m.Projection:
    p, plan = work.projected, work.passed.plan
    before, after = usd(exact_sum(work.groups.billed)), usd(exact_sum(p.after))
    steps = [m.Step(name="billed", usd=before)]
    steps += [
        m.Step(name=name, usd=-usd(exact_sum(amounts)))
        for name, amounts in (
            ("markup", p.markup), ("reliability", p.reliability),
            ("overspecification", p.overspecification), ("lock_in", p.lock_in),
        )
    ]  # fmt: skip
    steps.append(m.Step(name="verification", usd=usd(exact_sum(p.verification))))
    if any(p.cache.tolist()):
        steps.append(m.Step(name="cache", usd=usd(exact_sum(p.cache))))
    if plan.policy.router_usd_per_request:
        steps.append(m.Step(name="router", usd=usd(exact_sum(p.router))))
    steps.append(m.Step(name="after", usd=after))
    return m.Projection(
        policy=plan.policy.name,
        before_usd=before,
        after_usd=after,
        savings_usd=before - after,
        savings_percent=percent_of(before - after, before),
        low_usd=usd(work.range.low),
        high_usd=usd(work.range.high),
        steps=steps,
        kept=_kept(work),
        inadequate=inadequate_of(work),
        by_cause=causes_of(work),
        by_evidence=evidence_of(work),
        interval=interval_of(work),
        quality=quality_of(work),
        cache=cache_of(work.cache, work),
    )


def _kept(work: Audited) -> dict[str, int]:
    """Requests by what happened to them. One that has a price and no bill is not projected."""
    cells, costed = work.passed.cells, work.costed
    unbilled = costed.priced & ~costed.known
    why = np.where(unbilled, len(KEPT), cells.keys["kept"]).astype(np.intp)
    kept = sum_by(why, len(KEPT) + 1, cells.measures["requests"])
    return {name: int(n) for name, n in zip((*KEPT, "unbilled"), kept, strict=True) if n}
