"""A check as a Code Quality report of GitLab, which shows it beside the lines of a merge request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from costaudit.prices.rules.rule import ERROR, WARNING, Violation
from costaudit.render.checks.model import NOTE, CheckReport, fingerprints
from costaudit.render.jsontext import render_value
from costaudit.render.safe import clean

SEVERITY: Final[Mapping[str, str]] = {ERROR: "major", WARNING: "minor", NOTE: "info"}


def render_gitlab(report: CheckReport) -> str:
    """One object per violation, each with a fingerprint that survives moves of its line."""
    prints = fingerprints(report)
    return render_value([_issue(v, mark) for v, mark in zip(report.violations, prints, strict=True)])


def _issue(violation: Violation, fingerprint: str) -> dict[str, Any]:
    return {
        "description": clean(f"{violation.code}: {violation.message}"),
        "check_name": clean(violation.name or violation.code),
        "fingerprint": fingerprint,
        "severity": SEVERITY[violation.severity],
        "location": {"path": violation.file or ".", "lines": {"begin": max(violation.line, 1)}},
    }
