"""The report of `costaudit fallback`, put together from the attempts of a log."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final

from costaudit import __version__
from costaudit.engine.attempts import AttemptLog, money_of, without_keys
from costaudit.engine.chains import Members
from costaudit.engine.failure_tables import Failures, clusters_of, failures_by, together_of
from costaudit.engine.failures import Reason
from costaudit.engine.kept import Billing, Kept, Mix, Who, billing_of, judge_kept
from costaudit.engine.ledger import NO_PERIOD
from costaudit.engine.local import Pass
from costaudit.engine.outage import Hit, Outage, Part, Window, all_requests, strike, windows_of
from costaudit.engine.replay import (
    Heads,
    Odds,
    Outcome,
    as_logged,
    failure_rates,
    heads_of,
    replay,
    total_outcome,
)
from costaudit.engine.retries import Link
from costaudit.engine.retry_checks import Check, check_retries
from costaudit.report import fallback_model as m
from costaudit.report.build import instant
from costaudit.report.model import Period
from costaudit.report.shadow_model import Interval, LogRead
from costaudit.routing.fallback import CHEAPER, OTHER, SAME, Basis, Chain
from costaudit.routing.policy import RULES_FROM, Policy
from costaudit.schema import UNTAGGED
from costaudit.shadow.intervals import Estimate

HOUR_US: Final = 3_600_000_000
DAY_US: Final = 24 * HOUR_US

NOTHING: Final = Chain("none", ())

_USUAL: Final = (Chain(SAME, (SAME,)), Chain(CHEAPER, (CHEAPER,)), Chain(OTHER, (OTHER,)))
_ALL_THREE: Final = Chain("same,cheaper,other", (SAME, CHEAPER, OTHER))

PATHS: Final = 20
"""Sequences of models that are listed."""

ROUND: Final = 12
"""Decimals of expected dollars."""


def policy_chain(policy: Policy) -> Chain | None:
    """The fallbacks of a policy, None where it has none. What has none of its own asks its model again."""
    own = {number: treatment.fallbacks for number, treatment in policy.treatments() if treatment.fallbacks}
    return Chain(f"policy {policy.name}", (SAME,), own) if own else None


def chains_for(policy: Policy, given: Sequence[Chain]) -> list[Chain]:
    """All chains that are replayed: none, those asked for, the policy's, and the usual ones."""
    own = policy_chain(policy)
    asked = [*given, *([own] if own is not None else [])] or [_ALL_THREE]
    found = {chain.name: chain for chain in (NOTHING, *asked, *_USUAL)}
    return list(found.values())


def members_named(chains: Sequence[Chain]) -> list[str]:
    """Every member of every chain."""
    return [member for chain in chains for member in chain.all_members]


@dataclass(frozen=True, slots=True)
class _Work:
    """What the parts of the report are made of."""

    log: AttemptLog
    members: Members
    kept: Kept
    heads: Heads
    odds: Odds
    answered: int
    answered_priced: int
    answered_units: int


def build_fallback(
    log: AttemptLog, members: Members, chains: Sequence[Chain], outages: Sequence[Outage], passed: Pass
) -> m.FallbackReport:
    """The report. Raises UsageError for an outage of a provider that the log does not have."""
    plan = members.plan
    kept = judge_kept(log, plan)
    rates, heads = failure_rates(log.tried), heads_of(log, kept, members)
    checks = check_retries(heads, kept, rates)
    odds = Odds(rates, billing_of(kept), checks.again.persistence)
    empty = not log.answered.keys
    answered = 0 if empty else sum(log.answered.measures["requests"].tolist())
    units = 0 if empty else sum(money_of(log.answered, "own").tolist())
    priced = 0 if empty else answered - sum(log.answered.measures["unpriced"].tolist())
    work = _Work(log, members, kept, heads, odds, answered, priced, units)
    logged = _logged(work, checks.again, checks.elsewhere)

    own, failed = as_logged(heads, kept), without_keys(heads.cells, "tier", "feature")
    return m.FallbackReport(
        version=__version__,
        policy=plan.policy.name,
        log=LogRead(
            files=passed.files,
            records=passed.records,
            requests=passed.requests,
            duplicates=passed.duplicates,
            skipped=sum(passed.quarantine.counts.values()),
        ),
        period=_period(passed),
        counts=_counts(work),
        total=_failure_row(None, None, failures_by(log.tried).get((), Failures())),
        by_model=_by_model(log),
        by_hour_of_day=_by_hour(log),
        by_provider=_by_provider(log, odds.billing),
        pairs=_pairs(log),
        logged=logged,
        first_attempts_usd=usd(heads.billed_units),
        token_sources=[
            m.TokenSource(source=how.value, requests=heads.mixes[how]) for how in Mix if heads.mixes.get(how)
        ],
        as_logged=_chain_row(Chain("as logged", ()), own, work) if logged.known else None,
        chains=[_chain_row(c, total_outcome(replay(failed, c, odds)), work) for c in chains],
        outages=[_outage(outage, chains, work) for outage in outages or _usual_outage(work)],
        notes=list(_notes(logged)),
    )


