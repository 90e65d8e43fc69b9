"""All gates that are set, judged; and what the check as a whole comes to."""

from __future__ import annotations

from typing import Literal

import msgspec

from costaudit.questions.gates.case import GateCase
from costaudit.questions.gates.outcome import GateOutcome, GateVerdict, judge
from costaudit.questions.gates.registry import COVERAGE, GATES, Gate


class CheckOutcome(msgspec.Struct, frozen=True):
    """The outcome of a check."""

    outcomes: tuple[tuple[Gate, GateOutcome], ...]
    """In the order of the codes, then of the settings."""
    not_asked: tuple[Gate, ...]
    """Gates that are set and need a log, where there is none."""

    def count(self, verdict: GateVerdict) -> int:
        """Outcomes with a verdict."""
        return sum(outcome.verdict is verdict for _, outcome in self.outcomes)

    @property
    def under_coverage(self) -> bool:
        """Whether too little of the log has a price for anything else to be judged."""
        return any(gate is COVERAGE and o.verdict is GateVerdict.FAIL for gate, o in self.outcomes)

    @property
    def exit_code(self) -> Literal[0, 1, 2]:
        """2 under the coverage, else 1 when a gate fails, else 2 when one that could fail is not known."""
        if self.under_coverage:
            return 2
        if self.count(GateVerdict.FAIL):
            return 1
        blind = (
            o.verdict is GateVerdict.CANNOT_JUDGE and o.measured.limits.level == "deny"
            for _, o in self.outcomes
        )
        return 2 if any(blind) else 0


def asked(case: GateCase) -> tuple[Gate, ...]:
    """The gates that are set."""
    return tuple(gate for gate in GATES if getattr(case.gates, gate.setting) not in (None, ()))


def judge_gates(case: GateCase) -> CheckOutcome:
    """Every gate that is set against what the case has."""
    able = [gate for gate in asked(case) if case.log is not None or not gate.needs_log]
    return CheckOutcome(
        tuple((gate, judge(measured)) for gate in able for measured in gate.find(case)),
        tuple(gate for gate in asked(case) if gate not in able),
    )
