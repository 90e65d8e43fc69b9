"""The report: the JSON contract as types. Every output format is a pure function of one of these.

Money is an exact decimal string in USD; absent is null, never 0; arrays have a fixed order.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import field

from costaudit.questions.audit.agents.result import AgentSpend
from costaudit.questions.audit.measured import Labels
from costaudit.questions.audit.moves.result import Outlook, PriceMove, PriceSensitivity
from costaudit.render.part import SCHEMA, Part, Usd, stated_empty


class Example(Part, frozen=True, kw_only=True):
    """Where a record stands that was set aside."""

    file: str
    line: int
    byte: int | None
    detail: str = ""


class Skipped(Part, frozen=True, kw_only=True):
    """Records set aside for one reason."""

    reason: str
    count: int
    examples: list[Example]


class LedgerRead(Part, frozen=True, kw_only=True):
    """A saved ledger that stood for its logs. Users, ratios and places of records are in none."""

    resolution: str
    """hour or day."""
    book_version: str
    """Of the prices that it was made with; the report goes by those of `prices`."""
    policy: str
    """Whose routes it holds."""
    sessions: bool
    """Its logs named sessions, which cannot be replayed on it."""


class Copy(Part, frozen=True, kw_only=True):
    """A file that holds the same bytes as another, packed or not, or is the same file under another name."""

    file: str
    same_as: str


class Inputs(Part, frozen=True, kw_only=True):
    """What was read."""

    files: int
    bytes: int
    records: int
    requests: int
    duplicates: int
    ignored: int = 0
    """Records that are not calls."""
    skipped: list[Skipped]
    formats: dict[str, int]
    copies: list[Copy] = field(default_factory=stated_empty)
    """Files that were not read because they hold what another does: that is counted once."""
    ledgers: list[LedgerRead] = field(default_factory=stated_empty)
    """The saved ledgers that were read in place of logs; `files` and `bytes` are those of the logs."""


class Span(Part, frozen=True, kw_only=True):
    """From the first to the last request."""

    start: str | None
    end: str | None
    days: float | None


class PeriodCoverage(Part, frozen=True, kw_only=True):
    """Which days of the log the amounts per 30 days stand on."""

    method: Literal["weekday_means", "daily_mean", "elapsed_time", "none"]
    calendar_days: int
    """UTC days from the first to the last request."""
    days_with_requests: int
    gap_days: int
    """Days without a request between the first and the last: they count as days that cost nothing."""
    longest_gap_days: int
    whole_days: int
    """Days that the log covers from midnight to midnight, give or take an hour."""
    partial_days: list[str]
    """The first and the last day, where the log covers them in part."""
    days_counted: int
    """Days that the scale goes by; 0 where nothing is scaled."""
    weekdays_counted: int
    """Distinct weekdays among them."""
    undated_requests: int
    """Requests without a time: scaled by the time that the log covers."""
    weak: bool
    """Fewer than 14 days are counted."""


class Period(Span, frozen=True, kw_only=True):
    """The span of a log, and how its amounts become amounts per 30 days."""

    coverage: PeriodCoverage | None = None


class Prices(Part, frozen=True, kw_only=True):
    """The price book that was used."""

    version: str
    sha256: str
    as_of: str
    """request-time, or the instant given."""
    overlays: list[str] = field(default_factory=stated_empty)
    """Own prices and discounts that were laid over the book, by name."""
    known_on: str | None = None
    """The day whose knowledge the book is; null for all of it."""
    changes: list[str] = field(default_factory=stated_empty)
    """Prices that are only supposed (`--price-change`), in the order in which they were changed."""


class Unpriced(Part, frozen=True, kw_only=True):
    """Requests without a price, and why."""

    model: str | None
    reason: str
    requests: int
    tokens: int
    detail: str = ""


class Inexact(Part, frozen=True, kw_only=True):
    """Requests that are counted, and not exactly: no markup and no saving is claimed from them."""

    quality: str
    """partial, ambiguous, guessed or estimated."""
    requests: int
    tokens: int
    list_usd: Usd | None
    """At their counts as they stand; null where none has a price."""
    billed_usd: Usd | None


class Coverage(Part, frozen=True, kw_only=True):
    """Which share of the log the money stands for."""

    requests: float | None
    tokens: float | None
    unpriced: list[Unpriced]
    usage: dict[str, int]
    """Requests by quality of their token counts: exact, partial, ambiguous, estimated or none."""
    inexact: list[Inexact] = field(default_factory=stated_empty)
    """Those of them that are counted and not exact, by quality."""
    reading: dict[str, int]
    """Requests by how the input count was read: inclusive, exclusive or ambiguous about the cache."""
    resolved: dict[str, int]
    """Requests by how their model was found in the book."""
    tagged: float | None
    """Share of requests with a tier."""


class Tokens(Part, frozen=True, kw_only=True):
    """Disjoint token counts; reasoning is an "of which" of output."""

    input: int = 0
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    output: int = 0
    reasoning: int = 0
    input_audio: int = 0
    output_audio: int = 0
    cache_read_audio: int = 0
    input_image: int = 0
    output_image: int = 0
    cache_read_image: int = 0


class Estimated(Part, frozen=True, kw_only=True):
    """The part of the bill whose tokens were estimated from text."""

    estimator: str
    """Its name is its formula: `bytes/4` is a token per four bytes of UTF-8."""
    requests: int
    tokens: int
    list_usd: Usd | None
    low_usd: Usd | None
    """list_usd at the low end of the estimator's error band."""
    high_usd: Usd | None
    billed_usd: Usd | None
    """What of the bill goes by the estimate: nothing where the log states the cost."""


