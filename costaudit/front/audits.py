"""The audit and the simulation of what a program or a command line names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from costaudit.errors import UsageError, one_of
from costaudit.front.agents import POLICY, AgentLogs
from costaudit.front.book import BookChoice, open_book
from costaudit.front.fees import AskedFees, asked_fees
from costaudit.front.labels import chosen_labels, measure_labels
from costaudit.front.reading import LogReading, opened_logs, plan_of, policy_of, read_logs, warn_of_skipped

if TYPE_CHECKING:
    from costaudit.engine.plan import Plan
    from costaudit.engine.whatif import Evaluated
    from costaudit.ingest.bills.line import ReadBill
    from costaudit.questions.audit.agents.result import AgentSpend
    from costaudit.questions.audit.result import Audit, Simulation
    from costaudit.tape.tape import Tape


class SimulationAsked(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be simulated, in the words of the command line."""

    scenario: str | None = None
    policies: Sequence[str] = ()
    compare: bool = False
    markup: Sequence[str] = ()
    break_even: Sequence[str] = ()
    commit: Sequence[str] = ()
    cost_source: str = "auto"


def audited_logs(
    paths: Sequence[str],
    reading: LogReading,
    bills: Sequence[Path],
    labels: Path | None,
    cost_source: str,
    agents: AgentLogs | None = None,
) -> Audit:
    """The report of some logs, those of coding agents among them; raises UsageError or InputError."""
    from costaudit.engine.costing import CostSource  # noqa: PLC0415 - start-up
    from costaudit.prices.gateways import load_gateways  # noqa: PLC0415
    from costaudit.questions.audit.build import build_audit  # noqa: PLC0415
    from costaudit.questions.levers.all import not_pulled, pulled  # noqa: PLC0415
    from costaudit.tape.record import Keeps  # noqa: PLC0415

    source = _cost_source(cost_source, reading)
    if agents is not None and reading.policy is None:
        reading = replace(reading, policy=POLICY)
    known_bills = _bills(bills, reading)
    labelled = chosen_labels(labels, quiet=reading.quiet)
    keeps = Keeps(ids=labelled is not None or agents is not None)
    with opened_logs(paths, reading, goes_by_reported=source != "list", keeps=keeps) as logs:
        if logs.passed.ledgers and labels is None:
            labelled = None  # those of the settings: requests are in no ledger
        measured = None if labelled is None else measure_labels(labelled, logs, required=labels is not None)
        passed = logs.passed
        spent = None if agents is None else agent_spend(logs.tape, passed.plan, agents)
        levers = not_pulled() if passed.ledgers else pulled(logs.tape, passed)
    gateways = load_gateways(reading.choice.prices, reading.choice.overlays)
    return build_audit(
        passed, gateways, bills=known_bills, labels=measured, agents=spent, source=CostSource(source),
        levers=levers,
    )  # fmt: skip


def agent_spend(tape: Tape, plan: Plan, agents: AgentLogs) -> AgentSpend:
    """What coding agents cost, from the requests of logs."""
    from costaudit.questions.audit.agents.build import build_agents  # noqa: PLC0415 - start-up

    return build_agents(tape, plan, agents.places, agents.absent)


def simulated(
    paths: Sequence[str], reading: LogReading, asked: SimulationAsked, agents: AgentLogs | None = None
) -> Simulation:
    """The report of some logs under what is asked or, without any, of a scenario.

    Raises UsageError or InputError.
    """
    from costaudit.engine.costing import CostSource  # noqa: PLC0415 - start-up
    from costaudit.prices.gateways import load_gateways  # noqa: PLC0415
    from costaudit.questions.audit.simulate import build_log_simulation  # noqa: PLC0415

    source = _cost_source(asked.cost_source, reading)
    fees = asked_fees(
        asked.markup,
        asked.break_even,
        asked.commit,
        load_gateways(reading.choice.prices, reading.choice.overlays),
    )
    if paths and asked.scenario:
        raise UsageError("a log and a scenario cannot be simulated at once", hint="leave out one of them")
    if not paths:
        _refuse_log_options(asked, reading, source)
        return _scenario(asked.scenario, fees, reading.prices_at, reading.choice)
    first = POLICY if agents is not None else None
    names = _policies(asked.policies or [first], compare=asked.compare)
    reading = replace(reading, policy=names[0])
    found = _evaluated(paths, reading, names, agents, goes_by_reported=source != "list")
    day = found.policies[0].passed.last_ts if reading.prices_at is None else reading.prices_at
    return build_log_simulation(
        found.policies, fees.gateways, fees.at(day), CostSource(source),
        old_prices=found.old_prices, agents=found.agents,
    )  # fmt: skip


