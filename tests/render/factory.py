"""Reports made by hand: every breakdown is a sum over the same few cells, so that the parts add up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from msgspec.structs import replace

from costaudit.questions.audit import result as m
from costaudit.questions.audit.fees.break_even import Option
from costaudit.questions.audit.fees.break_even_part import break_even
from costaudit.questions.audit.fees.commitment import parse_commitment
from costaudit.questions.audit.fees.commitment_part import commitment
from costaudit.questions.audit.fees.markup import MarkupTerms, Volume
from costaudit.questions.audit.fees.traffic import RoutedTraffic

HOSTILE = (
    "[red]x[/red]",
    "a\x1b[31mred\x1b[0m",
    "\x1b]8;;https://evil.example\x07link\x1b]8;;\x07",
    "=cmd|' /C calc'!A0",
    "<script>alert(1)</script>",
    "safe\u202egnp.exe",
    "long-" + "name" * 74,
    "模型" * 40,
    "line\r\nbreak\ttab\u2028\x85end",
    "@everyone #1 `code` | [link](https://evil.example) www.evil.example $x$",
    "zalgo" + "\u0301" * 60,
    "\x00\x07\x7f\x9b2J\ufeff\u200b\U000e0041",
    "-1+1",
    "# heading\n---",
    "",
    "   ",
)
TIERS: dict[int | None, str] = {0: "trivial", 1: "standard", 2: "complex", 3: "high-stakes", None: "untagged"}


@dataclass(frozen=True, slots=True)
class Cell:
    """Some requests of one tier, model, feature, user and day."""

    tier: int | None
    model: str | None
    requests: int
    list_usd: Decimal | None
    billed_usd: Decimal | None
    after_usd: Decimal | None
    feature: str | None = None
    user: str | None = None
    date: str | None = "2026-10-01"
    tokens: int = 1000


def usd(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def cell(tier: int | None, model: str | None, requests: int, *money: str | None, **more: Any) -> Cell:
    """A cell with list, billed and after given as text."""
    list_usd, billed, after = (usd(text) for text in money)
    return Cell(tier, model, requests, list_usd, billed, after, **more)


def tokens(cells: Iterable[Cell]) -> m.Tokens:
    sizes = [c.tokens for c in cells]
    output = sum(size // 4 for size in sizes)
    return m.Tokens(input=sum(sizes) - output, output=output, reasoning=sum(size // 8 for size in sizes))


def add(amounts: Iterable[Decimal | None]) -> Decimal | None:
    known = [a for a in amounts if a is not None]
    return sum(known, Decimal(0)) if known else None


def total(amounts: Iterable[Decimal | None]) -> Decimal:
    return add(amounts) or Decimal(0)


def group(cells: Sequence[Cell], key: str) -> dict[Any, list[Cell]]:
    groups: dict[Any, list[Cell]] = {}
    for c in cells:
        groups.setdefault(getattr(c, key), []).append(c)
    return groups


def row(cells: Sequence[Cell]) -> dict[str, Any]:
    return {
        "requests": sum(c.requests for c in cells),
        "tokens": tokens(cells),
        "list_usd": add(c.list_usd for c in cells),
        "billed_usd": add(c.billed_usd for c in cells),
        "after_usd": add(c.after_usd for c in cells),
    }


def rows(cells: Sequence[Cell], key: str, make: Callable[..., Any]) -> list[Any]:
    found = [make(name, row(part)) for name, part in group(cells, key).items()]
    return sorted(found, key=lambda r: -(r.billed_usd or 0))


def breakdowns(cells: Sequence[Cell]) -> dict[str, Any]:
    def user(name: str | None, fields: dict[str, Any]) -> m.UserRow:
        return m.UserRow(user=name, **{k: v for k, v in fields.items() if k != "after_usd"})

    tier_rows = rows(cells, "tier", lambda n, f: m.TierRow(tier=n, name=TIERS[n], **f))
    day_rows = rows(cells, "date", lambda n, f: m.DayRow(date=n, **f))
    return {
        "by_tier": sorted(tier_rows, key=lambda r: 9 if r.tier is None else r.tier),
        "by_model": rows(cells, "model", lambda n, f: m.ModelRow(model=n, **f)),
        "by_feature": rows(cells, "feature", lambda n, f: m.FeatureRow(feature=n, **f)),
        "by_user": rows(cells, "user", user),
        "by_day": sorted(day_rows, key=lambda r: (r.date is None, r.date or "")),
    }


def spend(cells: Sequence[Cell], reported: str | None) -> m.Spend:
    return m.Spend(
        list_usd=total(c.list_usd for c in cells),
        reported_usd=usd(reported),
        billed_usd=total(c.billed_usd for c in cells),
        monthly_usd=Decimal("39500.123456") if len(cells) > 9 else None,
        requests=sum(c.requests for c in cells),
        tokens=tokens(cells),
        reported_requests=0 if reported is None else sum(c.requests for c in cells),
    )


def coverage(cells: Sequence[Cell]) -> m.Coverage:
    requests, missing = sum(c.requests for c in cells), [c for c in cells if c.list_usd is None]
    unpriced = sum(c.requests for c in missing)
    return m.Coverage(
        requests=1 - unpriced / requests if requests else None,
        tokens=1 - sum(c.tokens for c in missing) / sum(c.tokens for c in cells) if cells else None,
        unpriced=[
            m.Unpriced(
                model=c.model, reason="unknown_model", requests=c.requests, tokens=c.tokens,
                detail="did you mean 'x'?",
            )
            for c in missing
        ],
        usage={"exact": requests} if requests else {},
        reading={"inclusive": requests} if requests else {},
        resolved={"exact": requests - unpriced} if requests - unpriced else {},
        tagged=1.0 if requests else None,
    )  # fmt: skip


def waterfall(cells: Sequence[Cell]) -> tuple[m.Drivers, list[m.Step]]:
    """All that is billed above list is markup, the rest of the saving overspecification."""
    priced = [c for c in cells if c.list_usd is not None]
    billed, after = total(c.billed_usd for c in cells), total(c.after_usd for c in cells)
    markup = total(c.billed_usd for c in priced) - total(c.list_usd for c in priced)
    over = billed - markup - after
    drivers = m.Drivers(
        overspecification_usd=over, lock_in_usd=Decimal(0), markup_usd=markup, reliability_usd=Decimal(0)
    )
    amounts = (("billed", billed), ("markup", -markup), ("overspecification", -over), ("after", after))
    return drivers, [m.Step(name=name, usd=amount) for name, amount in amounts]


def parts(cells: Sequence[Cell], **more: Any) -> dict[str, Any]:
    """All that audits and simulations of a log share."""
    reported = more.pop("reported", None)
    days = more.pop("days", 31.0)
    drivers, steps = waterfall(cells)
    before, after = steps[0].usd, steps[-1].usd
    requests = sum(c.requests for c in cells)
    percent = f"{(before - after) * 100 / before:.1f}" if before else None
    made: dict[str, Any] = {
        "version": "0.1.0",
        "inputs": m.Inputs(
            files=1, bytes=9000, records=requests + 3, requests=requests, duplicates=1,
            skipped=[m.Skipped(reason="not_json", count=2, examples=[
                m.Example(file="logs/a.jsonl", line=7, byte=912, detail="column 4: Expecting value"),
            ])],
            formats={"openai-chat": requests + 1},
        ),
        "period": m.Period(
            start="2026-10-01T04:05:06Z", end="2026-10-31T23:30:51Z", days=days,
            coverage=m.PeriodCoverage(
                method="weekday_means", calendar_days=31, days_with_requests=29, gap_days=2,
                longest_gap_days=2, whole_days=30, partial_days=["2026-10-01"], days_counted=30,
                weekdays_counted=7, undated_requests=0, weak=False,
            ),
        ),
        "prices": m.Prices(version="2026.11.20", sha256="ab12" * 16, as_of="request-time"),
        "coverage": coverage(cells),
        "spend": spend(cells, reported),
        "markup": [],
        **breakdowns(cells),
        "drivers": drivers,
        "projection": m.Projection(
            policy="default", before_usd=before, after_usd=after, savings_usd=before - after,
            savings_percent=percent, low_usd=after * Decimal("0.9"), high_usd=max(before, after), steps=steps,
            kept={"routed": requests // 2, "untagged": requests - requests // 2},
        ),
        "findings": [],
    }  # fmt: skip
    return made | more


def finding(code: str, title: str, money: str | None, monthly: str | None, **evidence: Any) -> m.Finding:
    return m.Finding(
        code=code, title=title, usd=usd(money), monthly_usd=usd(monthly), evidence=evidence, next="look at it"
    )


def small_audit() -> m.Audit:
    """Half a day of one model; the log states no costs, no features and no users."""
    cells = [
        cell(0, "openai/gpt-5.4", 120, "0.0004696", "0.0004696", "0.0000312"),
        cell(2, "openai/gpt-5.4", 30, "0.2814", "0.2814", "0.2814"),
    ]
    period = m.Period(start="2026-10-01T04:05:06Z", end="2026-10-01T15:30:00Z", days=0.5)
    found = [finding("CA-O1", "tier 0 (trivial) from openai/gpt-5.4 to openai/gpt-5-nano", "0.0004384", None)]
    return m.Audit(**parts(cells, period=period, days=0.5, findings=found))


def large_audit() -> m.Audit:
    """A month with everything: hostile names, unpriced models, a gateway, failures, many rows."""
    return m.Audit(**_large())


def _large() -> dict[str, Any]:
    cells = [
        cell(
            (0, 1, 2, 3, None)[i % 5], f"provider/model-{i % 14:02}", 100 + i,
            f"{i * 40 + 3}.125", f"{i * 42 + 3}.5", f"{i * 17 + 1}.0625",
            feature=f"feature-{i % 12}", user=f"u-{i % 9:04}",
            date=None if i == 7 else f"2026-10-{1 + i % 31:02}", tokens=250_000 + i,
        )
        for i in range(60)
    ]  # fmt: skip
    for i, name in enumerate(HOSTILE):
        known = i % 3 != 0
        money = (f"{i}.001", f"{i}.002", "0.003") if known else (None, None, None)
        cells.append(cell(1, name, 3, *money, feature=name, user=name, date="2026-10-02"))
    markup = [
        m.Markup(gateway="openrouter", percent="5.5", usd=Decimal("12.25"), evidence="reported", requests=9),
        m.Markup(
            gateway="cheap" + HOSTILE[1], percent="-0.0481", usd=Decimal("-0.09"), evidence="table",
            requests=4,
        ),
        m.Markup(gateway=None, percent=None, usd=Decimal("1.5"), evidence="given", requests=1),
    ]  # fmt: skip
    found = [
        finding("CA-O1", f"tier 1 from {HOSTILE[0]} to {HOSTILE[6]}", "900.5", "871.45", requests=9),
        finding("CA-O1", "tier 2 (complex) from provider/model-02 to provider/model-03", "12", "11.61"),
        finding("CA-M1", "openrouter bills 5.50% above list", "12.25", "11.85", gateway="openrouter"),
        finding("CA-P1", "18 requests have no price and are not in the totals", None, None),
    ]
    made = parts(
        cells, reported="40310.5", markup=markup, findings=found, reconciliation=reconciliation(HOSTILE)
    )
    return made | {"projection": _with_markups(made["projection"], Decimal(31))}


def reconciliation(names: Sequence[str | None]) -> m.Reconciliation:
    """Most at list, some at 1.055 through a gateway and told so, and one far request for every name."""
    far = [Decimal(7 + i) for i in range(len(names))]
    zero = Decimal(0)
    return m.Reconciliation(
        requests=900 + 100 + len(far),
        list_usd=Decimal(1000) + len(far),
        reported_usd=Decimal("1005.5") + sum(far, zero),
        median_ratio_from="0.9975",
        median_ratio_to="1.0025",
        reported_zero_requests=3,
        reported_zero_list_usd=Decimal("0.5"),
        list_zero_requests=0,
        list_zero_reported_usd=zero,
        set_aside_requests=1,
        distribution=[
            _bucket("0.9975", "1.0025", 900, Decimal(900), Decimal(900)),
            _bucket("1.0525", "1.0575", 100, Decimal(100), Decimal("105.5")),
            *([_bucket("5.5", "7.5", len(far), Decimal(len(far)), sum(far, zero))] if far else []),
        ],
        signatures=[
            m.SignatureFound(
                code="CA-M1", name="credit_fee", gateway="openrouter", model="provider/model-02",
                service_tier="standard", requests=100, of_requests=110, share=0.909, ratio_from="1.0475",
                ratio_to="1.0625", median_ratio_from="1.0525", median_ratio_to="1.0575",
                list_usd=Decimal(100), reported_usd=Decimal("105.5"),
            )
        ],
        outliers=[
            m.Outlier(
                file=f"logs/{name}.jsonl", line=5 + i, model=name, list_usd=Decimal(1), reported_usd=cost,
                ratio=str(cost),
            )
            for i, (name, cost) in enumerate(zip(names, far, strict=True))
        ],
    )  # fmt: skip


def _bucket(low: str, high: str, requests: int, list_usd: Decimal, reported_usd: Decimal) -> m.RatioBucket:
    return m.RatioBucket(
        ratio_from=low, ratio_to=high, requests=requests, list_usd=list_usd, reported_usd=reported_usd
    )


def _with_markups(projection: m.Projection, days: Decimal) -> m.Projection:
    scenarios = []
    for percent in (0, 5, 10):
        extra = projection.after_usd * percent / 100
        monthly = (extra * 30 / days).quantize(Decimal("0.01"))
        scenarios.append(m.MarkupScenario(
            percent=str(percent), monthly_usd=monthly, yearly_usd=monthly * 12, period_usd=extra
        ))  # fmt: skip
    return replace(projection, markup_scenarios=scenarios)


def unpriced_audit() -> m.Audit:
    """Requests of which none has a price or a stated cost."""
    cells = [cell(1, "acme-9", 40, None, None, None), cell(None, None, 2, None, None, None)]
    return m.Audit(**parts(cells))


def empty_audit() -> m.Audit:
    """Nothing was read."""
    return m.Audit(**parts([], period=m.Period(start=None, end=None, days=None)))


def dearer_audit() -> m.Audit:
    """The policy costs more than what was billed, which is below list."""
    cells = [cell(3, "a/b", 10, "12", "11.5", "17.25", date=None)]
    return m.Audit(**parts(cells, reported="11.5", period=m.Period(start=None, end=None, days=None)))


def log_simulation() -> m.Simulation:
    """The large audit's log under a policy, with ways to pay and a commitment too large after it."""
    made = _large()
    return m.Simulation(scenario=None, **made | {"projection": _with_fees(made["projection"])})