class Spend(Part, frozen=True, kw_only=True):
    """The bill."""

    list_usd: Usd | None
    """null when nothing has a price."""
    reported_usd: Usd | None
    """Sum of what the log states; null when it states nothing."""
    billed_usd: Usd | None
    """null when nothing has a price or a stated cost."""
    monthly_usd: Usd | None = None
    """billed_usd per 30 days: see period.coverage; null where nothing is scaled."""
    requests: int
    tokens: Tokens
    reported_requests: int = 0
    """Requests whose cost the log states."""
    cost_source: Literal["auto", "reported", "list"] = "auto"
    """What billed_usd goes by: the reported cost, else list; the reported cost alone; list alone."""
    unbilled_requests: int = 0
    """Requests in no bill: what they cost is not known from this source."""
    unbilled_tokens: int = 0
    unbilled_list_usd: Usd | None = None
    """Their list cost; null where none of them has a price."""
    estimated: Estimated | None = None
    """null where no count is an estimate."""


class Markup(Part, frozen=True, kw_only=True):
    """What one gateway adds to list."""

    gateway: str | None
    percent: str | None
    usd: Usd
    evidence: Literal["reported", "table", "given"]
    requests: int


class RatioBucket(Part, frozen=True, kw_only=True):
    """Requests whose reported cost divided by list is from `ratio_from` to below `ratio_to`."""

    ratio_from: str
    ratio_to: str | None
    """null where there is no upper edge."""
    requests: int
    list_usd: Usd
    reported_usd: Usd


class SignatureFound(Part, frozen=True, kw_only=True):
    """A ratio with a known cause that requests of one model and gateway share."""

    code: str
    """Of the finding that tells it."""
    name: str
    gateway: str | None
    model: str
    service_tier: str
    requests: int
    of_requests: int
    """Requests of this model, gateway and service tier that state a cost."""
    share: float
    ratio_from: str | None
    """The ratios that count as this signature, from and below; null where the stated cost is 0."""
    ratio_to: str | None
    median_ratio_from: str | None
    median_ratio_to: str | None
    list_usd: Usd
    reported_usd: Usd


class Outlier(Part, frozen=True, kw_only=True):
    """A request whose believed cost is far from list, and where it stands."""

    file: str
    line: int
    model: str | None
    """As logged."""
    list_usd: Usd
    reported_usd: Usd
    ratio: str
    """Reported by list, to four digits."""


