"""A check as workflow commands of GitHub Actions, which become annotations on the lines of a pull request.

What a table holds is data of a command here, never one: the runner takes a line that begins with `::`, after
spaces, for a command, and `##[` anywhere in a line (actions/runner, ActionCommand.cs).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from costaudit.prices.rules.rule import ERROR, WARNING, Violation
from costaudit.render.checks.model import NOTE, SEVERITIES, CheckReport, named
from costaudit.render.safe import clean

MOST: Final = 9
"""Annotations of a kind; one more counts the rest. GitHub shows ten of a kind and drops the others."""
COMMANDS: Final[Mapping[str, str]] = {ERROR: "error", WARNING: "warning", NOTE: "notice"}

_DATA: Final = (("%", "%25"), ("\r", "%0D"), ("\n", "%0A"))
_PROPERTY: Final = (*_DATA, (":", "%3A"), (",", "%2C"))


def render_github(report: CheckReport) -> str:
    """The gravest violations as annotations, and the outcome as a line of the log."""
    said = f"costaudit {report.title}: {report.verdict}: {report.summary}"
    notes = (f"  note: {note}" for note in report.notes)
    plain = (clean(line).replace("##[", "## [") for line in (said, *notes))
    return "".join(f"{line}\n" for line in (*_annotations(report), *plain))


def _annotations(report: CheckReport) -> Iterator[str]:
    for severity in SEVERITIES:
        ours = [v for v in report.violations if v.severity == severity]
        yield from (_command(v) for v in ours[:MOST])
        if len(ours) > MOST:
            title = _escaped(f"costaudit {report.title}", _PROPERTY)
            more = len(ours) - MOST
            kind = severity if more == 1 else f"{severity}s"
            yield f"::{COMMANDS[severity]} title={title}::{more:,} more {kind} without an annotation"


def _command(violation: Violation) -> str:
    properties = {
        "file": violation.file,
        "line": str(violation.line) if violation.file and violation.line else "",
        "title": named(violation),
    }
    told = ",".join(f"{key}={_escaped(clean(text), _PROPERTY)}" for key, text in properties.items() if text)
    message = "\n".join(clean(part) for part in (violation.message, violation.fix) if part)
    return f"::{COMMANDS[violation.severity]} {told}::{_escaped(message, _DATA)}"


def _escaped(text: str, marks: tuple[tuple[str, str], ...]) -> str:
    """As @actions/core escapes: the percent sign first, or the others would be escaped twice."""
    for mark, code in marks:
        text = text.replace(mark, code)
    return text
