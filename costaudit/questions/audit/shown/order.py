"""What a report shows, in the order in which it is read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from costaudit.questions.audit import result as m
from costaudit.questions.audit.shown.agents import (
    agent_facts,
    show_agent_days,
    show_places,
    show_price,
    show_projects,
    show_sessions,
)
from costaudit.questions.audit.shown.bill import bill_facts, show_bill
from costaudit.questions.audit.shown.breakdowns import (
    show_days,
    show_features,
    show_models,
    show_tiers,
    show_unpriced,
    show_users,
)
from costaudit.questions.audit.shown.fees import show_break_even, show_commitments, show_scenarios
from costaudit.questions.audit.shown.guesses import show_guesses
from costaudit.questions.audit.shown.levers import show_levers
from costaudit.questions.audit.shown.lists import show_findings, show_skipped
from costaudit.questions.audit.shown.moves import show_outlook, show_price_move, show_sensitivity
from costaudit.questions.audit.shown.policies import show_causes, show_policies, show_sureness
from costaudit.questions.audit.shown.ratios import show_reconciliation
from costaudit.questions.audit.shown.report import Part, Report
from costaudit.questions.audit.shown.steps import (
    show_differences,
    show_gateways,
    show_segments,
    show_waterfall,
)
from costaudit.questions.audit.shown.summary import (
    coverage_facts,
    headline,
    show_how,
    show_moves,
    spend_facts,
)
from costaudit.render.blocks import Block, Facts, Headline, ListLimits, Prose


def blocks(report: Report, limits: ListLimits) -> Iterator[Block]:
    """Everything that is shown, in order."""
    yield Headline(headline(report))
    if isinstance(report, m.Simulation) and report.scenario is not None:
        yield Prose("", (report.scenario.title,))
    yield from show_price(report)
    spent = (*spend_facts(report), *agent_facts(report))
    if facts := (*spent, *coverage_facts(report), *bill_facts(report)):
        yield Facts(facts)
    for part in _parts(report):
        yield from part(report, limits)


_BODY: Final[tuple[Part, ...]] = (
    show_moves, show_projects, show_sessions, show_agent_days, show_unpriced, show_tiers, show_waterfall,
    show_gateways, show_reconciliation, show_causes,
    show_sureness, show_levers, show_outlook, show_sensitivity, show_models, show_features, show_users,
    show_days, show_findings, show_skipped, show_places, show_how,
)  # fmt: skip


_AUDITED: Final[tuple[Part, ...]] = (
    show_guesses, *_BODY[:1], show_bill, *_BODY[1:8], show_scenarios, *_BODY[8:],
)  # fmt: skip


_FEES: Final[tuple[Part, ...]] = (show_scenarios, show_break_even, show_commitments)


_SIMULATED: Final[tuple[Part, ...]] = (show_guesses, show_policies, show_price_move, *_FEES, *_BODY)


_SCENARIO: Final[tuple[Part, ...]] = (
    show_segments,
    show_waterfall,
    *_FEES,
    show_differences,
    show_how,
)


def _parts(report: Report) -> tuple[Part, ...]:
    if isinstance(report, m.Audit):
        return _AUDITED
    return _SIMULATED if report.scenario is None else _SCENARIO