class Reconciliation(Part, frozen=True, kw_only=True):
    """Reported against list cost, over the requests that have both and neither is 0."""

    requests: int
    list_usd: Usd
    reported_usd: Usd
    median_ratio_from: str | None
    """Edges of the bucket that the median ratio is in; null without such requests."""
    median_ratio_to: str | None
    reported_zero_requests: int
    """Requests that state a cost of 0 and have a list cost."""
    reported_zero_list_usd: Usd
    list_zero_requests: int
    """Requests that state a cost and cost nothing by list."""
    list_zero_reported_usd: Usd
    set_aside_requests: int
    """Requests whose cost cannot be true: in no sum here."""
    distribution: list[RatioBucket]
    """The buckets with requests, by ratio."""
    signatures: list[SignatureFound]
    outliers: list[Outlier]
    """The largest differences in dollars, at most 20; requests of the bucket around 1 are not among them."""


class Row(Part, frozen=True, kw_only=True):
    """One line of a breakdown. list_usd is null where nothing in it has a price."""

    requests: int
    tokens: Tokens | None
    """None where a scenario only knows blended tokens."""
    list_usd: Usd | None
    billed_usd: Usd | None
    after_usd: Usd | None
    estimated_usd: Usd | None = None
    """What of billed_usd rests on estimated tokens; null where nothing does."""


class TierRow(Row, frozen=True, kw_only=True):
    """Spend of a tier."""

    tier: int | None
    name: str


class ModelRow(Row, frozen=True, kw_only=True):
    """Spend of a model, as resolved (provider/model) or, unpriced, as logged."""

    model: str | None


class FeatureRow(Row, frozen=True, kw_only=True):
    """Spend of a feature; null where the log names none."""

    feature: str | None


class DayRow(Row, frozen=True, kw_only=True):
    """Spend of a UTC day; null for requests without a time."""

    date: str | None


class UserRow(Part, frozen=True, kw_only=True):
    """Spend of a user; null where the log names none. The last row may stand for all others."""

    user: str | None
    others: int = 0
    """How many further users this row stands for."""
    requests: int
    tokens: Tokens
    list_usd: Usd | None
    billed_usd: Usd | None


class Drivers(Part, frozen=True, kw_only=True):
    """The four hidden costs: each is what the projection takes off the bill."""

    overspecification_usd: Usd
    lock_in_usd: Usd
    markup_usd: Usd
    reliability_usd: Usd


class Step(Part, frozen=True, kw_only=True):
    """One step of the waterfall from before to after; the amounts add up."""

    name: str
    usd: Usd


class FeeTerms(Part, frozen=True, kw_only=True):
    """What is paid on top of the list price: every part that applies."""

    label: str
    percent: str | None
    """Of list; null where there is no percentage."""
    per_request_usd: Usd | None = None
    per_mtok_usd: Usd | None = None
    """Per 1M tokens of all classes."""
    subscription_usd_month: Usd | None = None
    free_usd_month: Usd | None = None
    """List spend of a month that the percentage is not taken of."""
    free_requests_month: int | None = None
    """Requests of a month that are free of the fee per request, or of the percentage of one's own key."""
    source: Literal["given", "table", "log"] = "given"
    """As written on the command line, from the fees that a gateway publishes, or as this log reports."""
    notes: list[str] = field(default_factory=list)


class MarkupScenario(FeeTerms, frozen=True, kw_only=True):
    """What a gateway markup would add to the projected bill."""

    label: str = ""
    monthly_usd: Usd | None
    yearly_usd: Usd | None
    """Twelve of these months."""
    period_usd: Usd | None = None
    """In the log's own period; null where a part of the markup is per month."""


class FeeVolume(Part, frozen=True, kw_only=True):
    """A month's traffic of a fixed mix."""

    list_usd: Usd
    requests: int
    tokens: int | None


class FeeOption(FeeTerms, frozen=True, kw_only=True):
    """One way to pay, by name."""

    name: str


class FeePair(Part, frozen=True, kw_only=True):
    """Where two ways to pay cost the same."""

    a: str
    b: str
    at: list[FeeVolume]
    """Volumes a month at which the cheaper one changes: none, one or, with allowances, several."""
    cheaper: list[str | None]
    """Which is cheaper below the first of them, between, and above the last; null where both are the same."""


class FeeInterval(Part, frozen=True, kw_only=True):
    """Volumes a month between which the same ways to pay are the cheapest."""

    start: FeeVolume
    end: FeeVolume | None
    """null for all that is larger."""
    cheapest: list[str]
    """Several where they cost the same."""