def _with_fees(projection: m.Projection) -> m.Projection:
    def month(usd: int) -> Volume:
        return Volume(Fraction(usd), Fraction(7818), Fraction(20_000_000))

    traffic = RoutedTraffic(month(71_000), month(30_000), month(71_000), month(30_000))
    fee = Decimal("5.5")
    options = [
        Option(
            "gateway:openrouter",
            MarkupTerms("openrouter", percent=fee, evidence="table", notes=("on credits",)),
        ),
        Option("flat", MarkupTerms("$500/month", usd_per_month=Decimal(500))),
        Option(HOSTILE[1], MarkupTerms("-100% + $1,200", percent=Decimal(-100), usd_per_month=Decimal(1200))),
    ]
    terms = parse_commitment("percent=20,monthly=60000,months=12")
    rows = [
        m.MarkupScenario(
            label="5% + $500/month", percent="5", subscription_usd_month=Decimal(500),
            monthly_usd=Decimal(2000), yearly_usd=Decimal(24_000),
        ),
        m.MarkupScenario(
            label="as in this log", percent="2.5", source="log", monthly_usd=Decimal("754.125"),
            yearly_usd=Decimal("9049.5"), period_usd=Decimal("780.5"),
            notes=[f"{HOSTILE[0]} 5.5% over list, stated in the log for 9 of its requests"],
        ),
    ]  # fmt: skip
    return replace(
        projection,
        markup_scenarios=[*projection.markup_scenarios, *rows],
        break_even=break_even(options, traffic, is_log=True),
        commitments=[commitment(terms, traffic, is_log=True)],
    )


