"""Simulations: the report of a scenario, or of a log under a policy."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from typing import Any

from msgspec.structs import replace

from costaudit import __version__
from costaudit.engine.costing import CostSource, usd
from costaudit.engine.whatif import Evaluated
from costaudit.money import exact, percent_of
from costaudit.prices.book import PriceBook
from costaudit.prices.gateways import Gateways
from costaudit.questions.audit import result as m
from costaudit.questions.audit.agents.result import AgentSpend
from costaudit.questions.audit.build import audit_parts
from costaudit.questions.audit.fees.build import DEFAULT_MARKUPS, Fees, projected_with, traffic_of
from costaudit.questions.audit.fees.markup import Volume, plain
from costaudit.questions.audit.fees.traffic import RoutedTraffic
from costaudit.questions.audit.moves.build import build_price_move, build_sensitivity
from costaudit.questions.audit.moves.hanging import Listed
from costaudit.questions.audit.moves.outlook import build_outlook
from costaudit.questions.audit.savings import frontier_of, quality_of
from costaudit.questions.audit.scenario.run import Cost, ScenarioResult, SegmentResult
from costaudit.questions.audit.work import Audited, audited
from costaudit.routing.projection import exact_sum
from costaudit.schema import Tier
from costaudit.times import instant


def build_log_simulation(
    evaluated: Sequence[Evaluated],
    gateways: Gateways,
    fees: Fees,
    source: CostSource = CostSource.AUTO,
    *,
    old_prices: Evaluated | None = None,
    agents: AgentSpend | None = None,
) -> m.Simulation:
    """The log's own traffic under the first of some policies, all of them compared, and what price moves do.

    `old_prices` is the log under the first policy at the prices of the tables, where others are supposed;
    `agents` is what coding agents cost.
    """
    works = [audited(one.passed, gateways, source, one.cache) for one in evaluated]
    parts, passed = audit_parts(works[0]), works[0].passed
    listed = Listed.of(passed.cells, passed.plan)
    more: dict[str, Any] = {
        "sensitivity": build_sensitivity(works[0], listed),
        "outlook": build_outlook(works[0], listed),
    }
    if old_prices is not None:
        old = audited(old_prices.passed, gateways, source, old_prices.cache)
        more["price_move"] = build_price_move(old, works[0], gateways)
    if len(works) > 1:
        more["policies"] = _compared(works)
    parts["projection"] = replace(parts["projection"], **more)
    parts["projection"] = projected_with(parts["projection"], fees, traffic_of(works[0]), works[0])
    return m.Simulation(version=__version__, scenario=None, agents=agents, **parts)


def _compared(works: Sequence[Audited]) -> list[m.PolicyRow]:
    """Policies on the same requests, the cheapest first."""
    before = usd(exact_sum(works[0].groups.billed))
    after = [usd(exact_sum(work.projected.after)) for work in works]
    quality = [quality_of(work) for work in works]
    frontier = frontier_of(list(zip(after, quality, strict=True)))
    rows = [
        m.PolicyRow(
            policy=work.passed.plan.policy.name,
            title=work.passed.plan.policy.title,
            after_usd=after[i],
            savings_usd=before - after[i],
            savings_percent=percent_of(before - after[i], before),
            low_usd=usd(work.range.low),
            high_usd=usd(work.range.high),
            moved_requests=quality[i].moved_requests,
            tested_requests=quality[i].tested_requests,
            pass_rate=quality[i].pass_rate,
            frontier=frontier[i],
        )
        for i, work in enumerate(works)
    ]
    return sorted(rows, key=lambda row: (row.after_usd, row.policy))


def build_scenario_simulation(
    result: ScenarioResult, book: PriceBook, fees: Fees, prices_at: int | None = None
) -> m.Simulation:
    """A scenario's month, before and after."""
    scenario = result.scenario
    saved = result.before_usd - result.after_usd
    percents = {f.percent for f in (*fees.markups, *DEFAULT_MARKUPS) if f.is_percent}
    figures = result.figures({plain(p): result.after_usd * p / 100 for p in percents})
    return m.Simulation(
        version=__version__,
        scenario=m.ScenarioInfo(
            name=scenario.name, title=scenario.title, source=scenario.source, requests=scenario.requests
        ),
        prices=m.Prices(
            version=book.version,
            sha256=book.sha256,
            as_of="scenario" if prices_at is None else instant(prices_at),
            overlays=list(book.overlays),
            known_on=book.known_on,
            changes=[change.text for change in book.changes],
        ),
        segments=[_segment(r) for r in result.segments],
        by_tier=[_tier(r) for r in result.segments],
        projection=projected_with(
            m.Projection(
                policy=scenario.name,
                before_usd=result.before_usd,
                after_usd=result.after_usd,
                savings_usd=saved,
                savings_percent=percent_of(saved, result.before_usd),
                low_usd=result.after_usd,
                high_usd=result.after_usd,
                steps=[m.Step(name=name, usd=usd) for name, usd in result.steps],
            ),
            fees,
            _traffic(result),
        ),
        published={p.figure: f"{p.value:f}" for p in scenario.published},
        differences=_differences(result, figures),
    )


