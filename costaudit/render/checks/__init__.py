"""The formats of commands that judge, one pure function of a CheckReport each: a new one is one line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from costaudit.errors import UsageError, did_you_mean
from costaudit.render.checks.github import render_github
from costaudit.render.checks.gitlab import render_gitlab
from costaudit.render.checks.jsonout import render_json
from costaudit.render.checks.junit import render_junit
from costaudit.render.checks.markdown import render_markdown
from costaudit.render.checks.model import CheckReport
from costaudit.render.checks.sarif import render_sarif
from costaudit.render.checks.text import render_text

__all__ = ["CHECK_RENDERERS", "CheckReport", "parse_report_option", "render_check"]

CheckRenderer = Callable[[CheckReport], str]

CHECK_RENDERERS: Final[Mapping[str, CheckRenderer]] = {
    "text": render_text,
    "json": render_json,
    "markdown": render_markdown,
    "github": render_github,
    "gitlab": render_gitlab,
    "sarif": render_sarif,
    "junit": render_junit,
}
"""Every format by its name."""


def render_check(report: CheckReport, format_: str) -> str:
    """The report in a format."""
    return CHECK_RENDERERS[check_format(format_, "--format")](report)


def check_format(name: str, option: str) -> str:
    """The name of a format; raises UsageError with the nearest one otherwise."""
    if name in CHECK_RENDERERS:
        return name
    hint = did_you_mean(name, CHECK_RENDERERS) or f"one of {', '.join(CHECK_RENDERERS)}"
    raise UsageError(f"{option}: unknown format {name!r}", hint=hint)


def parse_report_option(text: str) -> tuple[str, Path]:
    """The format and the file of a `--report FORMAT:PATH`; raises UsageError for anything else.

    >>> parse_report_option("sarif:out.sarif")[0]
    'sarif'
    """
    name, colon, path = text.partition(":")
    if not colon or not path:
        raise UsageError(f"--report {text!r} names no file", hint="a format and a file, like sarif:out.sarif")
    return check_format(name, "--report"), Path(path)