def scenario_simulation() -> m.Simulation:
    """Ten million requests a month, as a source document computes them."""

    def segment(name: str, tiers: list[int], requests: int, *told: str) -> m.SegmentRow:
        before, after, how = told
        return m.SegmentRow(
            name=name, tiers=tiers, requests=requests, before_usd=Decimal(before), after_usd=Decimal(after),
            how=how,
        )  # fmt: skip

    projection = m.Projection(
        policy="ten-million", before_usd=Decimal(56000), after_usd=Decimal(27600), savings_usd=Decimal(28400),
        savings_percent="50.7", low_usd=Decimal(27600), high_usd=Decimal(27600),
        steps=[
            m.Step(name=name, usd=Decimal(amount))
            for name, amount in (
                ("before", 56000), ("routing", -31200), ("verification", 2800), ("after", 27600)
            )
        ],
    )  # fmt: skip
    return m.Simulation(
        version="0.1.0",
        scenario=m.ScenarioInfo(
            name="ten-million", title="10M requests a month on one flagship, then routed by tier",
            source="The source document", requests=10_000_000,
        ),
        prices=m.Prices(version="2026.11.20", sha256="ab12" * 16, as_of="scenario"),
        segments=[
            segment("Tier 0-1", [0, 1], 6_000_000, "33600", "2400", "800 tokens at $0.50 per 1M"),
            segment("Tier 2", [2], 3_000_000, "16800", "16800", "800 tokens at $7 per 1M"),
            segment("Tier 3", [3], 1_000_000, "5600", "8400", "800 tokens at $7 per 1M, verified (+0.5)"),
        ],
        projection=_with_markups(projection, Decimal(30)),
        published={"after_usd": "27600", "markup_5_percent_monthly_usd": "1920"},
        differences=[
            m.Difference(
                figure="markup_5_percent_monthly_usd", published="1920", computed="1380.00",
                explanation="5% of $27,600.00 is $1,380.00; $1,920 is 5% of $38,400, a figure it never gives",
            ),
            m.Difference(figure="savings_percent", published="about half", computed="50.7", explanation=""),
        ],
    )  # fmt: skip