class FeeMix(Part, frozen=True, kw_only=True):
    """The ways to pay, for traffic of one mix."""

    mix: Literal["as_logged", "after_routing"]
    month: FeeVolume | None
    """The traffic per 30 days; null where nothing is scaled."""
    monthly_usd: list[Usd | None]
    """What each option adds to the list price of that month, in their order."""
    cheapest: list[str]
    """For that month; empty where it is not known."""
    pairs: list[FeePair]
    intervals: list[FeeInterval]


class BreakEven(Part, frozen=True, kw_only=True):
    """From which volume on which way to pay is the cheapest."""

    options: list[FeeOption]
    mixes: list[FeeMix]
    assumptions: list[str]


class CommitmentUse(Part, frozen=True, kw_only=True):
    """What a commitment does to a month of some list spend."""

    mix: Literal["as_logged", "after_routing"]
    list_usd: Usd
    utilisation_percent: str
    with_commitment_usd: Usd
    saving_monthly_usd: Usd
    """Below 0 where the commitment costs more than it saves."""
    saving_term_usd: Usd


class CommitmentResult(Part, frozen=True, kw_only=True):
    """A committed-use discount on the log's month, before and after routing."""

    label: str
    percent: str
    committed_usd_month: Usd
    """By list."""
    months: int
    paid_usd_month: Usd
    """Used or not; also the list spend from which on it pays."""
    paid_usd_term: Usd
    break_even_utilisation_percent: str
    uses: list[CommitmentUse]
    """As logged, then after routing; empty where nothing is scaled to a month."""
    routing_saves_usd_month: Usd | None
    """Without the commitment."""
    routing_saves_committed_usd_month: Usd | None
    """With it."""
    largest_paying_usd_month: Usd | None
    """The largest commitment at this discount that pays for itself after routing."""
    cheapest: list[str]
    """Of neither, commitment, routing, both."""
    assumptions: list[str]


class Cause(Part, frozen=True, kw_only=True):
    """A part of the saving: negative where something costs more."""

    name: str
    usd: Usd


class SavingByEvidence(Part, frozen=True, kw_only=True):
    """What moving requests saves, by the evidence of their tags, before verification."""

    evidence: str
    """explicit, metadata, structure, text, shape; rule for a rule of the policy that asks for no tag."""
    requests: int
    usd: Usd


class SavingInterval(Part, frozen=True, kw_only=True):
    """Where the share saved of another period is expected, at 95 %: whole days are drawn again."""

    days: int
    """Days with a bill."""
    low_percent: str | None
    """null under five days."""
    high_percent: str | None
    seed: int
    weak: bool
    """Under 14 days, which say little of a month."""


class AnswerQuality(Part, frozen=True, kw_only=True):
    """What is known of the answers of the models that requests move to."""

    verified: bool
    """Whether evals speak of every request that moves."""
    evals: str | None
    """The file; null without one: quality was not verified."""
    floor: str | None
    """The pass rate whose lower bound a candidate must reach; null without one, or with several."""
    moved_requests: int
    tested_requests: int
    """Of these, on a model and task that evals speak of."""
    pass_rate: str | None
    """The observed pass rate over these."""


class CacheReplayed(Part, frozen=True, kw_only=True):
    """What sessions lose of their prompt caches because their requests go to different models."""

    requests: int
    """Requests in sessions, replayed in the order of time."""
    read_tokens: int
    """Tokens read from a cache today …"""
    kept_tokens: int
    """… and under the policy."""
    shared_tokens: int
    """Of these, written outside their session, and taken to be there all the same."""
    sessions_kept: int
    """Sessions that keep their models because they would lose more than they save."""
    usd: Usd


class PolicyRow(Part, frozen=True, kw_only=True):
    """One of several policies on the same requests."""

    policy: str
    title: str
    after_usd: Usd
    savings_usd: Usd
    savings_percent: str | None
    low_usd: Usd
    high_usd: Usd
    moved_requests: int
    tested_requests: int
    pass_rate: str | None
    frontier: bool
    """No other policy here costs no more at no more risk. Risk is one minus the pass rate where evals speak
    of all that move, else the requests that move to a model that nobody tested."""