def _refuse_log_options(asked: SimulationAsked, reading: LogReading, source: str) -> None:
    if source != "auto":
        raise UsageError("--cost-source needs a log", hint="name the log, or leave out --cost-source")
    of_logs = {
        "--policy": asked.policies, "--compare": asked.compare, "--evals": reading.tests.evals,
        "--quality-floor": reading.tests.floor,
    }  # fmt: skip
    for option, given in of_logs.items():
        if given:
            raise UsageError(f"{option} needs a log", hint=f"name the log, or leave out {option}")


def _policies(named: Sequence[str | None], *, compare: bool) -> list[str | None]:
    """The policies to evaluate, the one that the report is about first; None for the default."""
    from costaudit.routing.policy_load import shipped_policies  # noqa: PLC0415 - start-up

    chosen = list(named)
    if compare:
        told = {name or "default" for name in chosen}
        chosen += [name for name in shipped_policies() if name not in told]
    return chosen


class _Found(msgspec.Struct, frozen=True):
    """What a simulation is made from."""

    policies: Sequence[Evaluated]
    """The log under each policy."""
    old_prices: Evaluated | None
    """Under the first of them at the prices of the tables, where others are supposed."""
    agents: AgentSpend | None


def _evaluated(
    paths: Sequence[str],
    reading: LogReading,
    names: Sequence[str | None],
    agents: AgentLogs | None,
    *,
    goes_by_reported: bool,
) -> _Found:
    """The log under each policy.

    It is read again where single requests decide, and where prices are supposed.
    """
    from costaudit.engine.whatif import Evaluated, asks_for_tape, evaluate  # noqa: PLC0415 - start-up
    from costaudit.tape.record import Keeps  # noqa: PLC0415

    others, supposed = [policy_of(name, reading.tests) for name in names[1:]], None
    if reading.choice.changes:  # what is wrong with them is said before a log is read
        supposed = plan_of(reading.choice, names[0], reading.prices_at, reading.tagging, reading.tests)
        reading = replace(reading, choice=replace(reading.choice, changes=()))
    keeps = Keeps(ids=agents is not None)
    with opened_logs(paths, reading, goes_by_reported=goes_by_reported, keeps=keeps) as logs:
        old = None if supposed is None else logs.passed
        passed = logs.passed if supposed is None else logs.again(supposed)
        if others and passed.ledgers:
            more = [replace(reading, policy=name) for name in names[1:]]
            again = [read_logs(paths, one, goes_by_reported=goes_by_reported) for one in more]
            return _Found([Evaluated(found, None) for found in (passed, *again)], None, None)
        spent = None if agents is None else agent_spend(logs.tape, passed.plan, agents)
        plans = [passed.plan, *(passed.plan.under(policy) for policy in others)]
        if not others and (passed.ledgers or not asks_for_tape(passed, passed.plan)):
            return _Found([Evaluated(passed, None)], None if old is None else Evaluated(old, None), spent)
        tape = logs.tape
        return _Found(
            [evaluate(tape, passed, plan) for plan in plans],
            None if old is None else evaluate(tape, old, old.plan),
            spent,
        )


def _scenario(name: str | None, fees: AskedFees, at: int | None, choice: BookChoice) -> Simulation:
    from costaudit.questions.audit.scenario.run import load_scenario, run_scenario  # noqa: PLC0415
    from costaudit.questions.audit.simulate import build_scenario_simulation  # noqa: PLC0415

    book, resolver = open_book(choice)
    result = run_scenario(load_scenario(name), book, resolver, at)
    return build_scenario_simulation(result, result.book, fees.at(at), at)


def _bills(paths: Sequence[Path], reading: LogReading) -> list[ReadBill]:
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


_SOURCES = ("auto", "reported", "list")


def _cost_source(name: str, reading: LogReading) -> str:
    source = one_of(name, _SOURCES, "cost source")
    if source == "reported" and reading.choice.changes:
        raise UsageError(
            "what was reported belongs to the prices that were in force",
            hint="leave out --price-change, or take --cost-source list",
        )
    if source == "reported" and reading.prices_at is not None:
        raise UsageError(
            "what was reported belongs to the prices of its own time",
            hint="leave out --prices-at, or take --cost-source list",
        )
    return source