def usd(units: int | Fraction) -> Decimal:
    """Dollars of 1e-15 USD: exact for an integer, else rounded half even to 1e-12 USD."""
    if isinstance(units, int):
        return Decimal(units).scaleb(-15)
    return Decimal(round(units / 10 ** (15 - ROUND))).scaleb(-ROUND)


def _known(found: Outcome, units: Fraction) -> Decimal | None:
    """An amount; None where none of the requests has a price."""
    return usd(units) if found.priced or not found.requests else None


def share(part: Fraction | float, whole: int = 1) -> float | None:
    """A share with six decimals, 0 or 1 only where it is just that; None of nothing."""
    if not whole:
        return None
    exact = Fraction(part) / whole
    rounded = round(float(exact), 6)
    return 0.000001 if rounded == 0 and exact > 0 else 0.999999 if rounded == 1 and exact < 1 else rounded


def _rounded(value: Fraction) -> float:
    return round(float(value), 6)


def _interval(found: Estimate | None) -> Interval | None:
    if found is None:
        return None
    low, high = (None if end is None else round(end, 6) for end in (found.low, found.high))
    return Interval(point=round(found.point, 6), low=low, high=high)


def _period(passed: Pass) -> Period:
    if passed.first_ts is None or passed.last_ts is None:
        return Period(start=None, end=None, days=None)
    days = round((passed.last_ts - passed.first_ts) / DAY_US, 1)
    return Period(start=instant(passed.first_ts), end=instant(passed.last_ts), days=days)


def _counts(work: _Work) -> m.Counts:
    log = work.log
    heads = len(work.heads.families)
    first = [family.rows[0] for family in work.heads.families]
    return m.Counts(
        attempts=sum(log.tried.measures["requests"].tolist()),
        cache_hits=log.cache_hits,
        undated=log.undated,
        requests=work.answered + heads,
        answered_first=work.answered,
        failed_first=heads,
        priced=work.answered_priced + sum(h is not None for h in map(work.kept.own_units, first)),
        other=len(log.families) - heads,
    )


def _failure_row(provider: str | None, model: str | None, found: Failures) -> m.FailureRow:
    reasons = {reason.value: found.reasons.get(reason, 0) for reason in Reason}
    unanswered = found.attempts - found.answered
    return m.FailureRow(
        provider=provider,
        model=model,
        attempts=found.attempts,
        answered=found.answered,
        failed=found.failed,
        **reasons,
        availability=_interval(found.available),
        billed_usd=None if found.unpriced == unanswered > 0 else usd(found.billed_units),
        unpriced=found.unpriced,
        failed_latency_ms=round(found.latency_ms / found.latencies, 1) if found.latencies else None,
        failed_latencies=found.latencies,
    )


def _by_model(log: AttemptLog) -> list[m.FailureRow]:
    rows = [
        _failure_row(provider, model, found)
        for (provider, model), found in failures_by(log.tried, "provider", "model").items()
    ]
    return sorted(rows, key=lambda row: (-row.failed, -row.attempts))


def _by_hour(log: AttemptLog) -> list[m.HourRow]:
    return [
        m.HourRow(provider=p, model=name, hour=hour, attempts=found.attempts, failed=found.failed)
        for (p, name, hour), found in failures_by(log.tried, "provider", "model", "hour_of_day").items()
    ]