def policy_row(name: str, after: str, moved: int, **fields: Any) -> m.PolicyRow:
    """One of several policies, of a bill of $100."""
    defaults: dict[str, Any] = {
        "title": f"the policy {name}", "tested_requests": 0, "pass_rate": None, "frontier": True,
        "low_usd": Decimal(after) - 1, "high_usd": Decimal(after) + 9,
    }  # fmt: skip
    saved = Decimal(100) - Decimal(after)
    return m.PolicyRow(**{
        **defaults, "policy": name, "after_usd": Decimal(after), "savings_usd": saved,
        "savings_percent": f"{saved:.1f}",
        "moved_requests": moved, **fields,
    })  # fmt: skip


def compared_simulation() -> m.Simulation:
    """A log under three policies, one of them beaten, with evals, sessions and every cause of a saving."""
    base = log_simulation()
    causes = {
        "markup": "5", "reliability": "1", "price": "40", "tokens": "-2", "retries": "-0.5",
        "checks": "-1.25", "fallback": "-3", "discount": "-0.1", "cache": "-1.5",
        "verification": "-4", "router": "-0.25",
    }  # fmt: skip
    more: dict[str, Any] = {
        "kept": {
            "routed": 900, "never": 40, "outside_share": 12, "session_keeps": 5,
            "no_adequate_candidate": 3,
        },
        "inadequate": {"context_window": 2, "quality": 1},
        "by_cause": [m.Cause(name=name, usd=Decimal(usd)) for name, usd in causes.items()],
        "by_evidence": [
            m.SavingByEvidence(evidence="explicit", requests=500, usd=Decimal(30)),
            m.SavingByEvidence(evidence="text", requests=400, usd=Decimal("3.4")),
        ],
        "interval": m.SavingInterval(days=9, low_percent="28.1", high_percent="39.0", seed=1, weak=True),
        "quality": m.AnswerQuality(
            verified=False, evals="evals.csv", floor="0.9", moved_requests=900, tested_requests=800,
            pass_rate="0.9650",  # noqa: S106 - a rate
        ),
        "cache": m.CacheReplayed(
            requests=700, read_tokens=10_000, kept_tokens=7_500, shared_tokens=900, sessions_kept=1,
            usd=Decimal("1.5"),
        ),
        "policies": [
            policy_row("documents", "52.5", 930),
            policy_row("default", "66.65", 900, tested_requests=900, pass_rate="0.9650"),  # noqa: S106 - a rate
            policy_row("worse", "70", 950, frontier=False),
        ],
    }  # fmt: skip
    return replace(base, projection=replace(base.projection, **more))


