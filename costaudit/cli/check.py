"""`costaudit check`: the gates of the project's settings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple, NoReturn, Optional

import typer

from costaudit.cli import console, ending, judged, options
from costaudit.errors import UsageError, one_of
from costaudit.front.book import (
    NEAREST,
    BookChoice,
    open_book,
    settings_in_force,
    settings_named,
)
from costaudit.front.options import choice_of, instant_of, reading_of
from costaudit.front.reading import LogReading, read_logs

if TYPE_CHECKING:
    from costaudit.config import Settings
    from costaudit.config.gates import Gates
    from costaudit.prices.rules.rule import Wanted
    from costaudit.questions.gates.case import GateCase


class _Terms(NamedTuple):
    """What gates without a log go by."""

    now: int
    policies: tuple[str, ...]
    wanted: tuple[Wanted, ...]


@options.takes(
    "policy", "cost_source", "calibration", *options.BOOK, *options.READING, "cache", *options.TOLD
)
def check(
    given: options.Given,
    paths: Annotated[
        Optional[list[str]],  # noqa: UP045 - typer reads the annotation at run time
        typer.Argument(
            metavar="[PATH...]",
            help="Logs, as for analyze. Without one, only the gates that need none are judged.",
            show_default=False,
        ),
    ] = None,
    explain: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--explain", metavar="GATE", help="Say what a gate measures: a code like CA701, a name, or all."
        ),
    ] = None,
    format_: judged.JudgedFormat = "text",
    output: options.Output = None,
    report: judged.Reports = None,
    at: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--at", metavar="TIME", help="The day by which prices are old and models retired; now by default."
        ),
    ] = None,
    config: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--config", metavar="FILE", help="Settings to judge by, instead of the nearest file."),
    ] = None,
) -> None:
    """Judge a log by the gates of the settings: budgets, coverage, markup, age of prices.

    \b
    costaudit check logs/
    costaudit check logs/ --report junit:gates.xml --report markdown:comment.md
    costaudit check                                   prices and policies alone
    costaudit check --explain CA703

    Exit 1 when a gate fails, 2 when one cannot be judged or too little has a price.
    """
    if explain is not None:
        _explain(explain, format_)
        return
    answers = judged.parse_answers(format_, output, report)
    source = one_of(given["cost_source"], ("auto", "reported", "list"), "cost source")
    now = instant_of(at, "--at") if at else int(datetime.now(UTC).timestamp()) * 1_000_000
    with settings_named(config or NEAREST):
        settings, gates = _gates()
        policies = (gates.policy.files if gates.policy else ()) or (given.get("policy") or "default",)
        terms = _Terms(now, policies, _wanted(gates, policies))
        if paths:
            case = _of_log(paths, reading_of(given), gates, source, terms)
        else:
            case = _without_log(choice_of(given), gates, terms)
    _answer(case, settings, answers)


def _gates() -> tuple[Settings, Gates]:
    """The gates that are set; raises UsageError, after showing some to begin with, when there are none."""
    settings = settings_in_force()
    gates = settings.config.gates if settings is not None else None
    if settings is None or gates is None or gates == type(gates)():
        from costaudit.config.starter import STARTER_GATES  # noqa: PLC0415 - only on the way to an error

        where = f"{settings.shown} sets no gates" if settings is not None else "there is no costaudit.toml"
        console.fail(f"no gates to judge: {where} (costaudit config init writes some, like these)")
        typer.echo("\n" + STARTER_GATES, err=True, nl=False)
        raise typer.Exit(ending.EXIT_CANNOT_JUDGE)
    return settings, gates


def _wanted(gates: Gates, policies: Sequence[str]) -> tuple[Wanted, ...]:
    """What the policies route to, where a gate asks."""
    from costaudit.front.routes import wanted_models  # noqa: PLC0415 - start-up

    if gates.policy is None and gates.price_age is None:
        return ()
    return wanted_models(policies)


def _of_log(paths: list[str], reading: LogReading, gates: Gates, source: str, terms: _Terms) -> GateCase:
    from costaudit.engine.costing import CostSource  # noqa: PLC0415 - start-up
    from costaudit.prices.gateways import load_gateways  # noqa: PLC0415
    from costaudit.questions.audit.work import audited  # noqa: PLC0415
    from costaudit.questions.gates.case import GateCase, Log  # noqa: PLC0415

    passed = read_logs(paths, reading)
    gateways = load_gateways(reading.choice.prices)
    work = audited(passed, gateways, CostSource(source))
    return GateCase(
        gates, passed.plan.prices.book, passed.plan.prices.resolver, gateways, *terms, log=Log(work)
    )


def _without_log(choice: BookChoice, gates: Gates, terms: _Terms) -> GateCase:
    from costaudit.prices.gateways import load_gateways  # noqa: PLC0415
    from costaudit.questions.gates.case import GateCase  # noqa: PLC0415 - start-up
    from costaudit.questions.gates.check import asked  # noqa: PLC0415

    book, resolver = open_book(choice)
    case = GateCase(gates, book, resolver, load_gateways(choice.prices), *terms)
    if all(gate.needs_log for gate in asked(case)):
        names = ", ".join(gate.name for gate in asked(case))
        raise UsageError(f"the gates that are set all need a log: {names}", hint="costaudit check logs/")
    return case


def _answer(case: GateCase, settings: Settings, answers: judged.Answers) -> NoReturn:
    from costaudit import __version__  # noqa: PLC0415 - start-up
    from costaudit.questions.gates.answer import report_of  # noqa: PLC0415
    from costaudit.questions.gates.check import judge_gates  # noqa: PLC0415
    from costaudit.questions.gates.told import GatePlace  # noqa: PLC0415

    found = report_of(
        judge_gates(case),
        case,
        GatePlace(settings.shown, settings.lines),
        version=__version__,
        width=console.width(),
        color=console.color() and answers.output is None,
    )
    judged.answer(found, answers)


def _explain(name: str, format_: str) -> None:
    from costaudit.questions.gates.answer import kinds_value  # noqa: PLC0415 - start-up
    from costaudit.questions.gates.explain import gate_text, gates_text  # noqa: PLC0415
    from costaudit.questions.gates.registry import GATES, gate_named  # noqa: PLC0415

    one_of(format_, ("text", "json"), "format")
    gates = GATES if name.lower() == "all" else (gate_named(name),)
    if format_ == "json":
        console.deliver(console.as_json(kinds_value(gates)))
    else:
        text = gates_text(gates) if len(gates) > 1 else gate_text(gates[0], console.width())
        console.show(text)
