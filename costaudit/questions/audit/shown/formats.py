"""The output formats: one pure function of the report each. A new format is one line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final

from costaudit.questions.audit.shown.order import blocks
from costaudit.questions.audit.shown.report import Report
from costaudit.questions.audit.shown.tidy import render_csv
from costaudit.render.blocks import ListLimits
from costaudit.render.jsonout import render_json
from costaudit.render.markdown import render_shortened
from costaudit.render.text import render_blocks


class Format(StrEnum):
    """A name for --format."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"
    CSV = "csv"


def render_text(report: Report, width: int, color: bool) -> str:
    """The report in lines of at most `width` columns (at least 40), with bold and dim if `color`."""
    return render_blocks(tuple(blocks(report, ListLimits())), width, color)


def render_markdown(report: Report) -> str:
    """The report in under 60,000 characters."""
    return render_shortened(lambda limits: tuple(blocks(report, limits)))


Renderer = Callable[[Report, int, bool], str]
"""Report, width in columns and colour to text; only the terminal's renderer heeds the last two."""

RENDERERS: Final[Mapping[str, Renderer]] = {
    Format.TEXT: render_text,
    Format.JSON: lambda report, _width, _color: render_json(report),
    Format.MARKDOWN: lambda report, _width, _color: render_markdown(report),
    Format.CSV: lambda report, _width, _color: render_csv(report),
}
"""Every format by its name."""
