"""The report of `pricing check`."""

from __future__ import annotations

from costaudit.prices.check import Checked
from costaudit.render.checks.model import CheckReport


def checked_report(checked: Checked) -> CheckReport:
    """What the rules found: exit code 2 where a table could not be read, 1 for errors."""
    codes = list(dict.fromkeys(v.code for v in checked.violations))
    return CheckReport(
        "pricing check",
        checked.violations,
        checked.suppressed,
        2 if checked.unreadable else 1 if checked.errors else 0,
        (f"costaudit pricing explain {codes[0]} says more",) if codes else (),
        green="the price tables are in order",
    )
