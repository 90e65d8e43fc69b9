"""A check for the terminal: a line per violation, and the verdict."""

from __future__ import annotations

from costaudit.render.checks.model import CheckReport, place
from costaudit.render.safe import clean


def render_text(report: CheckReport) -> str:
    """Every violation on a line, then the outcome and the notes; nothing in it acts on a terminal."""
    found = (_line(place(v), f"{v.code} {v.severity}: {v.message}") for v in report.violations)
    return "".join(f"{clean(line)}\n" for line in (*found, report.summary, *report.notes))


def _line(where: str, told: str) -> str:
    return f"{where}: {told}" if where else told