REPORTS: dict[str, Callable[[], m.Audit | m.Simulation]] = {
    "small audit": small_audit,
    "large audit": large_audit,
    "unpriced audit": unpriced_audit,
    "empty audit": empty_audit,
    "dearer audit": dearer_audit,
    "log simulation": log_simulation,
    "compared simulation": compared_simulation,
    "scenario": scenario_simulation,
}
"""One of each kind, by name."""


def audit_of_names(names: Sequence[str | None]) -> m.Audit:
    """An audit in which these names stand everywhere that a log can put a name."""
    money = ((None, None, None), ("1.5", "2.5", "0.5"))
    cells = [cell(i % 4, name, i + 1, *money[i % 2], feature=name, user=name) for i, name in enumerate(names)]
    told = " ".join(name for name in names if name is not None)
    made = parts(
        cells,
        findings=[finding("CA-O1", f"from {told} to {told}", "1", "1", names=list(names))],
        markup=[
            m.Markup(gateway=n, percent="5", usd=Decimal(1), evidence="reported", requests=1) for n in names
        ],
        reconciliation=reconciliation(names),
    )
    skipped = [
        m.Skipped(reason="not_json", count=9, examples=[m.Example(file=told, line=1, byte=0, detail=told)])
    ]
    made["inputs"] = replace(made["inputs"], skipped=skipped)
    named = [replace(policy_row(told, "9", 1), title=told), policy_row("other", "8", 1)]
    quality = m.AnswerQuality(
        verified=False, evals=told, floor=None, moved_requests=1, tested_requests=0, pass_rate=None
    )
    made["projection"] = replace(made["projection"], policy=told, policies=named, quality=quality)
    return m.Audit(**made)
