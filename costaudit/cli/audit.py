"""`costaudit analyze` and `costaudit simulate`: read logs, or a scenario, and show what they come to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer
from msgspec.structs import replace

from costaudit.cli import console, options
from costaudit.cli.book import BookChoice, choose_book, open_book
from costaudit.cli.fees import AskedFees, asked_fees
from costaudit.cli.labels import chosen_labels, measure_labels
from costaudit.cli.reading import (
    Reading,
    Tagging,
    Tests,
    opened_logs,
    plan_of,
    policy_of,
    read_logs,
    warn_of_skipped,
)
from costaudit.errors import UsageError
from costaudit.ingest.limits import limits_from

if TYPE_CHECKING:
    from costaudit.engine.whatif import Evaluated
    from costaudit.ingest.bills.line import Bill
    from costaudit.questions.audit.result import Simulation


def analyze(
    paths: options.Paths,
    format_: options.Format = "text",
    output: options.Output = None,
    compare_bill: options.CompareBill = None,
    policy: options.PolicyFile = None,
    prices_at: options.PricesAt = None,
    cost_source: options.CostSource = "auto",
    labels: options.Labels = None,
    calibration: options.Calibration = None,
    prices: options.Prices = None,
    overlay: options.Overlays = None,
    known_on: options.KnownOn = None,
    map_: options.Map = None,
    input_format: options.InputFormat = None,
    rules: options.TierRules = None,
    risk: options.Risk = None,
    estimate: options.Estimate = False,
    threads: options.Threads = None,
    limit: options.Limit = None,
    cache: options.Cache = None,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """The audit: spend, coverage, tiers, the four drivers, projection, findings.

    \b
    costaudit analyze logs.jsonl
    costaudit analyze logs/ 'more/**/*.parquet' --format json -o audit.json
    zcat logs.gz | costaudit analyze -
    costaudit analyze logs/ --compare-bill usage.csv
    """
    from costaudit.engine.costing import CostSource  # noqa: PLC0415 - start-up
    from costaudit.prices.gateways import load_gateways  # noqa: PLC0415
    from costaudit.questions.audit.build import build_audit  # noqa: PLC0415
    from costaudit.questions.audit.shown.formats import RENDERERS  # noqa: PLC0415
    from costaudit.tape.record import Keeps  # noqa: PLC0415

    render = RENDERERS[console.one_of(format_, RENDERERS, "format")]
    source = _cost_source(cost_source, prices_at)
    choice = choose_book(prices, overlay, known_on, map_)
    tagging = Tagging(rules, risk, estimate, calibration)
    reading = Reading(
        policy,
        _prices_at(prices_at),
        choice,
        input_format,
        tagging,
        threads,
        quiet,
        verbose,
        limits=limits_from(limit),
        cache=cache,
    )
    bills = _bills(compare_bill or [], reading)
    labelled = chosen_labels(labels, quiet=quiet)
    keeps = Keeps(ids=labelled is not None)
    with opened_logs(paths, reading, goes_by_reported=source != "list", keeps=keeps) as logs:
        if logs.passed.ledgers and labels is None:
            labelled = None  # those of the settings: requests are in no ledger
        measured = None if labelled is None else measure_labels(labelled, logs, required=labels is not None)
        passed = logs.passed
    report = build_audit(
        passed, load_gateways(choice.prices), bills=bills, labels=measured, source=CostSource(source)
    )
    answer = render(report, console.width(), console.color() and output is None)
    console.deliver(answer, output, format_)


def simulate(
    paths: options.MaybePaths = None,
    scenario: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--scenario", metavar="NAME", help="A shipped scenario, or a scenario file."),
    ] = None,
    policy: options.Policies = None,
    compare: Annotated[
        bool, typer.Option("--compare", help="Compare the policies that come with costaudit, too.")
    ] = False,
    evals: options.Evals = None,
    quality_floor: options.QualityFloor = None,
    markup: options.Markups = None,
    break_even: options.BreakEvens = None,
    commit: options.Commits = None,
    prices_at: options.PricesAt = None,
    price_change: options.PriceChanges = None,
    cost_source: options.CostSource = "auto",
    format_: options.Format = "text",
    output: options.Output = None,
    prices: options.Prices = None,
    overlay: options.Overlays = None,
    known_on: options.KnownOn = None,
    map_: options.Map = None,
    input_format: options.InputFormat = None,
    rules: options.TierRules = None,
    risk: options.Risk = None,
    estimate: options.Estimate = False,
    threads: options.Threads = None,
    limit: options.Limit = None,
    cache: options.Cache = None,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
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
    """
    from costaudit.prices.gateways import load_gateways  # noqa: PLC0415 - start-up
    from costaudit.questions.audit.shown.formats import RENDERERS  # noqa: PLC0415

    render = RENDERERS[console.one_of(format_, RENDERERS, "format")]
    source = _cost_source(cost_source, prices_at, price_change)
    choice = choose_book(prices, overlay, known_on, map_, price_change)
    tagging = Tagging(rules, risk, estimate)
    fees = asked_fees(markup, break_even, commit, load_gateways(choice.prices))
    if paths and scenario:
        raise UsageError("a log and a scenario cannot be simulated at once", hint="leave out one of them")
    if paths:
        from costaudit.engine.costing import CostSource  # noqa: PLC0415
        from costaudit.questions.audit.simulate import build_log_simulation  # noqa: PLC0415

        names = _policies(policy, compare=compare)
        tests = Tests(evals, quality_floor)
        reading = Reading(
            names[0],
            _prices_at(prices_at),
            choice,
            input_format,
            tagging,
            threads,
            quiet,
            verbose,
            tests,
            limits=limits_from(limit),
            cache=cache,
        )
        evaluated, old_prices = _evaluated(paths, reading, names, goes_by_reported=source != "list")
        day = evaluated[0].passed.last_ts if reading.prices_at is None else reading.prices_at
        report = build_log_simulation(
            evaluated, fees.gateways, fees.at(day), CostSource(source), old_prices=old_prices
        )
    else:
        if source != "auto":
            raise UsageError("--cost-source needs a log", hint="name the log, or leave out --cost-source")
        of_logs = {
            "--policy": policy, "--compare": compare, "--evals": evals, "--quality-floor": quality_floor,
        }  # fmt: skip
        for option, given in of_logs.items():
            if given:
                raise UsageError(f"{option} needs a log", hint=f"name the log, or leave out {option}")
        report = _scenario(scenario, fees, prices_at, choice)
    answer = render(report, console.width(), console.color() and output is None)
    console.deliver(answer, output, format_)


