"""The JSON of `pricing check`, `diff` and `explain`: costaudit/check@1, diff@1 and rules@1."""

from __future__ import annotations

from typing import Any, Final, Literal, TypedDict

import msgspec

from costaudit.prices.check import Checked, Violation
from costaudit.prices.diff import Change, Side
from costaudit.prices.diff_gates import Failure
from costaudit.prices.impact import Impact, ImpactValue, impact_value
from costaudit.prices.rows import instant_text
from costaudit.prices.rules.registry import FAMILIES
from costaudit.prices.rules.rule import Rule


class ViolationValue(TypedDict):
    """A broken rule; line 0 is the whole file."""

    code: str
    severity: Literal["error", "warning"]
    file: str
    line: int
    message: str
    name: str
    subject: str
    fix: str


class SuppressedValue(TypedDict):
    """A broken rule that is known and right."""

    code: str
    file: str
    line: int
    message: str
    subject: str
    reason: str


class CheckValue(TypedDict):
    """costaudit/check@1."""

    schema: Literal["costaudit/check@1"]
    verdict: Literal["ok", "failed", "invalid"]
    exit_code: Literal[0, 1, 2]
    violations: list[ViolationValue]
    suppressed: list[SuppressedValue]


ChangeValue = TypedDict(
    "ChangeValue",
    {
        "kind": str,
        "subject": str,
        "what": str,
        "from": str | None,
        "old": str | None,
        "new": str | None,
        "unit": Literal["usd_per_mtok", "usd_per_unit", "percent", "usd"] | None,
        "percent": str | None,
        "file": str,
        "line": int,
        "side": Literal["base", "head"],
        "note": str | None,
    },
)
"""One change; `percent` is rounded to one place, `from` null for what has no date."""


class SideValue(TypedDict):
    """A price book that was compared."""

    name: str
    version: str
    sha256: str


class FailureValue(TypedDict):
    """A `--fail-if` that holds."""

    condition: str
    changes: list[int]
    """Places in `changes`, from 0."""
    bill: str | None
    """What the bill does that the condition forbids."""


class DiffValue(TypedDict):
    """costaudit/diff@1."""

    schema: Literal["costaudit/diff@1"]
    verdict: Literal["ok", "failed"]
    exit_code: Literal[0, 1]
    at: str
    base: SideValue
    head: SideValue
    counts: dict[str, int]
    changes: list[ChangeValue]
    ignored: list[ChangeValue]
    """Changes of rates below --ignore-below."""
    failures: list[FailureValue]
    impact: ImpactValue | None
    """Null without --logs and --ledger."""
    violations: list[ViolationValue]
    """Rules of CA6 that the impact breaks."""


class RuleValue(TypedDict):
    """A rule; `needs` is the option without which it is not judged."""

    code: str
    name: str
    family: str
    severity: Literal["error", "warning"]
    why: str
    fix: str
    example: str
    needs: str | None


class RulesValue(TypedDict):
    """costaudit/rules@1."""

    schema: Literal["costaudit/rules@1"]
    rules: list[RuleValue]


KINDS: Final[dict[str, Any]] = {"check": CheckValue, "diff": DiffValue, "rules": RulesValue}
"""Answers with a published schema, by its name."""

NEEDS: Final = {
    "base": "--base",
    "now": "",
    "max_age": "--max-age",
    "against": "--against",
    "logs": "--logs",
    "traffic": "--traffic",
    "": "",
}


def json_schema(kind: str) -> dict[str, Any]:
    """The JSON Schema of an answer. It allows further keys: later versions add some."""
    schema = msgspec.json.schema(KINDS[kind])
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def check_value(checked: Checked, exit_code: Literal[0, 1, 2]) -> CheckValue:
    """What a check found."""
    return {
        "schema": "costaudit/check@1",
        "verdict": "invalid" if checked.unreadable else "failed" if exit_code else "ok",
        "exit_code": exit_code,
        "violations": [_violation(v) for v in checked.violations],
        "suppressed": [
            {
                "code": s.violation.code,
                "file": s.violation.file,
                "line": s.violation.line,
                "message": s.violation.message,
                "subject": s.violation.subject,
                "reason": s.suppression.reason,
            }
            for s in checked.suppressed
        ],
    }


def _violation(v: Violation) -> ViolationValue:
    return {
        "code": v.code,
        "severity": "error" if v.severity == "error" else "warning",
        "file": v.file,
        "line": v.line,
        "message": v.message,
        "name": v.name,
        "subject": v.subject,
        "fix": v.fix,
    }


def diff_value(  # noqa: PLR0913 - what was found, part by part
    sides: tuple[Side, Side],
    changes: list[Change],
    ignored: list[Change],
    failures: tuple[Failure, ...],
    now: int,
    *,
    impact: Impact | None = None,
    violations: tuple[Violation, ...] = (),
) -> DiffValue:
    """What a diff found; `sides` are base and head."""
    kinds = [change.kind.value for change in changes]
    places = {id(change): place for place, change in enumerate(changes)}
    return {
        "schema": "costaudit/diff@1",
        "verdict": "failed" if failures else "ok",
        "exit_code": 1 if failures else 0,
        "at": instant_text(now - now % 60_000_000),
        "base": _side(sides[0]),
        "head": _side(sides[1]),
        "counts": {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)},
        "changes": [_change(c) for c in changes],
        "ignored": [_change(c) for c in ignored],
        "failures": [
            {"condition": f.condition.text, "changes": [places[id(c)] for c in f.changes], "bill": f.bill}
            for f in failures
        ],
        "impact": None if impact is None else impact_value(impact),
        "violations": [_violation(v) for v in violations],
    }


def _side(side: Side) -> SideValue:
    return {"name": side.shown, "version": side.book.version, "sha256": side.book.sha256}


def _change(c: Change) -> ChangeValue:
    unit: Any = c.unit or None
    return {
        "kind": c.kind.value,
        "subject": c.subject,
        "what": c.what,
        "from": None if c.at is None else instant_text(c.at),
        "old": c.old,
        "new": c.new,
        "unit": unit,
        "percent": c.percent,
        "file": c.file,
        "line": c.line,
        "side": "head" if c.side == "head" else "base",
        "note": c.note or None,
    }


def rules_value(rules: tuple[Rule, ...]) -> RulesValue:
    """What rules there are."""
    return {"schema": "costaudit/rules@1", "rules": [_rule(rule) for rule in rules]}


def _rule(rule: Rule) -> RuleValue:
    return {
        "code": rule.code,
        "name": rule.name,
        "family": FAMILIES[rule.code[:3]],
        "severity": "error" if rule.severity == "error" else "warning",
        "why": rule.why,
        "fix": rule.fix,
        "example": rule.example,
        "needs": NEEDS[rule.needs] or None,
    }
