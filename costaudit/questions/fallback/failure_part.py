"""What failed, as rows of the report of `costaudit fallback`."""

from __future__ import annotations

from fractions import Fraction

from costaudit.questions.fallback import result as m
from costaudit.questions.fallback.attempts import AttemptLog
from costaudit.questions.fallback.failure_tables import Failures, clusters_of, failures_by, together_of
from costaudit.questions.fallback.failures import FailureReason
from costaudit.questions.fallback.figures import interval, rounded, share, usd
from costaudit.questions.fallback.kept import Billing
from costaudit.times import HOUR_US, instant


def failure_row(provider: str | None, model: str | None, found: Failures) -> m.FailureRow:
    """Attempts of one model; None for both names where they are of all."""
    reasons = {reason.value: found.reasons.get(reason, 0) for reason in FailureReason}
    unanswered = found.attempts - found.answered
    return m.FailureRow(
        provider=provider,
        model=model,
        attempts=found.attempts,
        answered=found.answered,
        failed=found.failed,
        **reasons,
        availability=interval(found.available),
        billed_usd=None if found.unpriced == unanswered > 0 else usd(found.billed_units),
        unpriced=found.unpriced,
        failed_latency_ms=round(found.latency_ms / found.latencies, 1) if found.latencies else None,
        failed_latencies=found.latencies,
    )


def by_model(log: AttemptLog) -> list[m.FailureRow]:
    """By model, most failed attempts first."""
    rows = [
        failure_row(provider, model, found)
        for (provider, model), found in failures_by(log.tried, "provider", "model").items()
    ]
    return sorted(rows, key=lambda row: (-row.failed, -row.attempts))


def by_hour(log: AttemptLog) -> list[m.HourRow]:
    """By model and hour of the day."""
    return [
        m.HourRow(provider=p, model=name, hour=hour, attempts=found.attempts, failed=found.failed)
        for (p, name, hour), found in failures_by(log.tried, "provider", "model", "hour_of_day").items()
    ]


def by_provider(log: AttemptLog, billing: Billing) -> list[m.ProviderRow]:
    """By provider, most attempts first."""
    found = []
    for provider, cluster in clusters_of(log.tried).items():
        tally = cluster.tally
        found.append(
            m.ProviderRow(
                provider=provider,
                attempts=tally.attempts,
                failed=tally.failed,
                failure_rate=share(Fraction(tally.failed), tally.attempts),
                again_in_hour=None if cluster.again is None else rounded(cluster.again),
                billed_part=rounded(billing.part(provider)),
                worst_hours=[
                    m.WorstHour(hour=instant(hour * HOUR_US), attempts=t.attempts, failed=t.failed)
                    for hour, t in cluster.worst
                ],
            )
        )
    return sorted(found, key=lambda row: -row.attempts)


def pair_rows(log: AttemptLog) -> list[m.PairRow]:
    """Every pair of providers with hours in common."""
    return [
        m.PairRow(
            a=pair.a,
            b=pair.b,
            hours=pair.hours,
            attempts_in_bad_hours=pair.bad.attempts,
            failed_in_bad_hours=pair.bad.failed,
            attempts_in_good_hours=pair.good.attempts,
            failed_in_good_hours=pair.good.failed,
            difference=interval(pair.difference),
            dependent=None if pair.difference is None else pair.difference.excludes(0),
        )
        for pair in together_of(log.tried)
    ]
