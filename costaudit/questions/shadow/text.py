"""Plan and comparison as the blocks that the terminal draws: the answer first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from costaudit.questions.audit.result import Span
from costaudit.questions.shadow import result as m
from costaudit.questions.shadow.verdict import signed
from costaudit.render.blocks import Block, Column, Facts, Headline, Item, Items, Prose, Table
from costaudit.render.figures import ABSENT, count, money, name_shown, share
from costaudit.render.part import Interval
from costaudit.render.text import render_blocks

FEATURES: Final = 10
"""Features that are listed one by one."""

_TESTS: Final = {
    "two_proportions": "unpaired",
    "non_inferiority": "unpaired, not worse",
    "paired": "paired",
    "cost": "cost",
}


def render_shadow_text(report: m.ShadowReport, width: int, color: bool) -> str:
    """The report in lines of at most `width` columns."""
    blocks = plan_blocks(report) if isinstance(report, m.ShadowPlan) else comparison_blocks(report)
    return render_blocks(blocks, width, color)


# The plan


def plan_blocks(plan: m.ShadowPlan) -> Iterator[Block]:
    """Sizes, features, the sequential test, and what the figures rest on."""
    yield Headline(_plan_headline(plan))
    yield Facts(tuple(_plan_facts(plan)))
    yield from _sizes(plan)
    yield from _features(plan)
    if plan.sequential is not None:
        yield from _sequential(plan.sequential, plan.design)
    yield Prose("How to read it", tuple(plan.notes))


def _plan_headline(plan: m.ShadowPlan) -> str:
    design = plan.design
    what = f"To see a drop of {_points(design.drop)} from {_share(design.base_pass)}"
    best = min((row for row in plan.sizes if row.test != "cost"), key=_effort, default=None)
    if best is None:
        return f"{what}: nothing was asked for"
    how = f"{best.arm_requests:,} {'paired requests' if best.test == 'paired' else 'requests in the arm'}"
    if best.days is None:
        return f"{what}: {how}"
    return f"{what}: {how}, {count(best.days, 'day')}"


def _effort(row: m.SizeRow) -> tuple[int, int]:
    """Unpaired first: it needs no second answer to a request; then the usual psi."""
    return ({"two_proportions": 0, "non_inferiority": 1}.get(row.test, 2), row.arm_requests)


def _plan_facts(plan: m.ShadowPlan) -> Iterator[tuple[str, str, str]]:
    design, traffic = plan.design, plan.traffic
    yield "Base pass", _share(design.base_pass), "of requests, with the current model"
    yield (
        "Drop",
        _points(design.drop),
        f"seen with power {design.power:g} at alpha {design.alpha:g}, two-sided",
    )
    yield "Arm", _share(design.arm_share), "of the requests go to the candidate, or are shown to it as well"
    if traffic is not None:
        told = "as given"
        if traffic.requests is not None and plan.period is not None:
            told = f"{count(traffic.requests, 'request')} in {_span(plan.period, traffic.calendar_days)}"
        yield "Traffic", f"{traffic.requests_per_day:,.1f}", f"requests per day: {told}"
        if traffic.cost_cv is not None:
            yield (
                "Cost CV",
                f"{traffic.cost_cv:.2f}",
                "standard deviation of the cost per request over its mean",
            )
    if plan.log is not None and plan.log.skipped:
        yield "Skipped", f"{plan.log.skipped:,}", f"of {count(plan.log.records, 'record')}"


def _span(period: Span, days: int | None) -> str:
    if period.start is None or days is None:
        return "a log without times"
    return f"{count(days, 'calendar day')} from {period.start[:10]}"


def _sizes(plan: m.ShadowPlan) -> Iterator[Block]:
    rows = plan.sizes
    if not rows:
        return
    yield Table(
        "Requests needed",
        (
            Column("test", tuple(_size_name(row, plan.design) for row in rows), number=False),
            Column("in the arm", tuple(f"{row.arm_requests:,}" for row in rows)),
            Column("in control", tuple(_whole(row.control_requests) for row in rows), leaves=1),
            Column("days", tuple(_days_cell(row) for row in rows)),
            *_extra(rows),
        ),
        notes=_sizes_notes(rows),
    )


def _extra(rows: Sequence[m.SizeRow]) -> Iterator[Column]:
    if any(row.usd_at_current_prices is not None for row in rows):
        yield Column("extra cost", money([row.usd_at_current_prices for row in rows]), leaves=2)


def _sizes_notes(rows: Sequence[m.SizeRow]) -> tuple[str, ...]:
    notes = []
    if any(_raised(row) for row in rows):
        notes.append("In brackets: the days that the requests alone would take.")
    if any(row.usd_at_current_prices is not None for row in rows):
        notes.append("Extra cost: the second answers, at the mean cost of the log's requests.")
    return tuple(notes)


def _size_name(row: m.SizeRow, design: m.ShadowDesign) -> str:
    if row.test == "paired":
        return f"paired, psi {row.psi:g}"
    if row.test == "cost":
        return f"cost, {_share(design.cost_delta)} apart"
    return _TESTS[row.test]


def _raised(row: m.SizeRow) -> bool:
    return row.days is not None and row.days != row.days_needed


def _days_cell(row: m.SizeRow) -> str:
    if row.days is None:
        return ABSENT
    return f"({row.days_needed}) {row.days}" if _raised(row) else f"{row.days:,}"


def _whole(number: int | None) -> str:
    return ABSENT if number is None else f"{number:,}"


def _features(plan: m.ShadowPlan) -> Iterator[Block]:
    rows = plan.by_feature[:FEATURES]
    if not rows:
        return
    kinds = [(row.test, row.psi) for row in rows[0].sizes if row.test != "cost"]
    columns = [
        Column("feature", tuple(name_shown(r.traffic.feature, "feature") for r in rows), number=False),
        Column("per day", tuple(f"{r.traffic.requests_per_day:,.1f}" for r in rows)),
        Column(
            "cost CV",
            tuple(ABSENT if r.traffic.cost_cv is None else f"{r.traffic.cost_cv:.2f}" for r in rows),
            leaves=1,
        ),
    ]
    for leaves, (test, psi) in enumerate(kinds):
        title = (
            f"paired {psi:g}" if psi is not None else "unpaired" if test == "two_proportions" else "not worse"
        )
        columns.append(
            Column(title, tuple(_days_of(r, test, psi) for r in rows), leaves=leaves + 2 if leaves else 0)
        )
    columns.append(Column("cost", tuple(_days_of(r, "cost", None) for r in rows), leaves=9))
    left = len(plan.by_feature) - len(rows)
    notes = (f"and {left:,} more with less traffic",) if left else ()
    yield Table("Days by feature, each on its own traffic", tuple(columns), notes=notes)


def _days_of(row: m.FeatureTests, test: str, psi: float | None) -> str:
    found = next((s for s in row.sizes if s.test == test and s.psi == psi), None)
    return ABSENT if found is None or found.days is None else f"{found.days:,}"


def _sequential(found: m.Sequential, design: m.ShadowDesign) -> Iterator[Block]:
    per_day = f"{found.arm_per_day:,} and {found.control_per_day:,} requests a day"
    yield Table(
        "One look a day (mSPRT)",
        (
            Column("after day", tuple(f"{row.day:,}" for row in found.boundary), number=False),
            Column("stop at a difference of", tuple(f"{row.points:.2f} points" for row in found.boundary)),
        ),
    )
    mean = ABSENT if found.mean_days is None else f"{found.mean_days:.1f} days"
    reached = f"power {design.power:g} is reached after {count(found.power_days or 0, 'day')}"
    if found.power_days is None:
        reached = f"power {design.power:g} is not reached in {count(found.days, 'day')}"
    yield Facts(
        (
            (
                "Found",
                share(found.found, 1),
                f"of tests with the drop are stopped within {count(found.days, 'day')}",
            ),
            ("Takes", mean, f"on average where it is found; {reached}"),
            ("False alarm", share(found.type_i, 1), "of tests without a difference are stopped"),
            (
                "Peeking",
                share(found.peeked_type_i, 1),
                "would be, if a fixed test were read and believed daily",
            ),
        )
    )
    yield Prose(
        "",
        (f"{found.runs:,} simulated tests with {per_day}, tau {found.tau:g}, seed {found.seed}.",),
    )


# The comparison


def comparison_blocks(report: m.ShadowComparison) -> Iterator[Block]:
    """The verdict, the figures side by side, features, pairs, warnings."""
    yield Headline(_verdict(report))
    if report.shown:
        yield Items("What this shows", tuple(Item(line) for line in report.shown))
    if report.open:
        yield Items("What it does not show", tuple(Item(line) for line in report.open))
    if report.warnings:
        yield Items("What stands against it", tuple(Item(line) for line in report.warnings))
    yield Facts(tuple(_arm_facts(report)))
    yield _figures(report)
    yield from _strata(report)
    if report.paired is not None:
        yield from _paired(report.paired)
    yield Prose("How it was compared", tuple(_method(report)))


def _verdict(report: m.ShadowComparison) -> str:
    first = report.shown[0] if report.shown else "Nothing can be concluded from these two arms yet."
    against = count(len(report.warnings), "warning")
    return f"{first.rstrip('.')}; {against}" if report.warnings else first.rstrip(".")


def _arm_facts(report: m.ShadowComparison) -> Iterator[tuple[str, str, str]]:
    for letter, arm in (("A", report.a), ("B", report.b)):
        when = "without times"
        if arm.period.start is not None and arm.period.end is not None:
            when = f"{arm.period.start[:10]} to {arm.period.end[:10]}, {count(arm.days_with_requests, 'day')}"
        models = ", ".join(row.model for row in arm.models[:3]) or "no model with a price"
        more = f" and {len(arm.models) - 3} more" if len(arm.models) > 3 else ""
        yield letter, f"{arm.requests:,}", f"requests of {arm.name}: {when}; {models}{more}"


def _figures(report: m.ShadowComparison) -> Table:
    a, b, found = report.a, report.b, report.contrast
    per_request = money([a.usd_per_request, b.usd_per_request])
    per_success = money([a.usd_per_success, b.usd_per_success])
    rows = [
        ("cost per request", *per_request, _ratio(found.cost_ratio)),
        ("cost per success", *per_success, _ratio(found.cost_per_success_ratio)),
    ]
    if a.judged or b.judged:
        rows += [
            ("cost per pass", *money([a.usd_per_pass, b.usd_per_pass]), ABSENT),
            ("passes", _rate(a.pass_rate), _rate(b.pass_rate), _difference(found.pass_difference)),
        ]
    rows += [
        ("failures", _rate(a.failure_rate), _rate(b.failure_rate), _difference(found.failure_difference)),
        (
            "latency, median",
            _ms(a.latency_ms_median),
            _ms(b.latency_ms_median),
            _ms_difference(found.latency_ms_median_difference),
        ),
        (
            "latency, p95",
            _ms(a.latency_ms_p95),
            _ms(b.latency_ms_p95),
            _ms_difference(found.latency_ms_p95_difference),
        ),
        (
            "tokens in",
            _mean(a.tokens_in_per_request),
            _mean(b.tokens_in_per_request),
            _ratio(found.tokens_in_ratio),
        ),
        (
            "tokens out",
            _mean(a.tokens_out_per_request),
            _mean(b.tokens_out_per_request),
            _ratio(found.tokens_out_ratio),
        ),
    ]
    names, of_a, of_b, apart = zip(*rows, strict=True)
    return Table(
        "Side by side",
        (
            Column("per request", names, number=False),
            Column("A", of_a),
            Column("B", of_b),
            Column("B against A, 95%", apart),
        ),
    )


def _ratio(found: Interval | None) -> str:
    if found is None:
        return ABSENT
    point = _change(found.point)
    if found.low is None or found.high is None:
        return point
    return f"{point} ({_change(found.low)} to {_change(found.high)})"


def _change(ratio: float) -> str:
    size = 100 * (ratio - 1)
    text = f"{size:+,.0f}%" if abs(size) >= 200 else f"{size:+.1f}%"
    return "0.0%" if text[1:] == "0.0%" else text


def _difference(found: Interval | None) -> str:
    if found is None:
        return ABSENT
    if found.low is None or found.high is None:
        return f"{signed(found.point)} pts"
    return f"{signed(found.point)} pts ({_ends(found)})"


def _ms_difference(found: Interval | None) -> str:
    if found is None:
        return ABSENT
    if found.low is None or found.high is None:
        return f"{found.point:+,.0f} ms"
    return f"{found.point:+,.0f} ms ({found.low:+,.0f} to {found.high:+,.0f})"


def _rate(found: Interval | None) -> str:
    return ABSENT if found is None else share(found.point, 1)


def _ms(found: Interval | None) -> str:
    return ABSENT if found is None else f"{found.point:,.0f} ms"


def _mean(value: float | None) -> str:
    return ABSENT if value is None else f"{value:,.1f}"


def _strata(report: m.ShadowComparison) -> Iterator[Block]:
    rows = report.strata.features[:FEATURES]
    if not rows or (len(rows) == 1 and report.strata.share_covered == 1):
        return
    costs = money([usd for row in rows for usd in (row.usd_per_request_a, row.usd_per_request_b)])
    left = len(report.strata.features) - len(rows)
    notes = [f"and {left:,} more"] if left else []
    notes.append(f"At A's mix of these features: {_ratio(report.strata.cost_ratio)}.")
    if report.strata.share_covered < 1:
        notes.append(
            f"{share(report.strata.share_covered, 1)} of the requests: features with 30 priced requests in "
            "both."
        )
    yield Table(
        "Cost per request, within features",
        (
            Column("feature", tuple(name_shown(row.feature, "feature") for row in rows), number=False),
            Column("share A", tuple(share(row.share_a, 1) for row in rows), leaves=1),
            Column("share B", tuple(share(row.share_b, 1) for row in rows), leaves=2),
            Column("A", costs[0::2]),
            Column("B", costs[1::2]),
            Column("B against A, 95%", tuple(_ratio(row.cost_ratio) for row in rows)),
        ),
        notes=tuple(notes),
    )


def _paired(paired: m.Paired) -> Iterator[Block]:
    outcome = "pass" if paired.judged_by == "outcome" else "end well"
    rows = [
        (
            "Pairs",
            f"{paired.pairs:,}",
            f"by {paired.by}: {share(paired.share_a, 1)} of A, {share(paired.share_b, 1)} of B",
        ),
        ("Cost", _change(paired.cost_ratio.point) if paired.cost_ratio else ABSENT, _paired_cost(paired)),
    ]
    if paired.judged_pairs and paired.difference is not None:
        rows.append(
            (
                "Both",
                f"{paired.both:,}",
                f"of {paired.judged_pairs:,} {outcome}; {_disagreement(paired)}",
            )
        )
        rows.append(
            (
                "B - A",
                f"{signed(paired.difference.point)} pts",
                f"{_ends(paired.difference)}; McNemar mid-p {_p(paired.mcnemar_mid_p)}",
            )
        )
    yield Prose("The same requests in both", ())
    yield Facts(tuple(rows))


def _paired_cost(paired: m.Paired) -> str:
    found = paired.cost_ratio
    if found is None:
        return "no pair has a price in both"
    told = f"over {paired.priced_pairs:,} pairs with a price in both"
    if found.low is None or found.high is None:
        return f"{told}: too few for an interval"
    return f"{_change(found.low)} to {_change(found.high)}, {told}"


def _disagreement(paired: m.Paired) -> str:
    return f"just A {paired.only_a:,}, just B {paired.only_b:,}, neither {paired.neither:,}"


def _ends(found: Interval) -> str:
    if found.low is None or found.high is None:
        return "too few for an interval"
    return f"{signed(found.low)} to {signed(found.high)}"


def _p(value: float | None) -> str:
    return ABSENT if value is None else "<0.001" if value < 0.001 else f"{value:.3f}"


def _method(report: m.ShadowComparison) -> Iterator[str]:
    found = report.contrast
    if found.resampled == "days":
        same = "the same days of both arms" if found.together else "the days of each arm"
        yield f"Ratios of means: {same} were resampled ({found.units_a} and {found.units_b} days)."
    else:
        yield "Ratios of means: single requests were resampled."
    yield "Cost is what the log states." if report.cost == "reported" else "Cost is the list price in force."
    yield (
        "A success is a request that ended well; latencies are of those. Each interval holds in 95 of 100 "
        "such tests by itself, looked at once, after the planned end."
    )


def _points(fraction: float) -> str:
    size = f"{100 * fraction:g}"
    return f"{size} point" if size == "1" else f"{size} points"


def _share(fraction: float) -> str:
    return f"{100 * fraction:g}%"
