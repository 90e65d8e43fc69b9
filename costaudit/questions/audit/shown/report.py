"""The two reports that are shown by the same blocks, and what can be said of both."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from costaudit.questions.audit import result as m
from costaudit.render.blocks import Block, ListLimits

Report = m.Audit | m.Simulation

Part = Callable[[Report, ListLimits], Iterator[Block]]


def is_scenario(report: Report) -> bool:
    """Whether the report is of a scenario, not of a log."""
    return isinstance(report, m.Simulation) and report.scenario is not None


def tokens_of(tokens: m.Tokens | None) -> int | None:
    """All tokens; reasoning is inside output."""
    if tokens is None:
        return None
    return sum(int(getattr(tokens, name)) for name in tokens.__struct_fields__ if name != "reasoning")


def list_known(report: Report) -> bool:
    """Whether anything has a price, so that a total of 0 is a fact and not an absence."""
    if report.spend is None or report.spend.list_usd:
        return True
    rows: list[m.Row] = [*report.by_tier, *report.by_model]
    return any(row.list_usd is not None for row in rows)


def billed_known(report: Report) -> bool:
    """Whether anything is billed by the report's cost source."""
    spend = report.spend
    if spend is not None and spend.cost_source == "reported":
        return spend.billed_usd is not None
    stated = spend is not None and spend.cost_source == "auto" and spend.reported_usd is not None
    return list_known(report) or stated
