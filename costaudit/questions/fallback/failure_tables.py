"""What failed, where and when, and whether providers fail together: sums over the attempts of a log."""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction
from itertools import combinations
from typing import Any, Final

import msgspec

from costaudit.engine.ledger import NO_PERIOD, Cells
from costaudit.questions.fallback.attempts import ANSWERED, money_of, rows_of
from costaudit.questions.fallback.chain import Tally
from costaudit.questions.fallback.failures import REASONS, TRANSIENT, FailureReason
from costaudit.questions.fallback.kept import TRANSIENT_CODES
from costaudit.stats.intervals import Estimate, difference, wilson


class Failures(msgspec.Struct):
    """Attempts of one model, hour of day …, and what failed of them."""

    answered: int = 0
    reasons: dict[FailureReason, int] = msgspec.field(default_factory=lambda: defaultdict(int))
    billed_units: int = 0
    """Of attempts without an answer, in 1e-15 USD."""
    unpriced: int = 0
    """Attempts without an answer whose cost is not known."""
    latency_ms: int = 0
    latencies: int = 0
    """Attempts that failed for reasons of who served them, with a logged latency; and its sum."""

    @property
    def failed(self) -> int:
        """Attempts that failed for reasons of who served them."""
        return sum(self.reasons[reason] for reason in TRANSIENT)

    @property
    def attempts(self) -> int:
        """All attempts."""
        return self.answered + sum(self.reasons.values())

    @property
    def available(self) -> Estimate | None:
        """Answered of answered and failed, by Wilson's interval."""
        return wilson(self.answered, self.answered + self.failed)


class Cluster(msgspec.Struct, frozen=True):
    """Whether the failures of a provider come together."""

    tally: Tally
    again: Fraction | None
    """The chance that another attempt in the hour of a failure fails: Σ f(f-1) / Σ f(n-1)."""
    worst: tuple[tuple[int, Tally], ...]
    """The hours with the most failures, by hour since 1970."""


class Together(msgspec.Struct, frozen=True):
    """Whether two providers fail in the same hours."""

    a: str
    b: str
    hours: int
    """With attempts at both."""
    bad: Tally
    """Attempts at b in hours in which attempts at a failed."""
    good: Tally
    """Attempts at b in the other hours."""
    difference: Estimate | None
    """Failure rate of b in bad hours minus that in good ones."""


def failures_by(tried: Cells, *keys: str) -> dict[tuple[Any, ...], Failures]:
    """Sums by some of provider, model and hour_of_day (None for attempts without a time), sorted."""
    found: dict[tuple[Any, ...], Failures] = defaultdict(Failures)
    if not tried.keys:
        return {}
    units = money_of(tried, "own").tolist()
    cells = rows_of(tried, "requests", "unpriced", "latency_ms", "latencies")
    for unit, (provider, model, hour, reason, requests, unpriced, ms, measured) in zip(
        units, cells, strict=True
    ):
        named = {
            "provider": provider,
            "model": model,
            "hour_of_day": None if hour == NO_PERIOD else hour % 24,
        }
        sums = found[tuple(named[key] for key in keys)]
        if reason == ANSWERED:
            sums.answered += requests
            continue
        sums.reasons[REASONS[reason]] += requests
        sums.billed_units += unit
        sums.unpriced += unpriced
        if reason in TRANSIENT_CODES:
            sums.latency_ms += ms
            sums.latencies += measured
    return {
        key: found[key]
        for key in sorted(found, key=lambda k: [(v is None, v if v is not None else "") for v in k])
    }


WORST: Final = 5
"""Hours of a provider that are named."""


def clusters_of(tried: Cells) -> dict[str | None, Cluster]:
    """By provider, sorted."""
    found = {}
    for provider, hours in _hourly(tried).items():
        again = [(t.failed * (t.failed - 1), t.failed * (t.attempts - 1)) for t in hours.values()]
        top, bottom = (sum(pair[i] for pair in again) for i in (0, 1))
        worst = sorted(hours.items(), key=lambda h: (-h[1].failed, h[1].attempts, h[0]))[:WORST]
        whole = Tally(sum(t.attempts for t in hours.values()), sum(t.failed for t in hours.values()))
        found[provider] = Cluster(
            whole,
            Fraction(top, bottom) if bottom else None,
            tuple((hour, tally) for hour, tally in worst if tally.failed),
        )
    return found


def _hourly(tried: Cells) -> dict[str | None, dict[int, Tally]]:
    """Attempts and failures of every provider by hour, without those that say nothing of who served them."""
    found: dict[str | None, dict[int, Tally]] = defaultdict(lambda: defaultdict(Tally))
    for provider, _, hour, reason, requests in rows_of(tried, "requests"):
        if hour != NO_PERIOD and (reason == ANSWERED or reason in TRANSIENT_CODES):
            found[provider][hour].add(requests, requests if reason in TRANSIENT_CODES else 0)
    return {p: dict(found[p]) for p in sorted(found, key=lambda p: (p is None, p or ""))}


def together_of(tried: Cells) -> list[Together]:
    """Every pair of providers that are used in the same hours; a is the one with more failures."""
    hourly = _hourly(tried)
    failed = {p: sum(t.failed for t in hours.values()) for p, hours in hourly.items()}
    found = []
    for one, other in combinations([p for p in hourly if p is not None], 2):
        a, b = (one, other) if failed[one] >= failed[other] else (other, one)
        common = hourly[a].keys() & hourly[b].keys()
        bad, good = Tally(), Tally()
        for hour in common:
            tally = hourly[b][hour]
            (bad if hourly[a][hour].failed else good).add(tally.attempts, tally.failed)
        if common:
            in_bad, in_good = wilson(bad.failed, bad.attempts), wilson(good.failed, good.attempts)
            apart = difference(in_bad, in_good) if in_bad and in_good else None
            found.append(Together(a, b, len(common), bad, good, apart))
    return found
