"""All levers, over the tape of an audit."""

from __future__ import annotations

from costaudit.engine.audit import Pass
from costaudit.questions.audit.result import LeverRow
from costaudit.questions.levers.prefix_cache import NAME, prefix_cache
from costaudit.tape.tape import Tape


def pulled(tape: Tape, passed: Pass) -> list[LeverRow]:
    """What each lever would save, as far as the log carries the evidence."""
    return [prefix_cache(tape, passed.plan)]


def not_pulled() -> list[LeverRow]:
    """The levers of a saved ledger, which holds no single requests."""
    return [LeverRow(name=NAME, evidence="not judged: a saved ledger holds no single requests")]
