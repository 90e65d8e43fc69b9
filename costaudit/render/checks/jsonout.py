"""A check for programs: costaudit/check@1."""

from __future__ import annotations

from costaudit.prices.answers import check_value
from costaudit.prices.check import Checked
from costaudit.render.checks.model import CheckReport
from costaudit.render.jsontext import render_value


def render_json(report: CheckReport) -> str:
    """The violations and the suppressed ones, in their order."""
    checked = Checked(report.violations, report.suppressed, unreadable=report.verdict == "invalid")
    return render_value(check_value(checked, report.exit_code))
