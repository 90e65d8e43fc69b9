"""What `costaudit shadow` answers, as types: the size of a test, and the comparison of its arms.

Figures without a unit of money are floats, rounded to six decimals; shares are fractions.
"""

from __future__ import annotations

from typing import Literal

from costaudit.questions.audit.result import Span
from costaudit.render.part import SCHEMA, Interval, LogRead, Part, Usd


class ShadowDesign(Part, frozen=True, kw_only=True):
    """What the test is to find out."""

    base_pass: float
    drop: float
    alpha: float
    power: float
    arm_share: float
    """Share of the traffic that the candidate answers or, in a paired test, is shown as well."""
    cost_delta: float
    """The difference in mean cost to find, as a fraction."""


class TrafficRow(Part, frozen=True, kw_only=True):
    """What comes in, of all features or of one."""

    feature: str | None
    requests: int | None
    """Requests of the log; null where the rate was given."""
    calendar_days: int | None
    requests_per_day: float
    cost_cv: float | None
    """Standard deviation of the cost per request over its mean."""
    priced: int | None
    mean_usd: Usd | None
    """To 1e-12 USD."""


class SizeRow(Part, frozen=True, kw_only=True):
    """The size of one test."""

    test: Literal["two_proportions", "non_inferiority", "paired", "cost"]
    psi: float | None = None
    """Paired only: the share of requests that just one model passes."""
    arm_requests: int
    control_requests: int | None
    """null for a paired test: its requests are answered by both."""
    days_needed: int | None
    """null without a rate of requests."""
    days: int | None
    """Never under 7."""
    usd_at_current_prices: Usd | None = None
    """Paired only: what the extra answers would cost at the mean cost of the log."""


class FeatureTests(Part, frozen=True, kw_only=True):
    """One feature and the tests of its own traffic."""

    traffic: TrafficRow
    sizes: list[SizeRow]


class BoundaryRow(Part, frozen=True, kw_only=True):
    """From which observed difference on the test stops on a day."""

    day: int
    points: float
    """Percentage points."""


class Sequential(Part, frozen=True, kw_only=True):
    """The mSPRT with one look a day, simulated."""

    tau: float
    runs: int
    seed: int
    days: int
    arm_per_day: int
    control_per_day: int
    type_i: float
    peeked_type_i: float
    found: float
    mean_days: float | None
    power_days: int | None
    boundary: list[BoundaryRow]


class ShadowPlan(Part, frozen=True, kw_only=True, rename=SCHEMA):
    """`costaudit shadow plan`."""

    schema_: Literal["costaudit/shadow-plan@1"] = "costaudit/shadow-plan@1"
    version: str
    exit_code: int = 0
    design: ShadowDesign
    log: LogRead | None
    period: Span | None
    traffic: TrafficRow | None
    """All of it, or the feature asked for; null where no rate is known."""
    sizes: list[SizeRow]
    by_feature: list[FeatureTests]
    """Most requests first; empty without a log, and where one feature was asked for."""
    sequential: Sequential | None
    notes: list[str]


class ArmModel(Part, frozen=True, kw_only=True):
    """A model that answered in an arm."""

    model: str
    requests: int


class Arm(Part, frozen=True, kw_only=True):
    """One side of the comparison."""

    name: str
    log: LogRead
    period: Span
    days_with_requests: int
    requests: int
    priced: int
    cost_usd: Usd | None
    usd_per_request: Usd | None
    """Of priced requests, to 1e-12 USD."""
    usd_per_success: Usd | None
    """All cost over the requests that ended well, to 1e-12 USD."""
    usd_per_pass: Usd | None
    """Cost of the requests with an outcome over those that passed, to 1e-12 USD."""
    failures: int
    failure_rate: Interval | None
    judged: int
    passes: int
    pass_rate: Interval | None
    latency_measured: int
    latency_ms_median: Interval | None
    latency_ms_p95: Interval | None
    tokens_in_per_request: float | None
    tokens_out_per_request: float | None
    models: list[ArmModel]


class Contrast(Part, frozen=True, kw_only=True):
    """B against A: ratios B / A, and differences B - A."""

    cost_ratio: Interval | None
    cost_per_success_ratio: Interval | None
    tokens_in_ratio: Interval | None
    tokens_out_ratio: Interval | None
    failure_difference: Interval | None
    pass_difference: Interval | None
    latency_ms_median_difference: Interval | None
    latency_ms_p95_difference: Interval | None
    resampled: Literal["days", "requests"]
    units_a: int
    units_b: int
    together: bool
    """Whether the same days were drawn for both arms."""


class StratumRow(Part, frozen=True, kw_only=True):
    """A feature that both arms have enough of."""

    feature: str | None
    requests_a: int
    requests_b: int
    share_a: float
    share_b: float
    standardised_difference: float
    """Of the shares, B - A, in standard deviations."""
    usd_per_request_a: Usd | None
    usd_per_request_b: Usd | None
    cost_ratio: Interval | None


class Strata(Part, frozen=True, kw_only=True):
    """The comparison within features."""

    mix_distance: float
    """Share of requests that would have to be of another feature for the mixes to be equal."""
    mix_chance: float
    """How probable mixes so different are by chance."""
    tokens_in_standardised_difference: float | None
    share_covered: float
    """Share of A's and B's requests in features that both have at least 30 priced requests of."""
    cost_ratio: Interval | None
    """At A's mix of these features."""
    features: list[StratumRow]


class Paired(Part, frozen=True, kw_only=True):
    """The same requests answered in both arms."""

    by: str
    pairs: int
    share_a: float
    share_b: float
    priced_pairs: int
    cost_ratio: Interval | None
    judged_by: Literal["outcome", "ended_well"]
    judged_pairs: int
    both: int
    only_a: int
    only_b: int
    neither: int
    difference: Interval | None
    """Of the pass rates (or of the rates of ending well), B - A."""
    mcnemar_mid_p: float | None


class ShadowComparison(Part, frozen=True, kw_only=True, rename=SCHEMA):
    """`costaudit shadow compare`."""

    schema_: Literal["costaudit/shadow-comparison@1"] = "costaudit/shadow-comparison@1"
    version: str
    exit_code: int = 0
    cost: Literal["list", "reported"]
    margin: float
    """The drop in the pass rate that would matter."""
    a: Arm
    b: Arm
    contrast: Contrast
    strata: Strata
    paired: Paired | None
    warnings: list[str]
    shown: list[str]
    """What can be concluded."""
    open: list[str]
    """What cannot."""


ShadowReport = ShadowPlan | ShadowComparison
