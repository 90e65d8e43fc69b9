"""What a check says: a line for each gate, the verdict on top, and violations for the other formats."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from costaudit.config.read import nearest_line
from costaudit.prices.rules.rule import ERROR, WARNING, Violation
from costaudit.questions.gates.case import GateCase
from costaudit.questions.gates.check import CheckOutcome
from costaudit.questions.gates.figures import counted, dollars, limit_text, value_text
from costaudit.questions.gates.outcome import GateOutcome, GateVerdict
from costaudit.questions.gates.registry import COVERAGE, Gate
from costaudit.render.blocks import Block, Column, Headline, Prose, Table
from costaudit.render.safe import clean
from costaudit.toml.places import Key

WORDS: Final = {
    GateVerdict.FAIL: "FAIL",
    GateVerdict.CANNOT_JUDGE: "cannot judge",
    GateVerdict.WARN: "warn",
    GateVerdict.PASS: "pass",
}
"""Verdicts as they are shown, the gravest first."""


class GatePlace(msgspec.Struct, frozen=True):
    """Where the gates are set."""

    file: str
    """As seen from the working directory."""
    lines: Mapping[Key, int]

    def line(self, outcome: GateOutcome) -> int:
        """The line of the limit that an outcome is about; 0 where the file does not say."""
        return nearest_line(self.lines, ("gates", *outcome.measured.key))

    def shown(self, outcome: GateOutcome) -> str:
        """File and line."""
        line = self.line(outcome)
        return f"{self.file}:{line}" if line else self.file


def message_of(gate: Gate, outcome: GateOutcome) -> str:
    """An outcome in a sentence."""
    measured, verdict = outcome.measured, outcome.verdict
    what = f"{gate.name}, {clean(measured.subject)}"
    why = clean(measured.doubt or measured.note)
    if verdict is GateVerdict.CANNOT_JUDGE:
        return f"{what} cannot be judged: {why}"
    words = {True: ("is at least", "is below"), False: ("is at most", "is above")}[measured.limits.at_least]
    side = words[verdict is not GateVerdict.PASS]
    return f"{what}: {value_text(outcome)} {side} {limit_text(outcome)} ({clean(measured.note)})"


def violations_of(judged: CheckOutcome, place: GatePlace) -> tuple[Violation, ...]:
    """Everything but what passes, at the line that sets it."""
    return tuple(
        Violation(
            file=place.file,
            line=place.line(outcome),
            code=gate.code,
            severity=_severity(outcome),
            message=message_of(gate, outcome),
            subject=clean(outcome.measured.subject),
            name=gate.name,
            help=gate.why,
            fix=gate.fix,
        )
        for gate, outcome in judged.outcomes
        if outcome.verdict is not GateVerdict.PASS
    )


def _severity(outcome: GateOutcome) -> str:
    """An error is what alone ends the check with another exit code than 0."""
    level = outcome.measured.limits.level
    blind = outcome.verdict is GateVerdict.CANNOT_JUDGE and level == "deny"
    return ERROR if blind or outcome.verdict is GateVerdict.FAIL else WARNING


def headline(judged: CheckOutcome) -> str:
    """The outcome in a line."""
    total = len(judged.outcomes)
    if judged.under_coverage:
        low = next(o for g, o in judged.outcomes if g is COVERAGE and o.verdict is GateVerdict.FAIL)
        return (
            f"Nothing can be judged: {value_text(low)} of {low.measured.subject} have a price, "
            f"at least {limit_text(low)} are needed"
        )
    fails, blind, warns = (
        judged.count(v) for v in (GateVerdict.FAIL, GateVerdict.CANNOT_JUDGE, GateVerdict.WARN)
    )
    of = f" of {counted(total, 'gate')}"  # said once, with the first number
    parts = [
        *([f"{fails}{of} {'fails' if fails == 1 else 'fail'}"] if fails else []),
        *([f"{blind}{'' if fails else of} cannot be judged"] if blind else []),
        *([f"{warns}{'' if fails or blind else of} {'warns' if warns == 1 else 'warn'}"] if warns else []),
    ]
    if not parts:
        parts = [{1: "The gate passes", 2: "Both gates pass"}.get(total, f"All {total} gates pass")]
    if judged.not_asked:
        parts.append(f"{len(judged.not_asked)} not asked without a log")
    return ", ".join(parts)


def basis(case: GateCase) -> str:
    """What was judged, in a line."""
    log = case.log
    if log is None:
        return f"No log was read. Prices and models as of {case.today}, price book {case.book.version}."
    known = log.costed.known
    bill = dollars(log.billed(known)) if known.any() else "No known sum"
    days = f" over {float(log.days)} days" if log.days is not None else ""
    return (
        f"{bill} billed for {log.count(known):,} of {log.count(log.everything):,} requests{days}. "
        f"Prices as of {case.today}, price book {case.book.version}."
    )


def blocks_of(judged: CheckOutcome, case: GateCase, place: GatePlace) -> Iterator[Block]:
    """The check as blocks: headline, what was judged, the gates with the gravest first."""
    yield Headline(headline(judged))
    yield Prose("", (basis(case),))
    ranked = sorted(judged.outcomes, key=lambda pair: [*WORDS].index(pair[1].verdict))
    yield Table(
        "Gates",
        (
            Column("gate", tuple(f"{g.name}: {o.measured.subject}" for g, o in ranked), number=False),
            Column("verdict", tuple(WORDS[o.verdict] for _, o in ranked), number=False),
            Column("measured", tuple(value_text(o) for _, o in ranked)),
            Column("limit", tuple(_limit(o) for _, o in ranked)),
        ),
        under=Column("", tuple(_under(g, o, place) for g, o in ranked), number=False),
    )
    yield Prose("", tuple(notes_of(judged)))


def _limit(outcome: GateOutcome) -> str:
    return f"{'≥' if outcome.measured.limits.at_least else '≤'} {limit_text(outcome)}"


def _under(gate: Gate, outcome: GateOutcome, place: GatePlace) -> str:
    measured = outcome.measured
    doubt = f"{measured.doubt}; " if measured.doubt and measured.doubt not in measured.note else ""
    return f"{doubt}{measured.note} [{gate.code}, {place.shown(outcome)}]"


def notes_of(judged: CheckOutcome) -> Iterator[str]:
    """What was not asked, and where to read on."""
    if judged.not_asked:
        yield f"Not asked without a log: {', '.join(gate.name for gate in judged.not_asked)}."
    codes = [gate.code for gate, outcome in judged.outcomes if outcome.verdict is not GateVerdict.PASS]
    if codes:
        yield f"costaudit check --explain {codes[0]} says what a gate measures and what to do."