class Projection(Part, frozen=True, kw_only=True):
    """The same requests under the policy."""

    policy: str
    before_usd: Usd
    after_usd: Usd
    savings_usd: Usd
    savings_percent: str | None
    low_usd: Usd
    high_usd: Usd
    steps: list[Step]
    kept: dict[str, int] = field(default_factory=dict)
    """Requests by what happened to them: routed, or why they keep their model."""
    inadequate: dict[str, int] = field(default_factory=dict)
    """Requests without an adequate candidate, by what the one that came nearest lacks."""
    by_cause: list[Cause] = field(default_factory=list)
    """The saving by cause; they add up to savings_usd."""
    by_evidence: list[SavingByEvidence] = field(default_factory=list)
    """What moving requests saves by evidence; they add up to overspecification and lock-in."""
    interval: SavingInterval | None = None
    quality: AnswerQuality | None = None
    """null in a scenario."""
    cache: CacheReplayed | None = None
    """null where sessions were not replayed: only `simulate` does, in logs that name sessions."""
    policies: list[PolicyRow] = field(default_factory=list)
    """Several policies on the same requests, by cost: only where several were asked for."""
    markup_scenarios: list[MarkupScenario] = field(default_factory=list)
    break_even: BreakEven | None = None
    """Only with --break-even."""
    commitments: list[CommitmentResult] = field(default_factory=list)
    """With --commit, one each."""
    price_move: PriceMove | None = None
    """Old routes against new ones: only with --price-change."""
    outlook: Outlook | None = None
    """The next quarter; null outside of simulate, and where the log states no times."""
    sensitivity: list[PriceSensitivity] = field(default_factory=list)
    """What hangs on each price, the largest first; only in simulate."""


class Finding(Part, frozen=True, kw_only=True):
    """One fact with money, evidence and a next step."""

    code: str
    title: str
    usd: Usd | None = None
    """Money within the log's period."""
    monthly_usd: Usd | None
    """The same per 30 days; null when the log covers less than a day, or the money lies on no day counted."""
    evidence: dict[str, Any]
    next: str


class Compared(Part, frozen=True, kw_only=True):
    """A count on both sides. difference is log minus bill."""

    bill: int | None
    """null where the bill does not state it."""
    log: int
    difference: int | None


class ComparedUsd(Part, frozen=True, kw_only=True):
    """Money on both sides. difference is log minus bill."""

    bill: Usd | None
    """As stated, or the bill's tokens at list: see usd_basis of the statement."""
    log: Usd | None
    """The log's tokens at list; null when none of them has a price."""
    difference: Usd | None


class BillRow(Part, frozen=True, kw_only=True):
    """What bill and log say of one model, one day (or wider bucket), or both."""

    day: str | None
    """First UTC day; null in a row for the whole period."""
    last_day: str | None
    model: str | None
    """null in a row for all models, and for what the bill charges without a model."""
    verdict: Literal["matched", "log_misses", "bill_misses", "differs"]
    """Within the tolerance; the log has less; the log has more; less of one thing and more of another."""
    explained_percent: str | None
    """The share of the bill's side that the log has too, by value: never above 100. Cut, not rounded."""
    ratio_percent: str | None
    """The log's side as a percentage of the bill's: above 100 when the log has more."""
    requests: Compared
    tokens: dict[str, Compared]
    """The classes that the bill states."""
    usd: ComparedUsd
    log_unpriced_requests: int = 0


class BillHint(Part, frozen=True, kw_only=True):
    """A likely reason for differences, with the numbers that suggest it."""

    code: str
    title: str
    evidence: dict[str, Any]


class BillScope(Part, frozen=True, kw_only=True):
    """Requests of the log by whether the bill can say anything of them."""

    compared: int
    other_days: int
    """Outside the bill's period."""
    other_billers: int
    """Billed by another provider, or by a gateway that sells tokens itself."""
    no_time: int
    not_billed: int
    """Answered by a gateway's cache, or failed without usage: no provider bills them."""