def _by_provider(log: AttemptLog, billing: Billing) -> list[m.ProviderRow]:
    found = []
    for provider, cluster in clusters_of(log.tried).items():
        tally = cluster.tally
        found.append(
            m.ProviderRow(
                provider=provider,
                attempts=tally.attempts,
                failed=tally.failed,
                failure_rate=share(Fraction(tally.failed), tally.attempts),
                again_in_hour=None if cluster.again is None else _rounded(cluster.again),
                billed_part=_rounded(billing.part(provider)),
                worst_hours=[
                    m.WorstHour(hour=instant(hour * HOUR_US), attempts=t.attempts, failed=t.failed)
                    for hour, t in cluster.worst
                ],
            )
        )
    return sorted(found, key=lambda row: -row.attempts)


def _pairs(log: AttemptLog) -> list[m.PairRow]:
    return [
        m.PairRow(
            a=pair.a,
            b=pair.b,
            hours=pair.hours,
            attempts_in_bad_hours=pair.bad.attempts,
            failed_in_bad_hours=pair.bad.failed,
            attempts_in_good_hours=pair.good.attempts,
            failed_in_good_hours=pair.good.failed,
            difference=_interval(pair.difference),
            dependent=None if pair.difference is None else pair.difference.excludes(0),
        )
        for pair in together_of(log.tried)
    ]


def _check_row(check: Check) -> m.CheckRow:
    return m.CheckRow(attempts=check.attempts, failed=check.failed, expected=_rounded(check.expected))


def _logged(work: _Work, again: Check, elsewhere: Check) -> m.Logged:
    log, kept, heads = work.log, work.kept, work.heads
    links = Counter(link for family in log.families for link in family.links)
    orphans = sum(family.orphan for family in log.families)
    known = bool(links or orphans or not heads.families)
    depths: dict[int, list[int]] = defaultdict(lambda: [0, 0, 0])
    paths: dict[tuple[str, ...], list[int]] = defaultdict(lambda: [0, 0])
    for family in heads.families if known else ():
        answered = any(kept.answered(row) for row in family.rows)
        sums = depths[len(family.rows) - 1]
        path = paths[tuple(_joined(kept.who(row)) for row in family.rows)]
        for number, value in enumerate((1, int(answered), sum(kept.units(row) for row in family.rows))):
            sums[number] += value
            if number < 2:
                path[number] += value
    return m.Logged(
        by_ids=links[Link.IDS],
        by_session=links[Link.SESSION],
        by_prompt=links[Link.PROMPT],
        orphans=orphans,
        known=known,
        never_answered=sum(n - a for n, a, _ in depths.values()) if known else None,
        depths=[
            m.DepthRow(retries=depth, requests=n, answered=a, usd=usd(units))
            for depth, (n, a, units) in sorted(depths.items())
        ],
        paths=[
            m.PathRow(models=list(path), requests=n, answered=a)
            for path, (n, a) in sorted(paths.items(), key=lambda p: (-p[1][0], p[0]))[:PATHS]
        ],
        again=_check_row(again),
        elsewhere=_check_row(elsewhere),
        persistence=_rounded(again.persistence),
    )


def _joined(who: Who) -> str:
    return "/".join(name if name is not None else "?" for name in who)


def _chain_row(chain: Chain, found: Outcome, work: _Work) -> m.ChainRow:
    heads, requests = work.heads, work.answered + found.requests
    spent = heads.billed_units + found.units
    success, priced = work.answered + found.served, work.answered_priced + found.priced
    priced_success = work.answered_priced + found.priced_served
    models = {_joined(who): number for who, number in (found.models or {}).items()}
    named = sorted(models.items(), key=lambda one: (-one[1], one[0]))
    return m.ChainRow(
        name=chain.name,
        members=list(chain.members),
        treatments=[
            _treatment(number, members, work.members.plan.policy)
            for number, members in sorted(chain.by_number.items())
        ],
        served=_rounded(found.served),
        served_share=share(found.served, found.requests),
        availability=share(success, requests),
        attempts=_rounded(found.attempts),
        without_member=found.without,
        chain_usd=_known(found, found.units),
        usd_per_failed_request=usd(found.units / found.priced) if found.priced else None,
        extra_usd_per_1000_requests=usd((spent - found.own_units) * 1000 / priced) if priced else None,
        usd_per_success=usd((work.answered_units + spent) / priced_success) if priced_success else None,
        first_asked=[m.ModelShare(model=name, requests=number) for name, number in named],
        basis=[
            m.BasisShare(basis=how.value, chances=(found.basis or {})[how])
            for how in Basis
            if (found.basis or {}).get(how)
        ],
    )


