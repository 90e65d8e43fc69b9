"""A check as SARIF 2.1.0, for code scanning of GitHub and other readers of static analysis.

Violations that are suppressed with a reason are only counted: code scanning opens an alert for each result,
whatever its `suppressions` say (advanced-security/dismiss-alerts exists to close those again).
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any, Final
from urllib.parse import quote

from costaudit import __version__
from costaudit.prices.rules.rule import Violation
from costaudit.render.checks.model import CheckReport, fingerprints
from costaudit.render.jsontext import render_value
from costaudit.render.safe import clean

SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
FINGERPRINT: Final = "costaudit/v1"


def render_sarif(report: CheckReport) -> str:
    """One run: the rules that are broken, each with its help, and a result per violation."""
    rules: dict[str, Violation] = {}
    for v in report.violations:
        rules.setdefault(v.code, v)
    places = {code: n for n, code in enumerate(rules)}
    prints = fingerprints(report)
    run = {
        "tool": {
            "driver": {
                "name": "costaudit",
                "version": __version__,
                "rules": [_rule(v) for v in rules.values()],
            }
        },
        "automationDetails": {"id": f"costaudit/{report.title.replace(' ', '-')}/"},
        "invocations": [{"executionSuccessful": report.verdict != "invalid", "exitCode": report.exit_code}],
        "results": [
            _result(v, places[v.code], mark) for v, mark in zip(report.violations, prints, strict=True)
        ],
        "properties": {"summary": _text(report.summary), "suppressed": len(report.suppressed)},
    }
    return render_value({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})


def _rule(violation: Violation) -> dict[str, Any]:
    why, fix = violation.help or violation.name or violation.code, violation.fix
    rule: dict[str, Any] = {"id": violation.code}
    if violation.name:
        rule["name"] = violation.name
    return rule | {
        "shortDescription": {"text": _text(violation.name or violation.code)},
        "fullDescription": {"text": _text(why)},
        "help": {"text": "\n\n".join(_text(part) for part in (why, fix) if part)},
        "defaultConfiguration": {"level": violation.severity},
    }


def _result(violation: Violation, rule: int, fingerprint: str) -> dict[str, Any]:
    return {
        "ruleId": violation.code,
        "ruleIndex": rule,
        "level": violation.severity,
        "message": {"text": _text(violation.message)},
        "partialFingerprints": {FINGERPRINT: fingerprint},
        "locations": [{"physicalLocation": _location(violation)}],
    }


def _location(violation: Violation) -> dict[str, Any]:
    """A place in a file. GitHub refuses results without one, and places without a line."""
    return {
        "artifactLocation": _artifact(violation.file or "."),
        "region": {"startLine": max(violation.line, 1)},
    }


def _artifact(file: str) -> dict[str, str]:
    uri = file_uri(file)
    return {"uri": f"file://{uri}"} if uri.startswith("/") else {"uri": uri, "uriBaseId": "%SRCROOT%"}


def file_uri(file: str) -> str:
    """A file as a reference: every mark that means something in a URI is written in percent.

    >>> file_uri("my tables/acme:1/prices.csv")
    'my%20tables/acme%3A1/prices.csv'
    """
    return quote(str(PurePosixPath(file)), safe="/", errors="replace")


def _text(text: str) -> str:
    """Plain text of a message, in which `[words](target)` would be a link (SARIF 2.1.0, 3.11.6)."""
    return clean(text).replace("](", "] (")
