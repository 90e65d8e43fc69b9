"""A check for a comment on a pull request, or the summary of a job: GitHub-flavoured Markdown."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Final

from costaudit.prices.rules.rule import Violation
from costaudit.render.checks.model import SEVERITIES, CheckReport, named, place
from costaudit.render.safe import escape, safe

MOST: Final = 60_000
"""Characters that an answer stays below: GitHub refuses comments of more than 65,536."""
LISTED: Final = 50
"""Violations of one rule that are listed: a thousand rows with one mistake are one mistake."""
OPEN: Final = 10
"""Violations of one rule that are shown without a click."""
NOTES: Final = 20
NAME, SENTENCE = 160, 600
"""Columns of a name, and of a sentence with names in it."""
_END: Final = 300
"""Characters kept for what is said of what is left out."""


def render_markdown(report: CheckReport) -> str:
    """The outcome first, then a table per rule, the gravest first; it says what it leaves out."""
    notes = (report.summary, *report.notes[:NOTES])
    lines = [report.marker, f"### costaudit {report.title}: {report.verdict}"]
    lines += [part for note in notes for part in ("", _sentence(note))]
    lines.append("")
    room = MOST - _END - _size(lines)
    told = 0
    for rule in _by_rule(report.violations):
        rows = [_row(v) for v in rule[:LISTED]]
        kept = _fitting(rows, room - _size(_block(rule, [])))
        if kept:
            block = _block(rule, rows[:kept])
            lines += block
            room -= _size(block)
            told += kept
    if told < len(report.violations):
        more = len(report.violations) - told
        lines.append(
            f"{more:,} of {len(report.violations):,} are left out here; the text and the JSON have all."
        )
    return "\n".join(lines).rstrip() + "\n"


def _by_rule(violations: Sequence[Violation]) -> list[list[Violation]]:
    """The violations of each rule together, rules with the gravest first, else in their order."""
    rules: dict[tuple[str, str], list[Violation]] = {}
    for violation in violations:
        rules.setdefault((violation.severity, violation.code), []).append(violation)
    return sorted(rules.values(), key=lambda rule: SEVERITIES.index(rule[0].severity))


def _block(rule: Sequence[Violation], rows: Sequence[str]) -> list[str]:
    first = rule[0]
    count = f"{len(rule):,} {first.severity}{'s' if len(rule) != 1 else ''}"
    opened = " open" if len(rule) <= OPEN else ""
    lines = [f"<details{opened}><summary>{_raw(named(first))}: {count}</summary>", ""]
    lines += [part for text in (first.help, first.fix) if text for part in (_sentence(text), "")]
    return [*lines, "| where | what |", "|---|---|", *rows, "", "</details>", ""]


def _row(violation: Violation) -> str:
    return f"| {escape(safe(place(violation), NAME))} | {_sentence(violation.message)} |"


def _sentence(text: str) -> str:
    return escape(safe(text, SENTENCE).strip())


def _raw(text: str) -> str:
    """Text between HTML tags, where nothing is Markdown; no mention comes of it."""
    return html.escape(safe(text, NAME)).replace("@", "@&#8203;")


def _size(lines: Sequence[str]) -> int:
    return sum(len(line) + 1 for line in lines)


def _fitting(rows: Sequence[str], room: int) -> int:
    """How many of the first rows fit."""
    for n, row in enumerate(rows):
        room -= len(row) + 1
        if room < 0:
            return n
    return len(rows)