def _traffic(result: ScenarioResult) -> RoutedTraffic:
    """A scenario's month, with the tokens that its costs before and after are made of."""

    def volume(usd: Decimal, costs: Sequence[Cost]) -> Volume:
        tokens = sum(
            r.requests
            * (c.tokens if c.tokens is not None else c.input_tokens + c.cache_read_tokens + c.output_tokens)
            for r, c in zip(result.segments, costs, strict=True)
        )
        return Volume(Fraction(usd), Fraction(result.scenario.requests), Fraction(tokens))

    before = volume(result.before_usd, [r.segment.before for r in result.segments])
    after = volume(result.after_usd, [r.segment.after for r in result.segments])
    return RoutedTraffic(before, after, before, after)


def _segment(result: SegmentResult) -> m.SegmentRow:
    return m.SegmentRow(
        name=result.segment.name,
        tiers=list(result.segment.tiers),
        requests=result.requests,
        before_usd=result.before_usd,
        after_usd=result.routed_usd + result.verification_usd,
        how=_how(result),
    )


def _how(result: SegmentResult) -> str:
    cost = result.segment.after
    if cost.model is not None:
        told = f"{cost.model} at the price of {cost.at}"
    else:
        told = f"{cost.tokens} tokens at ${cost.usd_per_mtok:f} per 1M"
    if cost.verification:
        told = f"{told}, verified (+{cost.verification:f})"
    return (
        f"{told}; a share of {result.share_percent}%, solved for" if result.segment.share == "solve" else told
    )


def _tier(result: SegmentResult) -> m.TierRow:
    cost, tiers = result.segment.before, result.segment.tiers
    tokens = None
    if cost.model is not None:
        tokens = m.Tokens(
            input=cost.input_tokens * result.requests,
            cache_read=cost.cache_read_tokens * result.requests,
            output=cost.output_tokens * result.requests,
        )
    return m.TierRow(
        tier=tiers[0],
        name=" + ".join(Tier(t).label for t in tiers),
        requests=result.requests,
        tokens=tokens,
        list_usd=result.before_usd,
        billed_usd=result.before_usd,
        after_usd=result.routed_usd + result.verification_usd,
    )


def _differences(result: ScenarioResult, figures: dict[str, Decimal]) -> list[m.Difference]:
    """Published figures that the computed ones, rounded as the source rounds, do not equal."""
    found = []
    for p in result.scenario.published:
        computed = figures.get(p.figure)
        if computed is None:
            continue
        rounded = (computed / p.unit).to_integral_value(ROUND_HALF_EVEN) * p.unit
        if rounded != p.value:
            found.append(m.Difference(
                figure=p.figure,
                published=f"{p.value:f}",
                computed=exact(computed) if p.figure.endswith("_usd") else f"{computed:.1f}",
                explanation=p.explanation,
            ))  # fmt: skip
    return found
