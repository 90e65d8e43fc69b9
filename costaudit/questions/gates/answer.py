"""The outcome of a check as the one report that every format renders, with an own JSON, text and Markdown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Literal, TypedDict

import msgspec

from costaudit.prices.answers import CheckValue, check_value
from costaudit.prices.check import Checked
from costaudit.prices.rows import instant_text
from costaudit.questions.gates.case import GateCase
from costaudit.questions.gates.check import CheckOutcome
from costaudit.questions.gates.figures import exact_text
from costaudit.questions.gates.outcome import GateOutcome
from costaudit.questions.gates.registry import GATES, Gate
from costaudit.questions.gates.told import GatePlace, headline, message_of, notes_of, violations_of
from costaudit.render.blocks import Block
from costaudit.render.checks.model import CheckReport
from costaudit.render.jsonout import DIALECT
from costaudit.render.markdown import MOST
from costaudit.render.markdown import render_blocks as markdown_of
from costaudit.render.text import render_blocks as text_of
from costaudit.times import instant

TITLE: Final = "check"


class GateValue(TypedDict):
    """A gate on one thing. Values are decimal strings in `unit`, exact, or cut after nine decimals."""

    code: str
    name: str
    subject: str
    verdict: Literal["pass", "warn", "fail", "cannot_judge"]
    level: Literal["deny", "warn"]
    """The gravest that it can say."""
    unit: Literal["usd", "usd_per_day", "usd_per_month", "percent", "days", "models"]
    comparison: Literal["at_most", "at_least"]
    measured: str | None
    """null where it is not known."""
    limit: str | None
    """The limit that decided."""
    deny: str | None
    warn: str | None
    file: str
    line: int
    """Where the limit is set; 0 where the file does not say."""
    note: str
    """What the value rests on, or why it is not known."""
    message: str


class JudgedValue(TypedDict):
    """What was judged; null without a log."""

    requests: int
    billed_requests: int
    billed_usd: str | None
    start: str | None
    end: str | None
    days: float | None


class GatesValue(CheckValue):
    """costaudit/check@1 of `costaudit check`."""

    version: str
    at: str
    """The day by which prices are old and models retired."""
    headline: str
    judged: JudgedValue | None
    gates: list[GateValue]
    """In the order of the codes, then of the settings."""
    not_asked: list[str]
    """Codes of gates that are set and need a log, where there is none."""


class KindValue(TypedDict):
    """A gate that can be set."""

    code: str
    name: str
    setting: str
    needs_log: bool
    what: str
    why: str
    fix: str
    example: str


class KindsValue(TypedDict):
    """costaudit/gates@1."""

    schema: Literal["costaudit/gates@1"]
    gates: list[KindValue]


KINDS: Final[dict[str, Any]] = {"check-gates": GatesValue, "gates": KindsValue}
"""Answers with a published schema, by its name."""


def json_schema(kind: str) -> dict[str, Any]:
    """The JSON Schema of an answer. It allows further keys: later versions add some."""
    return {"$schema": DIALECT, **msgspec.json.schema(KINDS[kind])}


def report_of(judged: CheckOutcome, place: GatePlace) -> CheckReport:
    """The check for all formats."""
    return CheckReport(
        title=TITLE,
        violations=violations_of(judged, place),
        exit_code=judged.exit_code,
        notes=tuple(notes_of(judged)),
        green=headline(judged),
    )


def drawn_by_gates(report: CheckReport, blocks: Sequence[Block]) -> dict[str, Callable[[int, bool], str]]:
    """How the check is drawn in its own way, by format."""
    drawn: dict[str, Callable[[int, bool], str]] = {
        "text": lambda width, color: text_of(blocks, width, color)
    }
    markdown = f"{report.marker}\n{markdown_of(blocks)}"
    if len(markdown) < MOST:  # else the general one says what it leaves out
        drawn["markdown"] = lambda _width, _color: markdown
    return drawn


def value_of(judged: CheckOutcome, case: GateCase, place: GatePlace, version: str) -> GatesValue:
    """What JSON says."""
    checked = Checked(violations_of(judged, place), unreadable=judged.exit_code == 2)
    told = check_value(checked, judged.exit_code)
    return {
        **told,
        "version": version,
        "at": instant_text(case.now - case.now % 60_000_000),
        "headline": headline(judged),
        "judged": _judged(case),
        "gates": [_gate(gate, outcome, place) for gate, outcome in judged.outcomes],
        "not_asked": [gate.code for gate in judged.not_asked],
    }


def _judged(case: GateCase) -> JudgedValue | None:
    if case.log is None:
        return None
    log, passed = case.log, case.log.work.passed
    known = log.costed.known
    return {
        "requests": log.count(log.everything),
        "billed_requests": log.count(known),
        "billed_usd": _dollars(exact_text(log.billed(known))) if known.any() else None,
        "start": None if passed.first_ts is None else instant(passed.first_ts),
        "end": None if passed.last_ts is None else instant(passed.last_ts),
        "days": log.work.days,
    }


def _gate(gate: Gate, outcome: GateOutcome, place: GatePlace) -> GateValue:
    measured = outcome.measured
    limits, money = measured.limits, measured.unit.startswith("usd")
    texts = [
        None if value is None else _dollars(exact_text(value)) if money else exact_text(value)
        for value in (measured.value, outcome.limit, limits.deny, limits.warn)
    ]
    return {
        "code": gate.code,
        "name": gate.name,
        "subject": measured.subject,
        "verdict": outcome.verdict.value,
        "level": limits.level,
        "unit": measured.unit.value,
        "comparison": "at_least" if limits.at_least else "at_most",
        "measured": texts[0],
        "limit": texts[1],
        "deny": texts[2],
        "warn": texts[3],
        "file": place.file,
        "line": place.line(outcome),
        "note": measured.doubt or measured.note,
        "message": message_of(gate, outcome),
    }


def _dollars(text: str) -> str:
    """Money has at least two decimals."""
    whole, _, fraction = text.partition(".")
    return f"{whole}.{fraction.ljust(2, '0')}"


def kinds_value(gates: tuple[Gate, ...] = GATES) -> KindsValue:
    """What gates there are."""
    return {
        "schema": "costaudit/gates@1",
        "gates": [
            {
                "code": g.code, "name": g.name, "setting": g.setting, "needs_log": g.needs_log,
                "what": g.what, "why": g.why, "fix": g.fix, "example": g.example,
            }
            for g in gates
        ],
    }  # fmt: skip
