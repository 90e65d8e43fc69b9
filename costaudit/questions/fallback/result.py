"""What `costaudit fallback` answers, as types.

Shares and chances are fractions rounded to six decimals. What was billed is exact; what is expected is an
exact fraction of counts and prices, rounded once, to 1e-12 USD.
"""

from __future__ import annotations

from typing import Literal

from costaudit.questions.audit.result import Period
from costaudit.render.part import SCHEMA, Interval, LogRead, Part, Usd


class FailureRow(Part, frozen=True, kw_only=True):
    """Attempts of one model (or of all), and what became of them."""

    provider: str | None
    model: str | None
    attempts: int
    """Without answers of a gateway's own cache."""
    answered: int
    failed: int
    """For reasons of who served them: the sum of rate_limit, timeout, server_error, unusable and unknown."""
    rate_limit: int
    timeout: int
    server_error: int
    unusable: int
    """An answer came and was not used: malformed, or replaced by a later attempt."""
    unknown: int
    refused: int
    """The request itself was wrong or not allowed."""
    cancelled: int
    availability: Interval | None
    """answered / (answered + failed), by Wilson's interval."""
    billed_usd: Usd | None
    """List price of the attempts without an answer; null where none of them has a known cost."""
    unpriced: int
    """Attempts without an answer whose cost is not known."""
    failed_latency_ms: float | None
    """Mean latency of failed attempts where logged: the time that one takes away."""
    failed_latencies: int


class HourRow(Part, frozen=True, kw_only=True):
    """One hour of the day (UTC) of one model."""

    provider: str | None
    model: str | None
    hour: int | None
    """0 to 23; null for attempts without a time."""
    attempts: int
    failed: int


class WorstHour(Part, frozen=True, kw_only=True):
    """An hour with many failures."""

    hour: str
    attempts: int
    failed: int


class ProviderRow(Part, frozen=True, kw_only=True):
    """One provider: how often it fails, and whether failures come together."""

    provider: str | None
    attempts: int
    failed: int
    failure_rate: float | None
    again_in_hour: float | None
    """The chance that another attempt in the hour of a failure fails: above the rate where they cluster."""
    billed_part: float
    """The part of an answer's cost that a failed attempt is billed."""
    worst_hours: list[WorstHour]


class PairRow(Part, frozen=True, kw_only=True):
    """Two providers in the same hours."""

    a: str
    b: str
    hours: int
    attempts_in_bad_hours: int
    """Attempts at b in hours in which attempts at a failed."""
    failed_in_bad_hours: int
    attempts_in_good_hours: int
    failed_in_good_hours: int
    difference: Interval | None
    """Failure rate of b in bad hours minus that in good ones."""
    dependent: bool | None
    """Whether the interval leaves out 0; null where there is too little to tell."""


class CheckRow(Part, frozen=True, kw_only=True):
    """Retries of the log against the failure rates of their hours."""

    attempts: int
    failed: int
    expected: float


class DepthRow(Part, frozen=True, kw_only=True):
    """Requests whose first attempt failed, by the number of attempts that followed."""

    retries: int
    requests: int
    answered: int
    usd: Usd
    """List price of all attempts, the first included."""


class PathRow(Part, frozen=True, kw_only=True):
    """Requests whose first attempt failed, by the models that were asked in turn."""

    models: list[str]
    requests: int
    answered: int


class Logged(Part, frozen=True, kw_only=True):
    """What the log shows of requests whose first attempt failed."""

    by_ids: int
    """Further attempts that ids join to their request."""
    by_session: int
    by_prompt: int
    orphans: int
    """Retries whose first attempt is not in the log, or cannot be told."""
    known: bool
    """Whether the log lets retries be told at all."""
    never_answered: int | None
    depths: list[DepthRow]
    paths: list[PathRow]
    """Most requests first."""
    again: CheckRow
    """Retries at the provider that had just failed."""
    elsewhere: CheckRow
    """Retries at another provider."""
    persistence: float
    """How probable it is that a failure lasts until the next attempt, beyond the rate of its hour."""