USUAL_HOURS: Final = 4
"""Hours of the outage that is shown where none is asked for."""


def _usual_outage(work: _Work) -> list[Outage]:
    """The provider with most requests down for some hours; nothing for a log without times."""
    requests: Counter[str] = Counter()
    for cells in (work.log.answered, work.heads.cells):
        if cells.keys:
            numbers = cells.measures["requests"].tolist()
            for name, hour, number in zip(
                cells.words("provider"), cells.keys["hour"].tolist(), numbers, strict=True
            ):
                if name is not None and hour != NO_PERIOD:
                    requests[name] += number
    most = min(requests, key=lambda name: (-requests[name], name), default=None)
    return [] if most is None else [Outage(most, USUAL_HOURS)]


def _treatment(number: int, members: Sequence[str], policy: Policy) -> m.Treatment:
    rule = policy.rules[number - RULES_FROM] if number >= RULES_FROM else None
    named = None if rule is None else rule.name or f"rule {number - RULES_FROM + 1}"
    return m.Treatment(tier=number if rule is None else None, rule=named, members=list(members))


def _outage(outage: Outage, chains: Sequence[Chain], work: _Work) -> m.OutageRow:
    cells = all_requests(work.log.answered, work.heads.cells)
    found = windows_of(cells, outage)
    stated = outage.start is not None
    return m.OutageRow(
        provider=outage.provider,
        hours=outage.hours,
        windows=[
            m.OutageWindow(
                window=window.name,
                start=instant(window.start * HOUR_US),
                end=instant((window.start + window.hours) * HOUR_US),
                requests=window.requests,
                chains=[
                    _outage_chain(c, strike(cells, outage, window, c, work.odds), window) for c in chains
                ],
            )
            for window in found.chosen
        ],
        windows_hit=None if stated else found.hit,
        windows_of_log=None if stated else found.all,
    )


def _outage_chain(chain: Chain, hit: Hit, window: Window) -> m.OutageChain:
    found = hit.outcome
    return m.OutageChain(
        name=chain.name,
        served=_rounded(found.served),
        unserved=_rounded(window.requests - found.served),
        served_share=share(found.served, window.requests),
        chain_usd=_known(found, found.units),
        own_usd=_known(found, found.own_units),
        extra_usd=_known(found, found.units - found.own_units),
        by_tier=[
            m.OutagePart(
                tier=None if tier == UNTAGGED else tier, requests=p.requests, served=_rounded(p.served)
            )
            for tier, p in sorted(hit.by_tier.items(), key=lambda one: (one[0] == UNTAGGED, one[0]))
        ],
        by_feature=[
            m.OutagePart(feature=feature, requests=p.requests, served=_rounded(p.served))
            for feature, p in _most(hit.by_feature)
        ],
    )


def _most(parts: Mapping[str | None, Part]) -> list[tuple[str | None, Part]]:
    return sorted(parts.items(), key=lambda one: (-one[1].requests, one[0] is None, one[0] or ""))


def _notes(logged: m.Logged) -> Iterator[str]:
    yield (
        "Chances of failing are those of the log: of the model or provider in the same hour where it has "
        "enough other attempts then, else of the provider's day, else of its whole log."
    )
    if logged.persistence:
        yield (
            f"Retries at a provider that had just failed did so {logged.again.failed:,} of "
            f"{logged.again.attempts:,} times, where the hours' rates say {logged.again.expected:,.0f}: "
            "chances there are raised to match."
        )
    yield (
        "Within an hour, failures of two providers count as independent; an hour that is bad for both is in "
        "the rates of both."
    )
    yield "What never failed in the attempts that a chance is taken from counts as never failing."
    if not logged.known:
        yield "The log does not say which attempts are of one request: what followed a failure is not known."
    yield "A fallback model is adequate by its limits and abilities; its answers were not verified."
