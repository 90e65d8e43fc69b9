"""A check for programs: costaudit/check@1."""

from __future__ import annotations

from costaudit.prices.answers import CheckValue, check_value
from costaudit.prices.check import Checked
from costaudit.render.checks.model import CheckReport
from costaudit.render.jsontext import render_value


def render_json(report: CheckReport) -> str:
    """The violations and the suppressed ones, in their order."""
    return render_value(value_of(report))


def value_of(report: CheckReport) -> CheckValue:
    """The same as a value."""
    checked = Checked(report.violations, report.suppressed, unreadable=report.verdict == "invalid")
    return check_value(checked, report.exit_code)