class BillStatement(Part, frozen=True, kw_only=True):
    """All usage, or all costs, that the bills of one provider state, against the log."""

    provider: str
    kind: Literal["usage", "cost"]
    files: list[str]
    formats: list[str]
    start: str
    end: str
    """First and last UTC day."""
    by: list[Literal["day", "bucket", "model"]]
    """What both sides can be told apart by."""
    usd_basis: Literal["stated", "list"]
    """Where the bill's money comes from."""
    total: BillRow
    by_model: list[BillRow]
    by_day: list[BillRow]
    rows: list[BillRow]
    """By day and model."""
    scope: BillScope
    hints: list[BillHint]
    notes: list[str]
    """What limits the comparison."""


class BillFile(Part, frozen=True, kw_only=True):
    """A bill that was read."""

    file: str
    formats: list[str]
    lines: int


class Bill(Part, frozen=True, kw_only=True):
    """Provider bills and usage exports against the log."""

    tolerance_percent: str
    """Differences up to this share of the bill count as matched."""
    files: list[BillFile]
    skipped: list[Skipped]
    statements: list[BillStatement]


class LeverRow(Part, frozen=True, kw_only=True):
    """A further saving. What cannot be judged is null, and `evidence` says what is missing."""

    name: str
    """prefix_cache."""
    alone_usd: Usd | None = None
    """What it saves by itself, of the bill as it is …"""
    marginal_usd: Usd | None = None
    """… and of what the policy leaves: of the requests that it does not move."""
    low_usd: Usd | None = None
    high_usd: Usd | None = None
    requests: int | None = None
    evidence: str
    detail: dict[str, Any] = field(default_factory=dict)


class Audit(Part, frozen=True, kw_only=True, rename=SCHEMA):
    """`costaudit analyze`."""

    schema_: Literal["costaudit/audit@1"] = "costaudit/audit@1"
    version: str
    exit_code: int = 0
    inputs: Inputs
    period: Period
    prices: Prices
    coverage: Coverage
    spend: Spend
    markup: list[Markup]
    reconciliation: Reconciliation | None = None
    """null where the log states no cost of a request with a price."""
    by_tier: list[TierRow]
    by_model: list[ModelRow]
    by_feature: list[FeatureRow]
    by_user: list[UserRow]
    by_day: list[DayRow]
    drivers: Drivers
    projection: Projection
    levers: list[LeverRow] = field(default_factory=list)
    findings: list[Finding]
    bill: Bill | None = None
    """Only with --compare-bill."""
    labels: Labels | None = None
    """What labelled requests say of the tags: only with --labels."""
    agents: AgentSpend | None = None
    """What coding agents cost: only with --agents."""


class ScenarioInfo(Part, frozen=True, kw_only=True):
    """The scenario that was simulated."""

    name: str
    title: str
    source: str
    requests: int


class SegmentRow(Part, frozen=True, kw_only=True):
    """A part of a scenario's traffic, before and after."""

    name: str
    tiers: list[int]
    requests: int
    before_usd: Usd
    after_usd: Usd
    how: str


class Difference(Part, frozen=True, kw_only=True):
    """A figure that the source document prints and arithmetic does not give."""

    figure: str
    published: str
    computed: str
    explanation: str


class Simulation(Part, frozen=True, kw_only=True, rename=SCHEMA):
    """`costaudit simulate`: the audit's projection for a scenario, or for a log under a policy."""

    schema_: Literal["costaudit/simulation@1"] = "costaudit/simulation@1"
    version: str
    exit_code: int = 0
    scenario: ScenarioInfo | None
    inputs: Inputs | None = None
    period: Period | None = None
    prices: Prices
    coverage: Coverage | None = None
    spend: Spend | None = None
    markup: list[Markup] = field(default_factory=list)
    reconciliation: Reconciliation | None = None
    by_tier: list[TierRow] = field(default_factory=list)
    by_model: list[ModelRow] = field(default_factory=list)
    by_feature: list[FeatureRow] = field(default_factory=list)
    by_user: list[UserRow] = field(default_factory=list)
    by_day: list[DayRow] = field(default_factory=list)
    drivers: Drivers | None = None
    segments: list[SegmentRow] = field(default_factory=list)
    projection: Projection
    levers: list[LeverRow] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    agents: AgentSpend | None = None
    """What coding agents cost: only with --agents."""
    published: dict[str, str] = field(default_factory=dict)
    """What the source document prints, by figure."""
    differences: list[Difference] = field(default_factory=list)