def _policies(named: Sequence[str] | None, *, compare: bool) -> list[str | None]:
    """The policies to evaluate, the one that the report is about first; None for the default."""
    from costaudit.routing.policy_load import shipped_policies  # noqa: PLC0415 - start-up

    chosen: list[str | None] = []
    chosen.extend(named or [None])
    if compare:
        told = {name or "default" for name in chosen}
        chosen += [name for name in shipped_policies() if name not in told]
    return chosen


def _evaluated(
    paths: Sequence[str], reading: Reading, names: Sequence[str | None], *, goes_by_reported: bool
) -> tuple[list[Evaluated], Evaluated | None]:
    """The log under each policy; and at the prices of the tables under the first, where others are supposed.

    It is read again where single requests decide, and where prices are supposed.
    """
    from costaudit.engine.whatif import Evaluated, asks_for_tape, evaluate  # noqa: PLC0415 - start-up

    others, supposed = [policy_of(name, reading.tests) for name in names[1:]], None
    if reading.choice.changes:  # what is wrong with them is said before a log is read
        supposed = plan_of(reading.choice, names[0], reading.prices_at, reading.tagging, reading.tests)
        reading = replace(reading, choice=replace(reading.choice, changes=()))
    with opened_logs(paths, reading, goes_by_reported=goes_by_reported) as logs:
        old = None if supposed is None else logs.passed
        passed = logs.passed if supposed is None else logs.again(supposed)
        if others and passed.ledgers:
            more = [replace(reading, policy=name) for name in names[1:]]
            again = [read_logs(paths, one, goes_by_reported=goes_by_reported) for one in more]
            return [Evaluated(found, None) for found in (passed, *again)], None
        plans = [passed.plan, *(passed.plan.under(policy) for policy in others)]
        if not others and (passed.ledgers or not asks_for_tape(passed, passed.plan)):
            return [Evaluated(passed, None)], None if old is None else Evaluated(old, None)
        tape = logs.tape
        return (
            [evaluate(tape, passed, plan) for plan in plans],
            None if old is None else evaluate(tape, old, old.plan),
        )


def _scenario(name: str | None, fees: AskedFees, prices_at: str | None, choice: BookChoice) -> Simulation:
    from costaudit.questions.audit.scenario.run import load_scenario, run_scenario  # noqa: PLC0415
    from costaudit.questions.audit.simulate import build_scenario_simulation  # noqa: PLC0415

    book, resolver = open_book(choice)
    at = _prices_at(prices_at)
    result = run_scenario(load_scenario(name), book, resolver, at)
    return build_scenario_simulation(result, result.book, fees.at(at), at)


def _bills(paths: Sequence[Path], reading: Reading) -> list[Bill]:
    """The bills to compare with, read before the logs: they are small, and may be wrong."""
    from costaudit.ingest.bills.read import load_bill  # noqa: PLC0415 - start-up

    if paths and reading.prices_at is not None:
        raise UsageError(
            "a bill cannot be compared with prices of another date",
            hint="leave out --prices-at or --compare-bill",
        )
    bills = [load_bill(str(path)) for path in paths]
    for bill in bills:
        warn_of_skipped(bill.quarantine, quiet=reading.quiet)
    return bills


def _prices_at(text: str | None) -> int | None:
    return options.instant(text, "--prices-at", "date") if text is not None else None


def _cost_source(name: str, prices_at: str | None, changes: Sequence[str] | None = None) -> str:
    source = console.one_of(name, ("auto", "reported", "list"), "cost source")
    if source == "reported" and changes:
        raise UsageError(
            "what was reported belongs to the prices that were in force",
            hint="leave out --price-change, or take --cost-source list",
        )
    if source == "reported" and prices_at is not None:
        raise UsageError(
            "what was reported belongs to the prices of its own time",
            hint="leave out --prices-at, or take --cost-source list",
        )
    return source
