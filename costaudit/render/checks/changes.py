"""The report of `pricing diff`: every change as something found, the ones that fail as errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from costaudit.prices.diff import Change, ChangeKind
from costaudit.prices.diff_gates import Failure
from costaudit.prices.rows import instant_text
from costaudit.prices.rules.impact import BILL_MOVES, TRAFFIC_LOSES_PRICE
from costaudit.prices.rules.rule import ERROR, Violation
from costaudit.render.checks.model import NOTE, CheckReport

WHY: Final[Mapping[ChangeKind, str]] = {
    ChangeKind.RETROACTIVE: "A new row starts in the past, where another price held: past bills are priced "
    "anew.",
    ChangeKind.CORRECTION: "A price of the past is another one now: what was reported with it no longer "
    "comes out.",
    ChangeKind.REMOVED: "A price is gone: requests of its time become unpriced.",
    ChangeKind.REMOVED_MODEL: "A model is gone with all its prices: its requests become unpriced.",
    ChangeKind.CHANGE: "A new price from about now on, or the first one of a class or condition.",
    ChangeKind.SCHEDULED: "A price that starts in the future.",
    ChangeKind.NEW_MODEL: "A price of a model that the base has not.",
    ChangeKind.ALIAS: "A name stands for another model.",
    ChangeKind.FACT: "A fact of a model, such as its context window or the day on which it retires.",
    ChangeKind.PROVIDER: "What is known of a provider.",
    ChangeKind.GATEWAY: "A name or fee of a gateway.",
    ChangeKind.WINDOW: "The hours in which a price holds.",
    ChangeKind.SEMANTICS: "What the token counts of a provider include.",
    ChangeKind.PROVENANCE: "Only the source, confidence, days or note of a row.",
}
"""What each kind of change is."""


def changes_report(
    changes: Sequence[Change],
    failures: Sequence[Failure],
    further: Sequence[Violation] = (),
) -> CheckReport:
    """Changes in their order: errors where a condition of `--fail-if` holds for them, else notes.

    Changes of provenance are only counted, unless they fail. `further` is what is wrong with the bill: errors
    where a condition on the bill holds.
    """
    held: dict[int, list[str]] = {}
    for failure in failures:
        for change in failure.changes:
            held.setdefault(id(change), []).append(failure.condition.text)
    told = [c for c in changes if c.kind is not ChangeKind.PROVENANCE or id(c) in held]
    notes = [": ".join(filter(None, ("fails", f.condition.text, f.bill))) for f in failures]
    fatal = {(TRAFFIC_LOSES_PRICE if f.condition.unpriced else BILL_MOVES).code for f in failures if f.bill}
    if len(told) < len(changes):
        notes.append(f"{len(changes) - len(told):,} more only of sources, days and notes of rows")
    return CheckReport(
        "pricing diff",
        (
            *(replace(v, severity=ERROR) if v.code in fatal else v for v in further),
            *(_violation(change, held.get(id(change), ())) for change in told),
        ),
        exit_code=1 if failures else 0,
        notes=tuple(notes),
        green="no changes",
    )


def _violation(change: Change, conditions: Sequence[str]) -> Violation:
    since = f" from {instant_text(change.at)}" if change.at is not None else ""
    gone = f" (line {change.line} of the base)" if change.side == "base" and change.line else ""
    percent = f" ({change.percent} %)" if change.percent else ""
    note = f"; {change.note}" if change.note else ""
    subject = f"{change.subject} {change.what}{since}"
    return Violation(
        file=change.file,
        line=0 if change.side == "base" else change.line,  # a line of the base is another one now
        code=change.kind.value,
        severity=ERROR if conditions else NOTE,
        message=f"{subject}: {change.old or '—'} → {change.new or '—'}{percent}{note}{gone}",
        subject=subject,
        help=WHY[change.kind],
        fix=f"fails: {', '.join(conditions)}" if conditions else "",
    )