class Counts(Part, frozen=True, kw_only=True):
    """What the requests are."""

    attempts: int
    cache_hits: int
    """Answers of a gateway's own cache: in nothing else here."""
    undated: int
    requests: int
    """Answered at the first attempt, or failed at it for reasons of who served it."""
    answered_first: int
    failed_first: int
    priced: int
    """Requests whose cost is known: amounts per request and per success are of those."""
    other: int
    """Requests that were refused or cancelled at first, and retries without a first attempt: not replayed."""


class ModelShare(Part, frozen=True, kw_only=True):
    """A model that a chain asks first."""

    model: str
    requests: int


class BasisShare(Part, frozen=True, kw_only=True):
    """What chances were taken from."""

    basis: Literal["model_hour", "provider_hour", "provider_day", "provider_log", "all_providers"]
    chances: int


class PolicyTreatment(Part, frozen=True, kw_only=True):
    """Requests that a policy treats apart, and their members."""

    tier: int | None
    rule: str | None
    """The name of a rule, or its place."""
    members: list[str]


class ChainRow(Part, frozen=True, kw_only=True):
    """A fallback chain replayed on the requests whose first attempt failed."""

    name: str
    members: list[str]
    treatments: list[PolicyTreatment]
    """Other members for some requests: the fallbacks of a policy's rules and tiers."""
    served: float
    """Expected number of those requests that are answered in the end."""
    served_share: float | None
    availability: float | None
    """(answered_first + served) / requests."""
    attempts: float
    """Expected further attempts."""
    without_member: int
    """Requests that no member of the chain can serve."""
    chain_usd: Usd | None
    """Expected cost of the further attempts."""
    usd_per_failed_request: Usd | None
    extra_usd_per_1000_requests: Usd | None
    """Failed first attempts and the chain, minus what the answered ones cost on their own model. Amounts are
    null where no request has a price."""
    usd_per_success: Usd | None
    """All cost of all requests with a price over those answered."""
    first_asked: list[ModelShare]
    """Most requests first."""
    basis: list[BasisShare]


class OutagePart(Part, frozen=True, kw_only=True):
    """Requests of one tier or feature that an outage hits."""

    tier: int | None = None
    feature: str | None = None
    requests: int
    served: float


class OutageChain(Part, frozen=True, kw_only=True):
    """What a chain makes of an outage."""

    name: str
    served: float
    unserved: float
    served_share: float | None
    chain_usd: Usd | None
    own_usd: Usd | None
    """What the served requests cost on their own model."""
    extra_usd: Usd | None
    """chain_usd - own_usd."""
    by_tier: list[OutagePart]
    by_feature: list[OutagePart]


class OutageWindow(Part, frozen=True, kw_only=True):
    """One window of an outage."""

    window: Literal["worst", "median", "best", "stated"]
    start: str
    end: str
    requests: int
    """Requests to the provider: without a fallback none of them is served."""
    chains: list[OutageChain]


class OutageRow(Part, frozen=True, kw_only=True):
    """A provider that is down for some hours."""

    provider: str
    hours: int
    windows: list[OutageWindow]
    windows_hit: int | None
    """Windows of the log with requests to the provider, which are ranked; null for a stated start."""
    windows_of_log: int | None


class TokenSource(Part, frozen=True, kw_only=True):
    """Where the tokens of requests to be replayed are known from."""

    source: Literal["own", "answer", "feature", "model", "none"]
    requests: int


class FallbackReport(Part, frozen=True, kw_only=True, rename=SCHEMA):
    """`costaudit fallback`."""

    schema_: Literal["costaudit/fallback@1"] = "costaudit/fallback@1"
    version: str
    exit_code: int = 0
    policy: str
    log: LogRead
    period: Period
    counts: Counts
    total: FailureRow
    by_model: list[FailureRow]
    """Most failed attempts first."""
    by_hour_of_day: list[HourRow]
    by_provider: list[ProviderRow]
    pairs: list[PairRow]
    logged: Logged
    first_attempts_usd: Usd
    """What the failed first attempts were billed."""
    token_sources: list[TokenSource]
    as_logged: ChainRow | None
    """What the log itself did; null where retries cannot be told."""
    chains: list[ChainRow]
    """`none`, then the chains asked for, then the usual ones."""
    outages: list[OutageRow]
    notes: list[str]
