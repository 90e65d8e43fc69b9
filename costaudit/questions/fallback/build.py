"""The report of `costaudit fallback`, put together from the attempts of a log."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from costaudit import __version__
from costaudit.engine.audit import Pass
from costaudit.questions.audit.result import Period
from costaudit.questions.fallback import result as m
from costaudit.questions.fallback.attempts import AttemptLog, money_of, without_keys
from costaudit.questions.fallback.chain import CHEAPER, OTHER, SAME, Basis, Chain
from costaudit.questions.fallback.failure_part import by_hour, by_model, by_provider, failure_row, pair_rows
from costaudit.questions.fallback.failure_tables import Failures, failures_by
from costaudit.questions.fallback.figures import known_usd, rounded, share, usd
from costaudit.questions.fallback.kept import KeptAttempts, TokensFrom, Who, billing_of, judge_kept
from costaudit.questions.fallback.members import ChainMembers
from costaudit.questions.fallback.outage import Outage, all_requests
from costaudit.questions.fallback.outage_part import outage_rows
from costaudit.questions.fallback.replay import (
    ChainOutcome,
    Heads,
    Odds,
    as_logged,
    failure_rates,
    heads_of,
    replay,
    total_outcome,
)
from costaudit.questions.fallback.retries import Link
from costaudit.questions.fallback.retry_checks import Check, check_retries
from costaudit.render.part import LogRead
from costaudit.routing.policy import RULES_FROM, Policy
from costaudit.times import DAY_US, instant

NOTHING: Final = Chain("none", ())

_USUAL: Final = (Chain(SAME, (SAME,)), Chain(CHEAPER, (CHEAPER,)), Chain(OTHER, (OTHER,)))
_ALL_THREE: Final = Chain("same,cheaper,other", (SAME, CHEAPER, OTHER))

PATHS: Final = 20
"""Sequences of models that are listed."""


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


class _Work(msgspec.Struct, frozen=True):
    """What the parts of the report are made of."""

    log: AttemptLog
    members: ChainMembers
    kept: KeptAttempts
    heads: Heads
    odds: Odds
    answered: int
    answered_priced: int
    answered_units: int


def build_fallback(
    log: AttemptLog, members: ChainMembers, chains: Sequence[Chain], outages: Sequence[Outage], passed: Pass
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
            files=passed.found.files,
            records=passed.found.records,
            requests=passed.requests,
            duplicates=passed.duplicates,
            skipped=sum(passed.found.quarantine.counts.values()),
        ),
        period=_period(passed),
        counts=_counts(work),
        total=failure_row(None, None, failures_by(log.tried).get((), Failures())),
        by_model=by_model(log),
        by_hour_of_day=by_hour(log),
        by_provider=by_provider(log, odds.billing),
        pairs=pair_rows(log),
        logged=logged,
        first_attempts_usd=usd(heads.billed_units),
        token_sources=[
            m.TokenSource(source=how.value, requests=heads.mixes[how])
            for how in TokensFrom
            if heads.mixes.get(how)
        ],
        as_logged=_chain_row(Chain("as logged", ()), own, work) if logged.known else None,
        chains=[_chain_row(c, total_outcome(replay(failed, c, odds)), work) for c in chains],
        outages=outage_rows(all_requests(log.answered, heads.cells), outages, chains, odds),
        notes=list(_notes(logged)),
    )


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


def _check_row(check: Check) -> m.CheckRow:
    return m.CheckRow(attempts=check.attempts, failed=check.failed, expected=rounded(check.expected))


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
        persistence=rounded(again.persistence),
    )


def _joined(who: Who) -> str:
    return "/".join(name if name is not None else "?" for name in who)


def _chain_row(chain: Chain, found: ChainOutcome, work: _Work) -> m.ChainRow:
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
        served=rounded(found.served),
        served_share=share(found.served, found.requests),
        availability=share(success, requests),
        attempts=rounded(found.attempts),
        without_member=found.without,
        chain_usd=known_usd(found, found.units),
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


def _treatment(number: int, members: Sequence[str], policy: Policy) -> m.PolicyTreatment:
    rule = policy.rules[number - RULES_FROM] if number >= RULES_FROM else None
    named = None if rule is None else rule.name or f"rule {number - RULES_FROM + 1}"
    return m.PolicyTreatment(tier=number if rule is None else None, rule=named, members=list(members))


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
