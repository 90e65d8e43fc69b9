"""`costaudit analyze` and `costaudit simulate`: read logs, or a scenario, and show what they come to."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

import costaudit
from costaudit.cli import console, options
from costaudit.errors import UsageError


@options.takes(
    "policy",
    "prices_at",
    "cost_source",
    "labels",
    "calibration",
    *options.BOOK,
    *options.READING,
    "cache",
    *options.TOLD,
)
def analyze(
    given: options.Given,
    paths: options.LogPaths = None,
    agents: options.Agents = False,
    agent: options.Agent = None,
    format_: options.Format = "text",
    output: options.Output = None,
    compare_bill: options.CompareBill = None,
) -> None:
    """The audit: spend, coverage, tiers, the four drivers, projection, findings.

    \b
    costaudit analyze logs.jsonl
    costaudit analyze logs/ 'more/**/*.parquet' --format json -o audit.json
    zcat logs.gz | costaudit analyze -
    costaudit analyze logs/ --compare-bill usage.csv
    costaudit analyze --agents
    """
    if not paths and not agents and not agent:
        raise UsageError(
            "no log is named", hint="a file or a folder; or --agents, for those of coding agents"
        )
    found = costaudit.audit(*(paths or ()), bills=compare_bill or (), agents=agent or agents, **given)
    console.answer(found, format_, output)


@options.takes(
    "prices_at",
    "cost_source",
    "evals",
    "quality_floor",
    *options.BOOK,
    *options.READING,
    "cache",
    *options.TOLD,
)
def simulate(
    given: options.Given,
    paths: options.MaybePaths = None,
    agents: options.Agents = False,
    agent: options.Agent = None,
    scenario: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--scenario", metavar="NAME", help="A shipped scenario, or a scenario file."),
    ] = None,
    policy: options.Policies = None,
    compare: Annotated[
        bool, typer.Option("--compare", help="Compare the policies that come with costaudit, too.")
    ] = False,
    markup: options.Markups = None,
    break_even: options.BreakEvens = None,
    commit: options.Commits = None,
    price_change: options.PriceChanges = None,
    format_: options.Format = "text",
    output: options.Output = None,
) -> None:
    """Before and after: a scenario, or your own log under a policy, a markup, other prices.

    \b
    costaudit simulate                                  the 10M-request example
    costaudit simulate --markup 0%,5%,10%,15%
    costaudit simulate --scenario finsync
    costaudit simulate logs/ --policy routing.toml --markup 10%
    costaudit simulate logs/ --price-change 'google/gemini-2.5-pro input -40%'
    costaudit simulate logs/ --break-even 5.5% --break-even mine=500/month
    costaudit simulate logs/ --commit percent=20,monthly=10000,months=12
    costaudit simulate --agents
    """
    found = costaudit.simulate(
        *(paths or ()), scenario=scenario, policies=policy or (), compare=compare, markup=markup or (),
        break_even=break_even or (), commit=commit or (), price_changes=price_change or (),
        agents=agent or agents, **given,
    )  # fmt: skip
    console.answer(found, format_, output)
