"""The gates of a project as functions: what they judge, and what kinds there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Unpack

from costaudit.errors import UsageError, one_of
from costaudit.front.asking import Log, asked_logs, moment
from costaudit.front.book import NEAREST, BookChoice, open_book, settings_in_force
from costaudit.front.options import Day, LogOptions
from costaudit.front.reading import LogReading, read_logs
from costaudit.front.result import JudgedResult, Result, drawn_by_lines
from costaudit.front.routes import wanted_models

if TYPE_CHECKING:
    from costaudit.config import Settings
    from costaudit.config.gates import Gates
    from costaudit.prices.rules.rule import Wanted
    from costaudit.questions.gates.answer import KindsValue
    from costaudit.questions.gates.case import GateCase


class _Terms(NamedTuple):
    """What gates without a log go by."""

    now: int
    policies: tuple[str, ...]
    wanted: tuple[Wanted, ...]


def check(
    *logs: Log, cost_source: str = "auto", at: Day | None = None, **options: Unpack[LogOptions]
) -> JudgedResult:
    """Logs judged by the gates of the settings: `costaudit check`.

    The settings are those of the nearest file unless one is named. Without a log, only the gates that need
    none are judged. `report` has `verdict`, `exit_code` and `violations`; `frame("gates")` every gate with
    its measured value and its limits. Raises UsageError where no gates are set, InputError where nothing
    can be read.
    """
    from costaudit import __version__  # noqa: PLC0415 - start-up
    from costaudit.questions.gates.answer import drawn_by_gates, report_of, value_of  # noqa: PLC0415
    from costaudit.questions.gates.check import judge_gates  # noqa: PLC0415
    from costaudit.questions.gates.told import GatePlace, blocks_of  # noqa: PLC0415

    source = one_of(cost_source, ("auto", "reported", "list"), "cost source")
    now = moment(at)
    with asked_logs(logs, {"settings": NEAREST, **options}, fewest=0) as (paths, reading, notes, _):
        settings, gates = _gates()
        policies = (gates.policy.files if gates.policy else ()) or (reading.policy or "default",)
        terms = _Terms(now, policies, _wanted(gates, policies))
        case = (
            _of_log(paths, reading, gates, source, terms)
            if paths
            else _without_log(reading.choice, gates, terms)
        )
        judged, place = judge_gates(case), GatePlace(settings.shown, settings.lines)
    report = report_of(judged, place)
    blocks = tuple(blocks_of(judged, case, place))
    drawn = drawn_by_gates(report, blocks)
    return JudgedResult(
        report, tuple(notes.lines), drawn, lambda: blocks, lambda: value_of(judged, case, place, __version__)
    )


def _gates() -> tuple[Settings, Gates]:
    """The gates that are set; raises UsageError that shows some to begin with when there are none."""
    settings = settings_in_force()
    gates = settings.config.gates if settings is not None else None
    if settings is None or gates is None or gates == type(gates)():
        from costaudit.config.starter import STARTER_GATES  # noqa: PLC0415 - only on the way to an error

        where = f"{settings.shown} sets no gates" if settings is not None else "there is no costaudit.toml"
        hint = "costaudit config init writes some, like these"
        error = UsageError(f"no gates to judge: {where}", hint=hint)
        error.add_note(f"\n{STARTER_GATES}")
        raise error
    return settings, gates


def _wanted(gates: Gates, policies: Sequence[str]) -> tuple[Wanted, ...]:
    """What the policies route to, where a gate asks."""
    if gates.policy is None and gates.price_age is None:
        return ()
    return wanted_models(policies)


def _of_log(paths: Sequence[str], reading: LogReading, gates: Gates, source: str, terms: _Terms) -> GateCase:
    from costaudit.engine.costing import CostSource  # noqa: PLC0415 - start-up
    from costaudit.prices.gateways import load_gateways  # noqa: PLC0415
    from costaudit.questions.audit.work import audited  # noqa: PLC0415
    from costaudit.questions.gates.case import GateCase, Log  # noqa: PLC0415

    passed = read_logs(paths, reading)
    gateways = load_gateways(reading.choice.prices, reading.choice.overlays)
    work, prices = audited(passed, gateways, CostSource(source)), passed.plan.prices
    return GateCase(gates, prices.book, prices.resolver, gateways, *terms, log=Log(work))


def _without_log(choice: BookChoice, gates: Gates, terms: _Terms) -> GateCase:
    from costaudit.prices.gateways import load_gateways  # noqa: PLC0415 - start-up
    from costaudit.questions.gates.case import GateCase  # noqa: PLC0415
    from costaudit.questions.gates.check import asked  # noqa: PLC0415

    book, resolver = open_book(choice)
    case = GateCase(gates, book, resolver, load_gateways(choice.prices, choice.overlays), *terms)
    if all(gate.needs_log for gate in asked(case)):
        names = ", ".join(gate.name for gate in asked(case))
        raise UsageError(f"the gates that are set all need a log: {names}", hint="costaudit check logs/")
    return case


def gates(name: str = "all") -> Result[KindsValue]:
    """What gates measure: all, or one by its code or name: `costaudit check --explain`.

    Raises UsageError for an unknown one.
    """
    from costaudit.questions.gates.answer import kinds_value  # noqa: PLC0415 - start-up
    from costaudit.questions.gates.explain import gate_text, gates_text  # noqa: PLC0415
    from costaudit.questions.gates.registry import GATES, gate_named  # noqa: PLC0415

    kinds = GATES if name.lower() == "all" else (gate_named(name),)
    return drawn_by_lines(
        kinds_value(kinds),
        (),
        lambda width: gates_text(kinds) if len(kinds) > 1 else gate_text(kinds[0], width),
    )
